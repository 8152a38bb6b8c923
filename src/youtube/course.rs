//! Pure: what follows from each answer of an upload's session, and when to give up.

use super::YoutubeError;
use super::answer::{Answer, Uploaded};

/// So many more bytes stored are a new start: it fails no more often than any other upload.
const PROGRESS: u64 = 1 << 20;

/// How far one upload has come, as its session says.
#[derive(Debug)]
pub(super) struct Course {
    size: u64,
    /// How many bytes the session has said it has.
    stored: u64,
    /// How many it had when failures were last forgiven.
    forgiven_at: u64,
    last: Last,
    is_renewed: bool,
}

/// What the last answer was, as far as a second one of its kind means something else.
#[derive(Debug, PartialEq, Eq)]
enum Last {
    Ordinary,
    Nonsense,
    Unnamed,
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Step {
    /// Send all bytes from this one on.
    Send(u64),
    /// Ask the session what it has.
    Ask,
    /// The same with another token.
    Renew,
    /// The same after a pause, of which there are only so many; the error is why.
    Wait(Option<YoutubeError>),
    /// It is done.
    Done(Uploaded),
    /// It is over.
    End(End),
}

/// How an upload ends without a video.
#[derive(Debug)]
pub(super) enum End {
    /// The session is gone, or says what can't be.
    Gone,
    /// There is a video, most likely, and nobody knows which.
    Unnamed,
    /// Something else is wrong than waiting a moment would mend.
    Failed(YoutubeError),
}

impl Course {
    /// An upload of which nothing is known to be stored.
    pub(super) const fn new(size: u64) -> Self {
        Self { size, stored: 0, forgiven_at: 0, last: Last::Ordinary, is_renewed: false }
    }

    /// How many bytes are stored, as far as that is known.
    pub(super) const fn stored(&self) -> u64 {
        self.stored
    }

    /// Whether so much was stored since this was last asked that failures before count no more.
    pub(super) const fn has_progressed(&mut self) -> bool {
        let has = self.stored - self.forgiven_at >= PROGRESS;
        if has {
            self.forgiven_at = self.stored;
        }
        has
    }

    /// What follows from an answer to bytes (`was_sent`), or to a question.
    pub(super) fn after(&mut self, answer: Answer, was_sent: bool) -> Step {
        let last = std::mem::replace(&mut self.last, Last::Ordinary);
        match answer {
            Answer::Uploaded(video) => Step::Done(video),
            // The bytes that it had are lost: it is not to be trusted with more, if it says so twice.
            Answer::Stored(bytes) if bytes < self.stored => self.doubt(&last),
            Answer::Stored(bytes) => {
                let more = bytes - self.stored;
                self.stored = bytes;
                self.is_renewed &= more == 0;
                // It has all but doesn't say so yet, or took next to nothing though nothing broke.
                let is_slow = bytes == self.size || was_sent && more < PROGRESS;
                if is_slow { Step::Wait(None) } else { Step::Send(bytes) }
            }
            Answer::Nonsense => self.doubt(&last),
            Answer::Unnamed if last == Last::Unnamed => Step::End(End::Unnamed),
            Answer::Unnamed => {
                self.last = Last::Unnamed;
                Step::Ask
            }
            Answer::Gone => Step::End(End::Gone),
            Answer::TokenRefused(error) if self.is_renewed => Step::End(End::Failed(error)),
            Answer::TokenRefused(_) => {
                self.is_renewed = true;
                Step::Renew
            }
            Answer::Failed(error) if error.is_transient() => {
                // Between two answers without a video, a failure says nothing.
                self.last = last;
                Step::Wait(Some(error))
            }
            Answer::Failed(error) => Step::End(End::Failed(error)),
        }
    }

    fn doubt(&mut self, last: &Last) -> Step {
        if *last == Last::Nonsense {
            return Step::End(End::Gone);
        }
        self.last = Last::Nonsense;
        Step::Ask
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    use super::*;

    const SIZE: u64 = 5 << 20;

    fn failed(status: u16) -> YoutubeError {
        YoutubeError::refused(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), b"", DateTime::default())
    }

    fn uploaded() -> Answer {
        Answer::Uploaded(Uploaded { video_id: "v".parse().unwrap(), privacy: None })
    }

    /// What follows from these answers, each to bytes where something was to be sent before, in words.
    fn steps(answers: Vec<Answer>) -> Vec<String> {
        let mut course = Course::new(SIZE);
        let mut was_sent = true;
        let mut steps = Vec::new();
        for answer in answers {
            let step = course.after(answer, was_sent);
            was_sent = matches!(step, Step::Send(_));
            steps.push(match step {
                Step::Send(from) => format!("send {from}"),
                Step::Ask => "ask".to_owned(),
                Step::Renew => "renew".to_owned(),
                Step::Wait(_) => "wait".to_owned(),
                Step::Done(_) => "done".to_owned(),
                Step::End(End::Failed(_)) => "failed".to_owned(),
                Step::End(End::Gone) => "gone".to_owned(),
                Step::End(End::Unnamed) => "unnamed".to_owned(),
            });
        }
        steps
    }

    #[test]
    fn y2_y4_what_is_stored_is_gone_on_from_wherever_it_ends() {
        assert_eq!(
            steps(vec![Answer::Stored(2 << 20), Answer::Stored((4 << 20) + 7), uploaded()]),
            ["send 2097152", "send 4194311", "done"]
        );
        assert_eq!(steps(vec![Answer::Failed(failed(503)), Answer::Stored(5), uploaded()]), ["wait", "send 5", "done"]);
    }

    #[test]
    fn y1_a_session_that_takes_nothing_is_asked_again_only_after_a_pause() {
        assert_eq!(steps(vec![Answer::Stored(0), Answer::Stored(0), Answer::Stored(1)]), ["wait", "send 0", "wait"]);
        assert_eq!(steps(vec![Answer::Stored(SIZE), Answer::Stored(SIZE), uploaded()]), ["wait", "wait", "done"]);
    }

    #[test]
    fn y3_a_session_that_says_what_cannot_be_is_asked_once_more() {
        assert_eq!(steps(vec![Answer::Nonsense, Answer::Nonsense]), ["ask", "gone"]);
        assert_eq!(steps(vec![Answer::Stored(9), Answer::Stored(5), Answer::Stored(4)]), ["wait", "ask", "gone"]);
        assert_eq!(steps(vec![Answer::Stored(9), Answer::Stored(5), Answer::Stored(9)]), ["wait", "ask", "send 9"]);
    }

    #[test]
    fn y6_a_session_that_is_gone_ends_the_upload() {
        assert_eq!(steps(vec![Answer::Gone]), ["gone"]);
    }

    #[test]
    fn y12_only_a_second_success_without_a_video_leaves_it_unknown() {
        assert_eq!(steps(vec![Answer::Unnamed, uploaded()]), ["ask", "done"]);
        assert_eq!(steps(vec![Answer::Unnamed, Answer::Unnamed]), ["ask", "unnamed"]);
        assert_eq!(
            steps(vec![Answer::Unnamed, Answer::Failed(failed(500)), Answer::Unnamed]),
            ["ask", "wait", "unnamed"]
        );
    }

    #[test]
    fn y9_one_new_token_is_had_and_another_only_after_progress() {
        let refused = || Answer::TokenRefused(failed(401));
        assert_eq!(
            steps(vec![refused(), Answer::Stored(5), refused(), Answer::Stored(9)]),
            ["renew", "send 5", "renew", "send 9"]
        );
        assert_eq!(steps(vec![refused(), Answer::Stored(0), refused()]), ["renew", "send 0", "failed"]);
        assert_eq!(steps(vec![refused(), refused()]), ["renew", "failed"]);
    }

    #[test]
    fn y10_y11_what_passes_is_waited_for_and_what_does_not_is_the_end() {
        assert_eq!(steps(vec![Answer::Failed(failed(500))]), ["wait"]);
        assert_eq!(steps(vec![Answer::Failed(failed(400))]), ["failed"]);
    }

    #[test]
    fn failures_are_forgiven_once_for_each_mebibyte_that_was_stored() {
        let mut course = Course::new(SIZE);
        let mut after = |bytes| {
            course.after(Answer::Stored(bytes), true);
            course.has_progressed()
        };
        assert_eq!([1000, 1 << 20, 1 << 20, (1 << 20) + 5, 3 << 20].map(&mut after), [false, true, false, false, true]);
    }
}
