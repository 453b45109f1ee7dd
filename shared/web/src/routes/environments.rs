//! `/v1/apps/{app}/environments`

use axum::Json;
use axum::extract::State as Shared;
use axum::response::Response;
use http::StatusCode;

use super::{ChangeRefusals, OptionalKey, Refusals, Reply, field, optional_field};
use crate::extract::body::Change;
use crate::extract::caller::Authenticated;
use crate::extract::listing::{Listing, Paging, part};
use crate::extract::path::{AppPath, EnvironmentPath, Path};
use crate::problem::Answer;
use crate::state::State;
use crate::wire::Page;
use crate::wire::environment::{ClusterAccess, Environment, EnvironmentDetail, NewEnvironment};

/// The environments of an app: `production`, then the others by name.
#[utoipa::path(get, path = "/v1/apps/{app}/environments", tag = "environments", params(AppPath, Paging),
    responses((status = 200, body = Page<Environment>), Refusals))]
pub async fn list_environments(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<AppPath>,
    listing: Listing<()>,
) -> Answer<Json<Page<Environment>>> {
    let page = listing.page(&state, &caller).await?;
    let environments = part(state.slipway.environments(&caller, &at.app).await?, &page);
    Ok(Json(listing.answer(&state, &caller, &environments).await?))
}

/// Makes an environment.
#[utoipa::path(post, path = "/v1/apps/{app}/environments", tag = "environments", params(AppPath, OptionalKey),
    request_body = NewEnvironment,
    responses((status = 201, body = EnvironmentDetail, headers(("Location" = String), ("ETag" = String))), Refusals,
        ChangeRefusals))]
pub async fn create_environment(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<AppPath>,
    change: Change<NewEnvironment>,
) -> Answer<Response> {
    let name = field("/name", &change.body.name)?;
    let cluster = optional_field("/cluster", change.body.cluster.as_deref())?;
    let key = change.idempotency.as_ref();
    let posted = state.slipway.create_environment(&caller, &at.app, &name, cluster.as_ref(), key).await?;
    let reply = Reply::new(StatusCode::CREATED)
        .at(format!("/v1/apps/{}/environments/{name}", at.app))
        .version(posted.value.environment.version)
        .replayed(posted.replayed);
    Ok(reply.with(EnvironmentDetail::from(&posted.value)))
}

/// What an environment runs: status, active release, formation, addresses. The `ETag` is its version.
#[utoipa::path(get, path = "/v1/apps/{app}/environments/{environment}", tag = "environments", params(EnvironmentPath),
    responses((status = 200, body = EnvironmentDetail, headers(("ETag" = String))), Refusals))]
pub async fn read_environment(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
) -> Answer<Response> {
    let view = state.slipway.environment(&caller, &at.app, &at.environment).await?;
    let reply = Reply::new(StatusCode::OK).version(view.environment.version);
    Ok(reply.with(EnvironmentDetail::from(&view)))
}

/// What Slipway may do in the cluster of an environment: what has to be applied there, and what of it is missing.
#[utoipa::path(get, path = "/v1/apps/{app}/environments/{environment}/access", tag = "environments",
    params(EnvironmentPath), responses((status = 200, body = ClusterAccess), Refusals))]
pub async fn read_cluster_access(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
) -> Answer<Json<ClusterAccess>> {
    let view = state.slipway.cluster_access(&caller, &at.app, &at.environment).await?;
    Ok(Json(ClusterAccess::from(view)))
}
