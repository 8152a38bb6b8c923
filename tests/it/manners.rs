//! How the program behaves to whoever calls it by hand: colours, help, completions.

use std::future::pending;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use zoom_archiver::simulator::youtube::{World, Youtube};
use zoom_archiver::simulator::{Matcher, Simulator};

use crate::support::{Ended, MIB, Service, meeting, now, skipped, zoom_with};

/// What begins every colour.
const ESCAPE: char = '\x1b';

const BINARY: &str = env!("CARGO_BIN_EXE_zoom-archiver");

/// The program by itself: no config, no variables, in a folder with nothing in it.
fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).env_clear().current_dir("/").stdin(Stdio::null());
    command
}

async fn one_meeting() -> Simulator {
    zoom_with([meeting("a==", 5).topic("Weekly class").video("gallery_view", MIB)]).await
}

/// Runs a command on a terminal with these variables; what it says there is all in its stdout. `None`, and a word on it,
/// where there is no terminal to be had.
async fn on_a_terminal(service: &Service, variables: &str, arguments: &[&str]) -> Option<Ended> {
    if std::process::Command::new("script").arg("--version").output().is_err() {
        skipped("there is no `script` to make a terminal");
        return None;
    }
    let terminal = format!("export TERM=xterm {variables}; exec script -qec \"'$0' $*\" /dev/null");
    Some(service.start_after(&terminal, arguments).ended().await)
}

#[tokio::test]
async fn the_list_is_coloured_on_a_terminal_and_nowhere_else() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);

    let piped = service.start_after("export TERM=xterm", &["list"]).ended().await.with(0);
    let Some(shown) = on_a_terminal(&service, "", &["list"]).await else { return };

    assert!(!piped.stdout.contains(ESCAPE), "{}", piped.stdout);
    assert!(shown.stdout.contains("\x1b[32mfetch   \x1b[0m  Weekly class"), "{:?}", shown.stdout);
}

#[tokio::test]
async fn an_upload_has_a_bar_of_its_own_on_a_terminal() {
    let zoom = one_meeting().await;
    let youtube = Youtube::start(World::new(now())).await.expect("loopback has free ports");
    let service = Service::on(&zoom).publishing_on(&youtube);
    let hold = youtube.hold_upload(Matcher::upload(), MIB / 2);
    let sending = async {
        hold.reached().await;
        // Long enough for a picture of it: they are drawn five times a second.
        tokio::time::sleep(Duration::from_secs(1)).await;
        hold.release();
        pending::<()>().await;
    };

    let shown = tokio::select! {
        shown = on_a_terminal(&service, "", &["once"]) => shown,
        () = sending => None,
    };

    let Some(shown) = shown else { return };
    assert!(shown.stdout.contains("to YouTube: ") && shown.stdout.contains("/1.00 MiB"), "{:?}", shown.stdout);
}

#[tokio::test]
async fn with_no_color_nothing_is_coloured_on_a_terminal_neither_result_nor_log_nor_help() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    for (arguments, words) in [
        (&["list"][..], "Weekly class"),
        (&["check"], "all is well"),
        (&["once"], " starts: "),
        (&["--help"], "Usage:"),
        (&["ruin"], "'ruin'"),
        (&["list", "--json"], "\"uuid\""),
    ] {
        for variables in ["NO_COLOR=1", "CLICOLOR=0", "TERM=dumb"] {
            let Some(shown) = on_a_terminal(&service, variables, arguments).await else { return };
            assert!(shown.stdout.contains(words), "{arguments:?}: {}", shown.stdout);
            // Progress bars move the cursor; a colour ends with an `m`.
            let codes: Vec<&str> = shown.stdout.split(ESCAPE).skip(1).collect();
            let is_colour = |code: &&&str| {
                code.trim_start_matches(['[', ';'])
                    .trim_start_matches(|c: char| c.is_ascii_digit() || c == ';')
                    .starts_with('m')
            };
            assert_eq!(codes.iter().find(is_colour), None, "{arguments:?} with {variables}");
        }
        let Some(shown) = on_a_terminal(&service, "", arguments).await else { return };
        let is_json = arguments.contains(&"--json");
        assert_eq!(shown.stdout.contains(ESCAPE), !is_json, "{arguments:?}: {:?}", shown.stdout);
    }
}

#[test]
fn each_shell_gets_its_completions_without_a_config() {
    for (shell, words) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef zoom-archiver"),
        ("fish", "complete -c zoom-archiver"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let output = program(&["completions", shell]).output().expect("the binary starts");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && printed.contains(words), "{shell}: {output:?}");
        assert!(["list", "completions", "log-level"].iter().all(|word| printed.contains(word)), "{shell}: {printed}");
    }
    let unknown = program(&["completions", "tcsh"]).output().expect("the binary starts");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("bash, elvish, fish, powershell, zsh"), "{unknown:?}");
}

#[test]
fn bash_completes_a_command_and_an_option_by_what_is_printed_for_it() {
    let script = r#"
        . /dev/stdin
        complete_words() { COMP_WORDS=(zoom-archiver "$@"); COMP_CWORD=$#; _zoom__archiver zoom-archiver "${@: -1}" ""; echo "${COMPREPLY[@]}"; }
        complete_words li
        complete_words list --js
    "#;
    let printed = program(&["completions", "bash"]).output().expect("the binary starts").stdout;
    let shell = Command::new("bash").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut shell) = shell else { return skipped("there is no bash") };
    shell.stdin.take().expect("it is piped").write_all(&printed).expect("it reads");
    let output = shell.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "list\n--json\n", "{output:?}");
}

#[test]
fn a_reader_that_has_gone_is_no_failure_of_what_is_printed() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = program(&["completions", "bash"]).stdout(writer).output().expect("the binary starts");
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn a_disk_that_takes_nothing_is_a_failure_of_what_is_printed() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let output = program(&["completions", "bash"]).stdout(full).output().expect("the binary starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write what was asked for"), "{output:?}");
}

#[tokio::test]
async fn a_log_level_that_is_none_is_told_with_those_that_there_are_before_anything_is_made() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    let before = service.files();
    for command in ["once", "run", "list", "demo"] {
        let ended = service.run(&[command, "--log-level", "loud"]).await.with(2);
        assert!(ended.stderr.contains("\"error\", \"warn\", \"info\", \"debug\", \"trace\""), "{}", ended.stderr);
        assert!(ended.stderr.contains("--log-level"), "{}", ended.stderr);
    }
    let left: Vec<_> = service.files().into_iter().filter(|name| name != "config.toml").collect();
    assert_eq!(left, before);
}

#[test]
fn each_commands_help_fits_on_a_terminal_of_eighty_columns() {
    let help = |arguments: &[&str]| {
        let output = program(arguments).env("COLUMNS", "80").output().expect("the binary starts");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let all = help(&["--help"]);
    let listed = all.split_once("Commands:\n").and_then(|(_, rest)| rest.split_once("\n\n")).expect("a list").0;
    let is_name = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let commands: Vec<&str> =
        listed.lines().filter(is_name).filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains(&"run") && commands.contains(&"completions"), "{commands:?}");
    let each = commands.into_iter().filter(|command| *command != "help").map(|command| help(&[command, "--help"]));
    for text in each.chain([all.clone()]) {
        let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert_eq!(long, Vec::<&str>::new(), "{text}");
        assert!(text.contains("--config") && text.contains("Usage: zoom-archiver"), "{text}");
    }
}

#[test]
fn without_a_command_the_help_is_shown_and_a_misspelt_one_is_told_with_what_was_meant() {
    let nothing = program(&[]).output().expect("the binary starts");
    assert_eq!((nothing.status.code(), nothing.stdout), (Some(2), Vec::new()));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("First time here?"));
    let misspelt = program(&["ruin"]).output().expect("the binary starts");
    assert_eq!(misspelt.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&misspelt.stderr).contains("'run'"), "{misspelt:?}");
    let version = program(&["-V"]).output().expect("the binary starts");
    assert_eq!(String::from_utf8_lossy(&version.stdout), format!("zoom-archiver {}\n", env!("CARGO_PKG_VERSION")));
}
