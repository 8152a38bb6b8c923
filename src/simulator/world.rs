//! Who and what there is at the simulated Zoom: users, their meetings, the app's credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::{DateTime, TimeDelta, Utc};

use super::noise;
use super::record;
use super::rules::Rules;
use super::spec::{FileSpec, MeetingSpec};

/// A simulator was asked about something that isn't there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// No meeting has this uuid.
    #[error("the simulated Zoom has no meeting {0}")]
    Meeting(String),
    /// No file has this id, or is called this in the meeting asked about.
    #[error("the simulated Zoom has no file {0}")]
    File(String),
}

#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) email: String,
    /// Whether `me` means this one.
    is_me: bool,
}

impl User {
    fn named(name: &str) -> Self {
        let email = match name {
            "me" => "host@example.com".to_owned(),
            name if name.contains('@') => name.to_owned(),
            name => format!("{name}@example.com"),
        };
        let id = if name == "me" || name.contains('@') { noise::hex(noise::digest(name), 22) } else { name.to_owned() };
        Self { id, email, is_me: name == "me" }
    }

    fn answers_to(&self, name: &str) -> bool {
        self.id == name || self.email.eq_ignore_ascii_case(name) || (self.is_me && name == "me")
    }
}

/// What the simulated Zoom starts with.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) now: DateTime<Utc>,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(super) rules: Rules,
    pub(super) users: Vec<User>,
    /// Each with the place of its user.
    pub(super) meetings: Vec<(usize, MeetingSpec)>,
    /// Where it listens.
    pub(super) loopback: IpAddr,
    /// By what addresses it calls itself and its media origin, where those are not where it listens.
    pub(super) known_as: Option<[String; 2]>,
}

impl World {
    /// A Zoom without meetings, where it is `now`.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            client_id: "demo_client_id".to_owned(),
            client_secret: "SECRET-demo-client-secret".to_owned(),
            rules: Rules::default(),
            users: Vec::new(),
            meetings: Vec::new(),
            loopback: Ipv4Addr::LOCALHOST.into(),
            known_as: None,
        }
    }

    /// A year of `count` meetings of `me`, evenly spread up to three hours before `now`; each has two small videos.
    #[must_use]
    pub fn year_of_meetings(now: DateTime<Utc>, count: u32) -> Self {
        let step = TimeDelta::days(363) / i32::try_from(count.max(1)).unwrap_or(i32::MAX);
        (0..count).fold(Self::new(now).user("me"), |world, index| {
            let back = TimeDelta::hours(3) + step * i32::try_from(index).unwrap_or(i32::MAX);
            let seed = noise::nth(1, index.into());
            let uuid = match index % 25 {
                0 => format!("/{}==", noise::hex(seed, 21)),
                1 => format!("{}//{}==", noise::hex(seed, 10), noise::hex(!seed, 10)),
                2 => format!("{}/{}+{}==", noise::hex(seed, 8), noise::hex(!seed, 8), noise::hex(seed >> 1, 4)),
                _ => format!("{}==", noise::hex(seed, 22)),
            };
            let screen = if index % 2 == 0 { "shared_screen_with_gallery_view" } else { "active_speaker" };
            let meeting = MeetingSpec::new(&uuid, now - back)
                .topic(&format!("Lesson {}", count - index))
                .minutes(30 + index % 60)
                .video(screen, 4096 + seed % 32_768)
                .video("gallery_view", 4096 + (seed >> 16) % 32_768);
            world.meeting(meeting)
        })
    }

    /// The app's credentials.
    #[must_use]
    pub fn client(mut self, id: &str, secret: &str) -> Self {
        id.clone_into(&mut self.client_id);
        secret.clone_into(&mut self.client_secret);
        self
    }

    /// Changes how this Zoom behaves.
    #[must_use]
    pub fn rules(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(&mut self.rules);
        self
    }

    /// Makes it listen on IPv6 alone.
    #[must_use]
    pub fn on_ipv6(mut self) -> Self {
        self.loopback = Ipv6Addr::LOCALHOST.into();
        self
    }

    /// Makes it call itself and its media origin by these addresses: somebody stands before it.
    #[must_use]
    pub fn known_as(mut self, zoom: &str, media: &str) -> Self {
        self.known_as = Some([zoom, media].map(str::to_owned));
        self
    }

    /// Adds a user: `me`, an e-mail address or a user id. The meetings added next are theirs.
    ///
    /// Each is known by id and address too; `me` is `host@example.com`.
    #[must_use]
    pub fn user(mut self, name: &str) -> Self {
        self.users.push(User::named(name));
        self
    }

    /// Adds a meeting of the user added last; of `me` where there is none yet.
    #[must_use]
    pub fn meeting(mut self, meeting: MeetingSpec) -> Self {
        if self.users.is_empty() {
            self.users.push(User::named("me"));
        }
        self.meetings.push((self.users.len() - 1, meeting));
        self
    }

    /// Adds a meeting of a user, who is added if need be.
    pub(super) fn add_meeting(&mut self, user: &str, meeting: MeetingSpec) {
        let place = self.place_of(user).unwrap_or_else(|| {
            self.users.push(User::named(user));
            self.users.len() - 1
        });
        self.meetings.push((place, meeting));
    }

    /// Where in `users` the one of this name is.
    pub(super) fn place_of(&self, user: &str) -> Option<usize> {
        self.users.iter().position(|known| known.answers_to(user))
    }

    /// The meeting of a uuid, or the latest of a meeting number.
    pub(super) fn find_meeting(&self, id: &str) -> Option<&(usize, MeetingSpec)> {
        let by_uuid = self.meetings.iter().find(|(_, meeting)| meeting.uuid == id);
        by_uuid.or_else(|| {
            let number: u64 = id.parse().ok()?;
            self.meetings.iter().filter(|(_, meeting)| meeting.number == number).max_by_key(|(_, m)| m.start)
        })
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&MeetingSpec, &FileSpec)> {
        self.meetings.iter().flat_map(|(_, meeting)| meeting.files.iter().map(move |file| (meeting, file)))
    }

    /// The file that a download address stands for.
    pub(super) fn find_download(&self, opaque: &str) -> Option<(&MeetingSpec, &FileSpec)> {
        self.files().find(|(_, file)| record::opaque(file.key()) == opaque)
    }

    pub(super) fn find_file(&self, id: &str) -> Result<&FileSpec, Unknown> {
        let found = self.files().find(|(_, file)| file.key() == id);
        found.map(|(_, file)| file).ok_or_else(|| Unknown::File(id.to_owned()))
    }

    /// Changes the meeting of a uuid, in each listing that has it.
    pub(super) fn change_meeting(
        &mut self,
        uuid: &str,
        change: impl Fn(MeetingSpec) -> MeetingSpec,
    ) -> Result<(), Unknown> {
        let mut found = false;
        for (_, meeting) in self.meetings.iter_mut().filter(|(_, meeting)| meeting.uuid == uuid) {
            *meeting = change(meeting.clone());
            found = true;
        }
        if found { Ok(()) } else { Err(Unknown::Meeting(uuid.to_owned())) }
    }

    pub(super) fn change_file(&mut self, id: &str, change: impl Fn(FileSpec) -> FileSpec) -> Result<(), Unknown> {
        let mut found = false;
        let files = self.meetings.iter_mut().flat_map(|(_, meeting)| &mut meeting.files);
        for file in files.filter(|file| file.key() == id) {
            *file = change(file.clone());
            found = true;
        }
        if found { Ok(()) } else { Err(Unknown::File(id.to_owned())) }
    }

    pub(super) fn remove_meeting(&mut self, uuid: &str) -> Result<(), Unknown> {
        let before = self.meetings.len();
        self.meetings.retain(|(_, meeting)| meeting.uuid != uuid);
        if self.meetings.len() < before { Ok(()) } else { Err(Unknown::Meeting(uuid.to_owned())) }
    }
}
