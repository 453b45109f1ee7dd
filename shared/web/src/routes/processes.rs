//! `…/environments/{environment}/processes` and `/logs`

use axum::Json;
use axum::extract::State as Shared;
use serde::Serialize;
use slipway_domain::name::ServiceName;
use slipway_domain::time::Time;
use slipway_service::ports::LogQuery;
use utoipa::ToSchema;

use super::Refusals;
use crate::extract::caller::Authenticated;
use crate::extract::listing::{Listing, Paging, part};
use crate::extract::path::{EnvironmentPath, Path};
use crate::extract::query::{FromParameters, Parameters, Query, refused};
use crate::problem::Answer;
use crate::state::State;
use crate::wire::Page;
use crate::wire::build::LogLine;
use crate::wire::process::Process;

/// Longer texts are not searched for.
const MAX_CONTAINS: usize = 1000;

/// The processes of an environment, by service, release and name.
#[utoipa::path(get, path = "/v1/apps/{app}/environments/{environment}/processes", tag = "processes",
    params(EnvironmentPath, Paging), responses((status = 200, body = Page<Process>), Refusals))]
pub async fn list_processes(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    listing: Listing<()>,
) -> Answer<Json<Page<Process>>> {
    let page = listing.page(&state.cursors, caller.tenant())?;
    let processes = part(state.slipway.processes(&caller, &at.app, &at.environment).await?, &page);
    Ok(Json(listing.answer(&state.cursors, caller.tenant(), &processes)))
}

/// Which lines are asked for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters that are read as the query of a port")]
pub struct LogFilter {
    /// Only of this service.
    service: Option<String>,
    /// Only of this process.
    process: Option<String>,
    /// Only from this time on: `2026-01-15T14:30:49Z`.
    since: Option<String>,
    /// Only lines with this text.
    #[param(max_length = 1000)]
    contains: Option<String>,
    /// At most this many, the newest.
    #[param(minimum = 1, maximum = 1000, default = 200)]
    limit: Option<u32>,
}

/// The filter as the port takes it.
pub struct Lines(LogQuery);

impl FromParameters for Lines {
    fn from_parameters(parameters: &mut Parameters) -> Answer<Self> {
        let contains = parameters.text("contains");
        if contains.as_ref().is_some_and(|text| text.len() > MAX_CONTAINS) {
            return Err(refused("contains", &format!("must be at most {MAX_CONTAINS} bytes long")));
        }
        let limit = parameters.number("limit", 200, 1..=1000)?;
        Ok(Self(LogQuery {
            service: parameters.parsed::<ServiceName>("service")?,
            process: parameters.text("process"),
            since: parameters.parsed::<Time>("since")?,
            contains,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        }))
    }
}

/// Lines that processes wrote.
#[derive(Serialize, ToSchema)]
pub struct Logs {
    /// Oldest first.
    pub lines: Vec<LogLine>,
}

/// What the processes of an environment wrote, oldest first: as they wrote it, also where that is the value of a variable.
/// The evidence of a promotion is masked.
#[utoipa::path(get, path = "/v1/apps/{app}/environments/{environment}/logs", tag = "processes",
    params(EnvironmentPath, LogFilter), responses((status = 200, body = Logs), Refusals))]
pub async fn read_logs(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    Query(Lines(query)): Query<Lines>,
) -> Answer<Json<Logs>> {
    let lines = state.slipway.logs(&caller, &at.app, &at.environment, &query).await?;
    Ok(Json(Logs { lines: lines.iter().map(LogLine::from).collect() }))
}
