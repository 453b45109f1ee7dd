//! What goes into the store and comes out of it besides the values of the domain: who changes something, pages of
//! lists, and the records that only the store has.

use slipway_domain::id::{BuildId, PromotionId, ReleaseId, RunId, TenantId};
use slipway_domain::name::{AppName, EnvironmentName, ServiceName};
use slipway_domain::promotion::{Exit, Kind, Outcome, Promotion};
use slipway_domain::time::Time;

use serde::{Deserialize, Serialize};

/// Who changes something, when and by which request. Every change carries one: it becomes the audit row, and the
/// idempotency record where there is a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub now: Time,
    /// Shown to people: `ana@example.com`, `system/slipway`.
    pub actor: String,
    /// Id of the token that was used; empty for the system.
    pub credential: String,
    pub request_id: String,
    /// What was done, as `app.create`.
    pub action: &'static str,
    pub idempotency: Option<IdempotencyKey>,
}

impl Change {
    /// What the system does by itself.
    pub fn system(now: Time, action: &'static str, request_id: impl Into<String>) -> Self {
        Self {
            now,
            actor: "system/slipway".to_owned(),
            credential: String::new(),
            request_id: request_id.into(),
            action,
            idempotency: None,
        }
    }
}

/// A caller's promise that requests with this key are one request, and the answer to give again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Credential and route. The tenant is added by the store.
    pub scope: String,
    pub key: String,
    /// Of the request's body.
    pub fingerprint: String,
    /// HTTP status of the answer.
    pub status: u16,
    /// Id of what was made.
    pub resource: String,
}

/// What is kept of a request with a key, for 24 hours. Never a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyRecord {
    pub fingerprint: String,
    pub status: u16,
    pub resource: String,
    pub created_at: Time,
}

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// `next` of the page before; None for the first.
    pub after: Option<String>,
    /// At most this many; 1 to 100.
    pub limit: usize,
}

impl Page {
    pub const MAX_LIMIT: usize = 100;

    /// The first `limit` of a list.
    pub fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    pub items: Vec<T>,
    /// Where the next page begins; None: this is the last one.
    pub next: Option<String>,
}

/// A customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    pub id: TenantId,
    pub name: String,
    pub created_at: Time,
}

/// What the bearer of a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Viewer,
    Deployer,
    Owner,
}

impl Role {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Deployer => "deployer",
            Self::Owner => "owner",
        }
    }
}

/// A token as it is known here: its id and the hash of its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    pub id: crate::token_id::TokenId,
    pub name: String,
    /// SHA-256 of the secret part, as 64 lower-case hexadecimal digits.
    pub sha256: String,
    pub role: Role,
    pub created_at: Time,
    pub expires_at: Time,
    pub revoked_at: Option<Time>,
}

/// A one-off process of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub id: RunId,
    pub app: AppName,
    pub environment: EnvironmentName,
    pub release: ReleaseId,
    pub service: ServiceName,
    /// argv.
    pub command: Vec<String>,
    pub actor: String,
    pub started_at: Time,
    pub time_limit_ms: u64,
    /// The cluster took it: it is never started again, whatever became of it there.
    #[serde(default)]
    pub begun: bool,
    /// None while it runs.
    pub ended: Option<RunEnd>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    pub exit: Exit,
    pub at: Time,
    /// Its time limit ended it.
    pub timed_out: bool,
}

/// An ended promotion, as a line of its environment's history. Written once, in the transaction that ends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    pub promotion: PromotionId,
    pub kind: Kind,
    pub release: ReleaseId,
    /// The last good release when it began.
    pub from: Option<ReleaseId>,
    pub outcome: Outcome,
    pub at: Time,
    pub actor: String,
    pub reason: Option<String>,
}

impl Activation {
    /// The line for a promotion; None while it is open.
    pub fn of(promotion: &Promotion) -> Option<Self> {
        Some(Self {
            promotion: promotion.id.clone(),
            kind: promotion.kind,
            release: promotion.to.clone(),
            from: promotion.from.clone(),
            outcome: promotion.outcome?,
            at: promotion.ended_at?,
            actor: promotion.actor.clone(),
            reason: promotion.reason.clone(),
        })
    }

    /// Whether the release was the active one from then on.
    pub fn activated(&self) -> bool {
        matches!(self.outcome, Outcome::Succeeded | Outcome::Noop)
    }
}

/// What a release's promotions came to so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseHistory {
    /// It was the active release once, or is.
    pub was_active: bool,
    /// Its last ended promotion.
    pub last: Activation,
}

/// What is told to the tenant's webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NoticeKind {
    #[serde(rename = "build.completed")]
    BuildCompleted,
    #[serde(rename = "build.failed")]
    BuildFailed,
    #[serde(rename = "release.created")]
    ReleaseCreated,
    #[serde(rename = "promotion.started")]
    PromotionStarted,
    #[serde(rename = "promotion.succeeded")]
    PromotionSucceeded,
    #[serde(rename = "promotion.rolling_back")]
    PromotionRollingBack,
    #[serde(rename = "promotion.rolled_back")]
    PromotionRolledBack,
    #[serde(rename = "promotion.rollback_failed")]
    PromotionRollbackFailed,
    #[serde(rename = "promotion.failed")]
    PromotionFailed,
    #[serde(rename = "promotion.cancelled")]
    PromotionCancelled,
    #[serde(rename = "promotion.superseded")]
    PromotionSuperseded,
}

impl NoticeKind {
    /// The notice of a promotion's end. A noop moved nothing and tells nobody.
    pub const fn of(outcome: Outcome) -> Option<Self> {
        match outcome {
            Outcome::Noop => None,
            Outcome::Succeeded => Some(Self::PromotionSucceeded),
            Outcome::RolledBack => Some(Self::PromotionRolledBack),
            Outcome::RollbackFailed => Some(Self::PromotionRollbackFailed),
            Outcome::Failed => Some(Self::PromotionFailed),
            Outcome::Cancelled => Some(Self::PromotionCancelled),
            Outcome::Superseded => Some(Self::PromotionSuperseded),
        }
    }
}

/// A row of the outbox: ids only, written in the transaction of the change that it tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its place in the outbox.
    pub id: String,
    pub kind: NoticeKind,
    pub at: Time,
    pub app: AppName,
    pub environment: EnvironmentName,
    pub build: Option<BuildId>,
    pub release: Option<ReleaseId>,
    pub promotion: Option<PromotionId>,
}

/// A row of the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    pub at: Time,
    pub actor: String,
    pub credential: String,
    pub request_id: String,
    pub action: String,
    /// What it was done to: `apps/web/environments/production`.
    pub target: String,
}

/// What the index of due things lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DueKind {
    /// Open promotions, by `turn_due`.
    Promotion,
    /// Environments with `cleanup_pending`, by when that was stored.
    Cleanup,
    /// Builds that have not ended, by when their time is over.
    Build,
    /// Runs that have not ended, by when their time is over.
    Run,
    /// Undelivered notices, by when they were written.
    Notice,
    /// Environments in which something ended that leaves objects behind, by when it did.
    Collect,
}

/// Something that is due: ids only. What it is about is read through `scoped`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Due {
    pub at: Time,
    pub tenant: TenantId,
    pub app: AppName,
    pub environment: EnvironmentName,
    pub build: Option<BuildId>,
    pub promotion: Option<PromotionId>,
    pub run: Option<RunId>,
}
