//! The story of a promotion: events in rows, those of one turn together, and bounds of what a record may hold.

use slipway_domain::id::PromotionId;
use slipway_domain::name::AppName;
use slipway_domain::promotion::{Event, Failure, Promotion};

use crate::database::{Bound, Range};
use crate::error::{Result, Subject};
use crate::item::{self, BODY};
use crate::layout::number;
use crate::reasons::Meaning;
use crate::store::Scoped;
use crate::transaction::Transaction;

/// How many events one row holds. A turn rarely has more, and a row stays far below the limit of an item.
const EVENTS_A_ROW: usize = 40;

/// A message longer than this is cut, at a character: 40 of them fit a row.
const MAX_MESSAGE_BYTES: usize = 4 * 1024;

/// What is kept of a failure's log: its last lines.
const MAX_LOG_LINES: usize = 100;
const MAX_LOG_BYTES: usize = 64 * 1024;

impl Scoped {
    /// Events with a number above `after`, in order, at most `limit` of them.
    pub async fn events(&self, app: &AppName, promotion: &PromotionId, after: u64, limit: usize) -> Result<Vec<Event>> {
        // A row is named by its last event: the first row beyond `after` holds the event after it.
        let after_row = number(after);
        let partition = self.layout().events(app, promotion);
        let range = Range { partition, bound: Bound::After(&after_row), newest_first: false, limit };
        let mut events = Vec::new();
        for item in self.database().query(&range).await? {
            events.extend(item::record::<Vec<Event>>(Subject::Event, &item, BODY)?);
        }
        events.retain(|event| event.number > after);
        events.truncate(limit);
        Ok(events)
    }

    pub(crate) fn add_events(
        &self,
        transaction: &mut Transaction,
        promotion: &Promotion,
        events: &[Event],
    ) -> Result<()> {
        for events in events.chunks(EVENTS_A_ROW) {
            let Some(last) = events.last() else { continue };
            let key = self.layout().event_row(&promotion.app, &promotion.id, last.number);
            let events: Vec<Event> = events.iter().map(short).collect();
            let row = item::row([(BODY, item::json(Subject::Event, &events)?)]);
            transaction.seal(Subject::Event, &key, row, Meaning::Stale(Subject::Promotion))?;
        }
        Ok(())
    }
}

fn short(event: &Event) -> Event {
    let mut event = event.clone();
    event.message.truncate(event.message.floor_char_boundary(MAX_MESSAGE_BYTES));
    event
}

/// The promotion with logs that fit: the last 100 lines, at most 64 KiB of them.
pub fn bounded(promotion: &Promotion) -> Promotion {
    let mut promotion = promotion.clone();
    for failure in [&mut promotion.failure, &mut promotion.memory.waiting].into_iter().flatten() {
        bound(failure);
    }
    promotion
}

fn bound(failure: &mut Failure) {
    let mut bytes = 0;
    let fits = failure.log.iter().rev().take(MAX_LOG_LINES).take_while(|line| {
        bytes += line.len() + 1;
        bytes <= MAX_LOG_BYTES
    });
    let kept = fits.count();
    failure.log.drain(..failure.log.len() - kept);
}

#[cfg(test)]
mod tests {
    use slipway_domain::promotion::Cause;
    use slipway_domain::time::Time;

    use super::*;

    fn kept(log: Vec<String>) -> Vec<String> {
        let mut failure = Failure {
            cause: Cause::CrashLoop,
            message: String::new(),
            service: None,
            process: None,
            exit: None,
            at: Time::default(),
            log,
            events: Vec::new(),
        };
        bound(&mut failure);
        failure.log
    }

    #[test]
    fn of_a_log_the_last_lines_are_kept() {
        let lines: Vec<String> = (0..150).map(|line| line.to_string()).collect();
        assert_eq!(kept(lines.clone()), lines[50..]);
        assert_eq!(kept(lines[..100].to_vec()), lines[..100]);
        let long = "x".repeat(20 * 1024);
        assert_eq!(kept(vec![long.clone(); 5]).len(), 3);
        assert_eq!(kept(vec![long.repeat(4), "last".to_owned()]), ["last"]);
    }
}
