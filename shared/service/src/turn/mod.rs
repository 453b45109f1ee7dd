//! One step of a rollout: the shell around `slipway_rollout`.
//!
//! ```text
//! load ─► stale? ─► observe ─► decide ─► save (conditional) ─► act (fenced) ─► wait for a change ─┐
//!   ▲                                                                                             │
//!   └─────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! It saves before it acts, so that a crash in between is repaired by the next step; it acts only by compare-and-set on
//! what was observed, so that a step which slept in between does nothing. It never decides anything.

pub(crate) mod cleanup;
mod evidence;
mod payload;
mod records;
mod store_records;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipway_domain::promotion::{Cause, Environment, Failure, Outcome, Phase, Promotion};
use slipway_domain::time::Time;
use slipway_rollout::apply::{self, Applied};
use slipway_rollout::decide::{self, Action, Decision, Mode, Unseen, WINDOW, decide};
use slipway_rollout::observation::Observation;
use slipway_rollout::phase::Trigger;

pub use cleanup::{CleanupError, clean_up, collect};
pub use records::{Records, RecordsError};
pub use store_records::StoreRecords;

use crate::ports::{Clock, Cluster, ClusterError, Namespace, NewDeployment, Removal, RolloutInput, Write};

/// How long to wait before an unreachable cluster is asked again.
const UNREACHABLE_PAUSE: Duration = Duration::from_secs(1);

/// What the state machine hands to a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub input: RolloutInput,
    /// When the state machine entered the state: the one clock of a promotion.
    pub entered_at: Time,
    pub mode: Mode,
}

/// Where the state machine goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    Advance,
    Restore,
    Ended,
}

/// What a step answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub route: Route,
    /// When the state machine turns back by itself, in milliseconds since the epoch.
    pub deadline_ms: Option<i64>,
    /// None while it is open, and for a step that came too late.
    pub outcome: Option<Outcome>,
}

/// Why a step could not go on. The state machine tries again, and turns back when that does not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TurnError {
    /// A dependency did not answer.
    #[error("a dependency did not answer: {0}")]
    Transient(String),
    /// A mistake of ours.
    #[error("the step failed: {0}")]
    Internal(String),
}

impl TurnError {
    /// The name that Retry and Catch of the state machine match.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Transient(_) => "Transient",
            Self::Internal(_) => "Internal",
        }
    }
}

/// What a step works with.
#[derive(Clone, Copy)]
pub struct Worker<'a> {
    pub records: &'a dyn Records,
    pub cluster: &'a dyn Cluster,
    pub clock: &'a dyn Clock,
}

/// Carries a promotion on until a process was replaced, its route changed, or the window is over.
pub async fn turn(worker: Worker<'_>, step: &Step) -> Result<Answer, TurnError> {
    let mut call = Call { worker, step, began: worker.clock.now(), verified: None, saved: false };
    loop {
        if let Some(answer) = call.look().await? {
            return Ok(answer);
        }
        if call.elapsed() >= WINDOW {
            return Ok(Answer { route: call.route(), deadline_ms: None, outcome: None });
        }
    }
}

/// One call of the step.
struct Call<'a> {
    worker: Worker<'a>,
    step: &'a Step,
    began: Time,
    /// Verified processes at the first look of this call.
    verified: Option<u32>,
    /// This call has stored its `turn_due`.
    saved: bool,
}

/// What became of the actions.
enum Acted {
    Done,
    /// A create was carried out: the record is loaded afresh before anything else.
    Created,
    /// The object is not as observed: look again, in another step.
    Conflict,
    Refused(String),
    /// Our access was removed, to writes at least.
    Unauthorized(String),
    Unreachable,
}

impl Call<'_> {
    fn elapsed(&self) -> Duration {
        self.worker.clock.now().since(self.began)
    }

    /// A step that timed out without a decision goes on where it was asked to.
    fn route(&self) -> Route {
        match self.step.mode {
            Mode::Advance => Route::Advance,
            Mode::Restore => Route::Restore,
        }
    }

    fn namespace(&self) -> Namespace {
        let RolloutInput { tenant, app, environment, .. } = self.step.input.clone();
        Namespace { tenant, app, environment }
    }

    /// One pass of the loop. None: go on.
    async fn look(&mut self) -> Result<Option<Answer>, TurnError> {
        let Worker { records, cluster, clock } = self.worker;
        let (environment, promotion) = match records.load(&self.step.input).await {
            Ok(found) => found,
            Err(RecordsError::Gone) => return Ok(Some(ended(None))),
            Err(error) => return Err(TurnError::Transient(error.to_string())),
        };
        if let Some(answer) = self.stop(&environment, &promotion).await {
            return Ok(Some(answer));
        }
        let namespace = self.namespace();
        let seen = observe(cluster, &namespace).await;
        let now = self.step.entered_at.plus(self.elapsed()).max(promotion.clock);
        let mut decision = decide(&promotion, seen.as_ref(), self.step.mode, now);
        if let Some(failure) = &mut decision.failure {
            evidence::gather(records, cluster, &self.step.input, &namespace, &promotion, failure).await;
        }
        let seen = seen.ok();
        let Some(applied) = self.save(&environment, &promotion, &decision, seen.as_ref(), now).await? else {
            return Ok(None);
        };
        if let Some(answer) = self.settle(&applied.promotion, applied.environment.as_ref()).await {
            return Ok(Some(answer));
        }
        let acted = self.act(&applied.promotion, &decision, seen.as_ref()).await?;
        match acted {
            Acted::Conflict => return Ok(Some(answer(&applied.promotion))),
            Acted::Created => return Ok(None),
            Acted::Unauthorized(words) => {
                self.broken(&environment, &applied, Cause::ClusterUnauthorized, words, now).await?;
                return Ok(None);
            }
            // Failures end nothing while restoring: its clock does.
            Acted::Refused(words) if applied.promotion.phase == Phase::Restoring => {
                tracing::warn!(promotion.id = %applied.promotion.id, error = words, "the cluster refused a write while restoring");
            }
            Acted::Refused(words) => {
                let words = format!("the cluster refused it: {words}");
                self.broken(&environment, &applied, Cause::AdmissionDenied, words, now).await?;
                return Ok(None);
            }
            Acted::Done | Acted::Unreachable => {}
        }
        if decision.trigger.is_some() {
            return Ok((applied.promotion.phase == Phase::Restoring).then(|| answer(&applied.promotion)));
        }
        let before = *self.verified.get_or_insert(decision.verified);
        if decision.verified > before {
            return Ok(Some(answer(&applied.promotion)));
        }
        self.wait(&namespace, seen.as_ref(), decision.wait, clock).await;
        Ok(None)
    }

    /// Stops a step that is not the current one, or has nothing left to do.
    async fn stop(&self, environment: &Environment, promotion: &Promotion) -> Option<Answer> {
        if promotion.phase == Phase::Ended {
            return self.settle(promotion, Some(environment)).await;
        }
        let current =
            environment.promotion.as_ref() == Some(&promotion.id) && promotion.execution == self.step.input.execution;
        (!current).then(|| ended(None))
    }

    /// The end of a promotion, with what it leaves to clean up.
    async fn settle(&self, promotion: &Promotion, environment: Option<&Environment>) -> Option<Answer> {
        let outcome = promotion.outcome?;
        if environment.is_some_and(|environment| environment.cleanup_pending) {
            // What is left here is done by the sweep.
            let cleaned = clean_up(self.worker, &self.namespace()).await;
            if let Err(error) = cleaned {
                tracing::warn!(promotion.id = %promotion.id, error = %error, "clean-up was left to the sweep");
            }
        }
        Some(ended(Some(outcome)))
    }

    /// Saves what was decided, if it says or does anything: every act bears the number of a turn that was saved for it.
    /// None: somebody else saved first.
    async fn save(
        &mut self,
        environment: &Environment,
        promotion: &Promotion,
        decision: &Decision,
        seen: Option<&Observation>,
        now: Time,
    ) -> Result<Option<Applied>, TurnError> {
        let applied = apply::turn(environment, promotion, decision, seen, now)
            .map_err(|illegal| TurnError::Internal(illegal.to_string()))?;
        if self.saved && decision.actions.is_empty() && !is_news(promotion, &applied) {
            return Ok(Some(Applied { promotion: promotion.clone(), environment: None, events: Vec::new() }));
        }
        match self.worker.records.save(&self.step.input, environment, promotion, &applied).await {
            Ok(()) => {
                self.saved = true;
                Ok(Some(applied))
            }
            Err(RecordsError::Stale | RecordsError::Gone) => Ok(None),
            Err(error @ RecordsError::Unavailable(_)) => Err(TurnError::Transient(error.to_string())),
        }
    }

    /// In their order, and none after one that is not known to have landed: a count is raised only when the room for it
    /// was made.
    async fn act(
        &self,
        promotion: &Promotion,
        decision: &Decision,
        seen: Option<&Observation>,
    ) -> Result<Acted, TurnError> {
        let namespace = self.namespace();
        let creates = decision.actions.iter().any(|action| matches!(action, Action::Create(_)));
        for action in &decision.actions {
            if creates && !matches!(action, Action::Create(_)) {
                continue;
            }
            let done = self.carry_out(&namespace, promotion, action).await?;
            match done {
                Ok(()) => {}
                Err(ClusterError::Conflict) => return Ok(Acted::Conflict),
                Err(ClusterError::Refused(words)) => return Ok(Acted::Refused(words)),
                Err(ClusterError::Unauthorized(words)) => return Ok(Acted::Unauthorized(words)),
                Err(ClusterError::Unreachable(_)) => return Ok(Acted::Unreachable),
            }
        }
        Ok(if creates {
            Acted::Created
        } else if seen.is_none() {
            Acted::Unreachable
        } else {
            Acted::Done
        })
    }

    async fn carry_out(
        &self,
        namespace: &Namespace,
        promotion: &Promotion,
        action: &Action,
    ) -> Result<Result<(), ClusterError>, TurnError> {
        let Worker { records, cluster, .. } = self.worker;
        Ok(match action {
            Action::Create(key) => {
                let template = records
                    .template(&self.step.input, &key.release, &key.service)
                    .await
                    .map_err(|error| TurnError::Transient(error.to_string()))?;
                let new = NewDeployment { key: key.clone(), epoch: promotion.epoch, template };
                cluster.create(namespace, &new).await
            }
            Action::Write { key, uid, resource_version, replicas } => {
                let write = Write {
                    key: key.clone(),
                    uid: uid.clone(),
                    resource_version: resource_version.clone(),
                    epoch: promotion.epoch,
                    turn: promotion.turn,
                    replicas: *replicas,
                };
                cluster.write(namespace, &write).await
            }
            Action::Replace { name, uid } => {
                let removal = Removal::Process { name: name.clone(), uid: uid.clone() };
                cluster.remove(namespace, &removal).await
            }
        })
    }

    /// What the cluster will never accept turns the promotion back, or ends restoring.
    async fn broken(
        &self,
        environment: &Environment,
        applied: &Applied,
        cause: Cause,
        message: String,
        now: Time,
    ) -> Result<(), TurnError> {
        let promotion = &applied.promotion;
        let environment = applied.environment.as_ref().unwrap_or(environment);
        let failure = Failure {
            cause,
            message,
            service: None,
            process: None,
            exit: None,
            at: now,
            log: Vec::new(),
            events: Vec::new(),
        };
        let trigger = if promotion.phase == Phase::Restoring { Trigger::RestoringOver } else { Trigger::Broken };
        let decision = Decision {
            trigger: Some(trigger),
            failure: Some(failure),
            actions: Vec::new(),
            memory: promotion.memory.clone(),
            healthy_before: promotion.healthy_before.clone(),
            notes: Vec::new(),
            verified: 0,
            wait: Duration::ZERO,
        };
        let turned = apply::turn(environment, promotion, &decision, None, now)
            .map_err(|illegal| TurnError::Internal(illegal.to_string()))?;
        match self.worker.records.save(&self.step.input, environment, promotion, &turned).await {
            Ok(()) | Err(RecordsError::Stale | RecordsError::Gone) => Ok(()),
            Err(error) => Err(TurnError::Transient(error.to_string())),
        }
    }

    async fn wait(&self, namespace: &Namespace, seen: Option<&Observation>, limit: Duration, clock: &dyn Clock) {
        let left = WINDOW.saturating_sub(self.elapsed());
        match seen {
            Some(seen) => self.worker.cluster.changed(namespace, seen, limit.min(left)).await,
            None => clock.sleep(UNREACHABLE_PAUSE.min(limit)).await,
        }
    }
}

/// Looks at the cluster; what cannot be known is a value.
async fn observe(cluster: &dyn Cluster, namespace: &Namespace) -> Result<Observation, Unseen> {
    cluster.observe(namespace).await.map_err(|error| match error {
        ClusterError::Unauthorized(words) => Unseen::Unauthorized(words),
        other => Unseen::Unreachable(other.to_string()),
    })
}

/// Whether the records say anything that the ones before did not.
fn is_news(before: &Promotion, applied: &Applied) -> bool {
    let after = &applied.promotion;
    applied.environment.is_some()
        || !applied.events.is_empty()
        || after.phase != before.phase
        || after.memory != before.memory
        || after.healthy_before != before.healthy_before
        || after.actions != before.actions
        || after.failure != before.failure
}

fn answer(promotion: &Promotion) -> Answer {
    let deadline_ms = Some(decide::deadline(promotion).as_millis());
    match promotion.phase {
        Phase::Preparing | Phase::Rolling | Phase::Settling => {
            Answer { route: Route::Advance, deadline_ms, outcome: None }
        }
        Phase::Restoring => Answer { route: Route::Restore, deadline_ms: None, outcome: None },
        Phase::Ended => ended(promotion.outcome),
    }
}

fn ended(outcome: Option<Outcome>) -> Answer {
    Answer { route: Route::Ended, deadline_ms: None, outcome }
}
