//! The state of health of an environment.

use serde::Serialize;
use slipway_service::diagnosis as service;
use utoipa::ToSchema;

use super::Timestamp;
use super::environment::EnvironmentStatus;
use super::promotion::{Cause, Exit, Failure, Outcome, Phase, PromotionKind};

/// What is wrong in an environment, and what to do about it.
#[derive(Serialize, ToSchema)]
pub struct Diagnosis {
    pub status: EnvironmentStatus,
    /// Id of the active release. Null: nothing was promoted yet.
    pub active: Option<String>,
    /// When the cluster was looked at, by its own clock.
    pub at: Timestamp,
    /// The promotion that is running, or the last one where it did not succeed.
    pub promotion: Option<DiagnosedPromotion>,
    /// By service and release; those that neither run nor should are left out.
    pub services: Vec<ServiceHealth>,
    /// Empty: nothing is wrong. By service, release and process; what concerns a whole service comes first.
    pub findings: Vec<Finding>,
}

/// The processes of one service of one release, counted.
#[derive(Serialize, ToSchema)]
pub struct ServiceHealth {
    pub service: String,
    pub release: String,
    /// How many there should be.
    pub asked: u32,
    pub healthy: u32,
    /// Still within the times that their manifest gives them.
    pub starting: u32,
    /// With a finding each.
    pub sick: u32,
}

/// One thing that is wrong, what shows it, and what to do next.
#[derive(Serialize, ToSchema)]
pub struct Finding {
    pub service: String,
    pub release: String,
    /// Null: it concerns the service as a whole.
    pub process: Option<String>,
    pub cause: Cause,
    pub message: String,
    /// How the process ended the last time.
    pub exit: Option<Exit>,
    /// The last answer of a failing health check.
    pub probe_error: Option<String>,
    pub restarts: u32,
    /// Since when it runs; null when it does not.
    pub running_since: Option<Timestamp>,
    /// It passes its health check all the same.
    pub ready: bool,
    /// Its last log lines, oldest first; of the first processes of each service alone. Values of variables are masked.
    pub log: Vec<String>,
    /// What to do next, with the command to type.
    pub next: String,
}

/// What a promotion waits for, or why it failed.
#[derive(Serialize, ToSchema)]
pub struct DiagnosedPromotion {
    /// Read it for the whole evidence.
    pub id: String,
    pub kind: PromotionKind,
    /// The release that is to become the active one.
    pub to: String,
    pub phase: Phase,
    /// Null while it runs.
    pub outcome: Option<Outcome>,
    /// What keeps it from going on, while it does not fail for it.
    pub waits_for: Option<Failure>,
    pub failure: Option<Failure>,
    /// What to do about the failure, else about what is waited for.
    pub next: Option<String>,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

impl From<&service::DiagnosisView> for Diagnosis {
    fn from(view: &service::DiagnosisView) -> Self {
        Self {
            status: view.environment.status.into(),
            active: view.environment.active.as_ref().map(ToString::to_string),
            at: view.at.into(),
            promotion: view.promotion.as_ref().map(DiagnosedPromotion::from),
            services: view.services.iter().map(ServiceHealth::from).collect(),
            findings: view.findings.iter().map(Finding::from).collect(),
        }
    }
}

impl From<&service::ServiceHealth> for ServiceHealth {
    fn from(health: &service::ServiceHealth) -> Self {
        Self {
            service: health.service.to_string(),
            release: health.release.to_string(),
            asked: health.asked,
            healthy: health.healthy,
            starting: health.starting,
            sick: health.sick,
        }
    }
}

impl From<&service::FindingView> for Finding {
    fn from(finding: &service::FindingView) -> Self {
        Self {
            service: finding.service.to_string(),
            release: finding.release.to_string(),
            process: finding.process.clone(),
            cause: finding.cause.into(),
            message: finding.message.clone(),
            exit: finding.exit.as_ref().map(Exit::from),
            probe_error: finding.probe_error.clone(),
            restarts: finding.restarts,
            running_since: finding.running_since.map(Timestamp::from),
            ready: finding.ready,
            log: finding.log.clone(),
            next: finding.next.clone(),
        }
    }
}

impl From<&service::PromotionContext> for DiagnosedPromotion {
    fn from(context: &service::PromotionContext) -> Self {
        let promotion = &context.promotion;
        Self {
            id: promotion.id.to_string(),
            kind: promotion.kind.into(),
            to: promotion.to.to_string(),
            phase: promotion.phase.into(),
            outcome: promotion.outcome.map(Outcome::from),
            waits_for: context.waits_for.as_ref().map(Failure::from),
            failure: promotion.failure.as_ref().map(Failure::from),
            next: context.next.clone(),
            started_at: promotion.started_at.into(),
            ended_at: promotion.ended_at.map(Timestamp::from),
        }
    }
}
