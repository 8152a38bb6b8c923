//! What the settings promise, from the sources to the checked values.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use proptest::prelude::*;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::layers::{Schema, variable};
use super::{ConfigError, Loaded, Sources, load};
use crate::hostile;

const EXAMPLE: &str = include_str!("../../config/zoom-archiver.example.toml");
const REQUIRED: &str = "[zoom]\nclient_id = \"id\"\nclient_secret = \"SECRET\"\n";

/// A working directory, and what the program is started with there.
struct Setup {
    folder: TempDir,
    environment: BTreeMap<String, String>,
}

impl Setup {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: BTreeMap::new() }
    }

    fn file(text: &str) -> Self {
        Self::new().with("config/zoom-archiver.toml", text.as_bytes(), 0o600)
    }

    fn with(self, path: &str, bytes: &[u8], mode: u32) -> Self {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn load_from(&self, config: Option<&str>) -> Result<Loaded, ConfigError> {
        let (working_dir, environment) = (self.folder.path().to_owned(), self.environment.clone());
        load(&Sources { config: config.map(Into::into), environment, working_dir })
    }

    fn load(&self) -> Result<Loaded, ConfigError> {
        self.load_from(None)
    }

    /// What is said to be wrong, with the folder's own path left out.
    fn problems(&self) -> String {
        let error = self.load().expect_err("something is wrong with these").to_string();
        error.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

fn settings(text: &str) -> super::Settings {
    Setup::file(text).load().unwrap().settings
}

fn problems(text: &str) -> String {
    Setup::file(&format!("{REQUIRED}{text}")).problems()
}

// The example

#[test]
fn the_example_with_a_client_filled_in_is_the_defaults() {
    let filled = EXAMPLE.replacen("client_id = \"...\"", "client_id = \"id\"", 1).replacen(
        "client_secret = \"...\"",
        "client_secret = \"SECRET\"",
        1,
    );
    let (example, minimal) = (Setup::file(&filled), Setup::file(REQUIRED));
    let shown = |setup: &Setup| {
        let settings = format!("{:?}", setup.load().unwrap().settings);
        settings.replace(setup.folder.path().to_str().unwrap(), "")
    };
    assert_eq!(shown(&example), shown(&minimal));
}

#[test]
fn the_defaults_are_the_ones_that_are_promised() {
    let settings = settings(REQUIRED);
    assert_eq!(settings.poll.schedule.expression(), "0 */10 * * * *");
    assert_eq!((settings.poll.lookback_days, settings.poll.recent_days), (365, 7));
    assert_eq!(settings.download.workers.get(), 3);
    assert_eq!(settings.download.min_free_space.to_string(), "2 GiB");
    assert!(settings.download.rate_limit.is_none() && settings.youtube.since.is_none());
    assert_eq!(settings.archive.layout.to_string(), "{date}/{time}");
    assert!(settings.archive.directory.ends_with("downloads"));
    assert_eq!(settings.zoom.api_url.as_str(), "https://api.zoom.us/v2");
    assert_eq!(settings.youtube.client_id, None);
    assert_eq!((settings.log.keep, settings.notify.failures, settings.youtube.daily_uploads), (14, 3, 100));
}

#[test]
fn the_example_as_it_is_asks_for_a_client_in_two_sentences() {
    let problems = Setup::file(EXAMPLE).problems();
    assert_eq!(
        problems,
        "zoom.client_id: this is needed: set it in the config file or as ZOOM_ARCHIVER__ZOOM__CLIENT_ID\n\
         zoom.client_secret: this is needed: set it in the config file, zoom.client_secret_file or as \
         ZOOM_ARCHIVER__ZOOM__CLIENT_SECRET"
    );
}

#[test]
fn k8_every_key_of_the_example_is_read_from_the_environment_and_by_its_type() {
    for key in Schema::new().keys() {
        let is_client = key.ends_with("client_secret") || key.ends_with("client_id");
        let wrong = match key {
            "state_dir" => "~",
            _ if is_client => " ",
            "tracker.file" => "~/x",
            _ if key.ends_with("token_file") || key.ends_with("directory") => "",
            "youtube.description" => "{",
            _ => "\u{7}",
        };
        let problems = Setup::file(REQUIRED).env(&variable(key), wrong).problems();
        assert!(problems.contains(&format!("environment variable {}: {key}", variable(key))), "{key}: {problems}");
    }
}

// Sources and their order

#[test]
fn a_value_comes_from_the_first_source_that_has_it() {
    let setup = Setup::file("[zoom]\nclient_id = \"file\"\nclient_secret = \"file\"\n[download]\nworkers = 4\n")
        .with("credentials/zoom.client_secret", b"credential\n", 0o400)
        .env("ZOOM_CLIENT_ID", "prototype")
        .env("ZOOM_USER_ID", "anna@example.com")
        .env("ZOOM_REDIRECT_URI", "")
        .env("ZOOM_ARCHIVER__ZOOM__CLIENT_SECRET", "environment")
        .env("ZOOM_ARCHIVER__DOWNLOAD__WORKERS", "5");
    let credentials = setup.folder.path().join("credentials").display().to_string();
    let settings = setup.env("CREDENTIALS_DIRECTORY", &credentials).load().unwrap().settings;
    assert_eq!(settings.zoom.client_secret.expose_secret(), "credential");
    assert_eq!(settings.download.workers.get(), 5);
    assert_eq!(settings.zoom.client_id, "file");
    assert_eq!(settings.zoom.users[0].as_str(), "anna@example.com");
    assert_eq!(settings.zoom.redirect_uri.as_str(), "http://localhost:8080/redirect");
}

#[test]
fn a_placeholder_left_in_the_file_does_not_hide_the_prototypes_variable() {
    let setup = Setup::file(EXAMPLE).env("ZOOM_CLIENT_ID", "1.50").env("ZOOM_CLIENT_SECRET", "0123");
    let settings = setup.load().unwrap().settings;
    assert_eq!(settings.zoom.client_id, "1.50");
    assert_eq!(settings.zoom.client_secret.expose_secret(), "0123");
}

#[test]
fn the_environment_alone_is_enough() {
    let setup = Setup::new()
        .env("ZOOM_ARCHIVER__ZOOM__CLIENT_ID", "id")
        .env("ZOOM_ARCHIVER__ZOOM__CLIENT_SECRET", "x")
        .env("ZOOM_ARCHIVER__ZOOM__USERS", r#"["a", "b"]"#)
        .env("ZOOM_ARCHIVER__LOG__STDERR", "false")
        .env("ZOOM_ARCHIVER__STATE_DIR", "/var/lib/z");
    let loaded = setup.load().unwrap();
    assert_eq!(loaded.file, None);
    assert_eq!(loaded.settings.zoom.users.len(), 2);
    assert!(!loaded.settings.log.stderr);
    assert_eq!(loaded.settings.state_dir, Path::new("/var/lib/z"));
}

#[test]
fn k3_k8_the_environment_is_read_by_each_keys_type_and_no_more_kindly_than_the_file() {
    for (name, value) in [
        ("DOWNLOAD__WORKERS", "1.5"),
        ("DOWNLOAD__WORKERS", " 3"),
        ("DOWNLOAD__WORKERS", ""),
        ("LOG__STDERR", "yes"),
        ("LOG__STDERR", "1"),
        ("ZOOM__USERS", "a"),
        ("ZOOM__USERS", "[1]"),
        ("ZOOM__USERS", "['a']\n[x]"),
    ] {
        let name = format!("ZOOM_ARCHIVER__{name}");
        let problems = Setup::file(REQUIRED).env(&name, value).problems();
        assert!(problems.starts_with(&format!("environment variable {name}: ")), "{name}={value}: {problems}");
    }
}

#[test]
fn k2_k8_a_variable_of_ours_that_means_nothing_is_refused_and_others_are_left_alone() {
    let setup =
        Setup::file(REQUIRED).env("ZOOM_ARCHIVER_VERSION", "1").env("ZOOM_ARCHIVER__DOWNLOAD__WORKER", "SECRET");
    assert_eq!(
        setup.problems(),
        "the environment: ZOOM_ARCHIVER__DOWNLOAD__WORKER: there is no such key; \
         did you mean ZOOM_ARCHIVER__DOWNLOAD__WORKERS?"
    );
    assert_eq!(
        Setup::file(REQUIRED).env("ZOOM_ARCHIVER__log__LEVEL", "info").problems(),
        "environment variable ZOOM_ARCHIVER__log__LEVEL: it is written ZOOM_ARCHIVER__LOG__LEVEL"
    );
    assert!(Setup::file(REQUIRED).env("ZOOM_ARCHIVER__LOG__LEVEL", "in\u{fffd}fo").problems().contains("not UTF-8"));
}

#[test]
fn a_named_file_counts_before_the_one_that_is_found() {
    let setup = Setup::file("broken").with("a.toml", REQUIRED.as_bytes(), 0o600).with("b.toml", b"broken", 0o600);
    let setup = setup.env("ZOOM_ARCHIVER_CONFIG", "a.toml");
    assert_eq!(setup.load().unwrap().file, Some(setup.folder.path().join("a.toml")));
    assert!(setup.load_from(Some("b.toml")).is_err());
    assert!(setup.load_from(Some("missing.toml")).unwrap_err().to_string().contains("missing.toml: cannot read"));
}

#[test]
fn k1_without_a_file_it_is_said_where_it_was_looked_for_and_how_to_make_one() {
    let problems = Setup::new().env("ZOOM_ARCHIVER_CONFIG", "").problems();
    assert!(problems.contains("looked for --config, $ZOOM_ARCHIVER_CONFIG, config/zoom-archiver.toml and /etc/"));
    assert!(problems.contains("cp config/zoom-archiver.example.toml config/zoom-archiver.toml"));
}

// The file as such

#[test]
fn a_syntax_error_is_told_with_its_line_and_without_the_line_itself() {
    let problems = Setup::file("[zoom]\nclient_secret = \"SECRET\nworkers = \n").problems();
    assert!(problems.contains("config/zoom-archiver.toml, line 2: "), "{problems}");
    assert!(!problems.contains("SECRET"), "{problems}");
}

#[test]
fn k7_a_byte_order_mark_is_no_matter_but_another_encoding_is() {
    settings(&format!("\u{feff}{REQUIRED}"));
    let utf16: Vec<u8> = REQUIRED.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [b"# one\n# caf\xe9".to_vec(), [b"\xff\xfe".to_vec(), utf16].concat()] {
        let problems = Setup::new().with("config/zoom-archiver.toml", &bytes, 0o600).problems();
        assert!(problems.ends_with("not UTF-8 text; save the file as UTF-8"), "{problems}");
    }
}

#[test]
fn l8_a_file_that_everyone_may_write_is_refused() {
    let setup = Setup::new().with("config/zoom-archiver.toml", REQUIRED.as_bytes(), 0o602);
    assert_eq!(
        setup.problems(),
        "config/zoom-archiver.toml: everyone may write to this file, so it is not used; do: chmod o-w \
         'config/zoom-archiver.toml'"
    );
}

#[test]
fn l8_a_secret_that_everyone_may_read_is_taken_with_a_warning() {
    let warnings = |setup: Setup| setup.load().unwrap().warnings;
    let open = warnings(Setup::new().with("config/zoom-archiver.toml", REQUIRED.as_bytes(), 0o644));
    assert!(open[0].contains("chmod o-rwx '"), "{open:?}");
    assert!(warnings(Setup::new().with("config/zoom-archiver.toml", REQUIRED.as_bytes(), 0o640)).is_empty());

    let elsewhere = b"[zoom]\nclient_id = \"id\"\nclient_secret_file = \"secret\"";
    let secret = |mode| {
        let setup = Setup::new().with("config/zoom-archiver.toml", elsewhere, 0o644);
        warnings(setup.with("secret", b"x", mode))
    };
    assert!(secret(0o640).is_empty());
    assert!(secret(0o644)[0].contains("secret in "));
}

// Keys and types

#[test]
fn k9_everything_that_is_wrong_is_told_at_once_with_its_line() {
    let text = "[zoom]\nclient_id = \"id\"\nclient_secret = \"SECRET\"\n\
                [download]\nworkers = 40\nretires = \"SECRET\"\n\
                [poll]\nschedule = \"often\"\n\
                [zom]\nusers = []\n";
    assert_eq!(
        Setup::file(text).problems(),
        "config/zoom-archiver.toml, line 9: [zom]: there is no such section; did you mean [zoom]?\n\
         config/zoom-archiver.toml, line 6: download.retires: there is no such key\n\
         config/zoom-archiver.toml, line 8: poll.schedule = \"often\": it has 1 instead of 5 or 6 fields; allowed is cron in UTC with \
         seconds, like \"0 */10 * * * *\" for every ten minutes\n\
         config/zoom-archiver.toml, line 5: download.workers = 40: allowed is a whole number from 1 to 16"
    );
}

#[test]
fn k9_each_problem_has_its_line_under_it_where_there_is_one() {
    let text = format!("{REQUIRED}user = \"SECRET\"\n[download]\nworkers = 40\n[notify]\non = [\"all\"] # SECRET\n");
    let setup = Setup::file(&text).env("ZOOM_ARCHIVER__POLL__LOOKBACK_DAYS", "0");
    let told = setup.load().unwrap_err().with_lines();
    let lines: Vec<&str> = told.lines().filter(|line| !line.contains("zoom-archiver.toml")).collect();
    assert_eq!(
        lines,
        [
            "   4 | user = ...",
            "     | ^^^^",
            "environment variable ZOOM_ARCHIVER__POLL__LOOKBACK_DAYS: poll.lookback_days = 0: allowed is a whole number from 1 to 3650",
            "   6 | workers = 40",
            "     |           ^^",
            "   8 | on = [\"all\"]",
            "     |      ^^^^^^^",
        ]
    );
}

#[test]
fn k3_nothing_is_converted_on_the_way() {
    for (text, problem) in [
        ("[download]\nworkers = 1.5", "download.workers = 1.5: allowed is a whole number from 1 to 16"),
        ("[download]\nworkers = \"7\"", "download.workers = \"7\": allowed is a whole number from 1 to 16"),
        ("[download]\nworkers = 99999999999999999999", "download.workers = 99999999999999999999: allowed is"),
        ("[log]\nstderr = \"yes\"", "log.stderr = \"yes\": allowed is true or false"),
        ("[log]\nstderr = 1", "log.stderr = 1: allowed is true or false"),
        ("[youtube]\ncategory = 22", "youtube.category = 22: allowed is text in quotes"),
        ("[download]\nstall_timeout = 60", "download.stall_timeout = 60: allowed is text in quotes"),
        ("[select]\nfiles = \"video\"", "select.files = \"video\": allowed is a list"),
        ("[select]\ntopics = [1]", "select.topics = [1]: allowed is a list"),
        ("[\"download.workers\"]\nx = 1", "[download.workers]: this is a key, not a section"),
        ("[download.workers]\nx = 1", "download.workers: this is a key, not a section"),
    ] {
        let problems = problems(text);
        assert!(problems.contains(problem), "{problems}");
    }
}

#[test]
fn k2_a_key_of_a_section_is_not_known_outside_of_it() {
    let text = format!("\"poll.recent_days\" = 3\nworkers = 3\npoll = 3\n{REQUIRED}");
    let problems = Setup::file(&text).problems();
    for problem in
        ["\"poll.recent_days\": there is no such key", "poll: this is a section", "workers: there is no such key"]
    {
        assert!(problems.contains(problem), "{problems}");
    }
}

#[test]
fn k4_a_value_out_of_its_range_is_refused() {
    for text in [
        "[poll]\nlookback_days = 0",
        "[poll]\nlookback_days = 3651",
        "[poll]\nlookback_days = 5\nrecent_days = 6",
        "[poll]\nfull_scan_every = \"0s\"",
        "[poll]\nschedule = \"0 */90 * * * *\"",
        "[download]\nworkers = -1",
        "[download]\nattempts = 101",
        "[download]\nconnect_timeout = \"10\"",
        "[download]\nstall_timeout = \"2h\"",
        "[download]\nrate_limit = \"fast\"",
        "[download]\nmin_free_space = \"much\"",
        "[select]\nfiles = []",
        "[select]\nfiles = [\"vidoe\"]",
        "[select]\ntopics = [\"(\"]",
        "[archive]\nlayout = \"../{date}\"",
        "[archive]\ntimezone = \"Europe/Berlim\"",
        "[log]\nlevel = \"inof\"",
        "[log]\nkeep = 0",
        "[youtube]\ntitle = \"{tpoic}\"",
        "[youtube]\ntitle = \" \"",
        "[youtube]\nsince = \"2025-02-30\"",
        "[youtube]\nprivacy = \"secret\"",
        "[youtube]\nplaylist = \"https://youtube.com/playlist?list=x\"",
        "[youtube]\ntags = [\"<b>\"]",
        "[youtube]\napi_url = \"http://example.com\"",
        "[notify]\nfailures = 0",
        "[notify]\non = [\"everything\"]",
    ] {
        let key = text.rsplit('\n').next().unwrap().split(' ').next().unwrap();
        assert!(problems(text).contains(&format!(".{key} = ")), "{text}: {}", problems(text));
    }
}

#[test]
fn k2_what_was_probably_meant_is_suggested() {
    for (text, meant) in [
        ("[download]\nworker = 1", "did you mean download.workers?"),
        ("[poll]\nworkers = 1", "did you mean download.workers?"),
        ("[select]\nfiles = [\"vidoe\"]", "did you mean \"video\"?"),
        ("[archive]\ntimezone = \"Europe/Berlim\"", "did you mean \"Europe/Berlin\"?"),
    ] {
        assert!(problems(text).contains(meant), "{}", problems(text));
    }
}

#[test]
fn a_short_look_back_shortens_the_default_of_recent_days() {
    let settings = settings(&format!("{REQUIRED}[poll]\nlookback_days = 3"));
    assert_eq!(settings.poll.recent_days, 3);
}

#[test]
fn users_are_there_and_each_only_once() {
    for (users, problem) in [
        ("[]", "it is empty"),
        ("[\"me\", \"me\"]", "\"me\" is there twice"),
        ("[\"A@example.com\", \"a@example.com\"]", "is there twice"),
        ("[\" me\"]", "spaces around"),
    ] {
        let problems = Setup::file(&format!("{REQUIRED}users = {users}")).problems();
        assert!(problems.contains(problem), "{problems}");
    }
    assert_eq!(settings(&format!("{REQUIRED}users = [\"aB\", \"ab\"]")).zoom.users.len(), 2);
}

// Secrets

#[test]
fn a_secret_and_its_file_in_one_source_are_one_too_many() {
    let problems = problems("client_secret_file = \"x\"");
    assert!(problems.contains("line 4: zoom.client_secret_file: there is zoom.client_secret too; keep one of the two"));
}

#[test]
fn a_higher_source_replaces_both_forms_of_a_secret() {
    let setup = Setup::file("[zoom]\nclient_id = \"id\"\nclient_secret_file = \"missing\"");
    let setup = setup.env("ZOOM_ARCHIVER__ZOOM__CLIENT_SECRET", "environment");
    assert_eq!(setup.load().unwrap().settings.zoom.client_secret.expose_secret(), "environment");

    let setup = Setup::file(REQUIRED).with("secret", b"from a file\r\n", 0o600);
    let setup = setup.env("ZOOM_ARCHIVER__ZOOM__CLIENT_SECRET_FILE", "secret");
    assert_eq!(setup.load().unwrap().settings.zoom.client_secret.expose_secret(), "from a file");
}

#[test]
fn a_secret_file_that_cannot_be_used_is_named() {
    let text = "[zoom]\nclient_id = \"id\"\nclient_secret_file = \"secret\"";
    assert!(
        Setup::file(text).problems().contains("line 3: zoom.client_secret_file = \"secret\": cannot read the file")
    );
    assert!(Setup::file(text).with("secret", b"x", 0o606).problems().contains("chmod o-w"));
    for content in ["", "\n", "one\ntwo\n", " SECRET", "SECRET\n\n"] {
        let problems = Setup::file(text).with("secret", content.as_bytes(), 0o600).problems();
        assert!(problems.contains("line 3: zoom.client_secret: it is empty, or has spaces"), "{problems}");
        assert!(!problems.contains("SECRET"));
    }
}

#[test]
fn l6_no_secret_is_told_in_a_problem_a_summary_or_a_debug_print() {
    let text = "[zoom]\nclient_id = \"id\"\nclient_secret = \"SECRET \"\nclient_secrte = \"SECRET\"\n\
                [youtube]\nclient_secret = [\"SECRET\"]\n\
                [notify]\nurls = [\"https://example.com/SECRET\", \"http://example.com/SECRET\", \"SECRET\"]\n";
    let problems = Setup::file(text).problems();
    assert!(problems.contains("notify.urls: plain http") && !problems.contains("SECRET"), "{problems}");
    let settings = settings(REQUIRED);
    assert!(!format!("{settings:?}{}", settings.summary()).contains("SECRET"));
}

#[test]
fn l9_plain_http_is_for_this_machine_alone() {
    for key in ["zoom.api_url", "zoom.oauth_url", "youtube.api_url", "youtube.oauth_url", "youtube.auth_url"] {
        for (address, is_fine) in [
            ("http://zoom.example.com", false),
            ("http://192.168.1.5:8080", false),
            ("http://localhost.example.com", false),
            ("ftp://127.0.0.1", false),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("https://zoom.example.com", true),
        ] {
            let loaded = Setup::file(REQUIRED).env(&variable(key), address).load();
            assert_eq!(loaded.is_ok(), is_fine, "{key} = {address}: {loaded:?}");
        }
    }
}

#[test]
fn an_address_with_a_password_in_it_is_refused_without_showing_it() {
    let problems = problems("api_url = \"https://user:SECRET@example.com\"");
    assert!(
        problems.contains("zoom.api_url = \"https://...\": there is a user name in it") && !problems.contains("SECRET"),
        "{problems}"
    );
}

// Paths

#[test]
fn k5_relative_paths_are_below_the_state_directory() {
    let text = format!(
        "state_dir = \"/var/lib/z\"\n{REQUIRED}[archive]\ndirectory = \"./a//b\"\n[log]\ndirectory = \"/logs\""
    );
    let settings = settings(&text);
    assert_eq!(settings.archive.directory, Path::new("/var/lib/z/a/b"));
    assert_eq!(settings.tracker.file, Path::new("/var/lib/z/processed.csv"));
    assert_eq!(settings.log.directory, Path::new("/logs"));
}

#[test]
fn the_state_directory_is_systemds_unless_it_is_set_else_the_working_directory() {
    let setup = Setup::file(REQUIRED);
    assert_eq!(setup.load().unwrap().settings.state_dir, setup.folder.path());
    let setup = setup.env("STATE_DIRECTORY", "/var/lib/a:/var/lib/b");
    assert_eq!(setup.load().unwrap().settings.state_dir, Path::new("/var/lib/a"));
    let setup = setup.env("ZOOM_ARCHIVER__STATE_DIR", "below");
    assert_eq!(setup.load().unwrap().settings.state_dir, setup.folder.path().join("below"));
}

#[test]
fn k5_a_home_folder_has_to_be_written_out() {
    let problems = problems("token_file = \"~/token\"");
    assert!(problems.contains("zoom.token_file = \"~/token\": `~` is not known here: write the home folder out"));
}

#[test]
fn k6_no_path_has_two_roles_and_the_logs_folder_is_the_logs_alone() {
    for (text, problem) in [
        (
            "[tracker]\nfile = \".zoom_refresh_token\"",
            "tracker.file = \".zoom_refresh_token\": this is the path of zoom.token_file too",
        ),
        ("[tracker]\nfile = \"x/../state.json\"", "this is the path of state.json too"),
        ("[archive]\ndirectory = \"logs\"", "archive.directory = \"logs\": this is the path of log.directory too"),
        ("[archive]\ndirectory = \"logs/a\"", "archive.directory = \"logs/a\": this is in log.directory"),
        ("[archive]\ndirectory = \"processed.csv/a\"", "one of them is a file"),
        ("[archive]\ndirectory = \".\"", "this is the path of state_dir too"),
        ("[log]\ndirectory = \".\"", "this is the path of state_dir too"),
        ("[log]\ndirectory = \"..\"", "state_dir is in this folder"),
        ("[tracker]\nfile = \"logs/processed.csv\"", "tracker.file = \"logs/processed.csv\": this is in log.directory"),
    ] {
        let problems = problems(text);
        assert!(problems.contains(problem), "{text}: {problems}");
    }
    settings(&format!("{REQUIRED}[tracker]\nfile = \"downloads/processed.csv\"\n[archive]\ndirectory = \"downloads\""));
}

// What fits together

#[test]
fn y17_cleaning_up_after_uploads_needs_uploads_of_all_parts() {
    let client = "client_id = \"id\"\nclient_secret = \"x\"";
    settings(&format!("{REQUIRED}[youtube]\nenabled = true\n{client}\n[cleanup]\ndelete_after_upload = true"));
    settings(&format!("{REQUIRED}[cleanup]\nkeep_days = 30"));
    for youtube in [String::new(), format!("[youtube]\nenabled = true\nparts = \"longest\"\n{client}\n")] {
        let problems = problems(&format!("{youtube}[cleanup]\ndelete_after_upload = true"));
        assert!(problems.contains("this needs youtube.enabled = true and youtube.parts = \"all\""), "{problems}");
    }
}

#[test]
fn publishing_needs_an_oauth_client() {
    settings(&format!("{REQUIRED}[youtube]\nenabled = true\nclient_id = \"id\"\nclient_secret = \"x\""));
    let problems = problems("[youtube]\nenabled = true");
    assert!(problems.contains("youtube.client_id") && problems.contains("youtube.client_secret"), "{problems}");
}

// What others make of the settings

#[test]
fn the_fingerprint_changes_with_what_a_full_scan_depends_on_and_with_nothing_else() {
    let of = |text: &str| settings(&format!("{REQUIRED}{text}")).scan_fingerprint();
    assert_eq!(
        of(""),
        r#"{"exclude_topics":[],"files":["video"],"lookback_days":365,"min_minutes":0,"topics":[],"users":["me"]}"#
    );
    for text in
        ["users = [\"a\"]", "[poll]\nlookback_days = 30", "[select]\ntopics = [\"x\"]", "[select]\nmin_minutes = 1"]
    {
        assert_ne!(of(text), of(""), "{text}");
    }
    assert_eq!(of("[poll]\nrecent_days = 3\n[download]\nworkers = 9"), of(""));
}

#[test]
fn k2_an_unknown_key_is_named_though_it_is_empty_and_cut_though_it_is_endless() {
    let long = "A".repeat(65_536);
    for (text, named) in [
        ("\"\" = 1\n".to_owned(), "\"\": there is no such key"),
        ("[\"\"]\nx = 1\n".to_owned(), "[\"\"]: there is no such section"),
        (format!("{long} = 1\n"), "AAA...: there is no such key"),
    ] {
        let problems = problems(&text);
        assert!(problems.contains(named), "{problems}");
        assert!(problems.len() < 500, "{} bytes", problems.len());
    }
    let of_environment = Setup::file(REQUIRED).env("ZOOM_ARCHIVER__X\nERROR fake", "1").problems();
    assert_eq!(of_environment.lines().count(), 1, "{of_environment}");
}

#[test]
fn the_summary_is_one_line() {
    let summary = settings(&format!("{REQUIRED}[select]\ntopics = [\"a\\nb\"]")).summary();
    assert!(summary.contains("users=[me] schedule=\"0 */10 * * * *\" lookback_days=365"), "{summary}");
    assert!(!summary.contains('\n'));
}

// Anything at all

fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        any::<i64>().prop_map(|number| number.to_string()),
        (0..5000i64).prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        any::<bool>().prop_map(|truth| truth.to_string()),
        "\\PC{0,30}".prop_map(|text| format!("{text:?}")),
        "[0-9]{0,22} ?(ns|s|m|h|days|years|GiB|MiB/s)".prop_map(|text| format!("{text:?}")),
        "[0-9*/, LW#-]{0,20}".prop_map(|text| format!("{text:?}")),
        "[a-z./~{}]{0,20}".prop_map(|text| format!("{text:?}")),
        "\\[(\"[a-z(*)]{0,8}\",?){0,3}\\]",
        hostile::strings().prop_map(|text| toml::Value::String(text).to_string()),
        prop::collection::vec(hostile::strings(), 0..3).prop_map(|texts| toml::Value::from(texts).to_string()),
        hostile::strings(),
    ]
}

fn any_entries() -> impl Strategy<Value = Vec<(prop::sample::Index, String)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any_value()), 0..6)
}

fn check_ranges(settings: &super::Settings) {
    assert!((1..=3650).contains(&settings.poll.lookback_days));
    assert!((1..=settings.poll.lookback_days).contains(&settings.poll.recent_days));
    assert!((1..=16).contains(&settings.download.workers.get()));
    assert!((1..=100).contains(&settings.download.attempts.get()));
    assert!((1..=3650).contains(&settings.log.keep));
    assert!(settings.youtube.daily_uploads >= 1 && settings.notify.failures >= 1);
    assert!(!settings.zoom.users.is_empty() && !settings.select.files.is_empty());
    assert!((1..=8).contains(&settings.archive.layout.components().len()));
    for path in [&settings.state_dir, &settings.archive.directory, &settings.log.directory, &settings.tracker.file] {
        assert!(path.is_absolute());
    }
    assert_eq!(settings.summary().lines().count(), 1);
}

/// That each problem names its key or its source, and takes one line.
fn check_problems(error: &ConfigError) {
    assert!(!error.problems().is_empty());
    for problem in error.problems() {
        assert!(!problem.key.is_empty() || problem.source.is_some() || problem.what.contains("no config file"));
        assert!(!problem.to_string().contains(char::is_control), "{problem:?}");
        assert!(problem.to_string().len() < 4000, "{} bytes", problem.to_string().len());
    }
}

proptest! {
    #![proptest_config(hostile::slow_config())]

    #[test]
    fn k3_k4_k8_no_file_and_no_environment_upsets_the_loader(entries in any_entries(), variables in any_entries(), noise in "\\PC{0,20}") {
        let schema = Schema::new();
        let keys: Vec<&str> = schema.keys().collect();
        let mut file = BTreeMap::from([("zoom.client_id", "\"id\"".to_owned()), ("zoom.client_secret", "\"x\"".to_owned())]);
        file.extend(entries.iter().map(|(key, value)| (*key.get(&keys), value.clone())));
        let lines: Vec<String> = file.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        let mut text = lines.concat();
        if noise.len() % 2 == 1 {
            text.push_str(&noise);
        }
        let mut setup = Setup::file(&text);
        for (key, value) in variables {
            let value = value.trim_matches('"').replace('\0', "");
            setup = setup.env(&variable(key.get::<&str>(&keys)), &value).env(&format!("ZOOM_ARCHIVER__{value}"), "1");
        }
        match setup.load() {
            Ok(loaded) => check_ranges(&loaded.settings),
            Err(error) => check_problems(&error),
        }
    }

    #[test]
    fn k7_no_bytes_at_all_upset_the_loader(bytes in hostile::bytes()) {
        check_problems(&Setup::new().with("config/zoom-archiver.toml", &bytes, 0o600).load().unwrap_err());
    }

    #[test]
    fn k2_a_key_that_there_is_not_is_named_and_so_is_its_section(key in hostile::strings(), section in hostile::strings()) {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let is_multiline = |text: &str| quoted(text).starts_with("\"\"\"") || quoted(text).starts_with("'''");
        prop_assume!(!is_multiline(&key) && !is_multiline(&section));
        let schema = Schema::new();
        prop_assume!(!schema.keys().any(|known| known == key || known.split('.').next() == Some(section.as_str())));
        let (key, section) = (quoted(&key), quoted(&section));
        for text in [format!("{key} = 1\n{REQUIRED}"), format!("{REQUIRED}[{section}]\nx = 1\n"), format!("{REQUIRED}{key} = 1\n")] {
            let error = Setup::file(&text).load().unwrap_err();
            check_problems(&error);
            prop_assert!(error.problems().iter().any(|problem| !problem.key.is_empty()), "{}", error);
        }
    }

    #[test]
    fn l6_a_secret_is_in_no_message_whatever_is_wrong_with_it(
        before in hostile::strings(),
        after in hostile::strings(),
        wrap in prop::sample::select(&["[", "", "{ x = ", "'", "\"\"\"\n", "= "][..]),
        key in prop::sample::select(&["client_secret", "client_secrt", "client_secret.x", "secret"][..]),
    ) {
        let secret = toml::Value::String(format!("{before}SECRET{after}")).to_string();
        let text = format!("[zoom]\nclient_id = \"id\"\n{key} = {wrap}{secret}\n[notify]\nurls = [{secret}]\n");
        let setup = Setup::file(&text).env("ZOOM_ARCHIVER__ZOOM__CLIENT_SECRET", &format!(" SECRET{after}"));
        match setup.load() {
            Ok(loaded) => {
                let shown = format!("{:?} {}", loaded.settings, loaded.settings.summary());
                prop_assert!(!shown.contains("SECRET"));
            }
            Err(error) => {
                check_problems(&error);
                let told = format!("{} {error:?}", error.with_lines()).replace("CLIENT_SECRET", "");
                prop_assert!(!told.contains("SECRET"), "{}", error);
            }
        }
    }
}
