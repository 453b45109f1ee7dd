//! `/v1/apps`

use axum::Json;
use axum::extract::State as Shared;
use axum::response::Response;
use http::StatusCode;

use super::{ChangeRefusals, OptionalKey, Refusals, Reply, field, optional_field};
use crate::extract::body::Change;
use crate::extract::caller::Authenticated;
use crate::extract::listing::{Listing, Paging};
use crate::extract::path::{AppPath, Path};
use crate::problem::Answer;
use crate::state::State;
use crate::wire::Page;
use crate::wire::app::{App, NewApp};

/// All apps, by name.
#[utoipa::path(get, path = "/v1/apps", tag = "apps", params(Paging),
    responses((status = 200, body = Page<App>), Refusals))]
pub async fn list_apps(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    listing: Listing<()>,
) -> Answer<Json<Page<App>>> {
    let page = listing.page(&state, &caller).await?;
    let apps = state.slipway.apps(&caller, &page).await?;
    Ok(Json(listing.answer(&state, &caller, &apps).await?))
}

/// Makes an app with the environment `production`.
#[utoipa::path(post, path = "/v1/apps", tag = "apps", params(OptionalKey), request_body = NewApp,
    responses((status = 201, body = App, headers(("Location" = String))), Refusals, ChangeRefusals))]
pub async fn create_app(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    change: Change<NewApp>,
) -> Answer<Response> {
    let name = field("/name", &change.body.name)?;
    let cluster = optional_field("/cluster", change.body.cluster.as_deref())?;
    let posted = state.slipway.create_app(&caller, &name, cluster.as_ref(), change.idempotency.as_ref()).await?;
    let reply = Reply::new(StatusCode::CREATED).at(format!("/v1/apps/{name}")).replayed(posted.replayed);
    Ok(reply.with(App::from(&posted.value)))
}

/// One app with its environments.
#[utoipa::path(get, path = "/v1/apps/{app}", tag = "apps", params(AppPath),
    responses((status = 200, body = App), Refusals))]
pub async fn read_app(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<AppPath>,
) -> Answer<Json<App>> {
    Ok(Json(App::from(&state.slipway.app(&caller, &at.app).await?)))
}
