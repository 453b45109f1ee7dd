//! The table of routes, and what surrounds it.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use slipway_service::slipway::Slipway;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::document;
use crate::finish::finish;
use crate::problem::Problem;
use crate::routes::{
    apps, builds, clusters, environments, meta, processes, promotions, releases, runs, tenants, variables,
};
use crate::state::State;

/// The whole API.
pub fn router(slipway: Arc<Slipway>) -> Router {
    let (router, api) = parts();
    // Written down when somebody asks for it: a function that starts has no time for it.
    let document = Arc::new(LazyLock::new(move || document::text(&api)));
    router
        .route(
            "/openapi.json",
            get(async move || ([(CONTENT_TYPE, "application/json")], LazyLock::force(&document).clone())),
        )
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn(finish))
        .with_state(State::new(slipway))
}

/// The routes and the document that describes them.
pub(crate) fn parts() -> (Router<State>, OpenApi) {
    let (router, mut api) = OpenApiRouter::with_openapi(document::frame())
        .routes(routes!(meta::healthz))
        .routes(routes!(meta::read_me))
        .routes(routes!(tenants::create_tenant))
        .routes(routes!(clusters::list_clusters, clusters::create_cluster))
        .routes(routes!(clusters::read_cluster, clusters::delete_cluster))
        .routes(routes!(clusters::connect_cluster))
        .routes(routes!(apps::list_apps, apps::create_app))
        .routes(routes!(apps::read_app))
        .routes(routes!(environments::list_environments, environments::create_environment))
        .routes(routes!(environments::read_environment))
        .routes(routes!(environments::read_cluster_access))
        .routes(routes!(clusters::move_environment))
        .routes(routes!(builds::list_builds, builds::create_build))
        .routes(routes!(builds::read_build))
        .routes(routes!(builds::complete_build))
        .routes(routes!(builds::cancel_build))
        .routes(routes!(builds::read_build_log))
        .routes(routes!(releases::list_releases))
        .routes(routes!(releases::read_release))
        .routes(routes!(releases::diff_releases))
        .routes(routes!(releases::create_release))
        .routes(routes!(variables::read_variables, variables::patch_variables, variables::replace_variables))
        .routes(routes!(variables::reveal_variables))
        .routes(routes!(promotions::list_promotions, promotions::promote))
        .routes(routes!(promotions::read_promotion))
        .routes(routes!(promotions::read_promotion_events))
        .routes(routes!(promotions::cancel_promotion))
        .routes(routes!(promotions::roll_back))
        .routes(routes!(promotions::restart))
        .routes(routes!(promotions::scale))
        .routes(routes!(processes::list_processes))
        .routes(routes!(processes::read_logs))
        .routes(routes!(processes::read_diagnosis))
        .routes(routes!(runs::list_runs, runs::create_run))
        .routes(routes!(runs::read_run))
        .routes(routes!(runs::read_run_log))
        .split_for_parts();
    document::complete(&mut api);
    (router, api)
}

async fn no_route() -> Problem {
    let message = "no operation has this path; the paths are in /openapi.json";
    Problem::with_status(StatusCode::NOT_FOUND, "not_found", message)
}

async fn no_method() -> Problem {
    let message = "this path does not take the method; the allow header names those that it takes";
    Problem::with_status(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}
