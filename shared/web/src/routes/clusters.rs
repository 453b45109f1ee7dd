//! `/v1/clusters`, and which of them an environment is in.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use slipway_domain::cluster::EksPlace;

use super::{ChangeRefusals, OptionalIfMatch, OptionalKey, Refusals, Reply, field};
use crate::extract::body::{Change, Nothing};
use crate::extract::caller::Authenticated;
use crate::extract::headers::IfMatch;
use crate::extract::listing::{Listing, Paging, part};
use crate::extract::path::{ClusterPath, EnvironmentPath, Path};
use crate::problem::Answer;
use crate::state::State;
use crate::wire::Page;
use crate::wire::cluster::{Cluster, ClusterDetail, NewCluster, NewPlace};
use crate::wire::environment::EnvironmentDetail;

/// The tenant's clusters, by name.
#[utoipa::path(get, path = "/v1/clusters", tag = "clusters", params(Paging),
    responses((status = 200, body = Page<Cluster>), Refusals))]
pub async fn list_clusters(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    listing: Listing<()>,
) -> Answer<Json<Page<Cluster>>> {
    let page = listing.page(&state, &caller).await?;
    let clusters = part(state.slipway.clusters(&caller).await?, &page);
    Ok(Json(listing.answer(&state, &caller, &clusters).await?))
}

/// Makes a cluster known, and answers with what lets Slipway in; nothing is asked of it yet.
#[utoipa::path(post, path = "/v1/clusters", tag = "clusters", params(OptionalKey), request_body = NewCluster,
    responses((status = 201, body = ClusterDetail, headers(("Location" = String))), Refusals, ChangeRefusals))]
pub async fn create_cluster(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    change: Change<NewCluster>,
) -> Answer<Response> {
    let NewCluster { name, region, account, eks_name } = &change.body;
    let name = field("/name", name)?;
    let place = EksPlace {
        region: field("/region", region)?,
        account: field("/account", account)?,
        name: field("/eks_name", eks_name)?,
    };
    let posted = state.slipway.create_cluster(&caller, &name, &place, change.idempotency.as_ref()).await?;
    let reply = Reply::new(StatusCode::CREATED).at(format!("/v1/clusters/{name}")).replayed(posted.replayed);
    Ok(reply.with(ClusterDetail::from(&posted.value)))
}

/// One cluster, with what lets Slipway in.
#[utoipa::path(get, path = "/v1/clusters/{cluster}", tag = "clusters", params(ClusterPath),
    responses((status = 200, body = ClusterDetail), Refusals))]
pub async fn read_cluster(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<ClusterPath>,
) -> Answer<Json<ClusterDetail>> {
    Ok(Json(ClusterDetail::from(&state.slipway.cluster(&caller, &at.cluster).await?)))
}

/// Checks that Slipway is let in, and that nobody else would be, and takes the cluster into use.
#[utoipa::path(post, path = "/v1/clusters/{cluster}/connect", tag = "clusters", params(ClusterPath),
    request_body = Nothing, responses((status = 200, body = ClusterDetail), Refusals, ChangeRefusals))]
pub async fn connect_cluster(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<ClusterPath>,
    _: Change<Nothing>,
) -> Answer<Json<ClusterDetail>> {
    Ok(Json(ClusterDetail::from(&state.slipway.connect_cluster(&caller, &at.cluster).await?)))
}

/// Forgets a cluster that no environment is in.
#[utoipa::path(delete, path = "/v1/clusters/{cluster}", tag = "clusters", params(ClusterPath),
    responses((status = 204, description = "It is forgotten"), Refusals, ChangeRefusals))]
pub async fn delete_cluster(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<ClusterPath>,
) -> Answer<Response> {
    state.slipway.delete_cluster(&caller, &at.cluster).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Moves an environment in which nothing ran yet into a cluster.
#[utoipa::path(put, path = "/v1/apps/{app}/environments/{environment}/cluster", tag = "clusters",
    params(EnvironmentPath, OptionalIfMatch), request_body = NewPlace,
    responses((status = 200, body = EnvironmentDetail, headers(("ETag" = String))), Refusals, ChangeRefusals))]
pub async fn move_environment(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    IfMatch(if_match): IfMatch,
    change: Change<NewPlace>,
) -> Answer<Response> {
    let cluster = field("/cluster", &change.body.cluster)?;
    let view = state.slipway.move_environment(&caller, &at.app, &at.environment, &cluster, if_match).await?;
    let reply = Reply::new(StatusCode::OK).version(view.environment.version);
    Ok(reply.with(EnvironmentDetail::from(&view)))
}
