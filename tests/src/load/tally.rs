//! What became of the requests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Failures that are kept word by word; of the others only the number.
const KEPT_FAILURES: usize = 20;

/// Counts what was sent, shared by all connections.
#[derive(Default)]
pub struct Tally {
    closed: AtomicBool,
    counts: Mutex<Counts>,
}

/// Why there was no good answer, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    Failed(String),
    /// The connection ended before the whole answer.
    Cut(String),
}

/// Everything that was counted until some moment.
#[derive(Clone, Default)]
pub struct Counts {
    pub answered: u64,
    /// Requests that were not answered with success and a whole body.
    pub failed: u64,
    /// Those of them whose connection ended before the whole answer.
    pub cut: u64,
    /// Connections that were opened.
    pub connections: u64,
    /// Answers by the id of the release.
    pub releases: BTreeMap<String, u64>,
    /// The first failures, with the time into the run at which they happened.
    pub failures: Vec<String>,
    latencies: Vec<Duration>,
    started: Option<Instant>,
    latest: Option<Instant>,
}

impl Counts {
    pub fn sent(&self) -> u64 {
        self.answered + self.failed
    }

    /// Requests a second, from the first one to the last.
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a load has fewer requests than a double counts exactly")]
        let sent = self.sent() as f64;
        if seconds > 0.0 { sent / seconds } else { 0.0 }
    }

    fn elapsed(&self) -> Duration {
        self.started.zip(self.latest).map_or(Duration::ZERO, |(started, latest)| latest - started)
    }

    /// The latency of the short requests that `percent` of them stay within.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(index).copied().unwrap_or_default()
    }

    /// What was answered after `before`, by release.
    pub fn since(&self, before: &Self) -> BTreeMap<String, u64> {
        let news = self.releases.iter().map(|(release, count)| {
            let known = before.releases.get(release).copied().unwrap_or_default();
            (release.clone(), count - known)
        });
        news.filter(|(_, count)| *count > 0).collect()
    }
}

impl Tally {
    pub fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Relaxed)
    }

    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    pub fn counts(&self) -> Counts {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn connected(&self) {
        self.lock().connections += 1;
    }

    /// `latency` of requests whose answer is not slow on purpose.
    pub fn answered(&self, release: &str, latency: Option<Duration>) {
        let mut counts = self.lock();
        counts.answered += 1;
        counts.latencies.extend(latency);
        match counts.releases.get_mut(release) {
            Some(count) => *count += 1,
            None => {
                counts.releases.insert(release.to_owned(), 1);
            }
        }
    }

    /// `what` was asked for.
    pub fn lost(&self, what: &str, loss: &Loss) {
        let mut counts = self.lock();
        counts.failed += 1;
        let reason = match loss {
            Loss::Failed(reason) => reason,
            Loss::Cut(reason) => {
                counts.cut += 1;
                reason
            }
        };
        if counts.failures.len() < KEPT_FAILURES {
            let into = counts.elapsed().as_secs_f64();
            counts.failures.push(format!("{into:.1} s into it: {what}: {reason}"));
        }
    }

    /// For writing: something has just happened.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.latest = Some(Instant::now());
        counts.started = counts.started.or(counts.latest);
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_latency_that_was_measured() {
        let mut counts = Counts::default();
        assert_eq!(counts.percentile(99), Duration::ZERO);
        counts.latencies = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(counts.percentile(50), Duration::from_millis(101));
        assert_eq!(counts.percentile(99), Duration::from_millis(199));
        assert_eq!(counts.percentile(100), Duration::from_millis(200));
    }

    #[test]
    fn news_are_what_was_answered_in_between() {
        let tally = Tally::default();
        tally.answered("RA", None);
        let before = tally.counts();
        assert!(before.since(&before).is_empty());
        tally.answered("RB", None);
        tally.lost("GET /", &Loss::Failed("no answer".to_owned()));
        let after = tally.counts();
        assert_eq!(after.since(&before), BTreeMap::from([("RB".to_owned(), 1)]));
        assert_eq!((after.sent(), after.failed, after.failures.len()), (3, 1, 1));
    }
}
