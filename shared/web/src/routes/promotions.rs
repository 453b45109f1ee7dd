//! `…/environments/{environment}/promotions`, `/rollbacks`, `/restarts` and `/scale`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use slipway_domain::id::PromotionId;
use slipway_service::promotions::PromoteOptions;
use slipway_service::rollbacks::RollbackOptions;
use slipway_service::scale::{self, RestartOptions, ScaleOptions};

use super::{ChangeRefusals, OptionalIfMatch, OptionalKey, Refusals, Reply, RequiredKey, field, optional_field};
use crate::extract::body::{Change, KeyedChange, Nothing};
use crate::extract::caller::Authenticated;
use crate::extract::headers::IfMatch;
use crate::extract::listing::{Listing, Paging};
use crate::extract::path::{EnvironmentPath, Path, PromotionPath};
use crate::extract::query::{Follow, Query};
use crate::problem::{Answer, Problem};
use crate::state::State;
use crate::wire::Page;
use crate::wire::environment::{NewScale, Scaled};
use crate::wire::plan::PromotionPlan;
use crate::wire::promotion::{EventPage, NewPromotion, NewRestart, NewRollback, Promotion, Restart, Rollback};

/// Promotions of an environment, newest first.
#[utoipa::path(get, path = "/v1/apps/{app}/environments/{environment}/promotions", tag = "promotions",
    params(EnvironmentPath, Paging), responses((status = 200, body = Page<Promotion>), Refusals))]
pub async fn list_promotions(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    listing: Listing<()>,
) -> Answer<Json<Page<Promotion>>> {
    let page = listing.page(&state, &caller).await?;
    let promotions = state.slipway.promotions(&caller, &at.app, &at.environment, &page).await?;
    Ok(Json(listing.answer(&state, &caller, &promotions).await?))
}

/// Makes a release the active one: the only act that touches what users see. Answers at once; follow its events. With
/// `validate_only` the answer is the plan, and nothing is changed.
#[utoipa::path(post, path = "/v1/apps/{app}/environments/{environment}/promotions", tag = "promotions",
    params(EnvironmentPath, RequiredKey, OptionalIfMatch), request_body = NewPromotion,
    responses((status = 200, description = "The plan; nothing was changed", body = PromotionPlan),
        (status = 202, description = "The promotion, which goes on by itself", body = Promotion,
            headers(("Location" = String))),
        Refusals, ChangeRefusals))]
pub async fn promote(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    IfMatch(if_match): IfMatch,
    change: KeyedChange<NewPromotion>,
) -> Answer<Response> {
    let body = change.body;
    let release = field("/release", &body.release)?;
    let options = PromoteOptions {
        on_conflict: body.on_conflict.into(),
        if_match,
        reason: body.reason,
        total_seconds: body.deadline_seconds,
    };
    let pointing = |error| Problem::from(error).pointing(&[("/total_seconds", "/deadline_seconds")]).naming("/release");
    if body.validate_only {
        let plan = state.slipway.plan_promotion(&caller, &at.app, &at.environment, &release, &options).await;
        let plan = plan.map_err(pointing)?;
        return Ok(Json(PromotionPlan::from(&plan)).into_response());
    }
    let key = Some(&change.idempotency);
    let posted = state.slipway.promote(&caller, &at.app, &at.environment, &release, &options, key).await;
    let posted = posted.map_err(pointing)?;
    let reply = accepted(&at, &posted.value.id).replayed(posted.replayed);
    Ok(reply.with(Promotion::from(&posted.value)))
}

fn accepted(at: &EnvironmentPath, promotion: &PromotionId) -> Reply {
    let location = format!("/v1/apps/{}/environments/{}/promotions/{promotion}", at.app, at.environment);
    Reply::new(StatusCode::ACCEPTED).at(location)
}

/// One promotion: phase, outcome, cause and evidence.
#[utoipa::path(get, path = "/v1/apps/{app}/environments/{environment}/promotions/{promotion}", tag = "promotions",
    params(PromotionPath), responses((status = 200, body = Promotion), Refusals))]
pub async fn read_promotion(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<PromotionPath>,
) -> Answer<Json<Promotion>> {
    let promotion = state.slipway.promotion(&caller, &at.app, &at.environment, &at.promotion).await?;
    Ok(Json(Promotion::from(&promotion)))
}

/// Events of a promotion after number `after`; never loses or repeats one.
#[utoipa::path(get, path = "/v1/apps/{app}/environments/{environment}/promotions/{promotion}/events",
    tag = "promotions", params(PromotionPath, Follow), responses((status = 200, body = EventPage), Refusals))]
pub async fn read_promotion_events(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<PromotionPath>,
    Query(query): Query<Follow>,
) -> Answer<Json<EventPage>> {
    let (after, wait) = (query.after, query.wait());
    let page = state.slipway.promotion_events(&caller, &at.app, &at.environment, &at.promotion, after, wait).await?;
    Ok(Json(EventPage::from(&page)))
}

/// Turns a running promotion back. Asking twice is harmless.
#[utoipa::path(post, path = "/v1/apps/{app}/environments/{environment}/promotions/{promotion}/cancel",
    tag = "promotions", params(PromotionPath, OptionalKey),
    responses((status = 202, body = Promotion), Refusals, ChangeRefusals))]
pub async fn cancel_promotion(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<PromotionPath>,
    _: Change<Nothing>,
) -> Answer<Response> {
    let promotion = state.slipway.cancel_promotion(&caller, &at.app, &at.environment, &at.promotion).await?;
    Ok(Reply::new(StatusCode::ACCEPTED).with(Promotion::from(&promotion)))
}

/// Promotes a fresh copy of a release that was good. Takes over from a promotion that is running.
#[utoipa::path(post, path = "/v1/apps/{app}/environments/{environment}/rollbacks", tag = "promotions",
    params(EnvironmentPath, RequiredKey, OptionalIfMatch),
    request_body(content = NewRollback, description = "May be empty"),
    responses((status = 202, body = Rollback, headers(("Location" = String))), Refusals, ChangeRefusals))]
pub async fn roll_back(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    IfMatch(if_match): IfMatch,
    change: KeyedChange<NewRollback>,
) -> Answer<Response> {
    let release = optional_field("/release", change.body.release.as_deref())?;
    let options = RollbackOptions { release, reason: change.body.reason, if_match };
    let key = Some(&change.idempotency);
    let posted = state.slipway.roll_back(&caller, &at.app, &at.environment, &options, key).await;
    let posted = posted.map_err(|error| Problem::from(error).naming("/release"))?;
    let reply = accepted(&at, &posted.value.promotion.id).replayed(posted.replayed);
    Ok(reply.with(Rollback::from(&posted.value)))
}

/// Promotes a fresh copy of the active release.
#[utoipa::path(post, path = "/v1/apps/{app}/environments/{environment}/restarts", tag = "promotions",
    params(EnvironmentPath, OptionalKey, OptionalIfMatch),
    request_body(content = NewRestart, description = "May be empty"),
    responses((status = 202, body = Restart, headers(("Location" = String))), Refusals, ChangeRefusals))]
pub async fn restart(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    IfMatch(if_match): IfMatch,
    change: Change<NewRestart>,
) -> Answer<Response> {
    let options = RestartOptions { reason: change.body.reason, if_match };
    let key = change.idempotency.as_ref();
    let posted = state.slipway.restart(&caller, &at.app, &at.environment, &options, key).await?;
    let reply = accepted(&at, &posted.value.promotion.id).replayed(posted.replayed);
    Ok(reply.with(Restart::from(&posted.value)))
}

/// Changes how many processes the services run: a promotion of the active release to another formation, which turns back
/// to the old one when it fails. 200 when the formation was so already.
#[utoipa::path(post, path = "/v1/apps/{app}/environments/{environment}/scale", tag = "promotions",
    params(EnvironmentPath, OptionalKey, OptionalIfMatch), request_body = NewScale,
    responses((status = 200, body = Scaled), (status = 202, body = Scaled, headers(("Location" = String))), Refusals,
        ChangeRefusals))]
pub async fn scale(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    IfMatch(if_match): IfMatch,
    change: Change<NewScale>,
) -> Answer<Response> {
    let mut formation = BTreeMap::new();
    for (service, count) in &change.body.services {
        formation.insert(field(&format!("/services/{service}"), service)?, *count);
    }
    let options = ScaleOptions { formation, reason: change.body.reason, if_match };
    let key = change.idempotency.as_ref();
    let posted = state.slipway.scale(&caller, &at.app, &at.environment, &options, key).await;
    let moved = [("/formation/", "/services/"), ("/formation", "/services")];
    let posted = posted.map_err(|error| Problem::from(error).pointing(&moved))?;
    let (reply, promotion) = match &posted.value {
        scale::Scaled::Unchanged(_) => (Reply::new(StatusCode::OK), None),
        scale::Scaled::Started(promotion) => (accepted(&at, &promotion.id), Some(Promotion::from(promotion.as_ref()))),
    };
    Ok(reply.replayed(posted.replayed).with(Scaled { changed: promotion.is_some(), promotion }))
}
