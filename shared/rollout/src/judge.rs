//! Whether a process of the target is doomed, what is replaced, and what is waited for.

use std::collections::BTreeSet;

use slipway_domain::promotion::{Cause, Failure, Phase, Promotion};
use slipway_domain::time::Time;

use crate::census::Census;
use crate::classify::{Verdict, classify};
use crate::decide::{Action, Decision, failure};
use crate::observation::{Deployment, Observation, Process, Refusal, Stage};
use crate::story::Note;

/// Judges the processes of one look.
pub(crate) struct Judge<'a> {
    promotion: &'a Promotion,
    /// The cluster's clock.
    at: Time,
    now: Time,
    /// Two processes in one look are one sight.
    counted: BTreeSet<Cause>,
}

impl<'a> Judge<'a> {
    pub(crate) fn of(promotion: &'a Promotion, seen: &Observation, now: Time) -> Self {
        Self { promotion, at: seen.at, now, counted: BTreeSet::new() }
    }

    /// The first failure among the processes of the target; plans replacements and notes what is waited for.
    pub(crate) fn service(&mut self, census: &Census<'_>, decision: &mut Decision) -> Option<Failure> {
        let about = |cause, words: String| Failure {
            service: Some(census.plan.name.clone()),
            ..failure(cause, words, self.now)
        };
        match census.refusal() {
            Some(Refusal::Admission(words)) => {
                return Some(about(Cause::AdmissionDenied, format!("the cluster refused it: {words}")));
            }
            Some(Refusal::Quota(words)) => decision.memory.waiting = Some(about(Cause::Quota, words.clone())),
            Some(Refusal::Other(words)) => decision.memory.waiting = Some(about(Cause::ConfigError, words.clone())),
            None => {}
        }
        let doomed = census
            .target
            .into_iter()
            .flat_map(Deployment::live)
            .find_map(|process| self.process(census, process, decision));
        if doomed.is_none() && decision.memory.waiting.is_none() {
            decision.memory.waiting = self.lost_to_the_cluster(census);
        }
        doomed
    }

    /// Evicted, preempted, its node gone: the cluster replaces it, and the wait for that has a name.
    fn lost_to_the_cluster(&self, census: &Census<'_>) -> Option<Failure> {
        let processes = census.target.into_iter().flat_map(|deployment| &deployment.processes);
        let (process, reason) = processes
            .filter_map(|process| match &process.stage {
                Stage::Over { reason } => Some((process, reason)),
                _ => None,
            })
            .next_back()?;
        let words = format!("the cluster took the process away: {reason}");
        Some(Failure {
            service: Some(census.plan.name.clone()),
            process: Some(process.name.clone()),
            ..failure(Cause::Infrastructure, words, self.now)
        })
    }

    fn process(&mut self, census: &Census<'_>, process: &Process, decision: &mut Decision) -> Option<Failure> {
        let known = decision.memory.processes.get(&process.uid).cloned().unwrap_or_default();
        if known.initial {
            return None;
        }
        let verdict = classify(process, census.plan, &known, self.at);
        let (cause, words) = match &verdict {
            Verdict::Fine => return None,
            Verdict::Waiting(cause, words)
            | Verdict::SecondTime(cause, words)
            | Verdict::Replace(cause, words)
            | Verdict::Doomed(cause, words) => (*cause, words.clone()),
        };
        let doomed = match verdict {
            Verdict::Fine | Verdict::Waiting(..) => false,
            Verdict::Doomed(..) => true,
            Verdict::SecondTime(..) => self.is_seen_again(cause, decision),
            Verdict::Replace(..) if self.promotion.phase == Phase::Settling || !census.visible => false,
            Verdict::Replace(..) => !self.replaces(process, cause, decision),
        };
        let failure = Failure {
            service: Some(census.plan.name.clone()),
            process: Some(process.name.clone()),
            exit: last_exit(process),
            ..failure(cause, words, self.now)
        };
        if doomed {
            return Some(failure);
        }
        decision.memory.waiting = Some(failure);
        None
    }

    /// Replaces the process; false if one was replaced before for the same cause. A replacement that was planned and
    /// not carried out is planned again.
    fn replaces(&mut self, process: &Process, cause: Cause, decision: &mut Decision) -> bool {
        let planned = decision.memory.processes.get(&process.uid).is_some_and(|known| known.blamed == Some(cause));
        if !planned && self.is_seen_again(cause, decision) {
            return false;
        }
        decision.memory.processes.entry(process.uid.clone()).or_default().blamed = Some(cause);
        decision.actions.push(Action::Replace { name: process.name.clone(), uid: process.uid.clone() });
        true
    }

    /// Counts a sight of this cause; true from the second look on.
    fn is_seen_again(&mut self, cause: Cause, decision: &mut Decision) -> bool {
        let times = decision.memory.counters.entry(cause).or_insert(0);
        if self.counted.insert(cause) {
            *times += 1;
        }
        *times > 1
    }

    /// While restoring, failures are told once each, and end nothing.
    pub(crate) fn record(&self, census: &Census<'_>, decision: &mut Decision) {
        for process in census.target.into_iter().flat_map(Deployment::live) {
            let known = decision.memory.processes.entry(process.uid.clone()).or_default();
            let (Verdict::Doomed(cause, _) | Verdict::Replace(cause, _)) =
                classify(process, census.plan, known, self.at)
            else {
                continue;
            };
            if known.blamed != Some(cause) {
                known.blamed = Some(cause);
                decision.notes.push(Note::new(&process.name, format!("Fails while it is put back: {cause}")));
            }
        }
    }
}

fn last_exit(process: &Process) -> Option<slipway_domain::promotion::Exit> {
    match &process.stage {
        Stage::Exited(exit) => Some(exit.clone()),
        _ => process.last_exit.clone(),
    }
}
