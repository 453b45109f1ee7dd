//! Promotions: started, moved on turn by turn and ended, each in one transaction with their environment.

use slipway_domain::id::PromotionId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::promotion::{Environment, Event, Promotion};

use crate::error::{Result, StoreError};
use crate::records::{Change, Listed, NoticeKind, Page};
use crate::releases::NewRelease;
use crate::store::Scoped;

/// The start of a promotion.
#[derive(Clone, Debug)]
pub struct StartPromotion {
    /// With version 1 and event 1.
    pub promotion: Promotion,
    /// The first event, number 1.
    pub event: Event,
    /// As it is afterwards; its version is one more than expected.
    pub environment: Environment,
    pub expected_environment_version: u64,
    /// The promotion that this one takes over from.
    pub superseded: Option<Superseded>,
    /// The fresh copy that a roll-back or a restart promotes; then `environment.newest` is that copy.
    pub release: Option<NewRelease>,
}

/// A promotion as it ends because another one takes over.
#[derive(Clone, Debug)]
pub struct Superseded {
    /// Ended; its version is one more than expected.
    pub promotion: Promotion,
    pub expected_version: u64,
    /// Its last event, with the outcome.
    pub event: Event,
}

/// A promotion that moved nothing because there was nothing to move: written ended, for the history.
#[derive(Clone, Debug)]
pub struct NoopPromotion {
    /// Ended with outcome `noop`, version 1.
    pub promotion: Promotion,
    /// Its only event, number 1, with the outcome.
    pub event: Event,
    /// The environment must still be as it was read.
    pub expected_environment_version: u64,
}

/// One decision on a promotion. When it ends the promotion, its line in the history, the notice of its end and an audit
/// row are written with it.
#[derive(Clone, Debug)]
pub struct SaveTurn {
    /// Its version is one more than expected, its `events` the number of the last event.
    pub promotion: Promotion,
    pub expected_version: u64,
    /// The environment afterwards and the version it was read with, if the decision changes it.
    pub environment: Option<(Environment, u64)>,
    /// Numbered on from those stored.
    pub events: Vec<Event>,
    /// Notices besides the one of the end, such as `PromotionRollingBack`.
    pub notices: Vec<NoticeKind>,
    /// Who asked for it, when it was a person's request such as a cancel: gets an audit row and the idempotency record.
    pub change: Option<Change>,
}

impl Scoped {
    /// `Stale(Environment)` when the environment is not at the expected version (somebody was first), `Stale(Promotion)`
    /// when the superseded one moved on, `Exists(Promotion)` (draw another id), and what `create_release` refuses with.
    pub async fn start_promotion(&self, change: &Change, start: &StartPromotion) -> Result<()> {
        let _ = (change, start);
        Err(StoreError::Misuse(String::new()))
    }

    /// `Stale(Environment)`, `Exists(Promotion)`.
    pub async fn record_noop(&self, change: &Change, noop: &NoopPromotion) -> Result<()> {
        let _ = (change, noop);
        Err(StoreError::Misuse(String::new()))
    }

    /// Environment and promotion as of one moment.
    pub async fn load(
        &self,
        app: &AppName,
        environment: &EnvironmentName,
        promotion: &PromotionId,
    ) -> Result<Option<(Environment, Promotion)>> {
        let _ = (app, environment, promotion);
        Err(StoreError::Misuse(String::new()))
    }

    /// `Stale(Promotion)` or `Stale(Environment)`: load again and decide again.
    pub async fn save_turn(&self, turn: &SaveTurn) -> Result<()> {
        let _ = (turn,);
        Err(StoreError::Misuse(String::new()))
    }

    /// A consistent read.
    pub async fn promotion(&self, app: &AppName, id: &PromotionId) -> Result<Option<Promotion>> {
        let _ = (app, id);
        Err(StoreError::Misuse(String::new()))
    }

    /// Newest first.
    pub async fn promotions(
        &self,
        app: &AppName,
        environment: &EnvironmentName,
        page: &Page,
    ) -> Result<Listed<Promotion>> {
        let _ = (app, environment, page);
        Err(StoreError::Misuse(String::new()))
    }

    /// Events with a number above `after`, in order, at most `limit` of them.
    pub async fn events(&self, app: &AppName, promotion: &PromotionId, after: u64, limit: usize) -> Result<Vec<Event>> {
        let _ = (app, promotion, after, limit);
        Err(StoreError::Misuse(String::new()))
    }
}
