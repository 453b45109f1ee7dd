//! `/v1/apps/{app}/releases`, and making one in an environment.

use axum::Json;
use axum::extract::State as Shared;
use axum::response::Response;
use http::StatusCode;
use slipway_domain::error::Error;
use slipway_domain::name::EnvironmentName;
use slipway_domain::release::ReleaseRef;
use slipway_service::releases::{self, NewReleaseSource};

use super::{ChangeRefusals, OptionalKey, Refusals, Reply, base, field, optional_field};
use crate::extract::body::Change;
use crate::extract::caller::Authenticated;
use crate::extract::listing::{Listing, Paging};
use crate::extract::path::{AppPath, EnvironmentPath, Path, ReleasePath};
use crate::extract::query::{FromParameters, Parameters, Query, refused};
use crate::problem::Answer;
use crate::state::State;
use crate::wire::Page;
use crate::wire::diff::ReleaseDiff;
use crate::wire::release::{CreatedRelease, NewRelease, Release, ReleaseSummary, VariablesFrom};

/// Which releases are listed.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReleaseFilter {
    /// Only those of this environment.
    #[param(value_type = Option<String>)]
    pub environment: Option<EnvironmentName>,
}

impl FromParameters for ReleaseFilter {
    fn from_parameters(parameters: &mut Parameters) -> Answer<Self> {
        Ok(Self { environment: parameters.parsed("environment")? })
    }
}

/// Releases of an app, newest first.
#[utoipa::path(get, path = "/v1/apps/{app}/releases", tag = "releases", params(AppPath, ReleaseFilter, Paging),
    responses((status = 200, body = Page<ReleaseSummary>), Refusals))]
pub async fn list_releases(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<AppPath>,
    listing: Listing<ReleaseFilter>,
) -> Answer<Json<Page<ReleaseSummary>>> {
    let page = listing.page(&state, &caller).await?;
    let environment = listing.filter.environment.as_ref();
    let releases = state.slipway.releases(&caller, &at.app, environment, &page).await?;
    Ok(Json(listing.answer(&state, &caller, &releases).await?))
}

/// One release, by id, number or tag.
#[utoipa::path(get, path = "/v1/apps/{app}/releases/{release}", tag = "releases", params(ReleasePath),
    responses((status = 200, body = Release), Refusals))]
pub async fn read_release(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<ReleasePath>,
) -> Answer<Json<Release>> {
    let view = state.slipway.release(&caller, &at.app, &at.release).await?;
    Ok(Json(Release::from(&view)))
}

/// The other side of a comparison.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct With {
    /// Id, number or tag of the release that the difference starts from.
    #[param(value_type = String)]
    pub with: ReleaseRef,
}

impl FromParameters for With {
    fn from_parameters(parameters: &mut Parameters) -> Answer<Self> {
        let with = parameters.parsed("with")?;
        Ok(Self { with: with.ok_or_else(|| refused("with", "is required: the release to compare with"))? })
    }
}

/// What the release brings relative to the one that it is compared with. Keys of variables, never values.
#[utoipa::path(get, path = "/v1/apps/{app}/releases/{release}/diff", tag = "releases", params(ReleasePath, With),
    responses((status = 200, body = ReleaseDiff), Refusals))]
pub async fn diff_releases(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<ReleasePath>,
    Query(query): Query<With>,
) -> Answer<Json<ReleaseDiff>> {
    let compared = state.slipway.diff_releases(&caller, &at.app, &query.with, &at.release).await?;
    Ok(Json(ReleaseDiff::from(&compared)))
}

/// Makes a release from a build or from another release. Nothing is shipped.
#[utoipa::path(post, path = "/v1/apps/{app}/environments/{environment}/releases", tag = "releases",
    params(EnvironmentPath, OptionalKey), request_body = NewRelease,
    responses((status = 201, body = CreatedRelease, headers(("Location" = String))), Refusals, ChangeRefusals))]
pub async fn create_release(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    change: Change<NewRelease>,
) -> Answer<Response> {
    let source = source(&change.body)?;
    let tag = optional_field("/tag", change.body.tag.as_deref())?;
    let new = releases::NewRelease { source, description: change.body.description, tag };
    let idempotency = change.idempotency.as_ref();
    let posted = state.slipway.create_release(&caller, &at.app, &at.environment, &new, idempotency).await?;
    let reply = Reply::new(StatusCode::CREATED)
        .at(format!("/v1/apps/{}/releases/{}", at.app, posted.value.release.release.id))
        .replayed(posted.replayed);
    Ok(reply.with(CreatedRelease::from(&posted.value)))
}

fn source(body: &NewRelease) -> Answer<NewReleaseSource> {
    let refuse = |pointer: &str, message: &str| Err(Error::invalid("invalid_value", pointer, message).into());
    let base = || base("/base", body.base.as_deref());
    match (&body.build, &body.from_release, body.variables) {
        (Some(_), Some(_), _) => refuse("/from_release", "cannot be combined with build; name one of the two"),
        (None, None, _) => refuse("/build", "is required unless from_release is given"),
        (Some(_), None, VariablesFrom::Copy) => refuse("/variables", "can be copy only together with from_release"),
        (Some(build), None, VariablesFrom::Base) => {
            Ok(NewReleaseSource::Build { build: field("/build", build)?, base: base()? })
        }
        (None, Some(release), VariablesFrom::Base) => {
            Ok(NewReleaseSource::Release { release: field("/from_release", release)?, base: base()? })
        }
        (None, Some(_), VariablesFrom::Copy) if body.base.is_some() => {
            refuse("/base", "has no meaning when the variables are copied from the other release")
        }
        (None, Some(release), VariablesFrom::Copy) => {
            Ok(NewReleaseSource::Copy { release: field("/from_release", release)? })
        }
    }
}
