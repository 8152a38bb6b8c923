//! Cleaning up: recordings are removed from this machine, as `[cleanup]` says, and never anything that isn't known to be
//! archived.
//!
//! - `choose`: pure; which files of a meeting go, and what keeps them here
//! - `remove`: removes exactly those, and keeps account of it
//! - here: the worker. After each poll that went well, one round over the archive, beside all else
//! - `by_hand`: the same for the command `cleanup`, which polls first
//!
//! A round asks YouTube once more for the videos of what it is about to remove. Each meeting is one call on the ledger, in
//! which everything that speaks for the removal is looked at again.

mod by_hand;
mod choose;
mod remove;

use std::collections::{HashMap, HashSet};
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

pub use self::by_hand::{Refusal, clean_up};
use self::choose::Sent;
pub use self::choose::Why;
pub use self::remove::{Cleaned, Staying};
use self::remove::{Prospect, Terms};
use super::Pipeline;
use super::publish::{Publisher, words_of};
use super::record::Ledger;
use crate::chain::chain;
use crate::clock::{self, Reading};
use crate::config::Settings;
use crate::disk;
use crate::meeting::{ByteCount, MeetingUuid};
use crate::youtube::unfinished::UploadsFolder;
use crate::youtube::{Processing, Video, Youtube, YoutubeError};

/// Videos that are asked about at once, for as many meetings: the answer is to be fresh when their files go.
const AT_ONCE: usize = 50;

/// The worker's part of the pipeline.
#[derive(Debug)]
pub(super) struct Cleaner {
    janitor: Arc<Janitor>,
    tasks: JoinSet<Round>,
    /// The poll after which a round is due.
    due: Option<GoodPoll>,
    /// Ends the round under way.
    halt: CancellationToken,
}

/// A poll that covered all that it should.
#[derive(Clone, Copy, Debug)]
pub(super) struct GoodPoll {
    /// Zoom's clock, where its answers had a date.
    pub(super) clock: Option<Reading>,
}

/// Does rounds.
#[derive(Debug)]
struct Janitor {
    settings: Arc<Settings>,
    ledger: Arc<Mutex<Ledger>>,
    uploads: UploadsFolder,
    youtube: Option<Youtube>,
    /// What was said already.
    said: Mutex<HashSet<String>>,
}

/// What a round has come to.
#[derive(Debug, Default)]
pub struct Round {
    /// What went, or would go.
    pub cleaned: Vec<Cleaned>,
    /// What stays, where that is worth a word.
    pub staying: Vec<Staying>,
    /// What kept files from going that should have gone.
    pub problems: Vec<String>,
    /// What kept others, and is no failure of this program's: another file in the place, say.
    pub left: Vec<String>,
    /// Why YouTube could not be asked.
    pub unauthorized: Option<YoutubeError>,
    /// Whether it was stopped with work left.
    pub is_interrupted: bool,
}

impl Round {
    /// Files that went, or would go.
    #[must_use]
    pub fn files(&self) -> usize {
        self.cleaned.iter().map(|cleaned| cleaned.files).sum()
    }

    /// Their size.
    #[must_use]
    pub fn size(&self) -> ByteCount {
        self.cleaned.iter().map(|cleaned| cleaned.size).sum()
    }
}

impl Cleaner {
    pub(super) fn new(settings: &Arc<Settings>, ledger: &Arc<Mutex<Ledger>>, stop: &CancellationToken) -> Self {
        let janitor = Janitor::new(Arc::clone(settings), Arc::clone(ledger), None);
        Self { janitor: Arc::new(janitor), tasks: JoinSet::new(), due: None, halt: stop.child_token() }
    }

    /// The same, with the YouTube that is to be asked.
    pub(super) fn asking(&mut self, youtube: Youtube) {
        let Janitor { settings, ledger, .. } = &*self.janitor;
        self.janitor = Arc::new(Janitor::new(Arc::clone(settings), Arc::clone(ledger), Some(youtube)));
    }

    pub(super) fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.due.is_none()
    }

    /// Waits for the end of the round under way, if there is one.
    pub(super) async fn land(&mut self) {
        self.due = None;
        self.halt.cancel();
        while self.tasks.join_next().await.is_some() {}
    }

    /// Ends the round under way where it stands.
    pub(super) async fn abort(&mut self) {
        self.tasks.shutdown().await;
    }
}

/// Waits until a round ends; for ever where none is under way. Cancel-safe.
pub(super) async fn next_ended(cleaner: &mut Cleaner) -> Result<Round, JoinError> {
    match cleaner.tasks.join_next().await {
        Some(ended) => ended,
        None => pending().await,
    }
}

impl Pipeline {
    /// A poll has ended. After a good one a round is due; after any other none, and the one under way ends early.
    pub(super) fn poll_allows_cleanup(&mut self, poll: Option<GoodPoll>) {
        self.cleaner.due = poll;
        if poll.is_none() {
            self.cleaner.halt.cancel();
        }
    }

    /// Begins a round, if one is due. A run that ends by itself leaves that to its end.
    pub(super) fn start_cleanup(&mut self) {
        let is_asking = self.publisher.as_ref().is_some_and(Publisher::is_asking);
        let is_busy = self.eager && !self.is_done_but_for_cleanup();
        if self.stop.is_cancelled() || !self.cleaner.tasks.is_empty() || is_asking || is_busy {
            return;
        }
        let Some(poll) = self.cleaner.due.take() else { return };
        self.cleaner.halt = self.stop.child_token();
        let (janitor, halt) = (Arc::clone(&self.cleaner.janitor), self.cleaner.halt.clone());
        let in_hand = self.work.keys().cloned().collect();
        self.cleaner.tasks.spawn(async move { janitor.round(poll, janitor.terms(in_hand, false), &halt).await });
    }

    pub(super) async fn cleanup_ended(&mut self, ended: Result<Round, JoinError>) {
        let Ok(round) = ended else {
            return tracing::error!("a bug in cleaning up; the log has the panic");
        };
        for problem in round.problems {
            self.fail(problem);
        }
        self.save_state().await;
    }
}

impl Janitor {
    fn new(settings: Arc<Settings>, ledger: Arc<Mutex<Ledger>>, youtube: Option<Youtube>) -> Self {
        let uploads = UploadsFolder::below(&settings.state_dir);
        Self { settings, ledger, uploads, youtube, said: Mutex::default() }
    }

    fn terms(&self, in_hand: HashSet<MeetingUuid>, is_dry: bool) -> Arc<Terms> {
        Arc::new(Terms { uploads: self.uploads.clone(), in_hand, is_dry })
    }

    /// Goes over the archive once. Ends early, between two meetings, once `stop` is cancelled.
    async fn round(&self, poll: GoodPoll, terms: Arc<Terms>, stop: &CancellationToken) -> Round {
        let mut round = Round::default();
        let (with, now) = (Arc::clone(&terms), clock::now());
        let prospect = match self.with_ledger(move |ledger| ledger.cleanup_prospect(&with, now)).await {
            Ok(prospect) => prospect,
            Err(error) => {
                self.fails(&mut round, format!("no local files are removed: {}", chain(&error)));
                return round;
            }
        };
        let Prospect { going, staying, recorded } = prospect;
        round.staying = staying;
        for meeting in recorded {
            tracing::info!(%meeting, "the local files of the meeting were removed; it is recorded as cleaned");
        }
        if going.is_empty() {
            return round;
        }
        if let Err(words) = self.judge_clock(poll) {
            round.left.push(words);
            return round;
        }
        for group in in_groups(going) {
            let answer = match self.ask(&group, stop).await {
                Ok(answer) => answer,
                Err(error) => {
                    self.could_not_ask(&mut round, error);
                    continue;
                }
            };
            for (uuid, videos) in group {
                if stop.is_cancelled() {
                    round.is_interrupted = true;
                    return round;
                }
                // The machine may have slept, or its clock been set.
                if let Err(words) = self.judge_clock(poll) {
                    round.left.push(words);
                    return round;
                }
                if self.are_there(&mut round, &videos, &answer, &terms).await {
                    self.clean(&mut round, uuid, videos, Arc::clone(&terms)).await;
                }
            }
        }
        if !terms.is_dry && round.files() > 0 {
            let meetings = round.cleaned.iter().filter(|cleaned| cleaned.files > 0).count();
            tracing::info!(meetings, files = round.files(), size = %round.size(), "cleaned up");
        }
        round
    }

    /// Removes the files of one meeting.
    async fn clean(&self, round: &mut Round, uuid: MeetingUuid, videos: Vec<Sent>, terms: Arc<Terms>) {
        let (meeting, now, is_dry) = (uuid.clone(), clock::now(), terms.is_dry);
        let is_there = move |sent: &Sent| videos.contains(sent);
        let cleaned = self.with_ledger(move |ledger| ledger.clean(&uuid, is_there, &terms, now)).await;
        let mut cleaned = match cleaned {
            Ok(Some(cleaned)) => cleaned,
            Ok(None) => return,
            Err(error) => {
                return self.fails(round, format!("{meeting}: its local files are not removed: {}", chain(&error)));
            }
        };
        let folder = &cleaned.folder;
        for (name, strange) in &cleaned.strange {
            let words = format!("{folder}/{name} is not removed: {strange}; look at it, and remove it yourself");
            if self.is_new(&words) && !is_dry {
                tracing::warn!(%meeting, "{words}");
            }
            round.left.push(words);
        }
        if let Some(problem) = cleaned.problem.take() {
            let words = chain(&problem);
            self.fails(round, format!("{folder}: its files could not all be removed: {words}; it is tried again"));
        }
        if cleaned.files > 0 && !is_dry {
            let (files, size, why) = (cleaned.files, cleaned.size, cleaned.why);
            tracing::info!(%meeting, %folder, files, %size, "local files are removed: {why}");
        }
        round.cleaned.push(cleaned);
    }

    /// Asks YouTube for the videos of some meetings.
    async fn ask(&self, group: &[(MeetingUuid, Vec<Sent>)], stop: &CancellationToken) -> Result<Answer, YoutubeError> {
        let sent = group.iter().flat_map(|(_, videos)| videos);
        let ids: Vec<_> = sent.filter_map(|sent| sent.video.parse().ok()).collect();
        let Some(youtube) = self.youtube.as_ref().filter(|_| !ids.is_empty()) else { return Ok(Answer::default()) };
        let videos = youtube.videos(&ids, stop).await?;
        Ok(Answer {
            asked: ids.into_iter().map(String::from).collect(),
            shown: videos.into_iter().map(|video| (video.id.as_str().to_owned(), video)).collect(),
        })
    }

    /// Whether YouTube has just shown all these videos, each made of all its file. What it has not is said, once.
    async fn are_there(&self, round: &mut Round, videos: &[Sent], answer: &Answer, terms: &Terms) -> bool {
        let mut are_all_there = true;
        for sent in videos {
            let words = match answer.verdict(sent) {
                Verdict::There => continue,
                Verdict::NotYet => None,
                Verdict::Other(words) => Some(words),
                Verdict::Lost(words) => {
                    let (id, why) = (sent.video.clone(), words.clone());
                    if !terms.is_dry {
                        self.with_ledger(move |ledger| ledger.note_lost(id, why)).await;
                    }
                    Some(words)
                }
            };
            are_all_there = false;
            if let Some(words) = words {
                let words = format!("the files of the video {} stay on this machine: {words}", sent.video);
                if terms.is_dry {
                    round.left.push(words);
                } else {
                    self.fails(round, words);
                }
            }
        }
        are_all_there
    }

    /// Looks whether this machine's clock and Zoom's agree: the age of files is told by the one.
    fn judge_clock(&self, poll: GoodPoll) -> Result<(), String> {
        let remedy = "let the machine get its time from the network (timedatectl set-ntp true)";
        let here = clock::now();
        let words = match poll.clock.map(|clock| clock.now()) {
            Some(there) if clock::agree(here, there) => {
                self.forget(CLOCK);
                return Ok(());
            }
            Some(there) => format!(
                "no local files are removed: the clock of this machine shows {}, and Zoom's {}; {remedy}",
                here.format("%Y-%m-%d %H:%M UTC"),
                there.format("%Y-%m-%d %H:%M UTC")
            ),
            None => {
                "no local files are removed: Zoom's answers have no date to compare the clock of this machine with; \
                     a proxy may have taken it away"
                    .to_owned()
            }
        };
        if self.is_new(CLOCK) {
            tracing::warn!("{words}");
        }
        Err(words)
    }

    fn could_not_ask(&self, round: &mut Round, error: YoutubeError) {
        if error.is_stopping() {
            round.is_interrupted = true;
            return;
        }
        let remedy = error.remedy().map(|remedy| format!("; {remedy}")).unwrap_or_default();
        let words =
            format!("what YouTube has can't be looked at before local files are removed: {}{remedy}", chain(&error));
        if self.is_new(&words) {
            tracing::warn!("{words}");
        }
        round.left.push(words);
        if error.needs_authorization() {
            round.unauthorized = Some(error);
        }
    }

    /// Says a problem, once as long as it stays the same.
    fn fails(&self, round: &mut Round, words: String) {
        if self.is_new(&words) {
            tracing::error!("{words}");
        }
        round.problems.push(words);
    }

    /// Whether this wasn't said yet.
    fn is_new(&self, words: &str) -> bool {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(words.to_owned())
    }

    fn forget(&self, words: &str) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).remove(words);
    }

    async fn with_ledger<T: Send + 'static>(&self, act: impl FnOnce(&mut Ledger) -> T + Send + 'static) -> T {
        let ledger = Arc::clone(&self.ledger);
        disk::blocking(move || act(&mut ledger.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

/// What is said of the clock, whatever it shows.
const CLOCK: &str = "the clock";

impl Ledger {
    /// Notes that YouTube has a video no more, or has made nothing of it.
    fn note_lost(&mut self, video: String, why: String) {
        self.is_state_changed = true;
        self.state.uploads.lost.insert(video, why);
    }
}

/// Meetings in groups whose videos can be asked for at once.
fn in_groups(going: Vec<(MeetingUuid, Vec<Sent>)>) -> Vec<Vec<(MeetingUuid, Vec<Sent>)>> {
    let mut groups: Vec<Vec<_>> = Vec::new();
    let mut room = 0;
    // Those that need none have no part in what goes wrong with YouTube.
    let (without, with): (Vec<_>, Vec<_>) = going.into_iter().partition(|(_, videos)| videos.is_empty());
    groups.push(without);
    for meeting in with {
        let count = meeting.1.len();
        if let Some(group) = groups.last_mut().filter(|_| count <= room) {
            room -= count;
            group.push(meeting);
        } else {
            room = AT_ONCE.saturating_sub(count);
            groups.push(vec![meeting]);
        }
    }
    groups
}

/// What YouTube was asked for, and what it shows of it.
#[derive(Debug, Default)]
struct Answer {
    asked: HashSet<String>,
    shown: HashMap<String, Video>,
}

impl Answer {
    fn verdict(&self, sent: &Sent) -> Verdict {
        // Of what wasn't asked for, nothing is known.
        if self.asked.contains(&sent.video) { judge(sent, self.shown.get(&sent.video)) } else { Verdict::NotYet }
    }
}

/// What that says of a video.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    There,
    NotYet,
    /// It is not of the file.
    Other(String),
    /// Nobody will ever watch it.
    Lost(String),
}

fn judge(sent: &Sent, shown: Option<&Video>) -> Verdict {
    let Some(video) = shown else {
        let remedy = "send its meeting again, or remove them yourself";
        return Verdict::Lost(format!("YouTube shows it no more; {remedy}"));
    };
    match (&video.processing, video.file_size) {
        (Processing::Done, Some(size)) if size != sent.size => {
            Verdict::Other(format!("YouTube has {} bytes of it, and the file had {}", size.0, sent.size.0))
        }
        (Processing::Done, _) => Verdict::There,
        (processing, _) => words_of(processing).map_or(Verdict::NotYet, Verdict::Lost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(processing: Processing, size: Option<u64>) -> Video {
        Video {
            id: "dQw4w9WgXcQ".parse().unwrap(),
            processing,
            privacy: None,
            title: String::new(),
            tags: Vec::new(),
            file_name: None,
            file_size: size.map(ByteCount),
        }
    }

    #[test]
    fn y14_only_a_video_that_is_processed_and_made_of_all_its_file_is_there() {
        let sent = Sent { video: "dQw4w9WgXcQ".to_owned(), size: ByteCount(1000) };
        let of = |processing, size| judge(&sent, Some(&video(processing, size)));
        assert_eq!(of(Processing::Done, Some(1000)), Verdict::There);
        assert_eq!(of(Processing::Done, None), Verdict::There);
        assert!(matches!(of(Processing::Done, Some(999)), Verdict::Other(_)));
        assert_eq!(of(Processing::Going, Some(1000)), Verdict::NotYet);
        for ended in
            [Processing::Deleted, Processing::Failed("codec".to_owned()), Processing::Rejected("length".to_owned())]
        {
            assert!(matches!(of(ended, Some(1000)), Verdict::Lost(_)));
        }
        assert!(matches!(judge(&sent, None), Verdict::Lost(_)));
    }

    #[test]
    fn a_group_has_no_more_videos_than_can_be_asked_for_at_once_and_each_meeting_is_in_one() {
        let meeting = |n: usize, videos: usize| {
            let sent = Sent { video: format!("v{n}"), size: ByteCount(1) };
            (format!("m{n}==").parse::<MeetingUuid>().unwrap(), vec![sent; videos])
        };
        let counts = [0, 20, 30, 1, 0, 49, 2, 70];
        let groups = in_groups(counts.iter().enumerate().map(|(n, count)| meeting(n, *count)).collect());
        let of_groups: Vec<usize> =
            groups.iter().map(|group| group.iter().map(|(_, videos)| videos.len()).sum()).collect();
        assert_eq!(of_groups, [0, 50, 50, 2, 70]);
        assert_eq!(groups.iter().map(Vec::len).sum::<usize>(), counts.len());
    }
}
