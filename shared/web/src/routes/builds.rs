//! `/v1/apps/{app}/builds`

use std::time::Duration;

use axum::Json;
use axum::extract::State as Shared;
use axum::response::Response;
use http::StatusCode;
use slipway_domain::build::{Commit, Upload as Archive};
use slipway_domain::error::Error;
use slipway_domain::name::EnvironmentName;
use slipway_service::builds::{self, Completion};

use super::{ChangeRefusals, OptionalKey, Refusals, Reply, RequiredKey, field, optional_field};
use crate::extract::body::{Change, KeyedChange, Nothing, Object};
use crate::extract::caller::Authenticated;
use crate::extract::listing::{Listing, Paging};
use crate::extract::path::{AppPath, BuildPath, Path};
use crate::extract::query::{Follow, Query, Wait};
use crate::problem::{Answer, Problem};
use crate::state::State;
use crate::wire::Page;
use crate::wire::build::{Build, CompleteBuild, CreatedBuild, LogPage, NewBuild};
use crate::wire::source::Source;

/// Builds of an app, newest first.
#[utoipa::path(get, path = "/v1/apps/{app}/builds", tag = "builds", params(AppPath, Paging),
    responses((status = 200, body = Page<Build>), Refusals))]
pub async fn list_builds(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<AppPath>,
    listing: Listing<()>,
) -> Answer<Json<Page<Build>>> {
    let page = listing.page(&state, &caller).await?;
    let builds = state.slipway.builds(&caller, &at.app, &page).await?;
    Ok(Json(listing.answer(&state, &caller, &builds).await?))
}

/// Makes a build, which then has to be completed.
///
/// With an archive as its source, the answer says where to `PUT` it; with an external one, where to push the image.
#[utoipa::path(post, path = "/v1/apps/{app}/builds", tag = "builds", params(AppPath, RequiredKey),
    request_body = NewBuild,
    responses((status = 201, body = CreatedBuild, headers(("Location" = String))), Refusals, ChangeRefusals))]
pub async fn create_build(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<AppPath>,
    change: KeyedChange<NewBuild>,
) -> Answer<Response> {
    let new = new_build(change.body)?;
    let posted = state.slipway.create_build(&caller, &at.app, &new, Some(&change.idempotency)).await;
    let posted = posted.map_err(|error| Problem::from(error).pointing(&[("/size", "/source/size_bytes")]))?;
    let reply = Reply::new(StatusCode::CREATED)
        .at(format!("/v1/apps/{}/builds/{}", at.app, posted.value.build.build.id))
        .replayed(posted.replayed);
    Ok(reply.with(CreatedBuild::from(&posted.value)))
}

fn new_build(body: NewBuild) -> Answer<builds::NewBuild> {
    let environment = optional_field("/environment", body.environment.as_deref())?;
    let commit = body.commit.map(|Object(commit)| Commit::new(&commit.id, &commit.subject)).transpose()?;
    Ok(builds::NewBuild {
        source: match body.source {
            Some(Source::Archive(archive)) => {
                builds::Source::Archive(Archive { size_bytes: archive.size_bytes, sha256: archive.sha256 })
            }
            Some(Source::External) => builds::Source::External,
            None => builds::Source::Existing,
        },
        environment: environment.unwrap_or_else(EnvironmentName::production),
        commit,
        description: body.description,
        manifest: body.manifest,
        time_limit: body.time_limit_seconds.map(Duration::from_secs),
    })
}

/// One build; `wait` holds the answer back until it has ended.
#[utoipa::path(get, path = "/v1/apps/{app}/builds/{build}", tag = "builds", params(BuildPath, Wait),
    responses((status = 200, body = Build), Refusals))]
pub async fn read_build(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<BuildPath>,
    Query(query): Query<Wait>,
) -> Answer<Json<Build>> {
    let view = state.slipway.build(&caller, &at.app, &at.build, query.wait()).await?;
    Ok(Json(Build::from(&view)))
}

/// Starts the build of what was uploaded, or completes it with an image of the app's repository.
///
/// A build completes once; repeating it with the same image is harmless.
#[utoipa::path(post, path = "/v1/apps/{app}/builds/{build}/complete", tag = "builds", params(BuildPath, OptionalKey),
    request_body(content = CompleteBuild, description = "May be empty"),
    responses((status = 200, body = Build), Refusals, ChangeRefusals))]
pub async fn complete_build(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<BuildPath>,
    change: Change<CompleteBuild>,
) -> Answer<Json<Build>> {
    let completion = completion(change.body)?;
    let view = state.slipway.complete_build(&caller, &at.app, &at.build, &completion).await?;
    Ok(Json(Build::from(&view)))
}

fn completion(body: CompleteBuild) -> Answer<Completion> {
    let manifest =
        body.manifest.map(|Object(manifest)| builds::ManifestText { file: manifest.file, text: manifest.text });
    match (body.image, manifest) {
        (Some(image), manifest) => Ok(Completion::Image { image: field("/image", &image)?, manifest }),
        (None, None) => Ok(Completion::Uploaded),
        (None, Some(_)) => {
            let message = "is only taken together with image; an archive brings its own manifest";
            Err(Error::invalid("invalid_value", "/manifest", message).into())
        }
    }
}

/// Stops a build that has not ended.
#[utoipa::path(post, path = "/v1/apps/{app}/builds/{build}/cancel", tag = "builds", params(BuildPath, OptionalKey),
    responses((status = 200, body = Build), Refusals, ChangeRefusals))]
pub async fn cancel_build(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<BuildPath>,
    _: Change<Nothing>,
) -> Answer<Json<Build>> {
    let view = state.slipway.cancel_build(&caller, &at.app, &at.build).await?;
    Ok(Json(Build::from(&view)))
}

/// Lines of a build's log after the first `after` ones.
#[utoipa::path(get, path = "/v1/apps/{app}/builds/{build}/log", tag = "builds", params(BuildPath, Follow),
    responses((status = 200, body = LogPage), Refusals))]
pub async fn read_build_log(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<BuildPath>,
    Query(query): Query<Follow>,
) -> Answer<Json<LogPage>> {
    let page = state.slipway.build_log(&caller, &at.app, &at.build, query.after, query.wait()).await?;
    Ok(Json(LogPage::from(&page)))
}
