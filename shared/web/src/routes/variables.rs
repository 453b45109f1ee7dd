//! `…/environments/{environment}/variables`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Shared;
use axum::response::Response;
use http::StatusCode;
use slipway_domain::error::Error;
use slipway_domain::secret::Secret;
use slipway_domain::variables::VariableKey;
use slipway_service::caller::Caller;
use slipway_service::releases::BaseChoice;
use slipway_service::request::Idempotency;
use slipway_service::variables::{self as service, ChangeVariables, VariableChange};

use super::{ChangeRefusals, OptionalKey, Refusals, Reply, base, field, optional_field};
use crate::extract::body::Change;
use crate::extract::caller::Authenticated;
use crate::extract::path::{EnvironmentPath, Path};
use crate::extract::query::{FromParameters, Parameters, Query, refused};
use crate::problem::{Answer, Problem, ProblemDocument};
use crate::state::State;
use crate::wire::variables::{PatchVariables, ReplaceVariables, Reveal, Revealed, Variables, VariablesChanged};

/// Whose variables are asked for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfRelease {
    /// `newest` (unless given), `active`, or a release by id, number or tag.
    #[param(value_type = Option<String>)]
    pub release: BaseChoice,
}

impl FromParameters for OfRelease {
    fn from_parameters(parameters: &mut Parameters) -> Answer<Self> {
        let text = parameters.text("release");
        let release = base("release", text.as_deref())
            .map_err(|_| refused("release", "must be newest, active, or the id, number or tag of a release"))?;
        Ok(Self { release })
    }
}

/// Keys and fingerprints of variables; never values.
#[utoipa::path(get, path = "/v1/apps/{app}/environments/{environment}/variables", tag = "variables",
    params(EnvironmentPath, OfRelease),
    responses((status = 200, body = Variables),
        (status = 409, description = "The release belongs to another environment", body = ProblemDocument,
            content_type = "application/problem+json"),
        Refusals))]
pub async fn read_variables(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    Query(query): Query<OfRelease>,
) -> Answer<Json<Variables>> {
    let view = state.slipway.variables(&caller, &at.app, &at.environment, &query.release).await;
    let view = view.map_err(|error| Problem::from(error).pointing(&[("/base", "release")]))?;
    Ok(Json(Variables::from(&view)))
}

/// Sets and unsets variables, which makes a release: 201, or 200 when everything was so already. Nothing is shipped.
#[utoipa::path(patch, path = "/v1/apps/{app}/environments/{environment}/variables", tag = "variables",
    params(EnvironmentPath, OptionalKey), request_body = PatchVariables,
    responses((status = 200, body = VariablesChanged),
        (status = 201, body = VariablesChanged, headers(("Location" = String))), Refusals, ChangeRefusals))]
pub async fn patch_variables(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    change: Change<PatchVariables>,
) -> Answer<Response> {
    let body = change.body;
    let new = ChangeVariables {
        change: VariableChange::Patch(patch(body.set, body.unset)?),
        base: base("/base", body.base.as_deref())?,
        if_base: optional_field("/if_base", body.if_base.as_deref())?,
        description: body.description,
        tag: optional_field("/tag", body.tag.as_deref())?,
    };
    let answer = apply(&state, &caller, &at, new, change.idempotency).await;
    answer.map_err(|problem| problem.pointing(&[("/variables/", "/set/"), ("/variables", "/set")]))
}

/// Replaces all variables, which makes a release: 201, or 200 when everything was so already. Nothing is shipped.
#[utoipa::path(put, path = "/v1/apps/{app}/environments/{environment}/variables", tag = "variables",
    params(EnvironmentPath, OptionalKey), request_body = ReplaceVariables,
    responses((status = 200, body = VariablesChanged),
        (status = 201, body = VariablesChanged, headers(("Location" = String))), Refusals, ChangeRefusals))]
pub async fn replace_variables(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    change: Change<ReplaceVariables>,
) -> Answer<Response> {
    let body = change.body;
    let new = ChangeVariables {
        change: VariableChange::Replace(body.variables.into_iter().collect()),
        base: base("/base", body.base.as_deref())?,
        if_base: optional_field("/if_base", body.if_base.as_deref())?,
        description: body.description,
        tag: optional_field("/tag", body.tag.as_deref())?,
    };
    apply(&state, &caller, &at, new, change.idempotency).await
}

async fn apply(
    state: &State,
    caller: &Caller,
    at: &EnvironmentPath,
    change: ChangeVariables,
    idempotency: Option<Idempotency>,
) -> Answer<Response> {
    let posted = state.slipway.change_variables(caller, &at.app, &at.environment, change, idempotency.as_ref()).await?;
    let reply = match &posted.value {
        service::VariablesChanged::Unchanged { .. } => Reply::new(StatusCode::OK),
        service::VariablesChanged::Released { release, .. } => {
            Reply::new(StatusCode::CREATED).at(format!("/v1/apps/{}/releases/{}", at.app, release.release.id))
        }
    };
    Ok(reply.replayed(posted.replayed).with(VariablesChanged::from(&posted.value)))
}

/// None unsets. A key that is both set and unset has no meaning that two people would agree on.
fn patch(set: BTreeMap<String, Secret>, unset: Vec<String>) -> Answer<Vec<(String, Option<Secret>)>> {
    if let Some(index) = unset.iter().position(|key| set.contains_key(key)) {
        let message = format!("{} is to be set as well; do one of the two", unset[index]);
        return Err(Error::invalid("invalid_value", format!("/unset/{index}"), message).into());
    }
    if let Some(index) = (1..unset.len()).find(|index| unset[..*index].contains(&unset[*index])) {
        let message = format!("{} is to be unset already; name it once", unset[index]);
        return Err(Error::invalid("invalid_value", format!("/unset/{index}"), message).into());
    }
    for (index, key) in unset.iter().enumerate() {
        let _: VariableKey = field(&format!("/unset/{index}"), key)?;
    }
    let set = set.into_iter().map(|(key, value)| (key, Some(value)));
    Ok(set.chain(unset.into_iter().map(|key| (key, None))).collect())
}

/// Values of variables, in the clear. A right of its own; that it was used is in the audit log.
#[utoipa::path(post, path = "/v1/apps/{app}/environments/{environment}/variables/reveal", tag = "variables",
    params(EnvironmentPath, OptionalKey), request_body(content = Reveal, description = "May be empty"),
    responses((status = 200, body = Revealed), Refusals, ChangeRefusals))]
pub async fn reveal_variables(
    Shared(state): Shared<State>,
    Authenticated(caller): Authenticated,
    Path(at): Path<EnvironmentPath>,
    change: Change<Reveal>,
) -> Answer<Json<Revealed>> {
    let of = base("/release", change.body.release.as_deref())?;
    let revealed = state.slipway.reveal_variables(&caller, &at.app, &at.environment, &of).await;
    let revealed = revealed.map_err(|error| Problem::from(error).pointing(&[("/base", "/release")]))?;
    Ok(Json(Revealed::from(revealed)))
}
