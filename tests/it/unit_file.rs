//! The unit for systemd, by systemd's own judgement; where that is not installed, the tests say that they are skipped.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::{Command, Output};

use zoom_archiver::simulator::youtube::{World, Youtube};

use crate::support::{MIB, Service, meeting, now, skipped, zoom_with};

const UNIT: &str = include_str!("../../systemd/zoom-archiver.service");
const PROGRAM: &str = "/usr/bin/zoom-archiver";
/// For an archive outside of the state folder.
const DROP_IN: &str = include_str!("../../systemd/archive.conf.example");

fn systemd_analyze(arguments: &[&str]) -> Option<Output> {
    match Command::new("systemd-analyze").args(arguments).env_remove("SYSTEMD_COLORS").output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skipped("there is no systemd-analyze on this machine");
            None
        }
        Err(error) => panic!("systemd-analyze can't be run: {error}"),
    }
}

/// What `systemd-analyze` says about the unit with these drop-ins, and this binary as the program; `None` where there is no
/// such command.
fn systemd_says(arguments: &[&str], drop_ins: &[&str]) -> Option<(bool, String)> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("zoom-archiver.service");
    let unit = UNIT.replace(PROGRAM, env!("CARGO_BIN_EXE_zoom-archiver"));
    std::fs::write(&path, unit).expect("the unit is written");
    let beside = folder.path().join("zoom-archiver.service.d");
    std::fs::create_dir(&beside).expect("a folder for drop-ins");
    for (number, drop_in) in drop_ins.iter().enumerate() {
        std::fs::write(beside.join(format!("{number}.conf")), drop_in).expect("the drop-in is written");
    }
    let path = path.display().to_string();
    let output = systemd_analyze(&[arguments, &[&path]].concat())?;
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    write!(said, "{}", String::from_utf8_lossy(&output.stderr)).expect("a string takes all");
    Some((output.status.success(), said))
}

/// Whether the unit has this line.
fn says(line: &str) -> bool {
    UNIT.lines().any(|known| known == line)
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit_and_its_drop_in() {
    for drop_ins in [&[][..], &[DROP_IN]] {
        let Some((is_fine, said)) = systemd_says(&["verify", "--man=no"], drop_ins) else { return };

        // A misspelt key is only a warning, and no failure.
        assert_eq!((is_fine, said.as_str()), (true, ""));
    }
}

#[test]
fn systemd_counts_the_service_as_hardly_exposed_with_the_drop_in_too() {
    for drop_ins in [&[][..], &[DROP_IN]] {
        // The threshold is ten times the exposure: 1.1.
        let arguments = ["security", "--offline=true", "--no-pager", "--threshold=11"];
        let Some((is_below, said)) = systemd_says(&arguments, drop_ins) else { return };

        assert!(is_below, "{said}");
    }
}

#[test]
fn the_drop_in_is_read_by_systemds_judges() {
    let Some((_, said)) = systemd_says(&["verify", "--man=no"], &["[Service]\nReadWritePath=-/srv\n"]) else { return };

    assert!(said.contains("ReadWritePath"), "a misspelt key is said: {said}");
}

#[test]
fn the_unit_starts_the_program_with_the_systems_config_and_no_restart_mends_a_wrong_one() {
    for line in [
        "ExecStart=/usr/bin/zoom-archiver run --config /etc/zoom-archiver/config.toml",
        "Type=notify",
        "RestartPreventExitStatus=2 4",
    ] {
        assert!(says(line), "{line}");
    }
}

#[test]
fn the_unit_restarts_a_program_whose_work_stands_still() {
    for line in ["WatchdogSec=10min", "NotifyAccess=main", "Restart=always"] {
        assert!(says(line), "{line}");
    }
}

#[test]
fn a_service_that_keeps_failing_is_started_again_however_often() {
    assert!(says("StartLimitIntervalSec=0") && says("RestartSec=30s"));
}

#[test]
fn what_others_may_read_is_for_the_services_group_alone() {
    for line in ["User=zoom-archiver", "Group=zoom-archiver", "UMask=0027", "StateDirectoryMode=0750"] {
        assert!(says(line), "{line}");
    }
}

#[test]
fn both_client_secrets_may_come_as_credentials_and_need_not_be_there() {
    for name in ["zoom.client_secret", "youtube.client_secret"] {
        // With a path, it would have to be there.
        assert!(says(&format!("LoadCredential={name}")), "{name}");
    }
}

#[test]
fn the_unit_leaves_the_program_to_know_when_the_machine_started() {
    assert!(!UNIT.lines().any(|line| line.starts_with("ProcSubset=")));
}

#[test]
fn the_drop_in_ties_the_service_to_no_disk() {
    let settings: Vec<&str> = DROP_IN.lines().filter(|line| !line.starts_with('#') && line.contains('=')).collect();

    let expected = ["Wants=srv-recordings.mount", "After=srv-recordings.mount", "ReadWritePaths=-/srv"];
    assert_eq!(settings, expected, "the folder of the mount point, which may be absent");
}

/// The calls of a set of systemd's, by their names.
fn calls_in(set: &str) -> Option<BTreeSet<String>> {
    let output = systemd_analyze(&["syscall-filter", set])?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut calls = BTreeSet::new();
    for line in String::from_utf8_lossy(&output.stdout).lines().skip(1).map(str::trim) {
        if line.starts_with('@') {
            calls.extend(calls_in(line)?);
        } else if !line.is_empty() && !line.starts_with('#') {
            calls.insert(line.to_owned());
        }
    }
    Some(calls)
}

/// The calls that the unit's filter lets through.
fn allowed_calls() -> Option<BTreeSet<String>> {
    let mut allowed = calls_in("@default")?;
    for filter in UNIT.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (is_forbidden, sets) = filter.strip_prefix('~').map_or((false, filter), |sets| (true, sets));
        for set in sets.split(' ') {
            let calls = calls_in(set)?;
            if is_forbidden {
                allowed.retain(|call| !calls.contains(call));
            } else {
                allowed.extend(calls);
            }
        }
    }
    Some(allowed)
}

/// The calls in a trace of strace's: `123 openat(AT_FDCWD, ...`.
fn calls_in_trace(trace: &str) -> BTreeSet<String> {
    let calls = trace.lines().filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('));
    calls
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
        .collect()
}

#[tokio::test]
async fn every_system_call_of_the_program_passes_the_units_filter() {
    let Some(allowed) = allowed_calls() else { return };
    if Command::new("strace").arg("-V").output().is_err() {
        skipped("there is no strace on this machine");
        return;
    }
    let zoom = zoom_with([meeting("class==", 50).video("gallery_view", 2 * MIB)]).await;
    let youtube = Youtube::start(World::new(now())).await.unwrap();
    let service = Service::on(&zoom).publishing_on(&youtube);
    // With -D, the program itself is the child that is asked to stop, and strace a process beside it.
    let trace = "exec strace -D -f -q -e signal=none -o strace \"$0\" \"$@\"";
    let running = service.start_after(trace, &["run"]);
    service.until_log_says("all of the meeting is on YouTube").await;
    running.stop().await.with(0);
    service.until("the end of the trace", |service| service.text("strace").contains("+++ exited with 0 +++")).await;

    let mut refused = calls_in_trace(&service.text("strace"));
    assert!(refused.contains("fdatasync") && refused.contains("renameat2"), "{refused:?}");
    refused.retain(|call| !allowed.contains(call));
    assert_eq!(refused, BTreeSet::new());
}
