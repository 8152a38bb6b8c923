//! Finds the sources of the settings, and the order in which they count.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::files::SettingsFile;
use super::layers::{Layer, Schema, lookup, merge};
use super::problem::{ConfigError, Problem};
use super::quote::Quotes;
use super::reader::{Reader, absolute};
use super::{Settings, sections};

/// Where a config file is looked for below the working directory.
const LOCAL: &str = "config/zoom-archiver.toml";
/// Where the system's config file is.
const SYSTEM: &str = "/etc/zoom-archiver/config.toml";

/// Where settings may come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file that `--config` names.
    pub config: Option<PathBuf>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// The working directory; absolute.
    pub working_dir: PathBuf,
}

impl Sources {
    /// Those of this process. `config` is the file that `--config` names.
    #[must_use]
    pub fn of_process(config: Option<PathBuf>) -> Self {
        // What isn't UTF-8 in a variable of ours is found by its replacement character, and refused.
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        // Without a working directory (it was removed), relative paths fail one by one, with their names.
        let working_dir = std::env::current_dir().unwrap_or_default();
        Self { config, environment, working_dir }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Settings that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// The config file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// What isn't wrong, but should be known: each a sentence with its remedy.
    pub warnings: Vec<String>,
}

/// Reads all sources and checks what they say.
///
/// # Errors
/// [`ConfigError`] with everything that is wrong; a config file that can't be read as TOML comes alone.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    let schema = Schema::new();
    let file = find_file(sources)?;
    read(sources, &schema, file.as_ref()).map_err(|error| {
        let quotes = file.as_ref().and_then(|file| Quotes::of(&schema, file));
        error.quoting(|problem| quotes.as_ref()?.quote(problem))
    })
}

fn read(sources: &Sources, schema: &Schema, file: Option<&SettingsFile>) -> Result<Loaded, ConfigError> {
    let mut problems = Vec::new();
    let from_file = match file {
        Some(file) => {
            file.check_owner_alone_writes()?;
            schema.file(&file.path, &file.bytes, &mut problems)?
        }
        None => Layer::default(),
    };
    let mut warnings = Vec::new();
    if let Some(file) = file
        && schema.secrets().any(|key| from_file.has_value(key))
    {
        warnings.extend(file.others_may_read());
    }
    let credentials = read_credentials(sources, schema, &mut problems);
    let tree = merge([
        schema.defaults(),
        schema.prototype(&sources.environment, &mut problems),
        from_file,
        schema.environment(&sources.environment, &mut problems),
        schema.credentials(&credentials, &mut problems),
    ]);
    if file.is_none() && lookup(&tree, "zoom.client_id").is_none() && lookup(&tree, "zoom.client_secret").is_none() {
        problems.insert(0, no_file(sources));
        return Err(ConfigError::new(problems));
    }

    let path = file.map(|file| file.path.clone());
    let mut reader = Reader::new(schema, &tree, problems);
    let state_dir = state_dir(&mut reader, sources, path.as_deref());
    let settings = sections::settings(&mut reader, state_dir);
    let (problems, doubts) = reader.finish();
    warnings.extend(doubts);
    if problems.is_empty() { Ok(Loaded { settings, file: path, warnings }) } else { Err(ConfigError::new(problems)) }
}

/// The config file: the one that is named, else the first one there.
///
/// One that this user can't even see is no reason not to use the next: the service's user is not let into the home folder
/// from which somebody calls it.
fn find_file(sources: &Sources) -> Result<Option<SettingsFile>, ConfigError> {
    let named = sources.config.as_deref().or_else(|| sources.variable("ZOOM_ARCHIVER_CONFIG").map(Path::new));
    let candidates = named.map_or_else(|| vec![Path::new(LOCAL), Path::new(SYSTEM)], |named| vec![named]);
    let mut unseen = None;
    for candidate in candidates {
        let path = sources.working_dir.join(candidate);
        let error = match SettingsFile::read(&path) {
            Ok(file) => return Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => continue,
            Err(error) => error,
        };
        let problem = Problem::of_source(path.display().to_string(), format!("cannot read the config file: {error}"));
        if error.kind() != ErrorKind::PermissionDenied {
            return Err(problem.into());
        }
        let is_unseen = path.metadata().is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
        let denied = ConfigError::of_denied(path, problem);
        if named.is_some() || !is_unseen {
            return Err(denied);
        }
        unseen = Some(denied);
    }
    unseen.map_or(Ok(None), Err)
}

fn no_file(sources: &Sources) -> Problem {
    let local = sources.working_dir.join(LOCAL);
    let what = format!(
        "there is no config file: looked for --config, $ZOOM_ARCHIVER_CONFIG, {} and {SYSTEM}; make one with: \
         cp config/zoom-archiver.example.toml {LOCAL} (the example comes with the program's source), then fill in \
         zoom.client_id and zoom.client_secret",
        local.display()
    );
    Problem { key: String::new(), value: None, what, source: None }
}

/// The secrets that systemd handed over: files named like their keys (systemd.exec(5), "Credentials").
fn read_credentials<'a>(
    sources: &Sources,
    schema: &'a Schema,
    problems: &mut Vec<Problem>,
) -> Vec<(&'a str, String, String)> {
    let Some(folder) = sources.variable("CREDENTIALS_DIRECTORY") else { return Vec::new() };
    let mut found = Vec::new();
    for key in schema.secrets().filter(|key| key.ends_with("client_secret")) {
        let path = Path::new(folder).join(key);
        let origin = format!("credential {}", path.display());
        match SettingsFile::read(&path).map(|file| String::from_utf8(file.bytes)) {
            Ok(Ok(secret)) => {
                let line = secret.strip_suffix('\n').unwrap_or(&secret);
                found.push((key, origin, line.strip_suffix('\r').unwrap_or(line).to_owned()));
            }
            Ok(Err(_)) => problems.push(Problem::of_source(origin, "it is not UTF-8 text")),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => problems.push(Problem::of_source(origin, format!("cannot read it: {error}"))),
        }
    }
    found
}

/// The state directory: as set, else systemd's, else the working directory.
fn state_dir(reader: &mut Reader<'_>, sources: &Sources, file: Option<&Path>) -> PathBuf {
    let remedy = "with a config under /etc, this must be absolute, like \"/var/lib/zoom-archiver\"";
    let is_system = file.is_some_and(|file| file.starts_with("/etc"));
    let given = reader.given("state_dir", |path| {
        absolute(&sources.working_dir, path).map(|whole| (whole, Path::new(path).is_absolute()))
    });
    // systemd separates several by colons (systemd.exec(5), "StateDirectory").
    let from_systemd = || sources.variable("STATE_DIRECTORY").and_then(|list| list.split(':').next());
    match (given, from_systemd()) {
        (Some((path, is_absolute)), _) => {
            if is_system && !is_absolute {
                reader.refuse("state_dir", remedy);
            }
            path
        }
        (None, Some(path)) if reader.is_fine("state_dir") => sources.working_dir.join(path),
        _ => {
            if is_system && reader.is_fine("state_dir") {
                reader.refuse("state_dir", remedy);
            } else if !sources.working_dir.is_absolute() {
                reader.refuse("state_dir", "the working directory is gone; set this to an absolute path");
            }
            sources.working_dir.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The state directory, and what is wrong with it, with the system's config file.
    fn of_the_system(given: &str, environment: &[(&str, &str)]) -> (PathBuf, Vec<Problem>) {
        let variables = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let sources = Sources { config: None, environment: variables.collect(), working_dir: "/work".into() };
        let (schema, mut problems) = (Schema::new(), Vec::new());
        let file = schema.file(Path::new(SYSTEM), given.as_bytes(), &mut problems).unwrap();
        let tree = merge([schema.defaults(), file]);
        let mut reader = Reader::new(&schema, &tree, problems);
        let state_dir = state_dir(&mut reader, &sources, Some(Path::new(SYSTEM)));
        (state_dir, reader.finish().0)
    }

    #[test]
    fn with_a_config_under_etc_the_state_directory_is_absolute() {
        assert_eq!(of_the_system("state_dir = \"/var/lib/z\"", &[]), ("/var/lib/z".into(), Vec::new()));
        let systemd = [("STATE_DIRECTORY", "/var/lib/s")];
        assert_eq!(of_the_system("", &systemd), ("/var/lib/s".into(), Vec::new()));
        for (text, environment) in [("state_dir = \"z\"", &systemd[..]), ("", &[])] {
            let (_, problems) = of_the_system(text, environment);
            assert_eq!(problems.len(), 1, "{text}");
            assert!(problems[0].to_string().contains("this must be absolute"), "{}", problems[0]);
        }
    }
}
