//! What has to be done so that the processes match the rows. A plain function of what was asked for and what was seen.
//!
//! Stopping goes in this order, each step only after the one before is known to have happened: marked (written), out
//! of the router's rotation, nothing in flight or the pause over, SIGTERM, the grace period, SIGKILL, forgotten.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_domain::time::Time;

use super::state::{Process, Row, State};
use crate::router::table::TargetView;
use crate::supervisor::spec::{self, Status};

/// What was seen of one process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fact {
    /// Its keeper lives.
    pub kept: bool,
    /// Its keeper was started a moment ago and may not have taken its place yet.
    pub starting: bool,
    pub status: Option<Status>,
    pub target: Option<TargetView>,
}

impl Fact {
    pub fn is_ready(&self, process: &Process) -> bool {
        let Some(status) = &self.status else { return false };
        let running = matches!(status.stage, spec::Stage::Running { .. });
        let listed = process.ports.is_empty()
            || self.target.as_ref().is_some_and(|target| target.run == status.restarts && target.ready_since.is_some());
        running && listed
    }

    /// Why it is over without having been stopped: it had a keeper, and has none any more.
    pub fn vanished(&self, process: &Process) -> Option<String> {
        let over = !self.kept && self.status.is_some() && process.is_live();
        over.then(|| "what kept it was killed, or the machine was started again".to_owned())
    }

    /// The router sends nothing more, and nothing is being served.
    fn is_drained(&self, process: &Process) -> bool {
        process.ports.is_empty() || self.target.as_ref().is_none_or(|target| target.draining && target.in_flight == 0)
    }
}

/// One act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write down a new process of this row.
    Create { row: String },
    /// Start the keeper of a process that was written down.
    Launch { uid: String },
    /// Take it out of rotation.
    Drain { uid: String },
    /// Ask its keeper to end it.
    Terminate { uid: String },
    /// End a keeper that does not end.
    Kill { uid: String },
    /// Its keeper vanished: what is left of it ends, and it counts no more.
    GiveUp { uid: String, reason: String },
    /// It has ended.
    Forget { uid: String },
}

/// The bounds of a cluster.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Between the end of new requests and SIGTERM, at most.
    pub pause: Duration,
    /// Of all processes together.
    pub processes: usize,
}

/// What to do, and when to look again although nothing has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub due: Option<Time>,
    /// Rows whose missing processes exceed the bound.
    pub over_quota: Vec<String>,
}

/// What a keeper may take beyond the grace period.
const KEEPER_SLACK: Duration = Duration::from_secs(5);
/// How many processes of a row that are over stay in sight.
const OVER_KEPT: usize = 3;

impl Plan {
    fn wait_until(&mut self, at: Time) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}

/// Decides. `facts` by uid; a process without one was not seen at all.
pub fn reconcile(state: &State, facts: &BTreeMap<String, Fact>, limits: Limits, now: Time) -> Plan {
    let mut plan = Plan::default();
    let unseen = Fact::default();
    for process in &state.processes {
        let fact = facts.get(&process.uid).unwrap_or(&unseen);
        let orphaned = !state.rows.iter().any(|row| row.uid == process.row);
        if process.over.is_some() {
            forget_over(state, process, orphaned, &mut plan);
        } else if let Some(since) = process.stopping_since {
            stop(process, fact, since, limits.pause, now, &mut plan);
        } else if orphaned {
            plan.steps.push(Step::Drain { uid: process.uid.clone() });
        } else if !fact.kept && !fact.starting {
            let uid = process.uid.clone();
            plan.steps.push(match fact.vanished(process) {
                None => Step::Launch { uid },
                Some(reason) => Step::GiveUp { uid, reason },
            });
        }
    }
    let mut room = limits.processes.saturating_sub(state.processes.iter().filter(|one| one.over.is_none()).count());
    for row in &state.rows {
        scale(state, row, facts, &mut room, &mut plan);
    }
    plan
}

fn forget_over(state: &State, process: &Process, orphaned: bool, plan: &mut Plan) {
    let newer = state
        .processes
        .iter()
        .filter(|other| other.row == process.row && other.over.is_some() && other.created_at > process.created_at);
    // Nobody looks for what a release left that runs nowhere any more.
    let unwanted = state.rows.iter().any(|row| row.uid == process.row && row.replicas == 0);
    if orphaned || unwanted || newer.count() >= OVER_KEPT {
        plan.steps.push(Step::Forget { uid: process.uid.clone() });
    }
}

fn stop(process: &Process, fact: &Fact, since: Time, pause: Duration, now: Time, plan: &mut Plan) {
    let uid = process.uid.clone();
    let Some(terminated_at) = process.terminated_at else {
        let gone = !fact.kept && !fact.starting;
        let last = since.plus(pause);
        if gone {
            plan.steps.push(Step::Forget { uid });
        } else if fact.is_drained(process) || now >= last {
            plan.steps.push(Step::Terminate { uid });
        } else {
            plan.wait_until(last);
        }
        return;
    };
    let last = terminated_at.plus(Duration::from_millis(process.grace_ms)).plus(KEEPER_SLACK);
    if !fact.kept && !fact.starting {
        plan.steps.push(Step::Forget { uid });
    } else if now >= last {
        plan.steps.push(Step::Kill { uid });
    } else {
        plan.wait_until(last);
    }
}

fn scale(state: &State, row: &Row, facts: &BTreeMap<String, Fact>, room: &mut usize, plan: &mut Plan) {
    let given_up = |process: &Process| {
        plan.steps.iter().any(|step| matches!(step, Step::GiveUp { uid, .. } if *uid == process.uid))
    };
    let live: Vec<&Process> = state.live(&row.uid).filter(|process| !given_up(process)).collect();
    let wanted = usize::try_from(row.replicas).unwrap_or(usize::MAX);
    let missing = wanted.saturating_sub(live.len());
    let created = missing.min(*room);
    *room -= created;
    plan.steps.extend((0..created).map(|_| Step::Create { row: row.uid.clone() }));
    if created < missing {
        plan.over_quota.push(row.uid.clone());
    }
    let ready = |process: &Process| facts.get(&process.uid).is_some_and(|fact| fact.is_ready(process));
    let mut victims = live.clone();
    // Not ready first, then the youngest.
    victims.sort_by_key(|process| (ready(process), std::cmp::Reverse(process.created_at), process.uid.clone()));
    let surplus = live.len().saturating_sub(wanted);
    plan.steps.extend(victims.into_iter().take(surplus).map(|process| Step::Drain { uid: process.uid.clone() }));
}

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod tests;
