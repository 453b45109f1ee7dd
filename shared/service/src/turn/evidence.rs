//! What a failed process leaves behind, for the people who have to mend it.

use slipway_domain::promotion::{Failure, Promotion};

use super::records::Records;
use crate::mask;
use crate::ports::{Cluster, Namespace, RolloutInput};

/// The last lines that are kept.
const LINES: usize = 100;
/// All of them together, in bytes.
const BYTES: usize = 64 * 1024;

/// What the cluster said about the process: the newest are kept, each up to so many bytes.
const EVENTS: usize = 20;
const EVENT_BYTES: usize = 1024;

/// Adds the last log lines of the process that failed and what the cluster said about it, with the release's values
/// masked. Evidence is never worth a failed step: what cannot be had is left out.
pub(super) async fn gather(
    records: &dyn Records,
    cluster: &dyn Cluster,
    input: &RolloutInput,
    namespace: &Namespace,
    promotion: &Promotion,
    failure: &mut Failure,
) {
    let (Some(process), Some(service)) = (&failure.process, &failure.service) else { return };
    let Ok(template) = records.template(input, &promotion.to, service).await else {
        // What a process said last cannot be masked without the values.
        if let Some(exit) = &mut failure.exit {
            exit.message.clear();
        }
        return;
    };
    let values = mask::secrets(&template);
    failure.message = mask::mask(&failure.message, values.iter().copied());
    if let Some(exit) = &mut failure.exit {
        exit.message = mask::mask(&exit.message, values.iter().copied());
    }
    let masked = |lines: Vec<String>| lines.into_iter().map(|line| mask::mask(&line, values.iter().copied())).collect();
    if let Ok(events) = cluster.events(namespace, process).await {
        failure.events = latest(masked(events));
    }
    if let Ok(lines) = cluster.tail(namespace, process, LINES).await {
        failure.log = mask::newest(masked(lines), LINES, BYTES);
    }
}

fn latest(mut events: Vec<String>) -> Vec<String> {
    events.drain(..events.len().saturating_sub(EVENTS));
    for event in &mut events {
        event.truncate(event.floor_char_boundary(EVENT_BYTES));
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_events_are_kept_and_none_is_long() {
        let events: Vec<String> = (0..30).map(|number| format!("{number} {}", "ä".repeat(1000))).collect();
        let kept = latest(events);
        assert_eq!(kept.len(), 20);
        assert!(kept[0].starts_with("10 ") && kept[19].starts_with("29 "));
        assert!(kept.iter().all(|event| event.len() <= EVENT_BYTES && event.len() > EVENT_BYTES - 2));
    }
}
