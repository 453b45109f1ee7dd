//! The phases of a promotion, and the only function that computes the one that follows.

use slipway_domain::promotion::{Cause, Outcome, Phase, Promotion, Status};

/// What happened to a promotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Every object exists and bears the stamp.
    Prepared,
    /// Every service of the target is complete.
    Completed,
    /// What made it complete no longer holds.
    Uncompleted,
    /// One more bake over all of them held: the commit.
    Settled,
    /// A check failed, a process is doomed, access or a deadline was lost, somebody asked to turn back.
    Broken,
    /// The old release is complete again.
    Restored,
    /// There was no old release, and nothing of ours is left running.
    Emptied,
    /// The time for restoring is over, or access was lost meanwhile.
    RestoringOver,
    /// Another promotion takes over, in the transaction that starts it.
    Superseded,
    /// All its clocks together are over: nobody worked on it.
    Overdue,
}

/// What a trigger depends on besides the phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub phase: Phase,
    /// Something in the cluster was changed.
    pub moved: bool,
    /// There is a release to go back to.
    pub has_from: bool,
    /// It is turned back because somebody asked.
    pub on_request: bool,
}

/// What becomes of the environment's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusChange {
    Keep,
    /// As before the promotion.
    Before,
    Set(Status),
}

/// Where a promotion goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    pub phase: Phase,
    /// Set exactly when the phase is `ended`.
    pub outcome: Option<Outcome>,
    pub status: StatusChange,
}

/// The trigger is not listed for the phase: a mistake of ours, which changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{trigger:?} is no event of the phase {phase}")]
pub struct Illegal {
    pub phase: Phase,
    pub trigger: Trigger,
}

impl Position {
    pub fn of(promotion: &Promotion) -> Self {
        Self {
            phase: promotion.phase,
            moved: promotion.moved,
            has_from: promotion.from.is_some(),
            on_request: promotion.failure.as_ref().is_some_and(|failure| failure.cause == Cause::Cancelled),
        }
    }
}

/// The table of phases.
pub fn next(position: Position, trigger: Trigger) -> Result<Transition, Illegal> {
    let Position { phase, moved, has_from, on_request } = position;
    let turned_back = |outcome| if on_request { Outcome::Cancelled } else { outcome };
    match (phase, trigger) {
        (Phase::Preparing, Trigger::Prepared) | (Phase::Settling, Trigger::Uncompleted) => Ok(go(Phase::Rolling)),
        (Phase::Rolling, Trigger::Completed) => Ok(go(Phase::Settling)),
        (Phase::Preparing, Trigger::Broken) if !moved => Ok(end(turned_back(Outcome::Failed), StatusChange::Before)),
        (Phase::Preparing | Phase::Rolling | Phase::Settling, Trigger::Broken) => {
            Ok(Transition { phase: Phase::Restoring, outcome: None, status: StatusChange::Set(Status::Rollback) })
        }
        (Phase::Settling, Trigger::Settled) => Ok(end(Outcome::Succeeded, StatusChange::Set(Status::Running))),
        (Phase::Restoring, Trigger::Restored) if has_from => {
            Ok(end(turned_back(Outcome::RolledBack), StatusChange::Before))
        }
        (Phase::Restoring, Trigger::Emptied) if !has_from => {
            Ok(end(Outcome::Failed, StatusChange::Set(Status::Failed)))
        }
        (Phase::Restoring, Trigger::RestoringOver) => {
            Ok(end(Outcome::RollbackFailed, StatusChange::Set(Status::Failed)))
        }
        (Phase::Ended, _) => Err(Illegal { phase, trigger }),
        (_, Trigger::Superseded) => Ok(end(Outcome::Superseded, StatusChange::Keep)),
        (_, Trigger::Overdue) if moved => Ok(end(Outcome::RollbackFailed, StatusChange::Set(Status::Failed))),
        (_, Trigger::Overdue) => Ok(end(Outcome::Failed, StatusChange::Before)),
        _ => Err(Illegal { phase, trigger }),
    }
}

fn go(phase: Phase) -> Transition {
    Transition { phase, outcome: None, status: StatusChange::Keep }
}

fn end(outcome: Outcome, status: StatusChange) -> Transition {
    Transition { phase: Phase::Ended, outcome: Some(outcome), status }
}
