//! Kill -9 before each call: nothing is lost, nothing doubled, no name ever wrong.

use std::collections::BTreeMap;

use futures::StreamExt;
use zoom_archiver::simulator::{Credential, Endpoint, Simulator};

use super::{calls_of_a_run, service_after_it, zoom};
use crate::support::meddling::Meddling;
use crate::support::{Service, tell};

/// Kills at a time.
const AT_ONCE: usize = 3;

/// What became of one kill.
struct Kill {
    /// The call before which it came; none where the run had come to its end before.
    call: Option<String>,
    /// Whether Zoom had given a new token that was not on the disk yet.
    is_token_lost: bool,
    /// Final names with other bytes than they should have, before the next start.
    wrong: usize,
    /// What the next start did not make up for, and what is there twice after it.
    lost: usize,
    doubled: usize,
}

/// What the sweep has come to, in figures.
#[derive(Default)]
struct Table {
    swept: usize,
    kills: usize,
    restarts: usize,
    lost: usize,
    doubled: usize,
    wrong: usize,
    tokens_lost_before: BTreeMap<String, usize>,
}

impl Table {
    fn add(&mut self, kill: Kill) {
        self.swept += 1;
        self.lost += kill.lost;
        self.doubled += kill.doubled;
        self.wrong += kill.wrong;
        let Some(call) = kill.call else { return };
        self.kills += 1;
        self.restarts += 1 + usize::from(kill.is_token_lost);
        if kill.is_token_lost {
            *self.tokens_lost_before.entry(call).or_default() += 1;
        }
    }

    fn tell(&self, calls: usize) {
        let tokens_lost = self.tokens_lost_before.values().sum();
        for (what, count) in [
            ("calls of a run", calls),
            ("calls swept", self.swept),
            ("kills", self.kills),
            ("restarts", self.restarts),
            ("recordings lost", self.lost),
            ("recordings doubled", self.doubled),
            ("final names ever wrong", self.wrong),
            ("tokens lost between Zoom's answer and the disk", tokens_lost),
        ] {
            tell(&format!("the sweep of kills: {what:<48} {count:>4}"));
        }
        for (call, times) in &self.tokens_lost_before {
            tell(&format!("the sweep of kills:     before {call:<41} {times:>4}"));
        }
    }
}

/// Whether Zoom has given a token that is not in the file. In that window nothing may be done with the new one.
fn is_token_lost(zoom: &Simulator, service: &Service) -> bool {
    let is_lost = !service.holds_the_token(zoom);
    let journal = zoom.journal();
    let used = journal.entries().filter(|entry| entry.endpoint != Endpoint::Token);
    let used = used.filter(|entry| entry.authorization == Credential::Valid).count();
    assert!(!is_lost || used == 0, "a token is on the disk before it is used for anything");
    is_lost
}

/// Names without what is random in them.
fn plain(call: &str) -> String {
    match call.split_once(".zoom_refresh_token.") {
        Some((before, _)) if !call.contains("lock") => format!("{before}.zoom_refresh_token.*.part"),
        _ => call.to_owned(),
    }
}

async fn kill_before(call: usize) -> Kill {
    let zoom = zoom(false).await;
    let service = service_after_it(&zoom, &std::env::temp_dir()).await;

    let ended = service.start_meddled(Meddling::KillBefore(call), &["once"]).ended().await;

    if ended.code.is_some() {
        ended.with(0);
        service.keeps_its_promises(&zoom).await;
        return Kill { call: None, is_token_lost: false, wrong: 0, lost: 0, doubled: 0 };
    }
    let call = service.calls().pop().map(|call| plain(&call));
    let wrong = service.wrong_names(&zoom).len();
    let is_token_lost = go_on_after_a_kill(&zoom, &service).await;
    let (lost, doubled) = (service.lost(&zoom).len(), service.doubled(&zoom).len());
    service.keeps_its_promises(&zoom).await;
    Kill { call, is_token_lost, wrong, lost, doubled }
}

/// Starts again after a kill, and looks whether anything that was whole is fetched a second time; whether a new token was
/// lost, so that the app had to be authorized again.
pub(super) async fn go_on_after_a_kill(zoom: &Simulator, service: &Service) -> bool {
    service.tells_no_lie(zoom);
    let is_token_lost = is_token_lost(zoom, service);
    if is_token_lost {
        service.once().await.with(3);
        service.write_token(&zoom.authorize_again());
    }
    let whole = service.whole_files();
    let before = zoom.journal().entries().count();
    service.once().await.with(0);
    let journal = zoom.journal();
    let fetched = journal.entries().skip(before).filter(|entry| entry.endpoint == Endpoint::Media);
    let again: Vec<_> = fetched.filter_map(|entry| entry.file.as_ref()).filter(|id| whole.contains(id)).collect();
    assert_eq!(again, Vec::<&String>::new(), "what was whole before is not fetched again");
    is_token_lost
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p1_p3_p4_p5_killed_before_any_call_the_next_start_loses_and_doubles_nothing() {
    let Some(calls) = calls_of_a_run().await else { return };
    let mut table = Table::default();
    // Runs differ by a few calls: the last ones may come after the end of some.
    let mut kills = futures::stream::iter((1..=calls + 5).map(kill_before)).buffer_unordered(AT_ONCE);
    while let Some(kill) = kills.next().await {
        table.add(kill);
    }
    table.tell(calls);
    assert!(table.kills >= table.swept * 9 / 10, "the sweep is of the calls that a run makes");
    assert_eq!([table.lost, table.doubled, table.wrong], [0; 3]);
    // `keeps_its_promises` was checked after each kill.
}
