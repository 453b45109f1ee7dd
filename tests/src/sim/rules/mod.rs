//! What must always hold, checked after every step of a world. The checks know the plan and the observation that a
//! worker decided on; they share no code with what they check.

mod counts;
mod ends;

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_domain::id::PromotionId;
use slipway_domain::promotion::{DeploymentKey, Environment, Epoch, Outcome, Phase, Promotion, Status};
use slipway_domain::time::Time;
use slipway_rollout::apply::Applied;
use slipway_rollout::start::Started;
use slipway_service::ports::Removal;

use super::cluster::Cluster;
use super::ledger::Ledger;
use super::state::{Landing, Look};

/// A rule that did not hold, by its number in the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub rule: u8,
    pub what: String,
}

/// The watch over one world.
#[derive(Default)]
pub struct Rules {
    pub broken: Option<Broken>,
    /// The greatest stamp that each object ever bore, by uid.
    stamps: BTreeMap<String, Epoch>,
    /// An outsider changed something that no observation of a commit has seen yet.
    meddled: Option<Time>,
    /// Sweeps that something befell since a promotion was overdue.
    harmed_sweeps: u32,
    /// When the promotion that runs was written: whoever asked for it may have slept since it looked at a clock.
    began: Option<Time>,
    /// Promotions whose terminal event was seen.
    terminal: BTreeMap<PromotionId, Outcome>,
}

/// An object as it was before something landed.
pub struct Before {
    replicas: u32,
    stamp: Epoch,
}

impl Rules {
    pub(super) fn break_(&mut self, rule: u8, what: impl FnOnce() -> String) {
        self.broken.get_or_insert_with(|| Broken { rule, what: what() });
    }

    pub fn meddled(&mut self, now: Time) {
        self.meddled = Some(now);
    }

    pub fn before(&self, cluster: &Cluster, landing: &Landing) -> Option<Before> {
        let key = key_of(landing)?;
        let deployment = cluster.deployments.get(key)?;
        let stamp = self.stamps.get(&deployment.uid).copied().unwrap_or_default();
        Some(Before { replicas: deployment.replicas, stamp })
    }

    /// Something of ours took effect in the cluster.
    pub fn landed(
        &mut self,
        before: &Option<Before>,
        landing: &Landing,
        look: &Look,
        cluster: &Cluster,
        ledger: &Ledger,
        now: Time,
    ) {
        match landing {
            Landing::Create(new) => {
                if let (None, Some(made)) = (before, cluster.deployments.get(&new.key)) {
                    self.stamps.insert(made.uid.clone(), made.epoch);
                }
            }
            Landing::Write(write) => {
                let Some(before) = before else { return };
                if write.epoch < before.stamp {
                    let (key, epoch, stamp) = (&write.key, write.epoch, before.stamp);
                    self.break_(7, || format!("a write of epoch {epoch} landed on {key}, stamped with {stamp}"));
                }
                if let Some(deployment) = cluster.deployments.get(&write.key) {
                    let stamp = self.stamps.entry(deployment.uid.clone()).or_default();
                    *stamp = (*stamp).max(write.epoch);
                    let (was, is) = (before.replicas, deployment.replicas);
                    if is < was {
                        self.check_minimum(look, write, ledger);
                        self.check_stopping(look, write);
                    }
                    if is > was {
                        self.check_bound(look, write, cluster, now);
                        self.check_in_flight(look, write, cluster);
                    }
                }
            }
            Landing::Remove(removal) => self.removed(before.as_ref(), removal, look, ledger, now),
        }
    }

    /// Rule 9, as far as the cluster goes; rule 1 for processes that are replaced.
    fn removed(&mut self, before: Option<&Before>, removal: &Removal, look: &Look, ledger: &Ledger, now: Time) {
        match removal {
            Removal::Deployment { key, .. } if before.is_some() => {
                if let Some(why) = needs(key, ledger, now) {
                    self.break_(9, || format!("{key} was removed, and {why}"));
                }
            }
            Removal::Deployment { .. } => {}
            Removal::Process { uid, name } => {
                let seen = look.seen.iter().flat_map(|seen| &seen.deployments);
                let process = seen.flat_map(|deployment| &deployment.processes).find(|process| &process.uid == uid);
                if process.is_some_and(counts::is_ready) {
                    self.break_(1, || format!("{name} was healthy, and was replaced"));
                }
            }
        }
    }

    /// A promotion was started.
    pub fn started(&mut self, before: &Environment, started: &Started, ledger: &Ledger, now: Time) {
        self.began = Some(now);
        if before.active != started.environment.active {
            self.break_(8, || "a start moved the active release".to_owned());
        }
        if let Some(applied) = &started.superseded {
            self.ended(&applied.promotion, ledger);
        }
        self.harmed_sweeps = 0;
    }

    /// Records of a turn, a cancel or a sweep were written.
    pub fn saved(
        &mut self,
        environment: &Environment,
        old: &Promotion,
        applied: &Applied,
        look: &Look,
        cluster: &Cluster,
        ledger: &Ledger,
    ) {
        if old.phase == Phase::Ended {
            self.break_(5, || format!("{} was written after its end", old.id));
        }
        let after = applied.environment.as_ref().unwrap_or(environment);
        if environment.active != after.active {
            self.check_commit(&applied.promotion, after, look);
        }
        if applied.promotion.outcome.is_some() {
            let settled = match applied.promotion.outcome {
                Some(Outcome::Succeeded) => true,
                Some(Outcome::RolledBack | Outcome::Cancelled) => applied.promotion.moved,
                _ => false,
            };
            if settled && look.seen.is_some() && self.meddled.is_some_and(|meddled| meddled <= look.at) {
                self.meddled = None;
            }
            self.ended(&applied.promotion, ledger);
            self.check_one_release(&applied.promotion, cluster);
        }
    }

    /// Rule 3: all clocks of a promotion together, and the minute that a sweep may take.
    pub fn swept(&mut self, trigger: Time, unharmed: bool, ledger: &Ledger) {
        let Some(promotion) = ledger.running() else { return };
        if trigger.since(promotion.started_at) < promotion.plan.overdue() {
            return;
        }
        if unharmed {
            let id = &promotion.id;
            self.break_(3, || format!("{id} is open, and a sweep after all of its clocks went by"));
        } else {
            self.harmed_sweeps += 1;
        }
    }

    /// A sweep after all clocks is delayed by up to a minute, and what it does comes as much later.
    pub fn hindered(&mut self, now: Time, ledger: &Ledger) {
        let late = |promotion: &Promotion| now.since(promotion.started_at) >= promotion.plan.overdue();
        if ledger.running().is_some_and(late) {
            self.harmed_sweeps += 1;
        }
    }

    /// The active release changed in the database: some promotion has to have committed it.
    pub fn moved(&mut self, environment: &Environment, ledger: &Ledger) {
        let committed = ledger.promotions.values().any(|promotion| {
            promotion.outcome == Some(Outcome::Succeeded) && environment.active.as_ref() == Some(&promotion.to)
        });
        if !committed {
            self.break_(8, || format!("the active release became {:?}, and nothing committed it", environment.active));
        }
    }

    /// After every step.
    pub fn check(&mut self, cluster: &Cluster, ledger: &Ledger, now: Time) {
        match ledger.running() {
            Some(promotion) => {
                let limit = promotion.plan.overdue() + Duration::from_secs(90) * (1 + self.harmed_sweeps);
                if now.since(self.began.unwrap_or(promotion.started_at)) > limit {
                    let (id, phase) = (&promotion.id, promotion.phase);
                    self.break_(3, || format!("{id} is {phase} still, long after all of its clocks"));
                }
            }
            None => self.check_at_rest(cluster, &ledger.environment),
        }
    }

    /// Long after the last scene something is under way still.
    pub fn never_rests(&mut self) {
        self.break_(6, || "the world does not come to rest".to_owned());
    }

    /// Rule 6.
    fn check_at_rest(&mut self, cluster: &Cluster, environment: &Environment) {
        if environment.status != Status::Running || self.meddled.is_some() {
            return;
        }
        for (key, deployment) in &cluster.deployments {
            let active = environment.active.as_ref() == Some(&key.release);
            let wanted = environment.formation.get(&key.service).copied().filter(|_| active);
            let left = wanted.is_none() && environment.cleanup_pending;
            if deployment.replicas != wanted.unwrap_or(0) && !left {
                let (is, wanted) = (deployment.replicas, wanted.unwrap_or(0));
                self.break_(6, || format!("nothing is under way, and {key} is asked for {is} times, not {wanted}"));
            }
        }
        for (service, count) in &environment.formation {
            let Some(active) = &environment.active else { continue };
            let key = DeploymentKey { service: service.clone(), release: active.clone() };
            if *count > 0 && !cluster.deployments.contains_key(&key) {
                self.break_(6, || format!("nothing is under way, and {key} does not exist"));
            }
        }
    }
}

fn key_of(landing: &Landing) -> Option<&DeploymentKey> {
    match landing {
        Landing::Create(new) => Some(&new.key),
        Landing::Write(write) => Some(&write.key),
        Landing::Remove(Removal::Deployment { key, .. }) => Some(key),
        Landing::Remove(Removal::Process { .. }) => None,
    }
}

/// What still needs a Deployment that was removed. A promotion that never left `preparing` does not: until then its workers
/// make what is missing, at 0, and ask for no count, however late they wake up.
fn needs(key: &DeploymentKey, ledger: &Ledger, now: Time) -> Option<String> {
    let of = |promotion: &Promotion| {
        let prepared = promotion.rolling_at.is_some() || promotion.restoring_at.is_some();
        prepared && (promotion.to == key.release || promotion.from.as_ref() == Some(&key.release))
    };
    if ledger.environment.active.as_ref() == Some(&key.release) {
        return Some("its release is the active one".to_owned());
    }
    if let Some(promotion) = ledger.running().filter(|promotion| of(promotion)) {
        return Some(format!("{} may go back to it", promotion.id));
    }
    let ended = ledger.promotions.values().filter(|promotion| of(promotion)).filter_map(|promotion| promotion.ended_at);
    let recent = ended.max().is_some_and(|ended| now.since(ended) < Duration::from_mins(20));
    recent.then(|| "a promotion of it ended less than 20 minutes ago".to_owned())
}
