//! Promotions: plan, start, read, follow, cancel.

use std::time::Duration;

use slipway_domain::error::Result;
use slipway_domain::id::PromotionId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::promotion::{Event, Promotion};
use slipway_domain::release::ReleaseRef;

use crate::caller::Caller;
use crate::plan_view::PlanView;
use crate::request::{Idempotency, Page, Paged, Posted};
use crate::slipway::Slipway;

/// What to do when a promotion is running already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// `environment_busy`.
    #[default]
    Refuse,
    /// Take over from it, keeping the last good release as the way back.
    Supersede,
}

/// How a promotion was asked for.
#[derive(Clone, Debug, Default)]
pub struct PromoteOptions {
    pub on_conflict: OnConflict,
    /// The environment's version that the caller has seen.
    pub if_match: Option<u64>,
    /// At most 500 characters.
    pub reason: Option<String>,
    /// 1 to 600: a shorter deadline than the app's.
    pub total_seconds: Option<u64>,
}

/// A part of a promotion's story.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// In order, the first numbered `after + 1`.
    pub events: Vec<Event>,
    /// Ask for what comes after this.
    pub next: u64,
    /// The terminal event was given: nothing will be added any more.
    pub finished: bool,
}

impl Slipway {
    /// Checks everything and answers with the plan and with what blocks it; changes nothing. Right: read. Errors:
    /// `app_not_found`, `environment_not_found`, `release_not_found` (404), `invalid_promotion` (422).
    pub async fn plan_promotion(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        release: &ReleaseRef,
        options: &PromoteOptions,
    ) -> Result<PlanView> {
        unimplemented!()
    }

    /// Starts a promotion, or records a `noop`. Right: deploy. Errors: `app_not_found`, `environment_not_found`,
    /// `release_not_found` (404); `environment_busy` (with `promotion`, `actor`, `phase`), `build_incomplete`,
    /// `release_older`, `wrong_environment`, `image_missing` (409); `stale_version` (412); `variables_missing` (a field
    /// per variable), `formation_too_large`, `deadline_too_short`, `invalid_promotion` (422); `cluster_unreachable`
    /// (503).
    pub async fn promote(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        release: &ReleaseRef,
        options: &PromoteOptions,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<Promotion>> {
        unimplemented!()
    }

    /// Newest first. Right: read. Errors: `app_not_found`, `environment_not_found` (404).
    pub async fn promotions(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        page: &Page,
    ) -> Result<Paged<Promotion>> {
        unimplemented!()
    }

    /// Right: read. Errors: `promotion_not_found` (404).
    pub async fn promotion(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        promotion: &PromotionId,
    ) -> Result<Promotion> {
        unimplemented!()
    }

    /// Events after number `after`; waits up to `wait` (≤ 25 s) while there are none and the promotion goes on. Right:
    /// read. Errors: `promotion_not_found` (404).
    pub async fn promotion_events(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        promotion: &PromotionId,
        after: u64,
        wait: Duration,
    ) -> Result<EventPage> {
        unimplemented!()
    }

    /// Turns a running promotion back. Asking twice is harmless. Right: deploy. Errors: `promotion_not_found` (404),
    /// `promotion_ended`, `promotion_restoring` (409).
    pub async fn cancel_promotion(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        promotion: &PromotionId,
    ) -> Result<Promotion> {
        unimplemented!()
    }
}
