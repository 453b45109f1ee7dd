//! What the mutants do to what passes through the ports.

use std::borrow::Cow;

use slipway_domain::promotion::{Phase, Promotion};
use slipway_domain::time::Time;
use slipway_rollout::apply::Applied;
use slipway_rollout::observation::{Observation, Readiness, Stage, Visibility};

use super::ledger::Ledger;
use super::mutant::Mutant;

/// The promotion as the engine is handed it.
pub fn of_promotion(mutant: Option<Mutant>, mut promotion: Promotion) -> Promotion {
    match mutant {
        Some(Mutant::Bound) => promotion.plan.batch += 2,
        Some(Mutant::Verified) => {
            for service in &mut promotion.plan.services {
                service.bake_ms = 0;
            }
        }
        Some(Mutant::Saved) => promotion.actions.clear(),
        _ => {}
    }
    promotion
}

/// What the engine writes never includes what a mutant made it believe of the plan.
pub fn of_applied<'a>(ledger: &Ledger, applied: &'a Applied) -> Cow<'a, Applied> {
    let Some(stored) = ledger.promotions.get(&applied.promotion.id) else { return Cow::Borrowed(applied) };
    if stored.plan == applied.promotion.plan {
        return Cow::Borrowed(applied);
    }
    let mut own = applied.clone();
    own.promotion.plan = stored.plan.clone();
    Cow::Owned(own)
}

/// The cluster as the engine is shown it.
pub fn of_observation(mutant: Option<Mutant>, promotion: Option<&Promotion>, mut seen: Observation) -> Observation {
    match (mutant, promotion) {
        (Some(Mutant::Minimum), Some(promotion)) => {
            for deployment in seen.deployments.iter_mut().filter(|deployment| deployment.key.release == promotion.to) {
                for process in &mut deployment.processes {
                    if let Stage::Running { started_at } = process.stage {
                        process.readiness = Readiness::Ready { since: started_at.min(Time::from_millis(0)) };
                        process.registered = true;
                    }
                }
            }
        }
        (Some(Mutant::AtRest), Some(promotion)) => {
            for deployment in &mut seen.deployments {
                deployment.epoch = promotion.epoch;
            }
        }
        (Some(Mutant::OneRelease), Some(promotion)) if promotion.phase == Phase::Restoring => {
            let hidden = |key: &slipway_domain::promotion::DeploymentKey| {
                key.release == promotion.to && promotion.from.as_ref() != Some(&promotion.to)
            };
            for deployment in seen.deployments.iter_mut().filter(|deployment| hidden(&deployment.key)) {
                deployment.replicas = 0;
                deployment.processes.clear();
                deployment.visibility = Visibility::Visible;
            }
        }
        _ => {}
    }
    seen
}
