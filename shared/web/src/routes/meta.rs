//! About the API itself.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::Refusals;
use crate::extract::caller::Authenticated;
use crate::wire::app::Me;

/// The API answers.
#[derive(Serialize, ToSchema)]
pub struct Alive {
    /// `ok`
    pub status: &'static str,
}

/// Whether the API answers. Needs no token and looks at nothing behind it.
#[utoipa::path(get, path = "/healthz", tag = "meta", security(()), responses((status = 200, body = Alive)))]
pub async fn healthz() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

/// Whom the token belongs to, and what it may do.
#[utoipa::path(get, path = "/v1/me", tag = "meta", responses((status = 200, body = Me), Refusals))]
pub async fn read_me(Authenticated(caller): Authenticated) -> Json<Me> {
    Json(Me::from(&caller))
}
