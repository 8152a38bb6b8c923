//! `notify --test`: a message to every address, to see that it arrives.

use tokio_util::sync::CancellationToken;

use super::signals::{Hangup, attend};
use super::{print, setup};
use crate::chain::chain;
use crate::cli::Global;
use crate::clock;
use crate::notify::{Delivery, Message, machine};
use crate::report::Failure;

/// Sends a test message to every address of `notify.urls`, and says what became of each.
pub(super) fn test(global: &Global) -> Result<(), Failure> {
    let (loaded, _) = setup::settings(global)?;
    let Some(notifier) = setup::notifier(&loaded.settings)? else {
        return Err(Failure::NobodyToNotify);
    };
    let work = async |stop: &CancellationToken| {
        let message = Message::test(&machine());
        let marks = notifier.marks();
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(Failure::Interrupted),
            deliveries = notifier.deliver(&message, &marks, clock::now()) => conclude(&deliveries),
        }
    };
    attend(Hangup::Stops, work)
}

fn conclude(deliveries: &[Delivery]) -> Result<(), Failure> {
    let (mut lines, mut failures) = (String::new(), Vec::new());
    let ok = print::painted(print::GOOD, "ok");
    for Delivery { host, result, .. } in deliveries {
        match result {
            Ok(()) => lines.extend([&ok, "  ", host, " took the message\n"]),
            Err(error) => {
                let remedy = error.remedy().map(|remedy| format!("; {remedy}")).unwrap_or_default();
                failures.push(format!("the message did not arrive: {}{remedy}", chain(error)));
            }
        }
    }
    print::text(&lines)?;
    if failures.is_empty() { Ok(()) } else { Err(Failure::Incomplete(failures)) }
}
