//! Who asks. The tenant comes from the credential and from nowhere else.

use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use slipway_domain::error::{Error, Kind};
use slipway_service::caller::Caller;
use slipway_service::tenants::OperatorCaller;

use crate::finish::RequestId;
use crate::problem::{Answer, Problem};
use crate::state::State;

/// The proof that every use case takes.
pub struct Authenticated(pub Caller);

impl FromRequestParts<State> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Answer<Self> {
        let request_id = parts.extensions.get::<RequestId>().map_or("", |id| id.0.as_str());
        let token = bearer(parts).ok_or_else(missing)?;
        Ok(Self(state.slipway.authenticate(token, request_id).await?))
    }
}

/// The proof that only the operations of the installation's operator take.
pub struct AuthenticatedOperator(pub OperatorCaller);

impl FromRequestParts<State> for AuthenticatedOperator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Answer<Self> {
        let request_id = parts.extensions.get::<RequestId>().map_or("", |id| id.0.as_str());
        let token = bearer(parts).ok_or_else(missing)?;
        Ok(Self(state.slipway.authenticate_operator(token, request_id)?))
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let alone = values.next().is_none();
    (alone && scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim())
}

fn missing() -> Problem {
    let message = "send a token in the header authorization: Bearer slp_…";
    Error::new(Kind::Unauthenticated, "unauthenticated", message).into()
}
