//! Rules 4, 5 and 8: how promotions end.

use slipway_domain::promotion::{DeploymentKey, Environment, Outcome, Phase, Promotion};
use slipway_rollout::observation::Observation;

use super::Rules;
use super::counts::is_verified;
use crate::sim::cluster::Cluster;
use crate::sim::ledger::Ledger;
use crate::sim::state::Look;

impl Rules {
    /// Rule 5: one terminal event, the last, and no gap before it.
    pub(super) fn ended(&mut self, promotion: &Promotion, ledger: &Ledger) {
        let id = &promotion.id;
        let Some(outcome) = promotion.outcome else {
            return self.break_(5, || format!("{id} ended without an outcome"));
        };
        if self.terminal.insert(id.clone(), outcome).is_some() {
            self.break_(5, || format!("{id} ended twice"));
        }
        self.check_events(promotion, ledger);
    }

    fn check_events(&mut self, promotion: &Promotion, ledger: &Ledger) {
        let id = &promotion.id;
        let events = ledger.events.get(id).map(Vec::as_slice).unwrap_or_default();
        let gap = events.iter().zip(1..).find(|(event, number)| event.number != *number);
        if let Some((event, number)) = gap {
            self.break_(5, || format!("event {number} of {id} bears the number {}", event.number));
        }
        if promotion.events != events.len() as u64 {
            self.break_(5, || format!("{id} counts {} events, and has {}", promotion.events, events.len()));
        }
        let terminal: Vec<_> = events.iter().filter_map(|event| event.outcome).collect();
        if terminal.as_slice() != promotion.outcome.as_slice() || events.last().and_then(|last| last.outcome).is_none()
        {
            self.break_(5, || format!("{id} ended as {:?}, and its events say {terminal:?}", promotion.outcome));
        }
    }

    /// Rule 5 once more, for all promotions, when a world is over.
    pub fn check_records(&mut self, ledger: &Ledger) {
        for promotion in ledger.promotions.values() {
            if promotion.outcome.is_none() {
                self.break_(3, || format!("{} never ended", promotion.id));
            }
            self.check_events(promotion, ledger);
        }
    }

    /// Rule 4, and what the outcomes say of the cluster.
    pub(super) fn check_one_release(&mut self, promotion: &Promotion, cluster: &Cluster) {
        if self.meddled.is_some() {
            return;
        }
        let id = &promotion.id;
        let (release, of_target) = match promotion.outcome {
            Some(Outcome::Succeeded) => (Some(&promotion.to), true),
            Some(Outcome::RolledBack | Outcome::Cancelled) if promotion.moved => (promotion.from.as_ref(), false),
            Some(Outcome::Failed) if promotion.moved => (None, false),
            _ => return,
        };
        for service in &promotion.plan.services {
            let wanted = if of_target { service.after } else { service.before };
            for (key, deployment) in cluster.deployments.iter().filter(|(key, _)| key.service == service.name) {
                let kept = of_target && service.after.is_none();
                let expected = if release == Some(&key.release) { wanted.unwrap_or(0) } else { 0 };
                if deployment.replicas != expected && !kept {
                    let (is, outcome) = (deployment.replicas, promotion.outcome);
                    self.break_(4, || format!("{id} ended as {outcome:?} with {key} at {is}, not {expected}"));
                }
            }
        }
    }

    /// Rule 8.
    pub(super) fn check_commit(&mut self, promotion: &Promotion, after: &Environment, look: &Look) {
        let committed = promotion.outcome == Some(Outcome::Succeeded) && after.active.as_ref() == Some(&promotion.to);
        let settled = look.promotion.as_ref().is_some_and(|before| before.phase == Phase::Settling);
        if !committed || !settled {
            let id = &promotion.id;
            return self.break_(8, || format!("{id} moved the active release, and was no commit"));
        }
        let unverified =
            look.seen.as_ref().map_or(Some("nothing was seen".to_owned()), |seen| unverified(promotion, seen));
        if let Some(what) = unverified {
            let id = &promotion.id;
            self.break_(8, || format!("{id} was committed, and {what}"));
        }
    }
}

/// A service of the target that is not wholly verified.
fn unverified(promotion: &Promotion, seen: &Observation) -> Option<String> {
    promotion.plan.services.iter().find_map(|service| {
        let wanted = service.after?;
        let key = DeploymentKey { service: service.name.clone(), release: promotion.to.clone() };
        let deployment = seen.deployment(&key);
        let live = deployment.into_iter().flat_map(slipway_rollout::observation::Deployment::live);
        let (good, bad): (Vec<_>, Vec<_>) = live.partition(|process| is_verified(process, service, seen.at));
        let whole = good.len() == wanted as usize && bad.is_empty() && deployment.is_none_or(|found| found.intact);
        (!whole).then(|| format!("{} of {wanted} processes of {key} were verified", good.len()))
    })
}
