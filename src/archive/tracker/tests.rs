use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::str::FromStr;

use proptest::prelude::*;

use super::cell::Column;
use super::lines::LineEnd;
use super::*;
use crate::archive::names::MeetingFolder;
use crate::hostile;
use crate::meeting::FileId;

const HEADER: &str = "recorded_at,meeting_uuid,meeting_id,topic,start_time,duration_min,user,status,files,bytes,\
                      directory,best_file,youtube_id,file_ids\n";
const FIRST: &str = "2025-12-02T18:20:00Z,/ajXp//12QmuoKj==,87542522271,\"Weekly, all\",2025-12-02T17:29:28Z,45,me,\
                     downloaded,3,123456,2025-12-02/1729,gallery_view.mp4,-,f1 f2 M4A@2025-12-02T17:29:28Z\n";

/// A folder with a tracker of these bytes in it.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn with(bytes: impl AsRef<[u8]>) -> Self {
        let desk = Self::empty();
        desk.save(bytes);
        desk
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("processed.csv")
    }

    fn save(&self, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(), bytes).unwrap();
    }

    /// As editors do: a new file, renamed over the old one.
    fn save_by_rename(&self, bytes: impl AsRef<[u8]>) {
        let beside = self.folder.path().join("beside");
        fs::write(&beside, bytes).unwrap();
        fs::rename(beside, self.path()).unwrap();
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    fn open(&self) -> Tracker {
        Tracker::open(self.path()).unwrap()
    }

    /// Appends `account`, and checks that what was there stays and that the account can be read again.
    fn append_and_read_again(&self, account: &Account) -> Tracker {
        let before = self.bytes();
        self.open().append(noon(), Status::Downloaded, account).unwrap();
        assert!(self.bytes().starts_with(&before), "earlier bytes changed");
        let read = self.open();
        assert_eq!(read.get(&account.uuid).map(|found| &found.file_ids), Some(&account.file_ids));
        read
    }
}

fn noon() -> DateTime<Utc> {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

fn uuid(text: &str) -> MeetingUuid {
    text.parse().unwrap()
}

fn first() -> Account {
    Account {
        recorded_at: Some("2025-12-02T18:20:00Z".parse().unwrap()),
        meeting_id: Some(87_542_522_271),
        topic: "Weekly, all".to_owned(),
        start_time: Some("2025-12-02T17:29:28Z".parse().unwrap()),
        duration_min: Some(45),
        user: Some("me".parse().unwrap()),
        status: Some(Status::Downloaded),
        files: Some(3),
        bytes: Some(ByteCount(123_456)),
        directory: "2025-12-02/1729".to_owned(),
        best_files: vec!["gallery_view.mp4".to_owned()],
        youtube_ids: vec![None],
        file_ids: ["f1", "f2", "M4A@2025-12-02T17:29:28Z"].map(|id| id.parse().unwrap()).into(),
        ..Account::new(uuid("/ajXp//12QmuoKj=="))
    }
}

fn second() -> Account {
    Account { file_ids: ["g1".parse().unwrap()].into(), directory: "x/y".to_owned(), ..Account::new(uuid("+b=")) }
}

fn reasons(tracker: &Tracker) -> Vec<String> {
    tracker.damage().iter().map(ToString::to_string).collect()
}

#[test]
fn a_new_tracker_is_created_with_its_first_row_for_its_group_to_read() {
    let desk = Desk::empty();
    let mut tracker = desk.open();
    assert!(!desk.path().exists());
    tracker.append("2025-12-02T18:20:00.5Z".parse().unwrap(), Status::Downloaded, &first()).unwrap();
    assert_eq!(
        desk.text(),
        HEADER.to_owned() + &FIRST.replace("f1 f2 M4A@2025-12-02T17:29:28Z", "M4A@2025-12-02T17:29:28Z f1 f2")
    );
    assert_eq!(fs::metadata(desk.path()).unwrap().permissions().mode() & 0o7777 & !0o640, 0);
    assert!(!tracker.refresh().unwrap(), "what it wrote itself is no news to it");
}

#[test]
fn a_row_is_read_as_it_was_meant() {
    let desk = Desk::with(HEADER.to_owned() + FIRST);
    let tracker = desk.open();
    assert_eq!(tracker.get(&uuid("/ajXp//12QmuoKj==")), Some(&first()));
    assert_eq!(tracker.accounts().len(), 1);
    assert!(tracker.has_rows_with_files());
    assert_eq!(reasons(&tracker), [""; 0]);
}

#[test]
fn a_later_row_carries_forward_what_an_earlier_one_knew() {
    let desk = Desk::with(HEADER.to_owned() + FIRST);
    let news = Account { youtube_ids: vec![Some("-vid".to_owned())], ..Account::new(first().uuid) };
    desk.open().append(noon(), Status::Uploaded, &news).unwrap();
    let row = "2026-01-01T12:00:00Z,/ajXp//12QmuoKj==,87542522271,\"Weekly, all\",2025-12-02T17:29:28Z,45,me,uploaded,3,\
               123456,2025-12-02/1729,gallery_view.mp4,-vid,M4A@2025-12-02T17:29:28Z f1 f2\n";
    assert_eq!(desk.text(), HEADER.to_owned() + FIRST + row);
}

#[test]
fn c3_the_order_of_rows_means_nothing() {
    let desk = Desk::with(HEADER.to_owned() + FIRST);
    desk.open().append(noon(), Status::Cleaned, &second_part()).unwrap();
    let sorted = desk.open().get(&first().uuid).cloned();
    let text = desk.text();
    let mut rows: Vec<&str> = text.lines().collect();
    rows.swap(1, 2);
    desk.save(rows.join("\n"));
    assert_eq!(desk.open().get(&first().uuid).cloned(), sorted);
    assert_eq!(sorted.unwrap().status, Some(Status::Cleaned));
}

#[test]
fn a_meeting_was_archived_when_the_last_of_its_rows_that_say_so_was_written() {
    let row = |at: &str, status: &str| format!("{at},a==,,,,,me,{status},1,5,2025-12-02/1729,g.mp4,,f1\n");
    let archived_at = |rows: &[(&str, &str)]| {
        let rows: String = rows.iter().map(|(at, status)| row(at, status)).collect();
        Desk::with(HEADER.to_owned() + &rows).open().archived_at(&uuid("a=="))
    };
    let day = |day: u32| format!("2025-12-0{day}T12:00:00Z");
    let (second, fifth) = (day(2).parse().ok(), day(5).parse().ok());
    assert_eq!(archived_at(&[(&day(2), "downloaded"), (&day(8), "uploaded"), (&day(9), "cleaned")]), second);
    assert_eq!(archived_at(&[(&day(5), "downloaded"), (&day(2), "downloaded"), (&day(8), "uploaded")]), fifth);
    assert_eq!(archived_at(&[(&day(2), "downloaded"), (&day(5), "")]), fifth, "it may have said so");
    assert_eq!(archived_at(&[(&day(5), "uploaded")]), fifth, "no later than its last row");
    assert_eq!(archived_at(&[(&day(2), "downloaded"), ("2.12.2025", "downloaded")]), None, "in doubt, nothing is told");
    assert_eq!(archived_at(&[]), None);

    let desk = Desk::with(HEADER.to_owned() + &row(&day(2), "downloaded"));
    let mut tracker = desk.open();
    tracker.append(noon(), Status::Uploaded, &Account::new(uuid("a=="))).unwrap();
    assert_eq!(tracker.archived_at(&uuid("a==")), second);
    tracker.append(noon(), Status::Downloaded, &Account::new(uuid("a=="))).unwrap();
    assert_eq!(tracker.archived_at(&uuid("a==")), desk.open().archived_at(&uuid("a==")));
    assert!(tracker.archived_at(&uuid("a==")) > Some(noon()));
}

fn second_part() -> Account {
    Account { file_ids: ["f9".parse().unwrap()].into(), ..Account::new(first().uuid) }
}

#[test]
fn c1_a_torn_last_line_is_ended_not_cut_and_its_id_does_not_count() {
    let torn = "2025-12-03T10:00:00Z,torn==,1,\"Weekly, a";
    let desk = Desk::with(HEADER.to_owned() + FIRST + torn);
    let tracker = desk.open();
    assert_eq!(tracker.get(&uuid("torn==")), None);
    assert_eq!(reasons(&tracker), ["line 3: a quote is not closed"]);
    let tracker = desk.append_and_read_again(&second());
    assert!(desk.text().starts_with(&(HEADER.to_owned() + FIRST + torn + "\n2026-01-01T12:00:00Z,+b=,")));
    assert_eq!(tracker.accounts().len(), 2);
}

#[test]
fn c1_a_quote_left_open_takes_no_later_row_along() {
    let torn = "2025-12-03T10:00:00Z,torn==,1,\"Weekly, a\n";
    let other = FIRST.replace("/ajXp//12QmuoKj==", "other==");
    let desk = Desk::with([HEADER, torn, FIRST, torn, &other].concat());
    let tracker = desk.open();
    assert_eq!(tracker.accounts().len(), 2);
    assert_eq!(reasons(&tracker), ["line 2: a quote is not closed", "line 4: a quote is not closed"]);
}

#[test]
fn c2_a_tail_of_nuls_is_skipped_and_stays() {
    let nuls = "\0".repeat(4096);
    for torn in ["", "2025-12-03T10:00:00Z,torn=="] {
        let desk = Desk::with([HEADER, FIRST, torn, &nuls].concat());
        assert_eq!(desk.open().accounts().len(), 1);
        assert_eq!(desk.append_and_read_again(&second()).accounts().len(), 2);
    }
    let behind = FIRST.replace("/ajXp//12QmuoKj==", "behind==");
    let tracker = Desk::with([HEADER, FIRST, &nuls, &behind].concat()).open();
    assert_eq!(tracker.accounts().len(), 2, "a row that another program wrote behind them counts");
}

/// What a spreadsheet or an editor makes of the file, and the row that belongs to it.
#[test]
fn c3_a_file_is_appended_to_in_the_style_found() {
    let short_row = "2026-01-01T12:00:00Z,+b=,downloaded,x/y,g1";
    let short = "recorded_at,meeting_uuid,status,directory,file_ids";
    let row = "2025-12-02T18:20:00Z,a==,downloaded,d,f1";
    let bom = "\u{feff}";
    for (before, appended) in [
        (format!("{short}\n{row}\n"), format!("{short_row}\n")),
        (format!("{short}\n{row}"), format!("\n{short_row}\n")),
        (format!("{short}\r\n{row}\r\n"), format!("{short_row}\r\n")),
        (format!("{short}\r\n{row}"), format!("\r\n{short_row}\r\n")),
        (format!("{short}\r{row}\r"), format!("{short_row}\r")),
        (format!("{bom}{short}\r\n{row}\r\n"), format!("{short_row}\r\n")),
        (format!("{short}\n{row}\n").replace(',', ";"), format!("{short_row}\n").replace(',', ";")),
        (format!("{bom}{short}\r\n{row}\r\n").replace(',', "\t"), format!("{short_row}\r\n").replace(',', "\t")),
        (format!("{short},notes\n{row},\"mine, all\"\n"), format!("{short_row},\n")),
        (format!("{short},notes\n{row}\n"), format!("{short_row},\n")),
        (format!("{short},,\n{row},,\n,,,,,,\n\n"), format!("{short_row},,\n")),
        (format!("\n{short}\n\n{row}\n\n"), format!("{short_row}\n")),
        (format!("\"{}\"\n\"{}\"\n", short.replace(',', "\",\""), row.replace(',', "\",\"")), format!("{short_row}\n")),
        (
            "File_IDs;Notes; meeting_uuid ;Directory;Status\nf1;\"two\nlines; \"\"mine\"\"\";a==;d;Downloaded\n"
                .to_owned(),
            "g1;;+b=;x/y;downloaded\n".to_owned(),
        ),
    ] {
        let desk = Desk::with(&before);
        let tracker = desk.append_and_read_again(&second());
        assert_eq!(desk.text(), before.clone() + &appended);
        let old = tracker.get(&uuid("a==")).unwrap_or_else(|| panic!("the old row is gone from {before:?}"));
        assert_eq!(old.file_ids.iter().map(FileId::as_str).collect::<Vec<_>>(), ["f1"]);
        assert_eq!(reasons(&tracker), [""; 0], "{before:?}");
    }
}

#[test]
fn a_file_without_a_header_gets_one_before_its_first_row() {
    for before in ["", "\n", "\u{feff}", "\0\0\0\0", "recorded_at,meeting_uuid,meet", "\r\n\r\n"] {
        let desk = Desk::with(before);
        assert_eq!(desk.append_and_read_again(&second()).accounts().len(), 1, "{before:?}");
        assert!(desk.text().contains(HEADER));
    }
}

#[test]
fn c3_what_is_no_tracker_is_refused_and_left_alone() {
    let utf16: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big_endian: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (bytes, message) in [
        (b"name,age\nme,7\n".to_vec(), "is no tracker"),
        (b"PK\x03\x04\x14\x00\x06".to_vec(), "is no tracker"),
        (b"\x7fELF\x02\x01\x01\0\0".to_vec(), "is no tracker"),
        (utf16.clone(), "is UTF-16"),
        (big_endian, "is UTF-16"),
        ([b"\xFF\xFE".to_vec(), utf16].concat(), "is UTF-16"),
    ] {
        let desk = Desk::with(&bytes);
        let error = Tracker::open(desk.path()).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(desk.bytes(), bytes);
    }
}

#[test]
fn c6_a_tracker_that_was_replaced_by_something_else_is_not_written_to() {
    let desk = Desk::with(HEADER);
    let mut tracker = desk.open();
    desk.save_by_rename("name,age\n");
    assert!(matches!(tracker.append(noon(), Status::Empty, &second()), Err(TrackerError::Foreign(_))));
    assert_eq!(desk.text(), "name,age\n");
}

#[test]
fn c8_only_a_regular_file_is_a_tracker_be_it_behind_a_link() {
    let desk = Desk::empty();
    let beside = desk.folder.path().join("elsewhere.csv");
    fs::write(&beside, HEADER).unwrap();
    symlink(&beside, desk.path()).unwrap();
    desk.append_and_read_again(&second());
    assert!(fs::symlink_metadata(desk.path()).unwrap().is_symlink());
    assert!(fs::read_to_string(&beside).unwrap().len() > HEADER.len());

    fs::remove_file(&beside).unwrap();
    let error = Tracker::open(desk.path()).unwrap_err();
    assert!(error.to_string().ends_with("is a link that leads nowhere, not a file"), "{error}");

    let pipe = desk.folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    for (path, what) in [(desk.folder.path(), "a folder"), (Path::new("/dev/null"), "a device"), (&pipe, "a pipe")] {
        let error = Tracker::open(path).unwrap_err();
        assert_eq!(error.to_string(), format!("the tracker {} is {what}, not a file", path.display()));
    }
}

#[test]
fn c6_what_an_editor_saved_meanwhile_is_read_before_a_row_is_appended() {
    let desk = Desk::with(HEADER);
    let mut tracker = desk.open();
    desk.save_by_rename(format!("{HEADER}{FIRST}").replace('\n', "\r\n"));
    tracker.append(noon(), Status::Uploaded, &second_part()).unwrap();
    assert_eq!(tracker.get(&first().uuid).unwrap().file_ids.len(), 4);
    assert!(desk.text().ends_with("f1 f2 f9\r\n"));

    fs::remove_file(desk.path()).unwrap();
    assert!(tracker.refresh().unwrap());
    assert!(!tracker.has_rows_with_files());
    tracker.append(noon(), Status::Empty, &second()).unwrap();
    assert_eq!(desk.open().accounts().len(), 1);

    desk.save(HEADER);
    assert!(tracker.refresh().unwrap(), "it was truncated");
    assert_eq!(tracker.accounts().len(), 0);
}

#[test]
fn c4_what_a_spreadsheet_mangled_costs_no_more_than_the_cell_and_is_told_once() {
    let mangled = FIRST
        .replace("2025-12-02T18:20:00Z", "02.12.2025 18:20")
        .replace("87542522271", "8.75425E+10")
        .replace("2025-12-02/1729", "../../etc");
    let name = FIRST.replace("/ajXp//12QmuoKj==", "#NAME?");
    let latin = [b"2025-12-02T18:20:00Z,latin==,1,Caf\xE9,,,,Empty".as_slice(), b",,,,,,\n"].concat();
    let desk = Desk::with([HEADER.as_bytes(), mangled.as_bytes(), name.as_bytes(), &latin, b"# a note\n"].concat());
    let mut tracker = desk.open();
    let expected = Account { recorded_at: None, meeting_id: None, directory: String::new(), ..first() };
    assert_eq!(tracker.get(&first().uuid), Some(&expected));
    assert_eq!(tracker.get(&uuid("latin==")).unwrap().status, Some(Status::Empty));
    let told: Vec<String> = tracker.new_damage().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "line 2: the directory `../../etc` is not in the archive",
            "line 3: the `meeting_uuid` `#NAME?` is what a spreadsheet made of one",
            "line 4: it is not UTF-8",
            "line 5: the header has 14 cells, the row 1",
        ]
    );
    desk.save_by_rename([HEADER.as_bytes(), b"\n\n", mangled.as_bytes(), name.as_bytes(), b"gone\n"].concat());
    tracker.refresh().unwrap();
    let told: Vec<String> = tracker.new_damage().iter().map(ToString::to_string).collect();
    assert_eq!(told, ["line 6: the header has 14 cells, the row 1"], "the rest has only moved");
}

#[test]
fn a_row_may_lack_cells_that_it_can_do_without() {
    let header = HEADER.replace("file_ids\n", "file_ids,notes,colour\n");
    let empty = "2025-12-03T10:00:00Z,empty==,1,Chat,2025-12-02T17:29:28Z,45,me,empty\n";
    let tracker = Desk::with([&header, FIRST, empty].concat()).open();
    assert_eq!(tracker.accounts().len(), 2);
    assert!(!tracker.get(&uuid("empty==")).unwrap().has_files());
    assert_eq!(reasons(&tracker), [""; 0]);
}

#[test]
fn a_header_without_an_essential_column_is_told() {
    let tracker = Desk::with("meeting_uuid,status\na==,downloaded\n").open();
    assert_eq!(tracker.accounts().len(), 1);
    assert_eq!(reasons(&tracker), ["line 1: the header lacks directory, file_ids; what belongs there is not kept"]);
}

#[test]
fn two_files_put_together_are_each_read_by_their_own_header() {
    let other = "file_ids,status,directory,meeting_uuid\ng1,uploaded,d,other==\n";
    let desk = Desk::with([HEADER, FIRST, HEADER, other].concat());
    let tracker = desk.append_and_read_again(&second());
    assert_eq!(tracker.get(&uuid("other==")).unwrap().status, Some(Status::Uploaded));
    assert_eq!(reasons(&tracker), [""; 0]);
    assert!(desk.text().ends_with("g1,downloaded,x/y,+b=\n"));
}

#[test]
fn a_topic_that_looks_like_a_header_is_no_header_even_in_a_torn_row() {
    let torn = "2025-12-03T10:00:00Z,torn==,1,\"meeting_uuid;status;file_ids;directory;x\"\n";
    let tracker = Desk::with([HEADER, torn, FIRST].concat()).open();
    assert_eq!(tracker.get(&first().uuid), Some(&first()));
}

#[test]
fn c10_s5_hostile_strings_are_one_harmless_cell_and_come_back() {
    for topic in hostile::every_string() {
        for before in [HEADER.to_owned(), HEADER.replace(',', ";"), HEADER.replace(',', "\t")] {
            let desk = Desk::with(&before);
            let tracker = desk.append_and_read_again(&Account { topic: topic.clone(), ..first() });
            assert_eq!(tracker.get(&first().uuid).unwrap().topic, on_one_line(&topic));
            assert_eq!(desk.text().lines().count(), 2);
            let cells: Vec<_> = csv::ReaderBuilder::new()
                .delimiter(*before.as_bytes().get(11).unwrap())
                .from_path(desk.path())
                .unwrap()
                .records()
                .map(|record| record.unwrap().get(3).unwrap().to_owned())
                .collect();
            assert!(!cells.concat().starts_with(['=', '+', '-', '@', '\t', '\r']), "{topic:?}");
        }
    }
}

#[test]
fn c9_two_writers_never_mix_their_rows() {
    let desk = Desk::empty();
    let path = desk.path();
    std::thread::scope(|scope| {
        for writer in ["a", "b"] {
            let path = &path;
            scope.spawn(move || {
                let mut tracker = Tracker::open(path).unwrap();
                for row in 0..50 {
                    let account =
                        Account { file_ids: first().file_ids, ..Account::new(uuid(&format!("{writer}{row}"))) };
                    tracker.append(noon(), Status::Downloaded, &account).unwrap();
                }
            });
        }
    });
    let tracker = desk.open();
    assert_eq!(tracker.accounts().len(), 100);
    assert_eq!(reasons(&tracker), [""; 0]);
}

fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,12}", "[ '\"=+@,;\t\n\r\0a-]{0,8}", hostile::strings()]
}

fn any_id<T: FromStr + std::fmt::Debug>() -> impl Strategy<Value = T> {
    let plain =
        prop_oneof!["[A-Za-z0-9+/=,;\"' -]{0,10}[A-Za-z0-9+/=]", "[!-~]{1,12}( [!-~]{1,4})?", hostile::strings()];
    plain.prop_filter_map("no id", |text| text.parse().ok())
}

prop_compose! {
    fn any_account()(
        uuid in any_id::<MeetingUuid>(),
        (topic, user) in (any_text(), any_text()),
        (meeting_id, files, bytes, duration_min) in any::<(Option<u64>, Option<u64>, Option<u64>, Option<u32>)>(),
        start in prop::option::of(0..4_102_444_800_i64),
        directory in prop::collection::vec(any_text(), 1..4),
        best_files in prop::collection::vec("[!-~]{1,8}( [!-~]{1,8})?", 0..3),
        youtube_ids in prop::collection::vec(prop::option::of("[A-Za-z0-9_-]{11}"), 0..3),
        file_ids in prop::collection::btree_set(any_id(), 0..4),
    ) -> Account {
        Account {
            meeting_id,
            topic: on_one_line(&topic),
            start_time: start.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            duration_min,
            user: on_one_line(&user).parse().ok(),
            files,
            bytes: bytes.map(ByteCount),
            directory: MeetingFolder::of_layout(&directory).into(),
            best_files,
            youtube_ids,
            file_ids,
            ..Account::new(uuid)
        }
    }
}

/// Bytes that look somewhat like a tracker.
fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(HEADER.as_bytes().to_vec()),
        Just(FIRST.as_bytes().to_vec()),
        Just(b"meeting_uuid;status\r\n".to_vec()),
        Just(b"meeting_uuid\n".to_vec()),
        "[,;\t\"\n\r\0a]{0,6}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..20),
        hostile::bytes(),
        any_text().prop_map(|text| FIRST.replace("Weekly, all", &text).into_bytes()),
        any_text().prop_map(|text| HEADER.replace("topic", &text).into_bytes()),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Each style that a file may have.
fn any_style() -> impl Strategy<Value = Style> {
    let separator = prop::sample::select(&[',', ';', '\t'][..]);
    let line_end = prop::sample::select(&[LineEnd::Lf, LineEnd::CrLf, LineEnd::Cr][..]);
    (separator, line_end).prop_map(|(separator, line_end)| {
        let header = HEADER.trim_end().replace(',', &separator.to_string());
        Style::of_header(header.as_bytes(), Some(line_end)).unwrap()
    })
}

proptest! {
    #![proptest_config(hostile::config())]

    #[test]
    fn c1_c2_c3_any_bytes_are_read_or_refused(bytes in any_file()) {
        if let Ok(table) = read::read(&bytes) {
            prop_assert!(table.style.is_some() || table.rows.is_empty());
            prop_assert!(table.rows.iter().all(|row| row.directory.is_empty() || !row.directory.starts_with('/')));
            for damage in &table.damage {
                prop_assert!(damage.line >= 1);
                prop_assert!(!damage.to_string().contains(['\n', '\r', '\0']), "{:?}", damage);
            }
        }
    }

    #[test]
    fn c10_s5_any_row_is_one_line_that_no_spreadsheet_computes_and_comes_back(account in any_account(), style in any_style()) {
        let account = Account { recorded_at: Some(noon()), status: Some(Status::Uploaded), ..account };
        let row = style.row(&account);
        let end = style.line_end();
        prop_assert!(row.ends_with(end));
        let line = row.get(..row.len() - end.len()).unwrap();
        prop_assert!(!line.iter().any(|byte| b"\r\n\0".contains(byte)));
        let mut records = csv::ReaderBuilder::new().has_headers(false).delimiter(style.separator).from_reader(line).into_records();
        let cells = records.next().unwrap().unwrap();
        for column in [Column::Topic, Column::User, Column::Directory, Column::BestFile] {
            let cell = cells.get(style.place(column).unwrap()).unwrap();
            prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@']), "{:?}", cell);
        }
        let ids = cells.get(style.place(Column::MeetingUuid).unwrap()).unwrap();
        prop_assert_eq!(ids, account.uuid.as_str(), "an id is never altered");
        let table = read::read(&[style.header(), row].concat()).ok().unwrap();
        prop_assert_eq!(table.rows, [account]);
    }
}

proptest! {
    #![proptest_config(hostile::slow_config())]

    #[test]
    fn c10_any_row_comes_back_as_it_was(account in any_account()) {
        let desk = Desk::empty();
        desk.open().append(noon(), Status::Uploaded, &account).unwrap();
        let mut expected = Account::new(account.uuid.clone());
        expected.absorb(Account { recorded_at: Some(noon()), status: Some(Status::Uploaded), ..account });
        let read = desk.open();
        prop_assert_eq!(read.get(&expected.uuid), Some(&expected));
    }

    #[test]
    fn c3_whatever_file_is_accepted_keeps_its_bytes_and_takes_a_row(before in any_file(), account in any_account()) {
        let desk = Desk::with(&before);
        if let Ok(mut tracker) = Tracker::open(desk.path()) {
            tracker.append(noon(), Status::Downloaded, &account).unwrap();
            prop_assert!(desk.bytes().starts_with(&before));
            prop_assert!(desk.open().get(&account.uuid).is_some(), "{:?}", String::from_utf8_lossy(&desk.bytes()));
        } else {
            prop_assert_eq!(desk.bytes(), before);
        }
    }

    #[test]
    fn c1_a_file_cut_anywhere_loses_its_last_row_at_most(
        accounts in prop::collection::vec(any_account(), 1..4),
        cut in any::<prop::sample::Index>(),
        is_crlf in any::<bool>(),
    ) {
        let desk = Desk::with(if is_crlf { HEADER.replace('\n', "\r\n") } else { HEADER.to_owned() });
        let mut tracker = desk.open();
        let mut ends = Vec::new();
        for account in &accounts {
            tracker.append(noon(), Status::Downloaded, account).unwrap();
            ends.push(desk.bytes().len());
        }
        let bytes = desk.bytes();
        let len = cut.index(bytes.len());
        desk.save(bytes.get(..len).unwrap());
        let tracker = desk.append_and_read_again(&second());
        for (account, _) in accounts.iter().zip(&ends).filter(|(_, end)| **end <= len) {
            let read = tracker.get(&account.uuid).unwrap();
            prop_assert!(account.file_ids.is_subset(&read.file_ids));
        }
    }
}
