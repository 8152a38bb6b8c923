//! What must be true however a fault came: checked at the end of every test of a fault.
//!
//! | | promise |
//! |---|---|
//! | N1 | a row is there only for a meeting whose files are all whole under their names |
//! | N2 | a final name never shows anything but the whole, right bytes |
//! | N3 | once the fault is gone, everything that Zoom lists is archived and recorded |
//! | N4 | what is whole is never fetched again |
//! | N5 | the token file holds one complete token, the one that Zoom takes next; one refresh at a time |
//! | N6 | one upload for each part: no uploads in this version |
//! | N7 | nothing is removed but where `[cleanup]` asks for it |
//! | N8 | no secret in what is printed, logged or kept outside of the token files; modes as promised |
//! | N9 | the tracker's bytes stay; rows are only ever added after them |
//! | N10 | requests are bounded, and no command ends by a signal of its own or a panic |
//! | N11 | a command that did not do all it should says so, in words and by its exit code |

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde_json::Value;
use zoom_archiver::simulator::{Endpoint, Simulator};

use super::Service;

/// Files that hold secrets by design, by the beginning of their names.
const VAULTS: [&str; 5] =
    ["config.toml", ".zoom_refresh_token", ".zoom_access_token", ".youtube_refresh_token", ".youtube_access_token"];
/// More requests than this, and as many again for each so many seconds, and a program has gone round in circles.
const SPINNING: (usize, u64) = (2000, 20);

impl Service {
    /// Takes all faults back, lets the service come to its end, and checks every promise on the way.
    pub(crate) async fn keeps_its_promises(&self, zoom: &Simulator) {
        self.keeps_its_promises_but_for(zoom, &[]).await;
    }

    /// The same where these meetings can't be archived, because Zoom has nothing sound for them.
    pub(crate) async fn keeps_its_promises_but_for(&self, zoom: &Simulator, hopeless: &[&str]) {
        zoom.clear_faults();
        self.tells_no_lie(zoom);
        let tracker = self.tracker_bytes();

        let ended = self.once().await;

        assert!(hopeless.is_empty() != (ended.code != Some(0)), "{ended:?}");
        self.tells_no_lie(zoom);
        self.has_all_but(zoom, hopeless);
        assert!(self.tracker_bytes().starts_with(&tracker), "N9: what was in the tracker stays as it was");
        assert!(self.holds_the_token(zoom), "N5: the token that Zoom takes next");

        let (before, content) = (zoom.journal().entries().count(), self.archive_content());
        self.once().await;
        let journal = zoom.journal();
        let is_of_hopeless = |meeting: Option<&str>| meeting.is_some_and(|uuid| hopeless.contains(&uuid));
        let again = journal.entries().skip(before).filter(|entry| {
            matches!(entry.endpoint, Endpoint::Media | Endpoint::DownloadEntry)
                && !is_of_hopeless(entry.meeting.as_deref())
        });
        let again: Vec<_> = again.map(|entry| entry.target.clone()).collect();
        assert_eq!(again, Vec::<String>::new(), "N4: what is whole is never fetched again");
        assert_eq!(self.archive_content(), content, "a poll that finds nothing new changes nothing");
    }

    /// Checks what must be so at every instant, even between a kill and the next start.
    #[track_caller]
    pub(crate) fn tells_no_lie(&self, zoom: &Simulator) {
        self.shows_only_whole_files(zoom);
        self.has_the_files_of_every_row(zoom);
        self.keeps_secrets(zoom);
        let journal = zoom.journal();
        assert!(journal.peak(Endpoint::Token) <= 1, "N5: one refresh at a time");
        let requests = journal.entries().count();
        let allowed =
            SPINNING.0 + SPINNING.0 * usize::try_from(self.since.elapsed().as_secs() / SPINNING.1).unwrap_or(0);
        assert!(requests <= allowed, "N10: {requests} requests");
        for ended in self.past() {
            assert!(!ended.stderr.contains("panicked at"), "N10: {}", ended.stderr);
            let of_its_own = ended.signal.filter(|signal| !ended.sent.contains(signal));
            assert_eq!(of_its_own, None, "N10: no signal but those that the test sent ends a command: {ended:?}");
            let is_explained = ended.code.is_none_or(|code| code == 0) || ended.stderr.contains("zoom-archiver: ");
            assert!(is_explained, "N11: {ended:?}");
        }
    }

    /// Whether the token file holds the token that Zoom takes next.
    pub(crate) fn holds_the_token(&self, zoom: &Simulator) -> bool {
        self.text(".zoom_refresh_token").trim() == zoom.refresh_token()
    }

    fn past(&self) -> Vec<super::Ended> {
        self.past.lock().expect("no test panicked while it held this").clone()
    }

    fn tracker_bytes(&self) -> Vec<u8> {
        std::fs::read(self.path("processed.csv")).unwrap_or_default()
    }

    /// Every description in the archive, with its folder.
    pub(crate) fn descriptions(&self) -> Vec<(String, Value)> {
        let folders = self.files().into_iter().filter_map(|name| {
            let folder = name.strip_prefix("downloads/")?.strip_suffix("/meeting.json")?;
            Some(folder.to_owned())
        });
        folders.map(|folder| (folder.clone(), self.description(&folder))).collect()
    }

    /// The ids of the files that are there under their final names, as `meeting.json` has them.
    pub(crate) fn whole_files(&self) -> Vec<String> {
        let of_folder = |(folder, description): (String, Value)| {
            let files = description["files"].as_array().cloned().unwrap_or_default();
            let is_there = move |file: &Value| self.archived(&format!("{folder}/{}", text(file, "name"))).is_file();
            files.into_iter().filter(is_there).map(|file| text(&file, "id").to_owned())
        };
        self.descriptions().into_iter().flat_map(of_folder).collect()
    }

    /// N2: whatever has a name of `meeting.json` and is there has the bytes that Zoom has.
    #[track_caller]
    fn shows_only_whole_files(&self, zoom: &Simulator) {
        assert_eq!(self.wrong_names(zoom), Vec::<String>::new(), "N2: these have other bytes");
    }

    /// The files under final names whose bytes are not those that Zoom has.
    pub(crate) fn wrong_names(&self, zoom: &Simulator) -> Vec<String> {
        let recordings = zoom.recordings();
        let mut wrong = Vec::new();
        for (folder, description) in self.descriptions() {
            let of_meeting = recordings.iter().find(|recording| description["uuid"] == recording.uuid.as_str());
            let known: Vec<&str> = of_meeting.iter().flat_map(|one| &one.files).map(|file| file.id.as_str()).collect();
            for file in description["files"].as_array().into_iter().flatten() {
                let (name, id) = (format!("{folder}/{}", text(file, "name")), text(file, "id"));
                let path = self.archived(&name);
                if !path.is_file() || known.is_empty() {
                    continue;
                }
                // A file that Zoom lists under no id of its own is told by its bytes.
                let candidates = if known.contains(&id) { vec![id] } else { known.clone() };
                let has_bytes_of = |id: &&str| zoom.has_bytes_of(id, &path).expect("it can be read");
                if !candidates.iter().any(has_bytes_of) {
                    wrong.push(name);
                }
            }
        }
        wrong
    }

    /// N1: all that a row names is there and whole, unless somebody has removed it since.
    #[track_caller]
    fn has_the_files_of_every_row(&self, zoom: &Simulator) {
        let listed: HashSet<String> = zoom.recordings().into_iter().map(|recording| recording.uuid).collect();
        let described = self.descriptions();
        for row in self.rows_if_any().iter().filter(|row| row["status"] == "downloaded") {
            let uuid = &row["meeting_uuid"];
            // One that a spreadsheet has mangled is no meeting's any more.
            if !listed.contains(uuid) && described.iter().all(|(_, known)| known["uuid"] != uuid.as_str()) {
                continue;
            }
            let folder = folder_in(row);
            let description = self.description(folder);
            assert_eq!(description["uuid"], row["meeting_uuid"].as_str(), "N1: the folder of {row:?}");
            for id in ids_in(row) {
                let entry =
                    description["files"].as_array().into_iter().flatten().find(|file| file["id"] == id.as_str());
                let entry = entry.unwrap_or_else(|| panic!("N1: {id} of {row:?} is not described"));
                if ["removing", "removed"].contains(&text(entry, "state")) {
                    assert!(self.cleans_up(), "N7: {entry} of {row:?}");
                    continue;
                }
                assert!(["whole", "suspect"].contains(&text(entry, "state")), "N1: {entry} of {row:?}");
                let path = self.archived(folder).join(text(entry, "name"));
                let len = std::fs::metadata(&path).map(|meta| meta.len());
                assert_eq!(len.ok(), entry["size"].as_u64(), "N1: {}", path.display());
            }
        }
    }

    /// N3: every ready video of every listed meeting is recorded, each meeting in one folder.
    #[track_caller]
    fn has_all_but(&self, zoom: &Simulator, hopeless: &[&str]) {
        let is_hoped_for = |lost: &String| !hopeless.iter().any(|uuid| lost.starts_with(uuid));
        let lost: Vec<_> = self.lost(zoom).into_iter().filter(is_hoped_for).collect();
        assert!(lost.is_empty(), "N3: {lost:?} not recorded; the log:\n{}", self.log());
        assert_eq!(self.doubled(zoom), Vec::<String>::new(), "nothing is archived twice");
    }

    /// The videos that Zoom has ready and that no row names, of the meetings of which it has all videos ready.
    pub(crate) fn lost(&self, zoom: &Simulator) -> Vec<String> {
        let (rows, described) = (self.rows_if_any(), self.descriptions());
        let mut lost = Vec::new();
        for recording in zoom.recordings() {
            let of_meeting: Vec<_> = rows.iter().filter(|row| row["meeting_uuid"] == recording.uuid).collect();
            let recorded: HashSet<String> = of_meeting.iter().flat_map(|row| ids_in(row)).collect();
            let folders: Vec<_> = described.iter().filter(|(_, it)| it["uuid"] == recording.uuid.as_str()).collect();
            // One that Zoom lists under no id of its own is told by its bytes.
            let is_there = |id: &str| folders.iter().any(|(folder, it)| self.has_bytes(zoom, id, folder, it));
            let is_recorded = |id: &str| !of_meeting.is_empty() && (recorded.contains(id) || is_there(id));
            let videos: Vec<_> = recording.files.iter().filter(|file| file.is_video).collect();
            if videos.iter().all(|file| file.is_ready) {
                let missing = videos.iter().filter(|file| !is_recorded(&file.id));
                lost.extend(missing.map(|file| format!("{} {}", recording.uuid, file.id)));
            }
        }
        lost
    }

    /// The meetings that are in more than one folder, or that were recorded twice with the same files.
    pub(crate) fn doubled(&self, zoom: &Simulator) -> Vec<String> {
        let descriptions = self.descriptions();
        let in_several = |uuid: &String| descriptions.iter().filter(|(_, it)| it["uuid"] == uuid.as_str()).count() > 1;
        let mut doubled: Vec<_> = zoom.recordings().into_iter().map(|one| one.uuid).filter(in_several).collect();
        let mut written_at = HashMap::new();
        let mut asked_again = self.asked_again.lock().expect("no test panicked while it held this").clone();
        for row in self.rows_if_any() {
            // A further row of a meeting names other files too; one that somebody has copied has the same time.
            let says = ["meeting_uuid", "file_ids", "status"].map(|column| row[column].clone());
            if written_at.insert(says, row["recorded_at"].clone()).is_some_and(|at| at != row["recorded_at"]) {
                if let Some(at) = asked_again.iter().position(|uuid| *uuid == row["meeting_uuid"]) {
                    asked_again.remove(at);
                    continue;
                }
                doubled.push(row["meeting_uuid"].clone());
            }
        }
        doubled
    }

    /// Says that these meetings are asked for again: one more row of each may say what an earlier one does.
    pub(crate) fn asks_again_for(&self, uuids: &[&str]) {
        let mut asked = self.asked_again.lock().expect("no test panicked while it held this");
        asked.extend(uuids.iter().map(|uuid| (*uuid).to_owned()));
    }

    /// Whether one of the files that a folder's description calls fetched has the bytes of this one.
    fn has_bytes(&self, zoom: &Simulator, id: &str, folder: &str, description: &Value) -> bool {
        let files = description["files"].as_array().into_iter().flatten();
        let mut names = files.filter(|file| file["state"] == "whole").map(|file| text(file, "name"));
        names.any(|name| zoom.has_bytes_of(id, &self.archived(&format!("{folder}/{name}"))).unwrap_or(false))
    }

    /// N8: secrets are in the files made for them, and these are for their owner alone.
    #[track_caller]
    pub(crate) fn keeps_secrets(&self, zoom: &Simulator) {
        let told = |name: &str, bytes: &[u8]| {
            tells_no_secret(zoom, name, bytes);
            self.tells_no_secret_of_youtube(name, bytes);
        };
        for name in self.files().iter().filter(|name| !name.ends_with('/')) {
            let own = Path::new(name).file_name().expect("a file").to_string_lossy();
            let is_vault =
                VAULTS.iter().any(|vault| own.trim_start_matches("..").contains(vault.trim_start_matches('.')))
                    || name.starts_with("uploads/");
            if is_vault {
                assert_eq!(self.mode(name) & 0o077, 0, "N8: others may read {name}");
            } else if !name.ends_with(".mp4") && !name.ends_with(".part") {
                told(name, &std::fs::read(self.path(name)).unwrap_or_default());
            }
        }
        for ended in self.past() {
            told("stdout", ended.stdout.as_bytes());
            told("stderr", ended.stderr.as_bytes());
        }
    }

    /// The rows, in whatever style somebody saved them; none where there is no tracker, or another table in its place. What is torn is no row, and as ours
    /// take one line each, no torn one takes another along.
    pub(crate) fn rows_if_any(&self) -> Vec<HashMap<String, String>> {
        let bytes = self.tracker_bytes();
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.trim_start_matches('\u{feff}').split(['\n', '\r', '\0']).filter(|line| !line.is_empty());
        let header = lines.next().unwrap_or_default();
        let separator = [b',', b';', b'\t'].into_iter().find(|separator| header.contains(char::from(*separator)));
        let separator = separator.unwrap_or(b',');
        let columns = cells(header, separator);
        if !columns.iter().any(|name| name == "meeting_uuid") {
            return Vec::new();
        }
        let rows = lines.map(|line| cells(line, separator)).filter(|cells| cells.len() >= columns.len());
        rows.map(|cells| columns.iter().cloned().zip(cells).collect()).collect()
    }

    /// All in the archive, and the tracker, by length and time: what a poll that finds nothing must leave alone.
    fn archive_content(&self) -> BTreeMap<String, (u64, std::time::SystemTime)> {
        let names = self.files().into_iter().filter(|name| name.starts_with("downloads/") || name == "processed.csv");
        let look = |name: String| {
            let meta = std::fs::symlink_metadata(self.path(&name)).expect("it is there");
            (name, (meta.len(), meta.modified().expect("a time")))
        };
        names.filter(|name| !name.ends_with('/')).map(look).collect()
    }
}

/// Fails the test where one of Zoom's secrets, or of the app's, is in this.
#[track_caller]
pub(crate) fn tells_no_secret(zoom: &Simulator, name: &str, bytes: &[u8]) {
    let secrets: Vec<_> = zoom.secrets().into_iter().filter(|secret| !secret.is_empty()).collect();
    assert!(secrets.contains(&zoom.client_secret()) && secrets.len() > 2, "there is something to look for");
    let text = String::from_utf8_lossy(bytes);
    let found = secrets.iter().find(|secret| text.contains(secret.as_str()));
    assert!(found.is_none(), "N8: {found:?} is told in {name}");
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The cells of a line.
fn cells(line: &str, separator: u8) -> Vec<String> {
    if !line.contains('"') {
        return line.split(char::from(separator)).map(str::to_owned).collect();
    }
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader.has_headers(false).flexible(true).delimiter(separator).from_reader(line.as_bytes());
    let record = reader.records().next().and_then(Result::ok).unwrap_or_default();
    record.iter().map(str::to_owned).collect()
}

/// The ids of the files that a row names; a space within one is written `%20`.
fn ids_in(row: &HashMap<String, String>) -> Vec<String> {
    row["file_ids"]
        .split(' ')
        .filter(|id| !id.is_empty())
        .map(|id| id.replace("%20", " ").replace("%25", "%"))
        .collect()
}

/// The folder that a row names, without the mark before one that a spreadsheet would compute.
fn folder_in(row: &HashMap<String, String>) -> &str {
    let cell = &row["directory"];
    cell.strip_prefix('\'').filter(|folder| folder.starts_with(['=', '+', '-', '@', '\''])).unwrap_or(cell)
}
