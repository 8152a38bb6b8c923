//! The newcomer's first run: `demo`, without an account, a network or a config.

use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::MIB;

const FOLDER: &str = "zoom-archiver-demo";

/// A folder to run the demo in.
struct Newcomer {
    home: TempDir,
}

impl Newcomer {
    fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The command, with all that could lead it elsewhere: a proxy that isn't there, settings of a real installation.
    fn demo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zoom-archiver"));
        command
            .env_clear()
            .envs([("HTTP_PROXY", "http://127.0.0.1:9"), ("http_proxy", "http://127.0.0.1:9")])
            .envs([("ZOOM_ARCHIVER__ZOOM__CLIENT_ID", "real"), ("ZOOM_ARCHIVER__STATE_DIR", "/nonexistent")])
            .envs([("HOME", self.home.path()), ("TMPDIR", self.home.path())])
            .current_dir(self.home.path())
            .arg("demo")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// Runs the demo to its end; gives its exit code and what it said.
    async fn runs(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = self.demo(arguments).output().await.expect("the binary starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    /// Starts the demo and waits until it says this.
    async fn starts(&self, until: &str) -> Child {
        let mut child = self.demo(&[]).spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        while let Some(line) = lines.next_line().await.expect("it is text") {
            if line.contains(until) {
                // Read on, as a terminal would.
                child.stdout = Some(lines.into_inner().into_inner());
                return child;
            }
        }
        panic!("the demo never said {until:?}");
    }

    fn entries(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.home.path()).expect("a folder");
        let name = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let mut names: Vec<_> = entries.map(|entry| name(entry.expect("an entry"))).collect();
        names.sort();
        names
    }
}

/// Whether the boxes of an MP4 cover it exactly.
fn is_whole_mp4(path: &Path) -> bool {
    let bytes = std::fs::read(path).expect("a video");
    let mut at = 0;
    while let Some(size) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        // A box of no size at all has to end the walk.
        at += (u32::from_be_bytes(*size) as usize).max(1);
    }
    at == bytes.len() && at > 0
}

fn videos_below(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            videos_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "mp4") {
            found.push(path);
        }
    }
}

#[tokio::test]
async fn the_demo_archives_whole_videos_and_keeps_account_of_every_meeting() {
    let newcomer = Newcomer::new();

    let (code, stdout, stderr) = newcomer.runs(&[]).await;

    assert_eq!(code, Some(0), "{stdout}\n{stderr}");
    let folder = newcomer.home.path().join(FOLDER);
    let mut videos = Vec::new();
    videos_below(&folder, &mut videos);
    assert_eq!(videos.len(), 7, "{videos:?}");
    assert!(videos.iter().all(|video| is_whole_mp4(video)));
    let mut rows = csv::Reader::from_path(folder.join("processed.csv")).unwrap();
    let mut done: Vec<(String, String)> =
        rows.records().map(Result::unwrap).map(|row| (row[3].to_owned(), row[7].to_owned())).collect();
    done.sort();
    let done: Vec<_> = done.iter().map(|(topic, status)| (topic.as_str(), status.as_str())).collect();
    let archived = ["Book club", "Piano lesson: Anna", "Weekly planning", "Вместе на полянке"];
    let mut expected: Vec<_> =
        archived.into_iter().flat_map(|topic| [(topic, "downloaded"), (topic, "uploaded")]).collect();
    expected.insert(2, ("Phone call", "empty"));
    assert_eq!(done, expected);
}

#[tokio::test]
async fn the_demo_shows_what_is_on_its_youtube_and_an_upload_that_goes_on_where_it_broke_off() {
    let newcomer = Newcomer::new();

    let (_, stdout, _) = newcomer.runs(&[]).await;

    let (_, after) = stdout.split_once("What is on YouTube now, each in the playlist:").expect(&stdout);
    let (channel, _) = after.split_once("\n6.").expect(after);
    let shown: Vec<&str> = channel.lines().filter(|line| line.contains("  private  ")).collect();
    assert_eq!(shown.len(), 5, "{channel}");
    for (topic, end, size) in [
        ("Вместе на полянке", "(45 min)", 5),
        ("Piano lesson: Anna", "(50 min)", 3),
        ("Piano lesson: Anna", "(part 2)", 4),
        ("Weekly planning", "(45 min)", 7),
        ("Book club", "(60 min)", 4),
    ] {
        let bytes = format!("  {}  ", size * MIB);
        let is_it = |line: &&&str| line.contains(topic) && line.contains(&format!("{end} ")) && line.contains(&bytes);
        assert!(shown.iter().any(|line| is_it(&line)), "{topic} {end}: {channel}");
    }
    assert!(stdout.contains(&format!("Content-Range: bytes {}-", 2 * MIB)), "{stdout}");
    let widest = stdout.lines().filter(|line| !line.contains(" INFO ")).map(|line| line.chars().count()).max();
    assert!(widest <= Some(120), "{stdout}");
}

#[tokio::test]
async fn the_demo_shows_a_broken_download_that_goes_on_where_it_broke_off() {
    let newcomer = Newcomer::new();

    let (_, stdout, _) = newcomer.runs(&[]).await;

    assert!(stdout.contains(&format!("Range: bytes={}-", 4 * MIB)), "{stdout}");
    let log = std::fs::read_to_string(newcomer.home.path().join(FOLDER).join("logs/zoom-archiver.log")).unwrap();
    assert!(log.contains(&format!("from={}", 4 * MIB)), "{log}");
}

#[tokio::test]
async fn the_demo_leaves_nothing_outside_its_folder() {
    let newcomer = Newcomer::new();

    let (code, stdout, stderr) = newcomer.runs(&["--dir", "tried"]).await;

    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    assert_eq!(newcomer.entries(), ["tried"]);
}

#[tokio::test]
async fn a_second_demo_takes_the_next_free_number() {
    let newcomer = Newcomer::new();
    std::fs::create_dir(newcomer.home.path().join(FOLDER)).unwrap();
    std::fs::write(newcomer.home.path().join(format!("{FOLDER}-2")), "a file of that name").unwrap();

    let _demo = newcomer.starts("The first poll").await;

    assert!(newcomer.home.path().join(format!("{FOLDER}-3/config.toml")).is_file());
    assert!(std::fs::read_dir(newcomer.home.path().join(FOLDER)).unwrap().next().is_none(), "the first is left alone");
}

#[tokio::test]
async fn the_demo_refuses_a_folder_that_is_there_already() {
    let newcomer = Newcomer::new();
    std::fs::create_dir(newcomer.home.path().join("mine")).unwrap();

    let (code, _, stderr) = newcomer.runs(&["--dir", "mine"]).await;

    assert_eq!(code, Some(2));
    assert!(stderr.contains("mine is there already; name a folder with --dir that is not"), "{stderr}");
    assert!(std::fs::read_dir(newcomer.home.path().join("mine")).unwrap().next().is_none());
}

#[tokio::test]
async fn the_demo_says_in_a_sentence_that_its_folder_cannot_be_created() {
    let newcomer = Newcomer::new();
    std::fs::write(newcomer.home.path().join("file"), "").unwrap();

    let (code, _, stderr) = newcomer.runs(&["--dir", "file/demo"]).await;

    assert_eq!(code, Some(2));
    assert!(stderr.contains("cannot create the folder") && stderr.contains("file/demo"), "{stderr}");
    assert_eq!(newcomer.entries(), ["file"]);
}

#[tokio::test]
async fn a_demo_that_is_asked_to_stop_says_which_folder_it_leaves() {
    let newcomer = Newcomer::new();
    let demo = newcomer.starts("The first poll").await;

    let pid = demo.id().expect("it is alive").to_string();
    assert!(std::process::Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    let ended = demo.wait_with_output().await.unwrap();

    let stderr = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("the demo was stopped") && stderr.contains(FOLDER), "{stderr}");
}
