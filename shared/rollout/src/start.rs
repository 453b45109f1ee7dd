//! The start of a promotion: what becomes of the environment, of the promotion that it takes over from, and the first
//! records of its own. All of it is written in one transaction.

use slipway_domain::id::{PromotionId, ReleaseId};
use slipway_domain::promotion::{Environment, Event, Kind, Memory, Outcome, Phase, Plan, Promotion, Status};
use slipway_domain::time::Time;

use crate::apply::{self, Applied};
use crate::decide::WINDOW;
use crate::phase::Illegal;
use crate::story::Note;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Start {
    pub id: PromotionId,
    pub kind: Kind,
    pub actor: String,
    pub reason: Option<String>,
    pub to: ReleaseId,
    pub plan: Plan,
}

/// The records after the start.
#[derive(Clone, Debug)]
pub struct Started {
    /// Version 1, with event 1.
    pub promotion: Promotion,
    pub event: Event,
    /// Its version is one above the one that was read.
    pub environment: Environment,
    /// The promotion that it takes over from, ended.
    pub superseded: Option<Applied>,
}

/// Why a promotion cannot start: a mistake of ours, which changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotStart {
    #[error("what the environment runs is not what the promotion is to take over from")]
    NotTheRunning,
    #[error(transparent)]
    Illegal(#[from] Illegal),
}

/// Starts a promotion in `environment`, taking over from `running` if there is one. The way back is the last good
/// release, never the one that was on its way; what the predecessor moved counts as moved.
pub fn start(
    environment: &Environment,
    running: Option<&Promotion>,
    start: Start,
    now: Time,
) -> Result<Started, CannotStart> {
    if environment.promotion.as_ref() != running.map(|running| &running.id) {
        return Err(CannotStart::NotTheRunning);
    }
    let superseded = running.map(|running| apply::superseded(environment, running, &start.id, now)).transpose()?;
    let event = first_event(&start, now, None);
    let mut promotion = fresh(environment, start, now);
    if let Some(running) = running {
        promotion.epoch = promotion.epoch.max(running.epoch.next());
        promotion.moved = running.moved;
        promotion.status_before = running.status_before;
        if running.from == promotion.from {
            promotion.healthy_before.clone_from(&running.healthy_before);
        }
    }
    let environment = Environment {
        status: Status::Updating,
        promotion: Some(promotion.id.clone()),
        epoch: promotion.epoch,
        version: environment.version + 1,
        ..environment.clone()
    };
    Ok(Started { promotion, event, environment, superseded })
}

/// The record of a promotion that had nothing to do: ended as it begins, and nothing else changes.
pub fn noop(environment: &Environment, start: Start, now: Time) -> (Promotion, Event) {
    let event = first_event(&start, now, Some(Outcome::Noop));
    let promotion = Promotion {
        epoch: environment.epoch,
        phase: Phase::Ended,
        outcome: Some(Outcome::Noop),
        ended_at: Some(now),
        turn_due: now,
        ..fresh(environment, start, now)
    };
    (promotion, event)
}

fn fresh(environment: &Environment, start: Start, now: Time) -> Promotion {
    Promotion {
        id: start.id,
        app: environment.app.clone(),
        environment: environment.name.clone(),
        kind: start.kind,
        actor: start.actor,
        reason: start.reason,
        from: environment.active.clone(),
        to: start.to,
        epoch: environment.epoch.next(),
        execution: 1,
        phase: Phase::Preparing,
        cancel: None,
        plan: start.plan,
        moved: false,
        healthy_before: None,
        failure: None,
        memory: Memory::default(),
        actions: Vec::new(),
        turn: 0,
        turn_due: now.plus(WINDOW),
        clock: now,
        started_at: now,
        rolling_at: None,
        restoring_at: None,
        ended_at: None,
        outcome: None,
        status_before: environment.status,
        superseded_by: None,
        events: 1,
        version: 1,
    }
}

fn first_event(start: &Start, now: Time, outcome: Option<Outcome>) -> Event {
    let message = match outcome {
        Some(_) => format!("{} is active already and complete", start.to),
        None => format!("{} of {} started by {}", title(start.kind), start.to, start.actor),
    };
    let note = Note::new("app", message);
    Event { number: 1, at: now, source: note.source(), message: note.message, outcome }
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Promote => "Promotion",
        Kind::Rollback => "Rollback",
        Kind::Restart => "Restart",
        Kind::Scale => "Scaling",
    }
}
