//! What a promotion would do, without doing it.

use slipway_domain::error::Error;
use slipway_domain::id::ReleaseId;
use slipway_domain::promotion::{Kind, Plan};
use slipway_domain::release::{Diff, Release};

/// The checked plan of a promotion.
#[derive(Clone, Debug)]
pub struct PlanView {
    pub kind: Kind,
    pub release: Release,
    /// The active release: where a failure goes back to.
    pub previous: Option<ReleaseId>,
    /// What the release brings relative to the active one.
    pub diff: Option<Diff>,
    /// Batch, clocks, and per service the processes before and after. None when a check that it needs failed.
    pub plan: Option<Plan>,
    /// The release is active and complete: promoting it changes nothing.
    pub noop: bool,
    pub estimate_seconds: u64,
    /// The estimate is within the deadline.
    pub fits: bool,
    /// Each check that refuses, as the error that promoting would answer with. Empty: it can be promoted now.
    pub blocked_by: Vec<Error>,
}
