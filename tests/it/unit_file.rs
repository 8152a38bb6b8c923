//! The unit for systemd, by systemd's own judgement; where that is not installed, the tests say that they are skipped.

use std::fmt::Write;
use std::process::Command;

use crate::support::skipped;

const UNIT: &str = include_str!("../../systemd/zoom-archiver.service");
const PROGRAM: &str = "/usr/bin/zoom-archiver";

/// What `systemd-analyze` says about the unit, with this binary as the program; `None` where there is no such command.
fn systemd_says(arguments: &[&str]) -> Option<(bool, String)> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("zoom-archiver.service");
    let unit = UNIT.replace(PROGRAM, env!("CARGO_BIN_EXE_zoom-archiver"));
    std::fs::write(&path, unit).expect("the unit is written");
    let output = match Command::new("systemd-analyze").args(arguments).arg(&path).env_remove("SYSTEMD_COLORS").output()
    {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skipped("there is no systemd-analyze on this machine");
            return None;
        }
        Err(error) => panic!("systemd-analyze can't be run: {error}"),
    };
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    write!(said, "{}", String::from_utf8_lossy(&output.stderr)).expect("a string takes all");
    Some((output.status.success(), said))
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let Some((is_fine, said)) = systemd_says(&["verify", "--man=no"]) else { return };

    // A misspelt key is only a warning, and no failure.
    assert_eq!((is_fine, said.as_str()), (true, ""));
}

#[test]
fn systemd_counts_the_service_as_hardly_exposed() {
    // The threshold is ten times the exposure.
    let Some((is_below, said)) = systemd_says(&["security", "--offline=true", "--no-pager", "--threshold=12"]) else {
        return;
    };

    assert!(is_below, "{said}");
}

#[test]
fn the_unit_starts_the_program_with_the_systems_config_and_no_restart_mends_a_wrong_one() {
    for line in [
        "ExecStart=/usr/bin/zoom-archiver run --config /etc/zoom-archiver/config.toml",
        "Type=notify",
        "RestartPreventExitStatus=2 4",
    ] {
        assert!(UNIT.lines().any(|known| known == line), "{line}");
    }
}

#[test]
fn the_unit_restarts_a_program_whose_work_stands_still() {
    for line in ["WatchdogSec=10min", "NotifyAccess=main", "Restart=on-failure"] {
        assert!(UNIT.lines().any(|known| known == line), "{line}");
    }
}

#[test]
fn the_unit_leaves_the_program_to_know_when_the_machine_started() {
    assert!(!UNIT.lines().any(|line| line.starts_with("ProcSubset=")));
}
