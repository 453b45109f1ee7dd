//! The answer of `…/diagnosis`.

use serde::Deserialize;

use super::{Exit, PromotionFailure};

#[derive(Deserialize)]
pub struct Diagnosis {
    pub status: String,
    pub active: Option<String>,
    pub promotion: Option<DiagnosedPromotion>,
    pub services: Vec<ServiceHealth>,
    pub findings: Vec<Finding>,
}

#[derive(Deserialize)]
pub struct ServiceHealth {
    pub service: String,
    pub release: String,
    pub asked: u32,
    pub healthy: u32,
    pub starting: u32,
    pub sick: u32,
}

#[derive(Deserialize)]
pub struct Finding {
    pub service: String,
    pub process: Option<String>,
    pub cause: String,
    pub message: String,
    pub exit: Option<Exit>,
    pub probe_error: Option<String>,
    pub restarts: u32,
    pub running_since: Option<String>,
    pub ready: bool,
    pub log: Vec<String>,
    pub next: String,
}

#[derive(Deserialize)]
pub struct DiagnosedPromotion {
    pub id: String,
    pub kind: String,
    pub to: String,
    pub phase: String,
    pub outcome: Option<String>,
    pub waits_for: Option<PromotionFailure>,
    pub failure: Option<PromotionFailure>,
    pub next: Option<String>,
}
