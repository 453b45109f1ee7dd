//! The operations. A handler reads its request, calls one use case, and writes the answer; no rule lives here.

pub mod apps;
pub mod builds;
pub mod clusters;
pub mod environments;
pub mod meta;
pub mod processes;
pub mod promotions;
pub mod releases;
pub mod runs;
pub mod tenants;
pub mod variables;

use std::fmt::Display;
use std::str::FromStr;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{ETAG, LOCATION};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use slipway_domain::error::{Error, Kind};
use slipway_service::releases::BaseChoice;
use utoipa::{IntoParams, IntoResponses};

use crate::finish::Replayed;
use crate::problem::{Answer, ProblemDocument};

/// What every operation may answer with instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers that problems are written as")]
pub enum Refusals {
    /// The syntax of the request is wrong: path, query, header or body.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(ProblemDocument),
    /// No token, or one that is not known, was revoked or has expired.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(ProblemDocument),
    /// The token lacks the right.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemDocument),
    /// There is no such thing, or it is somebody else's.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemDocument),
    /// Too many requests; `Retry-After` says when to come back.
    #[response(status = 429, content_type = "application/problem+json")]
    RateLimited(ProblemDocument),
    /// A mistake of ours.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(ProblemDocument),
    /// Something that we depend on is away; `Retry-After` says when to come back.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemDocument),
}

/// What operations that change something may answer with besides.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes answers that problems are written as")]
pub enum ChangeRefusals {
    /// The state of the thing forbids it now.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemDocument),
    /// The version in `If-Match` is not the current one.
    #[response(status = 412, content_type = "application/problem+json")]
    Stale(ProblemDocument),
    /// The body is larger than the limit.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemDocument),
    /// The body is not `application/json`.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMedia(ProblemDocument),
    /// Well-formed, but its meaning is refused; also an `Idempotency-Key` that was used with another body.
    #[response(status = 422, content_type = "application/problem+json")]
    Unprocessable(ProblemDocument),
}

/// Makes repeats of one request have one effect.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header that the body's extractor reads")]
pub struct OptionalKey {
    /// Up to 255 visible ASCII characters, new for each attempt and the same for its repeats; kept for 24 hours.
    #[param(rename = "Idempotency-Key", max_length = 255)]
    key: Option<String>,
}

/// The same, where the request is refused without it.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header that the body's extractor reads")]
pub struct RequiredKey {
    /// Up to 255 visible ASCII characters, new for each attempt and the same for its repeats; kept for 24 hours.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255)]
    key: String,
}

/// Guards against changing what somebody else has changed meanwhile.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes a header that an extractor reads")]
pub struct OptionalIfMatch {
    /// The `ETag` of the environment as it was read: `"17"`.
    #[param(rename = "If-Match")]
    version: Option<String>,
}

/// A field of the body as the type that it stands for; 422 with its pointer when it is none.
fn field<T: FromStr>(pointer: &str, text: &str) -> Answer<T>
where
    T::Err: Display,
{
    text.parse().map_err(|error: T::Err| {
        let message = error.to_string();
        let detail = format!("{pointer} {message}");
        Error::new(Kind::Unprocessable, "invalid_value", detail).field(pointer, message).into()
    })
}

fn optional_field<T: FromStr>(pointer: &str, text: Option<&str>) -> Answer<Option<T>>
where
    T::Err: Display,
{
    text.map(|text| field(pointer, text)).transpose()
}

/// What a new release forks from: `newest`, `active`, or a release.
fn base(pointer: &str, text: Option<&str>) -> Answer<BaseChoice> {
    match text {
        None | Some("newest") => Ok(BaseChoice::Newest),
        Some("active") => Ok(BaseChoice::Active),
        Some(text) => Ok(BaseChoice::Release(field(pointer, text)?)),
    }
}

/// An answer in the making.
struct Reply {
    status: StatusCode,
    location: Option<String>,
    version: Option<u64>,
    replayed: bool,
}

impl Reply {
    fn new(status: StatusCode) -> Self {
        Self { status, location: None, version: None, replayed: false }
    }

    fn at(mut self, location: String) -> Self {
        self.location = Some(location);
        self
    }

    fn version(mut self, version: u64) -> Self {
        self.version = Some(version);
        self
    }

    fn replayed(mut self, replayed: bool) -> Self {
        self.replayed = replayed;
        self
    }

    fn with(self, body: impl Serialize) -> Response {
        let mut response = (self.status, Json(body)).into_response();
        let version = self.version.map(|version| format!("\"{version}\""));
        for (name, text) in [(LOCATION, self.location), (ETAG, version)] {
            if let Some(value) = text.and_then(|text| HeaderValue::from_str(&text).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        if self.replayed {
            response.extensions_mut().insert(Replayed);
        }
        response
    }
}
