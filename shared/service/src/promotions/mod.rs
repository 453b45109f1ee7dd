//! Promotions: plan, start, read, follow, cancel.
//!
//! ```text
//! situation (gather) ──► checks (pure): plan, noop, what refuses ──► launch (one transaction, then the state machine)
//! ```

pub(crate) mod checks;
pub(crate) mod launch;
pub(crate) mod situation;

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_domain::error::{Error, Result};
use slipway_domain::id::PromotionId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::promotion::{Event, Kind, Phase, Promotion};
use slipway_domain::release::{ReleaseRef, diff};
use slipway_rollout::apply;
use slipway_store::Scoped;
use slipway_store::promotions::SaveTurn;

use self::checks::{Wish, check};
use self::situation::Target;
use crate::caller::{Caller, Right};
use crate::draft::{ATTEMPTS, lost_a_race, too_busy};
use crate::plan_view::PlanView;
use crate::request::{Idempotency, Page, Paged, Posted, stored_id};
use crate::slipway::{Slipway, find_environment, not_found};

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

/// How many events one answer has at most.
const EVENTS: usize = 200;

impl Slipway {
    /// Checks everything and answers with the plan and with what blocks it; changes nothing. Right: read. Errors:
    /// `app_not_found`, `environment_not_found`, `release_not_found` (404), `build_incomplete` (409),
    /// `invalid_promotion` (422).
    pub async fn plan_promotion(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        release: &ReleaseRef,
        options: &PromoteOptions,
    ) -> Result<PlanView> {
        caller.needs(Right::Read)?;
        let wish = wish(release, options)?;
        let store = self.of(caller);
        let situation = self.situation(caller, &store, app, environment, &wish.target).await?;
        let checked = check(&situation, &wish);
        let active = situation.active.as_ref();
        Ok(PlanView {
            kind: wish.kind,
            previous: situation.environment.active.clone(),
            diff: active.map(|active| diff(active, &situation.release)),
            noop: checked.noop,
            estimate_seconds: checked.outlook.as_ref().map_or(0, checks::whole_seconds),
            fits: checked.outlook.as_ref().is_some_and(|outlook| outlook.fits),
            plan: checked.outlook.map(|outlook| outlook.plan),
            blocked_by: checked.refusals,
            release: situation.release,
        })
    }

    /// Starts a promotion, or records a `noop`. Right: deploy. Errors: `app_not_found`, `environment_not_found`,
    /// `release_not_found` (404); `environment_busy` (with `promotion`, `actor`, `phase`), `build_incomplete`,
    /// `release_older`, `wrong_environment`, `image_missing`, `cluster_unauthorized`, `cluster_refused` (409); `stale_version` (412);
    /// `variables_missing` (a field per variable), `formation_too_large`, `invalid_promotion` (422);
    /// `cluster_unreachable` (503).
    pub async fn promote(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        release: &ReleaseRef,
        options: &PromoteOptions,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<Promotion>> {
        caller.needs(Right::Deploy)?;
        let wish = wish(release, options)?;
        let attempt = Box::pin(self.launch(caller, app, environment, &wish, idempotency));
        let made = self.once(caller, idempotency, attempt, stored_id::<PromotionId>).await?;
        let promotion = find_promotion(&self.of(caller), app, environment, &made.value).await?;
        Ok(made.with(promotion))
    }

    /// Newest first. Right: read. Errors: `app_not_found`, `environment_not_found` (404).
    pub async fn promotions(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        page: &Page,
    ) -> Result<Paged<Promotion>> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        find_environment(&store, app, environment).await?;
        let listed = store.promotions(app, environment, &page.stored()).await?;
        Ok(Paged::from_listed(listed, |promotion| promotion))
    }

    /// Right: read. Errors: `app_not_found`, `environment_not_found`, `promotion_not_found` (404).
    pub async fn promotion(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        promotion: &PromotionId,
    ) -> Result<Promotion> {
        caller.needs(Right::Read)?;
        find_promotion(&self.of(caller), app, environment, promotion).await
    }

    /// Events after number `after`; waits up to `wait` (≤ 25 s) while there are none and the promotion goes on. Right:
    /// read. Errors: `app_not_found`, `environment_not_found`, `promotion_not_found` (404).
    pub async fn promotion_events(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        promotion: &PromotionId,
        after: u64,
        wait: Duration,
    ) -> Result<EventPage> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        find_promotion(&store, app, environment, promotion).await?;
        let store = &store;
        let look = || async move {
            let events = store.events(app, promotion, after, EVENTS).await?;
            if let Some(last) = events.last() {
                return Ok(Some(EventPage { next: last.number, finished: last.outcome.is_some(), events }));
            }
            let promotion = find_promotion(store, app, environment, promotion).await?;
            let finished = !promotion.is_open() && promotion.events <= after;
            Ok(finished.then_some(EventPage { events: Vec::new(), next: after, finished }))
        };
        let nothing = EventPage { events: Vec::new(), next: after, finished: false };
        Ok(self.wait_for(wait, look).await?.unwrap_or(nothing))
    }

    /// Turns a running promotion back. Asking twice is harmless. Right: deploy. Errors: `app_not_found`,
    /// `environment_not_found`, `promotion_not_found` (404), `promotion_ended`, `promotion_restoring` (409).
    pub async fn cancel_promotion(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        promotion: &PromotionId,
    ) -> Result<Promotion> {
        caller.needs(Right::Deploy)?;
        let store = self.of(caller);
        find_promotion(&store, app, environment, promotion).await?;
        for _ in 0..ATTEMPTS {
            let loaded = store.load(app, environment, promotion).await?;
            let (place, running) = loaded.ok_or_else(|| Error::internal("a promotion lost its environment"))?;
            if running.cancel.is_some() && running.is_open() {
                return Ok(running);
            }
            may_cancel(&running)?;
            let change = self.change(caller, "promotion.cancel");
            let applied = apply::new_execution(&place, &running, Some(caller.actor()), change.now);
            let turn = SaveTurn {
                promotion: applied.promotion.clone(),
                expected_version: running.version,
                environment: applied.environment.map(|after| (after, place.version)),
                events: applied.events,
                notices: Vec::new(),
                change: Some(change),
            };
            match store.save_turn(&turn).await {
                Ok(()) => {
                    self.start_execution(caller.tenant(), &applied.promotion).await;
                    return Ok(applied.promotion);
                }
                Err(error) if lost_a_race(&error) => self.pause().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(too_busy())
    }
}

fn may_cancel(promotion: &Promotion) -> Result<()> {
    match promotion.phase {
        Phase::Preparing | Phase::Rolling | Phase::Settling => Ok(()),
        Phase::Restoring => {
            let message = format!("{} is restoring the old release already: wait, or promote another", promotion.id);
            Err(Error::conflict("promotion_restoring", message))
        }
        Phase::Ended => {
            let outcome = promotion.outcome.map_or("ended", slipway_domain::promotion::Outcome::as_str);
            let message = format!("{} has ended ({outcome}): to go back, roll back", promotion.id);
            Err(Error::conflict("promotion_ended", message).detail("outcome", outcome))
        }
    }
}

fn wish(release: &ReleaseRef, options: &PromoteOptions) -> Result<Wish> {
    let total = options.total_seconds.map(checks::total_seconds).transpose()?;
    let wish = Wish {
        kind: Kind::Promote,
        target: Target::Named(release.clone()),
        on_conflict: options.on_conflict,
        if_match: options.if_match,
        reason: options.reason.clone(),
        total_seconds: total,
        scale: BTreeMap::new(),
    };
    wish.checked()
}

/// `app_not_found`, `environment_not_found` or `promotion_not_found` (404).
pub(crate) async fn find_promotion(
    store: &Scoped,
    app: &AppName,
    environment: &EnvironmentName,
    id: &PromotionId,
) -> Result<Promotion> {
    if let Some(promotion) = store.promotion(app, id).await?
        && promotion.environment == *environment
    {
        return Ok(promotion);
    }
    find_environment(store, app, environment).await?;
    Err(not_found("promotion_not_found", format!("the promotion {id} of {app} in {environment}")))
}
