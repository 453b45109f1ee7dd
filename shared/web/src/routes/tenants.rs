//! `/v1/tenants`: for whoever runs the installation.

use axum::extract::State as Shared;
use axum::response::Response;
use http::StatusCode;

use super::{ChangeRefusals, Refusals, Reply, RequiredKey};
use crate::extract::body::KeyedChange;
use crate::extract::caller::AuthenticatedOperator;
use crate::problem::Answer;
use crate::state::State;
use crate::wire::cluster::{NewTenant, Tenant};

/// Makes a tenant with its first owner's token. Takes the operator's token, and no other.
#[utoipa::path(post, path = "/v1/tenants", tag = "tenants", params(RequiredKey), request_body = NewTenant,
    responses((status = 201, body = Tenant), Refusals, ChangeRefusals))]
pub async fn create_tenant(
    Shared(state): Shared<State>,
    AuthenticatedOperator(operator): AuthenticatedOperator,
    change: KeyedChange<NewTenant>,
) -> Answer<Response> {
    let posted = state.slipway.create_tenant(&operator, &change.body.name, &change.idempotency).await?;
    let reply = Reply::new(StatusCode::CREATED).replayed(posted.replayed);
    Ok(reply.with(Tenant::from(&posted.value)))
}
