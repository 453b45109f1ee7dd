//! Many worlds: counts, and the first one that breaks a rule.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use slipway_domain::promotion::Cause;

use super::random;
use super::rules::Broken;
use super::runner::{Report, run, tell};
use super::setup::{Level, Setup};
use super::shrink::shrink;

/// What many worlds came to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub worlds: u64,
    pub steps: u64,
    pub calls: u64,
    pub outcomes: BTreeMap<&'static str, u64>,
    pub causes: BTreeMap<Cause, u64>,
    /// The smallest seed that broke a rule.
    pub first_broken: Option<(u64, Broken)>,
}

impl Tally {
    fn add(&mut self, seed: u64, report: &Report) {
        self.worlds += 1;
        self.steps += report.steps;
        self.calls += report.calls;
        for ending in &report.endings {
            let outcome = ending.outcome.map_or("open", slipway_domain::promotion::Outcome::as_str);
            *self.outcomes.entry(outcome).or_default() += 1;
            if let Some(cause) = ending.cause {
                *self.causes.entry(cause).or_default() += 1;
            }
        }
        if let Some(broken) = &report.broken
            && self.first_broken.as_ref().is_none_or(|(first, _)| seed < *first)
        {
            self.first_broken = Some((seed, broken.clone()));
        }
    }

    /// Adds what other worlds came to.
    pub fn merge(&mut self, other: &Self) {
        self.worlds += other.worlds;
        self.steps += other.steps;
        self.calls += other.calls;
        for (outcome, count) in &other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        for (cause, count) in &other.causes {
            *self.causes.entry(*cause).or_default() += count;
        }
        if let Some((seed, broken)) = &other.first_broken
            && self.first_broken.as_ref().is_none_or(|(first, _)| seed < first)
        {
            self.first_broken = Some((*seed, broken.clone()));
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "worlds {}, steps {}, calls {}", self.worlds, self.steps, self.calls)?;
        for (outcome, count) in &self.outcomes {
            writeln!(f, "  {outcome:<20} {count}")?;
        }
        for (cause, count) in &self.causes {
            writeln!(f, "    {:<22} {count}", cause.as_str())?;
        }
        Ok(())
    }
}

/// Runs worlds from `first` on, on as many threads as there are cores, until all are run or one breaks a rule.
pub fn worlds(first: u64, count: u64, level: Level) -> Tally {
    let next = AtomicU64::new(first);
    let total = Mutex::new(Tally::default());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut tally = Tally::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    let report = run(&Setup { level, ..random::setup(seed) });
                    tally.add(seed, &report);
                    if report.broken.is_some() {
                        next.store(first + count, Ordering::Relaxed);
                    }
                }
                total.lock().unwrap_or_else(PoisonError::into_inner).merge(&tally);
            });
        }
    });
    total.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The shrunk world of a seed and its story, for people.
pub fn explain(setup: &Setup) -> String {
    let small = shrink(setup);
    let report = tell(&small);
    let broken = report.broken.map(|broken| format!("rule {}: {}", broken.rule, broken.what)).unwrap_or_default();
    format!("seed {}\n{small:#?}\n{}\n{broken}", setup.seed, report.story.join("\n"))
}
