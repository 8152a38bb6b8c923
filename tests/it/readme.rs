//! What the README says, put to the test.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{MIB, Service, meeting, zoom_with};

const README: &str = include_str!("../../README.md");
const EXAMPLE: &str = include_str!("../../config/zoom-archiver.example.toml");

/// The text under a heading, up to the next one of its rank or above.
fn section(heading: &str) -> &'static str {
    let (_, rest) = README.split_once(&format!("\n{heading}\n")).expect("the README has this heading");
    let rank = heading.chars().take_while(|c| *c == '#').count();
    let is_next = |line: &str| line.starts_with('#') && line.chars().take_while(|c| *c == '#').count() <= rank;
    let mut fenced = false;
    let mut end = 0;
    for line in rest.split_inclusive('\n') {
        fenced ^= line.trim_start().starts_with("```");
        if !fenced && is_next(line) {
            break;
        }
        end += line.len();
    }
    rest.split_at(end).0
}

/// The cells of a section's tables, without their heads.
fn rows(section: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = section.lines().filter(|line| line.starts_with('|')).collect();
    let is_rule = |at: usize| lines.get(at).is_some_and(|line| line.starts_with("|---"));
    let bodies = (0..lines.len()).filter(|at| !is_rule(*at) && !is_rule(at + 1));
    bodies.map(|at| lines[at].trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// What stands between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// All shell lines.
fn shell() -> String {
    let blocks = README.split("```sh\n").skip(1);
    blocks.map(|rest| rest.split_once("```").expect("a block ends").0).collect()
}

fn program_help() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_zoom-archiver")).arg("--help").output().expect("the binary starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn is_command(help: &str, word: &str) -> bool {
    help.lines().any(|line| line.starts_with("  ") && line.split_whitespace().next() == Some(word))
}

#[test]
fn every_setting_that_the_readme_explains_has_the_default_that_it_names() {
    let example: toml::Table = EXAMPLE.parse().unwrap();
    let setting = |name: &str| match name.split_once('.') {
        Some((section, key)) => example.get(section)?.get(key),
        None => example.get(name),
    };
    let explained = rows(section("## Configure"));
    assert!(explained.len() > 10, "{explained:?}");
    for row in explained {
        for name in quoted(row[0]) {
            let value = setting(name).unwrap_or_else(|| panic!("{name} is no setting"));
            // A default in words, like that of `state_dir`, is not compared.
            if let Some(default) = quoted(row[1]).next() {
                assert_eq!(format!("x = {default}").parse::<toml::Table>().unwrap()["x"], *value, "{name}");
            }
        }
    }
}

#[test]
fn every_command_in_the_readmes_examples_exists() {
    let help = program_help();
    let shell = shell();
    let commands: BTreeSet<&str> = shell
        .lines()
        .filter_map(|line| line.split_once("zoom-archiver ").or_else(|| line.split_once("--release -- ")))
        .filter_map(|(_, rest)| rest.split_whitespace().next())
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase()))
        .collect();
    assert!(commands.len() >= 4, "{commands:?}");
    for command in commands.into_iter().filter(|word| *word != "zoom-archiver") {
        assert!(is_command(&help, command), "{command}");
    }
}

#[test]
fn a_command_that_is_not_in_this_version_is_not_in_the_help() {
    let help = program_help();
    let missing: Vec<&str> = quoted(section("## Not in this version yet")).filter(|word| !word.contains('.')).collect();
    assert!(missing.contains(&"verify"), "{missing:?}");
    for command in missing {
        assert!(!is_command(&help, command), "{command} is there: say so in the README");
    }
}

#[test]
fn every_test_that_the_readme_names_for_a_promise_is_there() {
    let mut source = String::new();
    for folder in ["src", "tests/it"] {
        read_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut source);
    }
    let promises = rows(section("## What it promises"));
    assert!(promises.len() > 10, "{promises:?}");
    for promise in promises {
        let mut tests = quoted(promise[1]).peekable();
        assert!(tests.peek().is_some(), "nothing shows: {}", promise[0]);
        for test in tests {
            assert!(source.contains(&format!("fn {test}() {{")), "there is no test {test}");
        }
    }
}

/// Adds the text of all files below a folder.
fn read_below(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_below(&path, text);
        } else {
            text.push_str(&std::fs::read_to_string(path).expect("a source file"));
        }
    }
}

#[test]
fn every_log_line_that_the_readme_explains_is_one_of_the_programs() {
    let mut source = String::new();
    read_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut source);
    let explained = rows(section("### The log"));
    assert!(explained.len() > 5, "{explained:?}");
    for line in explained.iter().filter(|row| row[0].contains(' ')).flat_map(|row| quoted(row[0])) {
        let is_field = |word: &&str| word.contains('=') || word.contains("...");
        let words: Vec<&str> = line.split(' ').take_while(|word| !is_field(word)).collect();
        assert!(source.contains(words.join(" ").as_str()), "{line}");
    }
}

#[test]
fn every_file_that_the_readme_links_to_is_there() {
    let links = README.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files: Vec<&str> = links.filter(|link| !link.starts_with("http") && !link.starts_with('#')).collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(file).is_file(), "{file}");
    }
}

/// Answers one request, once all of it has come; gives it back.
fn answer_once(listener: &TcpListener, body: &str) -> String {
    let (mut stream, _) = listener.accept().expect("curl comes");
    let (mut request, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer).expect("it sends");
        request.push_str(&String::from_utf8_lossy(&buffer[..count]));
        let length = request.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let wanted: usize = length.map_or(usize::MAX, |length| length.parse().expect("a number"));
        if count == 0 || request.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= wanted) {
            break;
        }
    }
    write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .expect("it listens");
    request
}

/// Runs the README's lines for a refresh token against an endpoint that answers so; gives the request, and the folder.
fn trade_a_code(answer: &str) -> (String, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("config")).expect("a folder");
    let filled_in = EXAMPLE.replacen("client_id = \"...\"", "client_id = \"demo_id\"", 1).replacen(
        "client_secret = \"...\"",
        "client_secret = \"demo_secret\"",
        1,
    );
    std::fs::write(folder.path().join("config/zoom-archiver.toml"), filled_in).expect("the config is written");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}/oauth/token", listener.local_addr().expect("it is bound"));
    let all = section("## Authorize");
    let script = all.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    assert!(script.contains("https://zoom.us/oauth/token"));
    let mut shell = Command::new("sh")
        .args(["-c", &script.replace("https://zoom.us/oauth/token", &endpoint)])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("there is a shell");
    shell.stdin.take().expect("it is piped").write_all(b"the/code+of-Zoom\n").expect("it reads");
    let request = answer_once(&listener, answer);
    let output = shell.wait_with_output().expect("it ends");
    assert!(output.status.success());
    (request, folder)
}

#[test]
fn the_readmes_lines_trade_a_code_for_a_token_that_only_its_owner_may_read() {
    let (request, folder) =
        trade_a_code(r#"{"access_token":"a","refresh_token":"the.refresh-token","expires_in":3599}"#);

    // base64 of demo_id:demo_secret
    assert!(request.contains("Authorization: Basic ZGVtb19pZDpkZW1vX3NlY3JldA==\r\n"), "{request}");
    for field in [
        "grant_type=authorization_code",
        "code=the%2Fcode%2Bof-Zoom",
        "redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Fredirect",
    ] {
        assert!(request.contains(field), "{request}");
    }
    let token = folder.path().join(".zoom_refresh_token");
    assert_eq!(std::fs::read_to_string(&token).unwrap(), "the.refresh-token\n");
    assert_eq!(std::fs::metadata(&token).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_readmes_lines_write_no_token_where_zoom_refuses_the_code() {
    let (_, folder) = trade_a_code(r#"{"reason":"Invalid authorization code","error":"invalid_request"}"#);

    assert!(!folder.path().join(".zoom_refresh_token").exists());
}

#[tokio::test]
async fn a_meeting_whose_rows_and_folder_were_deleted_is_fetched_again() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    let file = zoom.file("a==", "gallery_view").unwrap();
    let service = Service::on(&zoom);
    service.once().await.with(0);
    let folder = service.archived(&service.rows()[0]["directory"]);
    std::fs::remove_file(service.path("processed.csv")).unwrap();
    std::fs::remove_dir_all(folder).unwrap();

    service.once().await.with(0);

    assert_eq!(zoom.journal().downloads_of(&file).len(), 2);
    assert_eq!(service.media().len(), 1);
}

#[tokio::test]
async fn a_meeting_with_a_row_that_somebody_added_by_hand_is_not_fetched() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;
    let service = Service::on(&zoom);
    service.once().await.with(0);
    zoom.add_meeting("me", meeting("b==", 4).video("gallery_view", MIB));
    let file = zoom.file("b==", "gallery_view").unwrap();
    let by_hand = format!("{}2025-12-02T17:00:00Z,b==,,,,,,downloaded,,,,,,{file}\n", service.text("processed.csv"));
    std::fs::write(service.path("processed.csv"), by_hand).unwrap();

    service.once().await.with(0);

    assert!(zoom.journal().downloads_of(&file).is_empty());
}
