//! `…/environments/{environment}/processes`, `/logs` and `/diagnosis`

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
use crate::problem::{Answer, ProblemDocument};
use crate::state::State;
use crate::wire::Page;
use crate::wire::build::LogLine;
use crate::wire::diagnosis::Diagnosis;
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
    let page = listing.page(&state, &caller).await?;
    let processes = part(state.slipway.processes(&caller, &at.app, &at.environment).await?, &page);
    Ok(Json(listing.answer(&state, &caller, &processes).await?))
}

/// Whose health is asked for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes a parameter that is read as the name of a service")]
pub struct OfService {
    /// Only of this service.
    service: Option<String>,
}

/// The service, if one was named.
pub struct Named(Option<ServiceName>);

impl FromParameters for Named {
    fn from_parameters(parameters: &mut Parameters) -> Answer<Self> {
        parameters.parsed("service").map(Self)
    }
}

/// What is wrong with the processes of an environment, what shows it, and what to do next; and what a promotion waits for
/// or the last one failed for. Values of variables are masked.
#[utoipa::path(get, path = "/v1/apps/{app}/environments/{environment}/diagnosis", tag = "processes",
    params(EnvironmentPath, OfService),
    responses((status = 200, body = Diagnosis),
        (status = 409, description = "The cluster refuses our access", body = ProblemDocument,
            content_type = "application/problem+json"),
        Refusals))]
pub async fn read_diagnosis(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    Query(Named(service)): Query<Named>,
) -> Answer<Json<Diagnosis>> {
    let view = state.slipway.diagnosis(&caller, &at.app, &at.environment, service.as_ref()).await?;
    Ok(Json(Diagnosis::from(&view)))
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
