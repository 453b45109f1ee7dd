//! `…/environments/{environment}/runs`

use std::time::Duration;

use axum::Json;
use axum::extract::State as Shared;
use axum::response::Response;
use http::StatusCode;
use slipway_service::runs::NewRunRequest;

use super::{ChangeRefusals, OptionalKey, Refusals, Reply, field, optional_field};
use crate::extract::body::Change;
use crate::extract::caller::Authenticated;
use crate::extract::listing::{Listing, Paging};
use crate::extract::path::{EnvironmentPath, Path, RunPath};
use crate::extract::query::{Follow, Query, Wait};
use crate::problem::{Answer, Problem};
use crate::state::State;
use crate::wire::Page;
use crate::wire::build::LogPage;
use crate::wire::run::{NewRun, Run};

/// Runs a command in a fresh process of any release, promoted or not. A right of its own: what runs there can read the
/// variables.
#[utoipa::path(post, path = "/v1/apps/{app}/environments/{environment}/runs", tag = "runs",
    params(EnvironmentPath, OptionalKey), request_body = NewRun,
    responses((status = 202, body = Run, headers(("Location" = String))), Refusals, ChangeRefusals))]
pub async fn create_run(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    change: Change<NewRun>,
) -> Answer<Response> {
    let body = change.body;
    let new = NewRunRequest {
        service: field("/service", &body.service)?,
        command: body.command,
        release: optional_field("/release", body.release.as_deref())?,
        time_limit: body.time_limit_seconds.map(Duration::from_secs),
    };
    let key = change.idempotency.as_ref();
    let posted = state.slipway.create_run(&caller, &at.app, &at.environment, &new, key).await;
    let posted = posted.map_err(|error| Problem::from(error).naming("/release"))?;
    let location = format!("/v1/apps/{}/environments/{}/runs/{}", at.app, at.environment, posted.value.id);
    let reply = Reply::new(StatusCode::ACCEPTED).at(location).replayed(posted.replayed);
    Ok(reply.with(Run::from(&posted.value)))
}

/// Runs of an environment, newest first.
#[utoipa::path(get, path = "/v1/apps/{app}/environments/{environment}/runs", tag = "runs",
    params(EnvironmentPath, Paging), responses((status = 200, body = Page<Run>), Refusals))]
pub async fn list_runs(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    listing: Listing<()>,
) -> Answer<Json<Page<Run>>> {
    let page = listing.page(&state, &caller).await?;
    let runs = state.slipway.runs(&caller, &at.app, &at.environment, &page).await?;
    Ok(Json(listing.answer(&state, &caller, &runs).await?))
}

/// One run; `wait` holds the answer back until it has ended.
#[utoipa::path(get, path = "/v1/apps/{app}/environments/{environment}/runs/{run}", tag = "runs",
    params(RunPath, Wait), responses((status = 200, body = Run), Refusals))]
pub async fn read_run(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<RunPath>,
    Query(query): Query<Wait>,
) -> Answer<Json<Run>> {
    let run = state.slipway.run(&caller, &at.app, &at.environment, &at.run, query.wait()).await?;
    Ok(Json(Run::from(&run)))
}

/// Lines of a run's log after the first `after` ones: as the run wrote them, also where that is the value of a variable.
#[utoipa::path(get, path = "/v1/apps/{app}/environments/{environment}/runs/{run}/log", tag = "runs",
    params(RunPath, Follow), responses((status = 200, body = LogPage), Refusals))]
pub async fn read_run_log(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<RunPath>,
    Query(query): Query<Follow>,
) -> Answer<Json<LogPage>> {
    let (after, wait) = (query.after, query.wait());
    let page = state.slipway.run_log(&caller, &at.app, &at.environment, &at.run, after, wait).await?;
    Ok(Json(LogPage::from(&page)))
}
