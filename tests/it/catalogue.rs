//! The catalogue of faults: what the program must survive. Each row has a test that carries its id in its name
//! (`h3_a_transfer_that_breaks_off_...`), here or beside the code that it is about; and each such test here ends with one
//! check of all promises, `keeps_its_promises`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Processes and restarts (P), disk (D), tracker (C), network (H), answers of the API (A), hostile strings (S), local
/// security (L), time (T), uploads (Y), configuration (K).
const ROWS: &[(&str, &str)] = &[
    ("P1", "kill -9 at any system call"),
    ("P2", "kill -9 while a body streams"),
    ("P3", "a kill between the answer with a new token and its saving"),
    ("P4", "a kill between the renaming of a file and its tracker row"),
    ("P5", "a kill in the middle of a row"),
    ("P6", "a kill after an upload was accepted, before its id was saved"),
    ("P7", "SIGTERM or SIGINT during a transfer"),
    ("P8", "SIGHUP"),
    ("P9", "SIGPIPE, closed stdout or stderr"),
    ("P10", "a panic in one worker"),
    ("P11", "a kill for want of memory"),
    ("P12", "restarts one after the other"),
    ("P13", "a loop that is blocked, a poll that hangs for ever"),
    ("P14", "two instances"),
    ("P15", "a command by hand while the service runs"),
    ("D1", "no space while downloading"),
    ("D2", "no space for a new token"),
    ("D3", "no space for a row"),
    ("D4", "no space, or an error, for the log"),
    ("D5", "an I/O error on write or sync"),
    ("D6", "a read-only file system, before and during"),
    ("D7", "an archive on a disk that is not mounted"),
    ("D8", "a rename across file systems"),
    ("D9", "no more file descriptors"),
    ("D10", "names too long or not allowed on the file system"),
    ("D11", "somebody deletes or renames a part or a file under way"),
    ("D12", "another file under the final name"),
    ("D13", "files over 4 GiB, sizes over 2^53, size 0, sparse files"),
    ("D14", "a very slow disk"),
    ("D15", "somebody watches the folder"),
    ("D16", "parts left from earlier, and look-alikes"),
    ("C1", "a torn last line"),
    ("C2", "a tail of NULs after a power cut"),
    ("C3", "a tracker saved by a spreadsheet"),
    ("C4", "ids mangled by a spreadsheet"),
    ("C5", "duplicate rows, 100,000 rows"),
    ("C6", "the tracker replaced, truncated or deleted while the service runs"),
    ("C7", "the tracker's permission lost"),
    ("C8", "a link, a folder, a FIFO or a device in the tracker's place"),
    ("C9", "two writers"),
    ("C10", "formulas and line ends in a topic"),
    ("H1", "no name resolution, and then it works"),
    ("H2", "connection refused, TLS failure"),
    ("H3", "a reset in the middle of a body"),
    ("H4", "a stalled or dripping body"),
    ("H5", "silence after accepting, heads without end, huge headers"),
    ("H6", "a body shorter than declared"),
    ("H7", "a body longer than declared or listed"),
    ("H8", "a body without a length; chunked without its last chunk"),
    ("H9", "200 in place of 206"),
    ("H10", "206 with another range than asked for"),
    ("H11", "416"),
    ("H12", "a file that changed between part and rest"),
    ("H13", "a sign-in page or a JSON error with 200"),
    ("H14", "compression that nobody asked for"),
    ("H15", "a redirect to another host"),
    ("H16", "redirects in a circle, to nowhere, to another scheme"),
    ("H17", "a redirect to a private address"),
    ("H18", "a download address on a foreign host"),
    ("H19", "401 in the middle of a listing"),
    ("H20", "401 or 403 in the middle of a download"),
    ("H21", "429 with every form of Retry-After"),
    ("H22", "the daily limit"),
    ("H23", "a storm of 5xx"),
    ("H24", "a file or meeting gone between list and download"),
    ("H25", "proxies, IPv6"),
    ("H26", "an idle connection closed"),
    ("H27", "HTTP/2 going away"),
    ("H28", "a suspended machine"),
    ("A1", "malformed JSON"),
    ("A2", "missing, null, extra and unknown fields"),
    ("A3", "one bad record among good ones"),
    ("A4", "files still processing, sizes of 0"),
    ("A5", "further files of a meeting that is recorded"),
    ("A6", "10,000 recordings"),
    ("A7", "page tokens in a circle, pages without end, expired page tokens"),
    ("A8", "the same meeting in two windows or pages"),
    ("A9", "a recurring meeting: same number, same topic, same minute"),
    ("A10", "a uuid with slashes at the wrong places"),
    ("A11", "ids that differ in case only"),
    ("A12", "the edges of windows"),
    ("A13", "token answers that lack something"),
    ("A14", "a token answer lost"),
    ("A15", "twenty tasks in need of a token"),
    ("A16", "the token file changed by somebody"),
    ("A17", "a token revoked, an app disabled, scopes missing"),
    ("A18", "a token file that is empty, torn, or readable by all"),
    ("A19", "forged webhooks"),
    ("S1", "paths stay in the archive"),
    ("S2", "extensions come from a list"),
    ("S3", "names are clean, short and unique"),
    ("S4", "one event, one line of the log"),
    ("S5", "hostile text in the tracker"),
    ("S6", "titles and descriptions that an upload is refused for"),
    ("S7", "dates that are none"),
    ("L1", "umask 000"),
    ("L2", "a link planted under a file's name"),
    ("L3", "a link to a folder in the archive"),
    ("L4", "a hard link, a FIFO or a device under a part's name"),
    ("L5", "core dumps"),
    ("L6", "secrets in logs, errors and panics"),
    ("L7", "secrets in the process list"),
    ("L8", "configs and secrets that others may read or write"),
    ("L9", "plain http in the config"),
    (
        "L10",
        "an authorization by another's hand: a wrong state, another path, two requests, a browser that looks ahead",
    ),
    ("T1", "a clock that jumps"),
    ("T2", "a clock that is wrong until it is set"),
    ("T3", "daylight saving time, a change of zone"),
    ("T4", "leap seconds, the years 2038 and 9999"),
    ("T5", "a poll that takes longer than its interval"),
    ("T6", "log rotation at midnight and back"),
    ("Y1", "308 without a range"),
    ("Y2", "308 with less than was sent"),
    ("Y3", "308 with a range that goes back, past the end, or is none"),
    ("Y4", "a connection that dies in a chunk"),
    ("Y5", "the last answer lost"),
    ("Y6", "an upload session that has expired"),
    ("Y7", "an upload session of an earlier run"),
    ("Y8", "403 for each of its reasons: a quota, a rate, a refusal"),
    ("Y9", "401 in the middle of an upload"),
    ("Y10", "400 for the title, the description, the length or the body"),
    ("Y11", "a storm of 5xx"),
    ("Y12", "200 with broken JSON or without an id"),
    ("Y13", "a file that changes, shrinks or goes while it is uploaded"),
    ("Y14", "an upload that is accepted, and fails in processing"),
    ("Y15", "a file that is empty or beyond what is accepted"),
    ("Y16", "a token without the scope for uploads, or expired after seven days"),
    ("Y17", "deletion after the upload, without uploads"),
    ("K1", "a config that is not there"),
    ("K2", "an unknown key"),
    ("K3", "a value of the wrong type"),
    ("K4", "negative, zero and huge numbers"),
    ("K5", "relative paths and ~"),
    ("K6", "folders within each other, one folder for two ends"),
    ("K7", "a config that is not UTF-8, or has a byte-order mark"),
    ("K8", "every key from the environment"),
    ("K9", "all problems at once; nothing written, nothing asked"),
];

/// Rows that no test of this version can show, and why.
const UNTESTED: &[(&str, &str)] = &[
    ("A19", "there is no webhook: the program only asks, it listens to nobody"),
    ("H27", "downloads speak HTTP/1.1 only; for an API call it is one more broken exchange, as in H3"),
    ("P11", "the kernel kills as anybody does, by SIGKILL: P1 and P2 show what follows"),
];

/// The ids at the beginning of a test's name: `h3_h6_a_transfer_...` carries two.
fn ids_of(name: &str) -> impl Iterator<Item = String> {
    name.split('_').map(str::to_ascii_uppercase).take_while(|word| {
        let mut letters = word.chars();
        letters.next().is_some_and(|letter| letter.is_ascii_uppercase())
            && !letters.as_str().is_empty()
            && letters.all(|letter| letter.is_ascii_digit())
    })
}

/// A function in the source.
struct Function {
    name: String,
    /// Whether it is run as a test.
    is_test: bool,
    /// Its body, and what comes after it.
    body: String,
}

/// The functions in the Rust files below a folder.
fn functions(folder: &Path) -> Vec<Function> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(functions(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let pieces: Vec<_> = text.split("fn ").collect();
            found.extend(pieces.windows(2).filter_map(|pair| {
                let (name, body) = pair[1].split_once('(')?;
                let is_test = is_marked_as_test(pair[0]);
                Some(Function { name: name.to_owned(), is_test, body: body.to_owned() })
            }));
        }
    }
    found
}

/// Whether what stands before a function makes it a test that is run: its attributes are what comes after the last item.
fn is_marked_as_test(before: &str) -> bool {
    let own = before.lines().rev().map(str::trim).skip_while(|line| ["", "async"].contains(line));
    let attributes: Vec<_> = own.take_while(|line| !line.is_empty() && !line.ends_with(['{', '}', ';'])).collect();
    let is_test = attributes.iter().any(|line| *line == "#[test]" || line.starts_with("#[tokio::test"));
    is_test && !attributes.iter().any(|line| line.starts_with("#[ignore"))
}

/// Those whose name carries an id, here and beside the code.
fn functions_with_ids() -> impl Iterator<Item = Function> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = functions(&root.join("tests/it")).into_iter().chain(functions(&root.join("src")));
    all.filter(|function| ids_of(&function.name).next().is_some())
}

fn tests_by_id() -> BTreeMap<String, Vec<String>> {
    let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Function { name, .. } in functions_with_ids() {
        for id in ids_of(&name) {
            tests.entry(id).or_default().push(name.clone());
        }
    }
    tests
}

#[test]
fn every_fault_of_the_catalogue_has_a_test_or_a_reason_for_having_none() {
    let tests = tests_by_id();
    let excused: BTreeSet<_> = UNTESTED.iter().map(|(id, _)| *id).collect();
    let lacking = ROWS.iter().filter(|(id, _)| !tests.contains_key(*id) && !excused.contains(id));
    assert_eq!(lacking.collect::<Vec<_>>(), Vec::<&(&str, &str)>::new());
    let idle = excused.iter().filter(|id| tests.contains_key(**id) || !ROWS.iter().any(|(row, _)| row == *id));
    assert_eq!(idle.collect::<Vec<_>>(), Vec::<&&str>::new(), "excused for nothing");
}

#[test]
fn every_id_in_a_tests_name_is_in_the_catalogue() {
    let tests = tests_by_id();
    let unknown = tests.iter().filter(|(id, _)| !ROWS.iter().any(|(row, _)| row == id));
    assert_eq!(unknown.collect::<Vec<_>>(), Vec::<(&String, &Vec<String>)>::new());
}

#[test]
fn every_function_that_carries_an_id_is_run_as_a_test() {
    let others = functions_with_ids().filter(|function| !function.is_test).map(|function| function.name);
    assert_eq!(others.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn every_test_of_a_fault_ends_with_a_check_of_all_promises() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let is_of_settings = |name: &str| ids_of(name).all(|id| id.starts_with('K'));
    let of_faults = functions(&folder).into_iter().filter(|function| ids_of(&function.name).next().is_some());
    let unchecked = of_faults
        .filter(|function| !is_of_settings(&function.name) && !function.body.contains("keeps_its_promises"))
        .map(|function| function.name);
    assert_eq!(unchecked.collect::<Vec<_>>(), Vec::<String>::new());
}
