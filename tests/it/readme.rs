//! What the README says, put to the test.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use zoom_archiver::trouble::Trouble;

use zoom_archiver::simulator::youtube::{self, Youtube};

use crate::support::{MIB, Service, meeting, now, zoom_with};

const README: &str = include_str!("../../README.md");
const EXAMPLE: &str = include_str!("../../config/zoom-archiver.example.toml");

/// The text under a heading, up to the next one of its rank or above.
pub(crate) fn section(heading: &str) -> &'static str {
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
fn every_command_that_there_is_has_its_place_in_the_readme() {
    let help = program_help();
    let (_, commands) = help.split_once("Commands:\n").expect("the help lists them");
    let lines = commands.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.strip_prefix("  "));
    let names = lines.filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty() && *name != "help");
    let names: Vec<&str> = names.collect();
    assert!(names.len() >= 10, "{names:?}");
    for name in names {
        assert!(README.contains(&format!("zoom-archiver {name}")) || README.contains(&format!("`{name}`")), "{name}");
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

#[tokio::test]
async fn check_as_json_is_what_the_readme_says() {
    let zoom = zoom_with([meeting("a==", 5).video("gallery_view", MIB)]).await;

    let youtube = Youtube::start(youtube::World::new(now())).await.unwrap();
    let service = Service::on(&zoom).on_youtube(&youtube);
    service.write_youtube_token(&youtube.authorize());

    let told = service.run(&["check", "--json"]).await.with(0).stdout;

    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let items = told["items"].as_array().unwrap();
    let names = |section: &'static str| rows(section).into_iter().flat_map(|row| quoted(row[0])).collect::<Vec<_>>();
    let found: Vec<&str> = items.iter().map(|item| item["item"].as_str().unwrap()).collect();
    assert_eq!(names(section("### Is everything in order?")), found);
    let mut keys = names(section("### `check --json`"));
    keys.sort_unstable();
    for item in items {
        assert_eq!(item.as_object().unwrap().keys().collect::<Vec<_>>(), keys);
        let states = rows(section("### `check --json`"))[1][1];
        assert!(quoted(states).any(|state| item["state"] == state), "{item}");
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

/// A cell as the program says it: without the marks of Markdown.
fn plain(cell: &str) -> String {
    cell.replace('`', "")
}

#[test]
fn every_refusal_that_is_known_is_in_the_readme_with_the_programs_own_remedy() {
    let mut told = rows(section("### What Zoom refuses"));
    told.extend(rows(section("### What Google and YouTube refuse")));
    for trouble in Trouble::ALL {
        let says: Vec<&str> = trouble.says().split(" / ").collect();
        let row = told.iter().find(|row| quoted(row[0]).eq(says.iter().copied()));
        let row = row.unwrap_or_else(|| panic!("{trouble:?} is not in the README: {says:?}"));
        assert_eq!(plain(row[1]), plain(trouble.remedy()), "{trouble:?}");
    }
    assert_eq!(told.len(), Trouble::ALL.len(), "each row is one of the table's");
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
