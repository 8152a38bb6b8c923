//! What is to go wrong with the answers to come.

use tokio_util::sync::CancellationToken;

use super::faults::{Fault, Matcher, Queue};
use super::hold::{Gate, Hold, Stop};
use super::journal::Subject;

/// Faults and holds that wait for their requests.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    faults: Queue<Fault>,
    holds: Queue<Gate>,
    /// Ends the stalls that were begun until now.
    unstall: CancellationToken,
    /// Closes the connections opened until now, once they are idle.
    idle: CancellationToken,
}

impl Troubles {
    pub(super) fn inject(&mut self, matcher: Matcher, fault: Fault) {
        self.faults.push(matcher, fault);
    }

    /// Takes back all faults that are still to come, and lets stalled answers go on.
    pub(super) fn clear_faults(&mut self) {
        self.faults.retain(|_| false);
        std::mem::take(&mut self.unstall).cancel();
    }

    pub(super) fn hold_at(&mut self, matcher: Matcher, stop: Stop) -> Hold {
        let gate = Gate::new(stop);
        self.holds.retain(|earlier| !earlier.released.is_cancelled());
        self.holds.push(matcher, gate.clone());
        Hold(gate)
    }

    pub(super) fn close_idle_connections(&mut self) {
        std::mem::take(&mut self.idle).cancel();
    }

    /// Ends a connection that begins now, as soon as nothing is being answered on it.
    pub(super) fn idle(&self) -> CancellationToken {
        self.idle.clone()
    }

    /// What is due for a request: the fault, and where its answer stops.
    pub(super) fn take(&mut self, subject: &Subject) -> (Option<Fault>, Vec<Gate>) {
        let fault = self.faults.take(subject);
        let mut gates: Vec<Gate> = self.holds.take(subject).into_iter().collect();
        let stall = match fault {
            Some(Fault::Stall { after }) => Some(Stop::AfterBytes(after)),
            Some(Fault::StallIntake { after }) => Some(Stop::AfterTaken(after)),
            _ => None,
        };
        let released = || self.unstall.clone();
        gates.extend(stall.map(|stop| Gate { released: released(), ..Gate::new(stop) }));
        (fault, gates)
    }
}
