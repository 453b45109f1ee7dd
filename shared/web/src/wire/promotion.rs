//! Promotions: requests, plans, records and events.

use serde::{Deserialize, Serialize};
use slipway_domain::promotion::{self as domain, Cause as CauseWord, Kind, Outcome as OutcomeWord, Phase as PhaseWord};
use slipway_service::promotions;
use slipway_service::rollbacks::RolledBack;
use slipway_service::scale::Restarted;
use utoipa::ToSchema;

use super::diff::Diff;
use super::plan::Plan;
use super::release::Release;
use super::{Timestamp, mirror};
use crate::extract::body::Body;

mirror! {
    /// What a promotion is for.
    PromotionKind of Kind { Promote, Rollback, Restart, Scale }
}

mirror! {
    /// Where a promotion is.
    Phase of PhaseWord { Preparing, Rolling, Settling, Restoring, Ended }
}

mirror! {
    /// How a promotion ended. `noop`: the release was active and complete already. `failed`: nothing was moved, or there
    /// was no release to go back to. `cancelled`: turned back on request.
    Outcome of OutcomeWord { Succeeded, Noop, RolledBack, RollbackFailed, Failed, Cancelled, Superseded }
}

mirror! {
    /// Why a promotion did not succeed.
    Cause of CauseWord {
        ImageNotFound, ImageDenied, ImagePullSlow, ImageInvalid, ConfigError, StartError, Infrastructure, CrashLoop,
        OutOfMemory, Exited, HealthTimeout, NotRegistered, Flapping, Unschedulable, Quota, AdmissionDenied, InitFailed,
        ClusterUnreachable, ClusterUnauthorized, Drifted, Deadline, Internal, Cancelled,
    }
}

/// What to do when a promotion is running already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// Answer `environment_busy`.
    #[default]
    Refuse,
    /// Take over from it, keeping the last good release as the way back.
    Supersede,
}

impl From<OnConflict> for promotions::OnConflict {
    fn from(choice: OnConflict) -> Self {
        match choice {
            OnConflict::Refuse => Self::Refuse,
            OnConflict::Supersede => Self::Supersede,
        }
    }
}

/// A promotion that is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPromotion {
    /// Id, number or tag.
    pub release: String,
    /// Kept with the promotion.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
    /// Check everything and answer with the plan; change nothing.
    #[serde(default)]
    pub validate_only: bool,
    #[serde(default)]
    pub on_conflict: OnConflict,
    /// A shorter deadline than the app's.
    #[schema(minimum = 1, maximum = 600)]
    pub deadline_seconds: Option<u64>,
}

impl Body for NewPromotion {}

/// A rollback that is asked for.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRollback {
    /// Id, number or tag. Unless given: the last good release before the active one; while a promotion runs or when the
    /// environment is `failed`, the active one.
    pub release: Option<String>,
    /// Kept with the promotion.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

impl Body for NewRollback {
    fn empty() -> Option<Self> {
        Some(Self::default())
    }
}

/// A restart that is asked for.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRestart {
    /// Kept with the promotion.
    #[schema(max_length = 500)]
    pub reason: Option<String>,
}

impl Body for NewRestart {
    fn empty() -> Option<Self> {
        Some(Self::default())
    }
}

/// How a process ended.
#[derive(Serialize, ToSchema)]
pub struct Exit {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// The cluster's word: `Error`, `OOMKilled`, `StartError`, `Completed`.
    pub reason: String,
    pub message: String,
}

impl From<&domain::Exit> for Exit {
    fn from(exit: &domain::Exit) -> Self {
        Self { code: exit.code, signal: exit.signal, reason: exit.reason.clone(), message: exit.message.clone() }
    }
}

/// The first failure of a promotion, with its evidence.
#[derive(Serialize, ToSchema)]
pub struct Failure {
    pub cause: Cause,
    pub message: String,
    pub service: Option<String>,
    pub process: Option<String>,
    pub exit: Option<Exit>,
    pub at: Timestamp,
    /// The last log lines of the process; values of variables are masked.
    pub log: Vec<String>,
    /// What the cluster said about the process, oldest first; values of variables are masked.
    pub events: Vec<String>,
}

impl From<&domain::Failure> for Failure {
    fn from(failure: &domain::Failure) -> Self {
        Self {
            cause: failure.cause.into(),
            message: failure.message.clone(),
            service: failure.service.as_ref().map(ToString::to_string),
            process: failure.process.clone(),
            exit: failure.exit.as_ref().map(Exit::from),
            at: failure.at.into(),
            log: failure.log.clone(),
            events: failure.events.clone(),
        }
    }
}

/// One attempt to make a release the active one.
#[derive(Serialize, ToSchema)]
pub struct Promotion {
    pub id: String,
    pub app: String,
    pub environment: String,
    pub kind: PromotionKind,
    pub actor: String,
    pub reason: Option<String>,
    /// The last good release when it began: where a failure goes back to.
    pub from: Option<String>,
    pub to: String,
    pub phase: Phase,
    /// Null while it runs. Exactly one, once.
    pub outcome: Option<Outcome>,
    pub failure: Option<Failure>,
    /// Who asked to turn it back.
    pub cancelled_by: Option<String>,
    pub superseded_by: Option<String>,
    pub plan: Plan,
    /// Number of the last event.
    pub events: u64,
    pub started_at: Timestamp,
    pub rolling_at: Option<Timestamp>,
    pub restoring_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

impl From<&domain::Promotion> for Promotion {
    fn from(promotion: &domain::Promotion) -> Self {
        Self {
            id: promotion.id.to_string(),
            app: promotion.app.to_string(),
            environment: promotion.environment.to_string(),
            kind: promotion.kind.into(),
            actor: promotion.actor.clone(),
            reason: promotion.reason.clone(),
            from: promotion.from.as_ref().map(ToString::to_string),
            to: promotion.to.to_string(),
            phase: promotion.phase.into(),
            outcome: promotion.outcome.map(Outcome::from),
            failure: promotion.failure.as_ref().map(Failure::from),
            cancelled_by: promotion.cancel.clone(),
            superseded_by: promotion.superseded_by.as_ref().map(ToString::to_string),
            plan: (&promotion.plan).into(),
            events: promotion.events,
            started_at: promotion.started_at.into(),
            rolling_at: promotion.rolling_at.map(Timestamp::from),
            restoring_at: promotion.restoring_at.map(Timestamp::from),
            ended_at: promotion.ended_at.map(Timestamp::from),
        }
    }
}

/// One line of a promotion's story.
#[derive(Serialize, ToSchema)]
pub struct Event {
    /// From 1, without a gap.
    pub number: u64,
    pub at: Timestamp,
    /// Who speaks: `system/local/web-rbcdefghij-x7k2p`.
    pub source: String,
    pub message: String,
    /// Set on the last event, and on no other.
    pub outcome: Option<Outcome>,
}

/// A part of a promotion's story.
#[derive(Serialize, ToSchema)]
pub struct EventPage {
    /// In order; the first is numbered `after` + 1.
    pub events: Vec<Event>,
    /// Send it as `after` for what comes next.
    pub next: u64,
    /// Nothing will be added any more.
    pub finished: bool,
}

impl From<&promotions::EventPage> for EventPage {
    fn from(page: &promotions::EventPage) -> Self {
        Self { events: page.events.iter().map(Event::from).collect(), next: page.next, finished: page.finished }
    }
}

impl From<&domain::Event> for Event {
    fn from(event: &domain::Event) -> Self {
        Self {
            number: event.number,
            at: event.at.into(),
            source: event.source.clone(),
            message: event.message.clone(),
            outcome: event.outcome.map(Outcome::from),
        }
    }
}

/// A rollback that was started.
#[derive(Serialize, ToSchema)]
pub struct Rollback {
    pub promotion: Promotion,
    /// The fresh copy; `copied_from` names its original.
    pub release: Release,
    /// What it brings relative to the active release: which variables it reverts, by key.
    pub reverts: Option<Diff>,
}

impl From<&RolledBack> for Rollback {
    fn from(rolled: &RolledBack) -> Self {
        Self {
            promotion: (&rolled.promotion).into(),
            release: (&rolled.release).into(),
            reverts: rolled.reverts.as_ref().map(Diff::from),
        }
    }
}

/// A restart that was started.
#[derive(Serialize, ToSchema)]
pub struct Restart {
    pub promotion: Promotion,
    /// The fresh copy of the active release.
    pub release: Release,
}

impl From<&Restarted> for Restart {
    fn from(restarted: &Restarted) -> Self {
        Self { promotion: (&restarted.promotion).into(), release: (&restarted.release).into() }
    }
}
