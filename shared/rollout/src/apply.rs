//! From a decision to the records that are to be saved: the only place where a promotion and its environment change
//! together.

use std::time::Duration;

use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{
    Cause, DeploymentKey, Environment, Event, Failure, Outcome, Phase, Promotion, SavedAction, Status,
};
use slipway_domain::time::Time;

use crate::decide::{Action, Decision, WINDOW, deadline, failure};
use crate::observation::Observation;
use crate::phase::{Illegal, Position, StatusChange, Transition, Trigger, next};
use crate::story::Note;

/// What is written in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    pub promotion: Promotion,
    /// Set when it changed; its version is one above the one that was read.
    pub environment: Option<Environment>,
    pub events: Vec<Event>,
}

/// Takes a decision over into the records. `seen` is what it was decided on.
pub fn turn(
    environment: &Environment,
    promotion: &Promotion,
    decision: &Decision,
    seen: Option<&Observation>,
    now: Time,
) -> Result<Applied, Illegal> {
    let mut draft = Draft::of(environment, promotion, now);
    draft.promotion.memory = decision.memory.clone();
    draft.promotion.healthy_before.clone_from(&decision.healthy_before);
    draft.promotion.turn += 1;
    draft.verified = Some(decision.verified);
    draft.keep_actions(&decision.actions, seen);
    for note in &decision.notes {
        draft.tell(note.clone());
    }
    for note in decision.actions.iter().filter_map(|action| describe(action, seen)) {
        draft.tell(note);
    }
    if let Some(failure) = &decision.failure {
        draft.fail(failure.clone());
    }
    if let Some(trigger) = decision.trigger {
        draft.go(trigger, seen)?;
    }
    draft.promotion.turn_due = deadline(&draft.promotion).min(now.plus(WINDOW));
    Ok(draft.finish())
}

/// The records of a promotion that another one takes over from. The successor's own transaction writes them, and the
/// environment with it.
pub fn superseded(
    environment: &Environment,
    promotion: &Promotion,
    successor: &slipway_domain::id::PromotionId,
    now: Time,
) -> Result<Applied, Illegal> {
    let mut draft = Draft::of(environment, promotion, now);
    draft.promotion.superseded_by = Some(successor.clone());
    draft.go(Trigger::Superseded, None)?;
    Ok(draft.finish())
}

/// The records of a promotion that nobody worked on until all its clocks were over.
pub fn overdue(environment: &Environment, promotion: &Promotion, now: Time) -> Result<Applied, Illegal> {
    let mut draft = Draft::of(environment, promotion, now);
    draft.fail(failure(Cause::Internal, "nothing worked on the promotion until all its clocks were over", now));
    draft.go(Trigger::Overdue, None)?;
    Ok(draft.finish())
}

/// A new run of the state machine takes over: because of a request to cancel (`actor`), or because the last one was not
/// heard of any more.
pub fn new_execution(
    environment: &Environment,
    promotion: &Promotion,
    cancelled_by: Option<&str>,
    now: Time,
) -> Applied {
    let mut draft = Draft::of(environment, promotion, now);
    draft.promotion.execution += 1;
    draft.next_epoch();
    draft.promotion.turn_due = now.plus(WINDOW);
    if let Some(actor) = cancelled_by {
        draft.promotion.cancel.get_or_insert_with(|| actor.to_owned());
        draft.tell(Note::new("app", format!("Cancel requested by {actor}")));
    }
    draft.finish()
}

struct Draft {
    before: Environment,
    environment: Environment,
    promotion: Promotion,
    events: Vec<Event>,
    /// Verified processes of the release being put in place, where they were counted.
    verified: Option<u32>,
    now: Time,
}

impl Draft {
    fn of(environment: &Environment, promotion: &Promotion, now: Time) -> Self {
        let now = now.max(promotion.clock);
        let mut promotion = promotion.clone();
        promotion.version += 1;
        promotion.clock = now;
        Self {
            before: environment.clone(),
            environment: environment.clone(),
            promotion,
            events: Vec::new(),
            verified: None,
            now,
        }
    }

    fn finish(self) -> Applied {
        let environment = (self.environment != self.before)
            .then(|| Environment { version: self.before.version + 1, ..self.environment });
        Applied { promotion: self.promotion, environment, events: self.events }
    }

    fn next_epoch(&mut self) {
        self.environment.epoch = self.environment.epoch.max(self.promotion.epoch).next();
        self.promotion.epoch = self.environment.epoch;
    }

    /// The first failure stays; a later one is told.
    fn fail(&mut self, failure: Failure) {
        let about = failure.process.clone().unwrap_or_else(|| "app".to_owned());
        self.tell(Note::new(about, format!("{}: {}", failure.cause, failure.message)));
        self.promotion.failure.get_or_insert(failure);
    }

    fn tell(&mut self, note: Note) {
        self.push(note, None);
    }

    fn push(&mut self, note: Note, outcome: Option<Outcome>) {
        self.promotion.events += 1;
        self.events.push(Event {
            number: self.promotion.events,
            at: self.now,
            source: note.source(),
            message: note.message,
            outcome,
        });
    }

    /// New counts, and the last older one of each other Deployment: it may still be on its way, and where it has landed it
    /// tells a look that is older. A stamp that lands late changes nothing, and must not hide an older count.
    fn keep_actions(&mut self, actions: &[Action], seen: Option<&Observation>) {
        let old = std::mem::take(&mut self.promotion.actions);
        for action in actions {
            let Action::Write { key, resource_version, replicas: Some(replicas), .. } = action else { continue };
            self.promotion.moved = true;
            self.promotion.actions.push(SavedAction {
                deployment: key.clone(),
                resource_version: resource_version.clone(),
                replicas: *replicas,
                turn: self.promotion.turn,
            });
        }
        let exists = |saved: &SavedAction| seen.is_none_or(|seen| seen.deployment(&saved.deployment).is_some());
        for saved in old.into_iter().filter(exists) {
            if !self.promotion.actions.iter().any(|action| action.deployment == saved.deployment) {
                self.promotion.actions.push(saved);
            }
        }
    }

    fn go(&mut self, trigger: Trigger, seen: Option<&Observation>) -> Result<(), Illegal> {
        let Transition { phase, outcome, status } = next(Position::of(&self.promotion), trigger)?;
        self.promotion.phase = phase;
        match phase {
            Phase::Rolling if self.promotion.rolling_at.is_none() => self.promotion.rolling_at = Some(self.now),
            Phase::Restoring => {
                self.promotion.restoring_at = Some(self.now);
                self.promotion.memory.complete_since = None;
                self.next_epoch();
            }
            _ => {}
        }
        match status {
            StatusChange::Keep => {}
            StatusChange::Before => self.show(self.promotion.status_before),
            StatusChange::Set(status) => self.show(status),
        }
        if let Some(outcome) = outcome {
            self.end(outcome, seen);
        }
        Ok(())
    }

    fn show(&mut self, status: Status) {
        if self.environment.status != status {
            let text = format!("Status: {} => {}", title(self.environment.status), title(status));
            self.environment.status = status;
            self.tell(Note::new("app", text));
        }
    }

    fn end(&mut self, outcome: Outcome, seen: Option<&Observation>) {
        self.promotion.outcome = Some(outcome);
        self.promotion.ended_at = Some(self.now);
        self.environment.promotion = None;
        match outcome {
            Outcome::Succeeded => self.commit(seen),
            // What is healthy is left running, also by a clean-up that an earlier commit has still to come to; the
            // next commit looks anew at what is left.
            Outcome::RollbackFailed => self.environment.cleanup_pending = false,
            _ => {}
        }
        self.push(Note::new("app", outcome_text(&self.promotion, outcome, self.verified)), Some(outcome));
    }

    /// The only move of `active`.
    fn commit(&mut self, seen: Option<&Observation>) {
        self.environment.active = Some(self.promotion.to.clone());
        self.environment.formation = formation_after(&self.promotion);
        let left = |key: &DeploymentKey, replicas: u32| key.release != self.promotion.to && replicas > 0;
        self.environment.cleanup_pending = seen
            .is_none_or(|seen| seen.deployments.iter().any(|deployment| left(&deployment.key, deployment.replicas)));
    }
}

fn formation_after(promotion: &Promotion) -> std::collections::BTreeMap<ServiceName, u32> {
    let services = promotion.plan.services.iter();
    services.filter_map(|service| Some((service.name.clone(), service.after?))).collect()
}

fn outcome_text(promotion: &Promotion, outcome: Outcome, verified: Option<u32>) -> String {
    match outcome {
        Outcome::Succeeded => format!("{} is active", promotion.to),
        Outcome::RolledBack | Outcome::Cancelled => match &promotion.from {
            Some(from) if promotion.moved => format!("Rolled back to {from}{}", short_of(promotion, verified)),
            _ => "Nothing was changed".to_owned(),
        },
        Outcome::Superseded => match &promotion.superseded_by {
            Some(successor) => format!("Superseded by {successor}"),
            None => "Superseded".to_owned(),
        },
        Outcome::Failed if promotion.moved => "Stopped; there was no release to go back to".to_owned(),
        Outcome::Failed => "Nothing was changed".to_owned(),
        Outcome::RollbackFailed => "The old release could not be restored; what is healthy is left running".to_owned(),
        Outcome::Noop => format!("{} is active already", promotion.to),
    }
}

/// A release that was limping when the promotion began limps again.
fn short_of(promotion: &Promotion, verified: Option<u32>) -> String {
    let wanted: u32 = promotion.plan.services.iter().filter_map(|service| service.before).sum();
    match verified {
        Some(verified) if verified < wanted => format!(", with {verified} of {wanted} processes healthy"),
        _ => String::new(),
    }
}

/// A line for each action that a reader of the events can follow. Stamps are no news.
fn describe(action: &Action, seen: Option<&Observation>) -> Option<Note> {
    match action {
        Action::Write { key, replicas: Some(count), .. } => {
            let before = seen.and_then(|seen| seen.deployment(key)).map_or(0, |deployment| deployment.replicas);
            let verb = if *count > before { "Scaled up" } else { "Scaled down" };
            Some(Note::new(key.service.to_string(), format!("{verb} {key} to {count}")))
        }
        Action::Replace { name, .. } => Some(Note::new(name, "Replaced after a failed start")),
        Action::Write { replicas: None, .. } | Action::Create(_) => None,
    }
}

fn title(status: Status) -> &'static str {
    match status {
        Status::Creating => "Creating",
        Status::Running => "Running",
        Status::Updating => "Updating",
        Status::Rollback => "Rollback",
        Status::Failed => "Failed",
        Status::Deleting => "Deleting",
    }
}

/// How long after its due time a promotion counts as abandoned by its execution.
pub const ABANDONED_AFTER: Duration = Duration::from_mins(1);

/// What the sweep has to do about an open promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweep {
    /// Its execution is at work.
    Leave,
    /// Its execution was not heard of: start another.
    Restart,
    /// All its clocks are over: end it.
    End,
}

/// Judges an open promotion at `now`.
pub fn sweep(promotion: &Promotion, now: Time) -> Sweep {
    if !promotion.is_open() {
        Sweep::Leave
    } else if now.since(promotion.started_at) >= promotion.plan.overdue() {
        Sweep::End
    } else if now.since(promotion.turn_due) >= ABANDONED_AFTER {
        Sweep::Restart
    } else {
        Sweep::Leave
    }
}
