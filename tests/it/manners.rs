//! How the program behaves to whoever calls it by hand: colours, help, completions.

use zoom_archiver::simulator::Simulator;

use crate::support::{Ended, MIB, Service, meeting, skipped, zoom_with};

/// What begins every colour.
const ESCAPE: char = '\x1b';

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
async fn with_no_color_nothing_is_coloured_on_a_terminal_neither_result_nor_log_nor_help() {
    let zoom = one_meeting().await;
    let service = Service::on(&zoom);
    for (arguments, words) in [
        (&["list"][..], "Weekly class"),
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
