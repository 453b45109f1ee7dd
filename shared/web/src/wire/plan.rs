//! Plans: what a promotion will do, or would.

use serde::Serialize;
use slipway_domain::{error, promotion as domain};
use slipway_service::plan_view::PlanView;
use utoipa::ToSchema;

use super::diff::Diff;
use super::promotion::PromotionKind;
use super::release::ReleaseHead;
use crate::problem::ProblemField;

/// What one service needs of a rollout.
#[derive(Serialize, ToSchema)]
pub struct ServicePlan {
    pub name: String,
    /// Processes before. Null: the release before has no such service.
    pub before: Option<u32>,
    /// Processes after. Null: the release has no such service.
    pub after: Option<u32>,
    pub minimum_percent: u32,
    pub health_timeout_ms: u64,
    pub registration_ms: u64,
    pub bake_ms: u64,
}

/// How a promotion goes about it; fixed at its start.
#[derive(Serialize, ToSchema)]
pub struct Plan {
    /// Processes in flight at once, across all services.
    pub batch: u32,
    pub strict: bool,
    /// Milliseconds from leaving `preparing` to turning back.
    pub total_ms: u64,
    pub restoring_ms: u64,
    pub services: Vec<ServicePlan>,
}

impl From<&domain::Plan> for Plan {
    fn from(plan: &domain::Plan) -> Self {
        Self {
            batch: plan.batch,
            strict: plan.strict,
            total_ms: plan.total_ms,
            restoring_ms: plan.restoring_ms,
            services: plan.services.iter().map(ServicePlan::from).collect(),
        }
    }
}

impl From<&domain::ServicePlan> for ServicePlan {
    fn from(plan: &domain::ServicePlan) -> Self {
        Self {
            name: plan.name.to_string(),
            before: plan.before,
            after: plan.after,
            minimum_percent: plan.minimum_percent,
            health_timeout_ms: plan.health_timeout_ms,
            registration_ms: plan.registration_ms,
            bake_ms: plan.bake_ms,
        }
    }
}

/// A check that refuses, as promoting would answer.
#[derive(Serialize, ToSchema)]
pub struct Blocker {
    pub code: String,
    pub detail: String,
    pub fields: Vec<ProblemField>,
}

impl From<&error::Error> for Blocker {
    fn from(error: &error::Error) -> Self {
        let fields = error.fields.iter();
        Self {
            code: error.code.to_owned(),
            detail: error.message.clone(),
            fields: fields
                .map(|field| ProblemField { pointer: field.pointer.clone(), message: field.message.clone() })
                .collect(),
        }
    }
}

/// What a promotion would do.
#[derive(Serialize, ToSchema)]
pub struct PromotionPlan {
    pub kind: PromotionKind,
    pub release: ReleaseHead,
    /// Id of the active release: where a failure goes back to.
    pub previous: Option<String>,
    /// What the release brings relative to the active one.
    pub diff: Option<Diff>,
    /// Null when a check that it needs failed.
    pub plan: Option<Plan>,
    /// The release is active and complete: promoting it changes nothing.
    pub noop: bool,
    pub estimate_seconds: u64,
    /// The estimate is within the deadline.
    pub fits_deadline: bool,
    /// Empty: it can be promoted now.
    pub blocked_by: Vec<Blocker>,
}

impl From<&PlanView> for PromotionPlan {
    fn from(view: &PlanView) -> Self {
        Self {
            kind: view.kind.into(),
            release: (&view.release).into(),
            previous: view.previous.as_ref().map(ToString::to_string),
            diff: view.diff.as_ref().map(Diff::from),
            plan: view.plan.as_ref().map(Plan::from),
            noop: view.noop,
            estimate_seconds: view.estimate_seconds,
            fits_deadline: view.fits,
            blocked_by: view.blocked_by.iter().map(Blocker::from).collect(),
        }
    }
}
