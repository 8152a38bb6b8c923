//! The archive on disk: which meeting owns which folder, and what is known of each.
//!
//! A folder belongs to the meeting whose uuid its `meeting.json` ([`manifest`], made of [`entry`]s) holds, for ever.
//! [`names`] makes the names, `parts` says which files belong together, [`media`] whether one is whole. What was recorded of
//! each meeting is in the [`tracker`]; whether all that is still so, [`verify`] tells.

pub mod entry;
pub mod manifest;
pub mod media;
pub mod names;
mod parts;
pub mod tracker;
pub mod verify;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use manifest::Manifest;
use names::MeetingFolder;

use crate::disk::{self, DiskError};
use crate::meeting::{FileId, MeetingUuid};

/// Name of the file by which a folder belongs to a meeting.
pub const MANIFEST: &str = "meeting.json";
/// Name of the file by which the archive folder is known: without it, its disk is not mounted.
pub const MARKER: &str = ".zoom-archiver";
/// How deep meeting folders may lie: a layout's most components, and some to spare.
const MAX_DEPTH: usize = 12;

/// What is wrong with the archive folder, or a meeting's folder in it.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A folder that was in use before has lost its marker.
    #[error("the archive folder {} is not mounted: the marker {MARKER} is not in it", .0.display())]
    NotMounted(PathBuf),
    /// A `meeting.json` that isn't JSON of ours.
    #[error("{} is damaged", path.display())]
    DamagedManifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A `meeting.json` that can't be one of ours.
    #[error("{} is not a file that this program wrote", path.display())]
    StrangeManifest {
        /// The file.
        path: PathBuf,
    },
    /// A folder on the way is a symbolic link, which may lead anywhere.
    #[error("{} is a symbolic link or no folder", .0.display())]
    NotAFolder(PathBuf),
    /// Another meeting's `meeting.json` lies in the folder that was chosen.
    #[error("{} has become the folder of another meeting", .0.display())]
    Claimed(PathBuf),
    /// A meeting that no folder was chosen for.
    #[error("no folder was chosen for the meeting {0}")]
    Unplaced(MeetingUuid),
    /// The disk refuses.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// What the archive holds of one meeting.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its folder.
    pub folder: MeetingFolder,
    /// What its `meeting.json` says, or will say.
    pub manifest: Manifest,
    /// Whether it says so already.
    is_written: bool,
}

/// The archive folder, with all that its `meeting.json` files say.
#[derive(Debug)]
pub struct Archive {
    root: PathBuf,
    /// The file system it was opened on: another one means that a disk came or went.
    device: u64,
    held: HashMap<MeetingUuid, Held>,
    /// Owners of folders, by name without regard to case, for some file systems have none.
    owners: HashMap<String, MeetingUuid>,
    /// Meetings of which something else is held than when that was last asked for.
    changed: HashSet<MeetingUuid>,
}

/// What a folder is to a meeting that could have it.
enum Tenure {
    Free,
    /// Files of a meeting, but no `meeting.json`: what an earlier program left.
    Unclaimed,
    Taken,
}

impl ArchiveError {
    /// The folder whose `meeting.json` can't be read, where it is about one.
    #[must_use]
    pub fn damaged_folder(&self) -> Option<&Path> {
        let path = match self {
            Self::DamagedManifest { path, .. } | Self::StrangeManifest { path } => path,
            Self::Disk(error) => &error.path,
            Self::NotMounted(_) | Self::NotAFolder(_) | Self::Claimed(_) | Self::Unplaced(_) => return None,
        };
        path.parent().filter(|_| path.file_name().is_some_and(|name| name == MANIFEST))
    }
}

impl Archive {
    /// Opens the archive folder and reads every `meeting.json` in it. On first use of its path (not `used_before`) it is
    /// created if need be, and marked.
    ///
    /// Damaged `meeting.json` files come back beside it: their folders are left alone.
    ///
    /// # Errors
    /// [`ArchiveError::NotMounted`] where a used path has no marker; nothing is then created or written there.
    pub fn open(root: &Path, used_before: bool) -> Result<(Self, Vec<ArchiveError>), ArchiveError> {
        let marker = root.join(MARKER);
        if used_before {
            Self::check_marker(root)?;
        } else if !marker.is_file() {
            disk::create_folder(root)?;
            disk::remove_leftovers(&marker);
            disk::replace(
                &marker,
                b"The archive of zoom-archiver. Without this file it takes the disk for unmounted.\n",
                disk::SHARED_MODE,
            )?;
        }
        Self::look_at(root)
    }

    /// Looks whether a folder that was in use before is there.
    ///
    /// # Errors
    /// [`ArchiveError::NotMounted`] where it has no marker.
    pub fn check_marker(root: &Path) -> Result<(), ArchiveError> {
        if root.join(MARKER).is_file() { Ok(()) } else { Err(ArchiveError::NotMounted(root.to_owned())) }
    }

    /// The same, for commands that only look: nothing is created, and no marker is asked for.
    ///
    /// # Errors
    /// [`ArchiveError`] where the folder can't be read; one that isn't there is empty.
    pub fn look_at(root: &Path) -> Result<(Self, Vec<ArchiveError>), ArchiveError> {
        let device = fs::metadata(root).map_or(0, |meta| meta.dev());
        let mut archive = Self {
            root: root.to_owned(),
            device,
            held: HashMap::new(),
            owners: HashMap::new(),
            changed: HashSet::new(),
        };
        let mut damage = Vec::new();
        if root.is_dir() {
            archive.scan(root, &mut Vec::new(), &mut damage)?;
        }
        Ok((archive, damage))
    }

    fn scan(
        &mut self,
        folder: &Path,
        below: &mut Vec<String>,
        damage: &mut Vec<ArchiveError>,
    ) -> Result<(), ArchiveError> {
        let names = match folders_in(folder) {
            Ok(names) => names,
            // Some folders are nobody's to read, `lost+found` for one; they are no meeting's.
            Err(error) if !below.is_empty() => {
                damage.push(error.into());
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        if !below.is_empty() {
            match Manifest::read(folder) {
                Ok(Some(manifest)) => self.remember(&below.join("/"), manifest),
                Ok(None) => {}
                Err(error) => damage.push(error),
            }
        }
        if below.len() == MAX_DEPTH {
            return Ok(());
        }
        for name in names {
            below.push(name.clone());
            self.scan(&folder.join(&name), below, damage)?;
            below.pop();
        }
        Ok(())
    }

    /// Notes a meeting's folder. Where two claim the same meeting (somebody copied one), the first by name is it.
    fn remember(&mut self, folder: &str, manifest: Manifest) {
        let Ok(folder) = folder.parse::<MeetingFolder>() else { return };
        self.owners.insert(folder.caseless(), manifest.uuid.clone());
        self.held.entry(manifest.uuid.clone()).or_insert(Held { folder, manifest, is_written: true });
    }

    /// The archive folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the folder is still the one that was opened, marker and all.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.root.join(MARKER).is_file() && fs::metadata(&self.root).is_ok_and(|meta| meta.dev() == self.device)
    }

    /// What is held of a meeting.
    #[must_use]
    pub fn held(&self, uuid: &MeetingUuid) -> Option<&Held> {
        self.held.get(uuid)
    }

    /// Everything that is held.
    pub fn iter(&self) -> impl Iterator<Item = &Held> {
        self.held.values()
    }

    /// The meeting whose `meeting.json` is in a folder, by its path in the archive.
    #[must_use]
    pub fn owner(&self, folder: &str) -> Option<&MeetingUuid> {
        self.owners.get(&folder.to_lowercase())
    }

    /// The files of a meeting that should be on the disk and aren't, or have another size than recorded.
    #[must_use]
    pub fn missing(&self, uuid: &MeetingUuid) -> HashSet<FileId> {
        let Some(held) = self.held.get(uuid) else { return HashSet::new() };
        let folder = held.folder.under(&self.root);
        let is_there = |name: &str, size: u64| {
            folder.join(name).symlink_metadata().is_ok_and(|meta| meta.is_file() && meta.len() == size)
        };
        let should_be = held.manifest.files.iter().filter(|entry| entry.state.is_on_disk());
        should_be.filter(|entry| !is_there(entry.name.as_str(), entry.size.0)).map(|entry| entry.id.clone()).collect()
    }

    /// Chooses the folder for a meeting that has none: the first of the layout's candidates that is free, or that holds
    /// files which `adopts` recognizes as this meeting's.
    ///
    /// # Errors
    /// [`ArchiveError`] where a folder can't be looked at.
    pub fn place(
        &self,
        uuid: &MeetingUuid,
        layout: &MeetingFolder,
        adopts: impl Fn(&Path) -> bool,
    ) -> Result<MeetingFolder, ArchiveError> {
        for candidate in layout.candidates() {
            match self.owners.get(&candidate.caseless()) {
                Some(owner) if owner == uuid => return Ok(candidate),
                Some(_) => continue,
                None => {}
            }
            let path = candidate.under(&self.root);
            match tenure(&path)? {
                Tenure::Free => return Ok(candidate),
                Tenure::Unclaimed if adopts(&path) => return Ok(candidate),
                Tenure::Unclaimed | Tenure::Taken => {}
            }
        }
        unreachable!("there are always more candidates")
    }

    /// Reserves a folder for a meeting, in memory, so that no other of the same plan gets it.
    pub fn reserve(&mut self, folder: MeetingFolder, manifest: Manifest) {
        self.owners.insert(folder.caseless(), manifest.uuid.clone());
        let is_written = self.held.get(&manifest.uuid).is_some_and(|held| held.is_written && held.manifest == manifest);
        self.changed.insert(manifest.uuid.clone());
        self.held.insert(manifest.uuid.clone(), Held { folder, manifest, is_written });
    }

    /// Makes a meeting's folder, durably, and writes its `meeting.json`: from then on the folder is the meeting's.
    /// Later calls replace `meeting.json` where something has changed.
    ///
    /// # Errors
    /// [`ArchiveError`]; what was there is then as it was. Where that is another meeting's `meeting.json`, this one is to be
    /// placed anew.
    pub fn write(&mut self, uuid: &MeetingUuid) -> Result<&Held, ArchiveError> {
        if !self.is_there() {
            return Err(ArchiveError::NotMounted(self.root.clone()));
        }
        let unplaced = || ArchiveError::Unplaced(uuid.clone());
        let held = self.held.get(uuid).ok_or_else(unplaced)?;
        let (folder, path) = (held.folder.clone(), held.folder.under(&self.root));
        if !held.is_written || !path.join(MANIFEST).is_file() {
            self.make(&folder)?;
            self.leave_to_its_owner(uuid, &folder)?;
            let held = self.held.get_mut(uuid).ok_or_else(unplaced)?;
            disk::remove_leftovers(&path.join(MANIFEST));
            held.manifest.write(&path)?;
            held.is_written = true;
        }
        self.held.get(uuid).ok_or_else(unplaced)
    }

    /// Makes a folder, durably, with all that it lies in.
    fn make(&self, folder: &MeetingFolder) -> Result<(), ArchiveError> {
        let mut path = self.root.clone();
        for component in folder.as_str().split('/') {
            path.push(component);
            match path.symlink_metadata() {
                Ok(meta) if meta.is_dir() => {}
                Ok(_) => return Err(ArchiveError::NotAFolder(path)),
                Err(_) => disk::create_folder(&path)?,
            }
        }
        Ok(())
    }

    /// Takes back the choice of a folder where another meeting's `meeting.json` has come to lie: to some file systems, two
    /// names that differ to us are one, with an `é` of one character or of two, say.
    fn leave_to_its_owner(&mut self, uuid: &MeetingUuid, folder: &MeetingFolder) -> Result<(), ArchiveError> {
        let path = folder.under(&self.root);
        match Manifest::read(&path) {
            Ok(Some(other)) if other.uuid != *uuid => {
                self.held.remove(uuid);
                self.changed.insert(other.uuid.clone());
                self.remember(folder.as_str(), other);
                Err(ArchiveError::Claimed(path))
            }
            _ => Ok(()),
        }
    }

    /// Takes over the reservations of an earlier view of the same folder, whose disk has come back: their meetings may be
    /// about to be fetched.
    #[must_use]
    pub fn with_reservations_of(mut self, earlier: Self) -> Self {
        for (uuid, held) in earlier.held {
            let is_free = !self.owners.contains_key(&held.folder.caseless());
            if is_free && !held.is_written && !self.held.contains_key(&uuid) {
                self.reserve(held.folder, held.manifest);
            }
        }
        self
    }

    /// Takes over what a meeting's `meeting.json` says by now: others may have changed it since the archive was opened.
    /// Whether it is still there, and the meeting's.
    ///
    /// # Errors
    /// [`ArchiveError`] where it can't be read any more.
    pub fn look_again(&mut self, uuid: &MeetingUuid) -> Result<bool, ArchiveError> {
        let Some(held) = self.held.get_mut(uuid) else { return Ok(false) };
        match Manifest::read(&held.folder.under(&self.root))? {
            Some(manifest) if manifest.uuid == *uuid => {
                held.manifest = manifest;
                self.changed.insert(uuid.clone());
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Changes what is held of a meeting, in memory; [`Archive::write`] makes it durable.
    pub fn change(&mut self, uuid: &MeetingUuid, change: impl FnOnce(&mut Manifest)) {
        if let Some(held) = self.held.get_mut(uuid) {
            let before = held.manifest.clone();
            change(&mut held.manifest);
            held.is_written &= held.manifest == before;
            self.changed.insert(uuid.clone());
        }
    }

    /// Hands out the meetings of which something else may be held than when this was last asked.
    pub fn take_changed(&mut self) -> HashSet<MeetingUuid> {
        std::mem::take(&mut self.changed)
    }
}

/// The names of the folders in a folder, sorted; links are none.
fn folders_in(folder: &Path) -> Result<Vec<String>, DiskError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(DiskError::on("list the folder", folder))? {
        let entry = entry.map_err(DiskError::on("list the folder", folder))?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if let (true, Ok(name)) = (is_folder, entry.file_name().into_string()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Looks whether a folder that no known meeting owns may be had.
fn tenure(folder: &Path) -> Result<Tenure, ArchiveError> {
    match folder.symlink_metadata() {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => return Ok(Tenure::Taken),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Tenure::Free),
        Err(error) => return Err(DiskError::on("look at", folder)(error).into()),
    }
    let mut tenure = Tenure::Free;
    for entry in fs::read_dir(folder).map_err(DiskError::on("list the folder", folder))? {
        let entry = entry.map_err(DiskError::on("list the folder", folder))?;
        let name = entry.file_name();
        if name == MANIFEST {
            return Ok(Tenure::Taken);
        }
        if !names::is_out_of_the_way(&name.to_string_lossy()) {
            tenure = Tenure::Unclaimed;
        }
    }
    Ok(tenure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meeting::Meeting;

    fn manifest(uuid: &str) -> Manifest {
        let meeting = Meeting {
            uuid: uuid.parse().unwrap(),
            meeting_id: None,
            topic: "Class".to_owned(),
            start_time: chrono::DateTime::default(),
            timezone: None,
            duration_min: 0,
            host_id: None,
            host_email: None,
            share_url: None,
            user: "me".parse().unwrap(),
            auto_delete_date: None,
            files: Vec::new(),
        };
        Manifest::describe(&meeting, [], None)
    }

    fn layout() -> MeetingFolder {
        "2025-11-13/1401".parse().unwrap()
    }

    fn claim(archive: &mut Archive, uuid: &str) -> String {
        let manifest = manifest(uuid);
        let folder = archive.place(&manifest.uuid, &layout(), |_| false).unwrap();
        archive.reserve(folder.clone(), manifest.clone());
        archive.write(&manifest.uuid).unwrap();
        folder.into()
    }

    #[test]
    fn d7_the_folder_is_marked_on_first_use_and_taken_for_unmounted_without_its_marker() {
        let disk = tempfile::tempdir().unwrap();
        let root = disk.path().join("downloads");
        Archive::open(&root, false).unwrap();
        Archive::open(&root, true).unwrap();
        fs::remove_file(root.join(MARKER)).unwrap();
        assert!(matches!(Archive::open(&root, true), Err(ArchiveError::NotMounted(_))));
        fs::remove_dir(&root).unwrap();
        assert!(matches!(Archive::open(&root, true), Err(ArchiveError::NotMounted(_))));
        assert!(!root.exists(), "nothing is created where a disk should be mounted");
    }

    #[test]
    fn a_folder_stays_its_meetings_over_restarts_and_the_next_of_the_minute_gets_a_number() {
        let disk = tempfile::tempdir().unwrap();
        let (mut archive, _) = Archive::open(disk.path(), false).unwrap();
        assert_eq!(claim(&mut archive, "first=="), "2025-11-13/1401");
        assert_eq!(claim(&mut archive, "second=="), "2025-11-13/1401_2");
        let (mut archive, damage) = Archive::open(disk.path(), true).unwrap();
        assert!(damage.is_empty());
        assert_eq!(archive.held(&"second==".parse().unwrap()).unwrap().folder.as_str(), "2025-11-13/1401_2");
        assert_eq!(claim(&mut archive, "first=="), "2025-11-13/1401");
        assert_eq!(claim(&mut archive, "third=="), "2025-11-13/1401_3");
    }

    #[test]
    fn a_folder_with_foreign_files_is_not_taken_but_one_with_only_our_temporaries_is_free() {
        let disk = tempfile::tempdir().unwrap();
        let (mut archive, _) = Archive::open(disk.path(), false).unwrap();
        let folder = disk.path().join("2025-11-13/1401");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("gallery_view.mp4.part"), "x").unwrap();
        fs::write(folder.join("gallery_view.mp4.bad"), "x").unwrap();
        assert_eq!(claim(&mut archive, "first=="), "2025-11-13/1401");

        fs::create_dir_all(disk.path().join("2025-11-13/1401_2")).unwrap();
        fs::write(disk.path().join("2025-11-13/1401_2/holiday.mp4"), "x").unwrap();
        assert_eq!(claim(&mut archive, "second=="), "2025-11-13/1401_3");
        let third = manifest("third==");
        let adopted = archive.place(&third.uuid, &layout(), |path| path.join("holiday.mp4").is_file()).unwrap();
        assert_eq!(adopted.as_str(), "2025-11-13/1401_2");
    }

    #[test]
    fn s3_a_folder_that_has_become_another_meetings_is_left_to_it() {
        let disk = tempfile::tempdir().unwrap();
        let (mut archive, _) = Archive::open(disk.path(), false).unwrap();
        let [first, twin] = ["first==", "twin=="].map(manifest);
        archive.reserve(layout(), first.clone());
        let folder = layout().under(disk.path());
        fs::create_dir_all(&folder).unwrap();
        twin.write(&folder).unwrap();

        assert!(matches!(archive.write(&first.uuid), Err(ArchiveError::Claimed(_))));

        assert_eq!(Manifest::read(&folder).unwrap(), Some(twin));
        assert_eq!(claim(&mut archive, "first=="), "2025-11-13/1401_2");
    }

    #[test]
    fn l3_nothing_is_written_through_a_symbolic_link() {
        let disk = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let (mut archive, _) = Archive::open(disk.path(), false).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), disk.path().join("2025-11-13")).unwrap();
        let manifest = manifest("first==");
        archive.reserve(layout(), manifest.clone());
        assert!(matches!(archive.write(&manifest.uuid), Err(ArchiveError::NotAFolder(_))));
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_damaged_meeting_json_is_reported_and_its_folder_left_alone() {
        let disk = tempfile::tempdir().unwrap();
        let (mut archive, _) = Archive::open(disk.path(), false).unwrap();
        let folder = disk.path().join(claim(&mut archive, "first=="));
        fs::write(folder.join(MANIFEST), "{\"uuid\": \"fir").unwrap();
        let (mut archive, damage) = Archive::open(disk.path(), true).unwrap();
        assert!(matches!(damage[..], [ArchiveError::DamagedManifest { .. }]));
        assert_eq!(claim(&mut archive, "second=="), "2025-11-13/1401_2");
    }
}
