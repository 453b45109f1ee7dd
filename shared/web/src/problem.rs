//! Errors as RFC 9457 problem documents. A handler returns a [`Problem`]; the outermost layer writes it down, because
//! only that layer knows the id of the request.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value, json};
use slipway_domain::error::{Error, Field, Kind};
use utoipa::ToSchema;

use crate::codes;

/// What a handler answers with when it refuses.
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: StatusCode,
    pub error: Error,
}

pub type Answer<T> = Result<T, Problem>;

impl Problem {
    /// A problem whose status has no kind of its own, such as 405.
    pub fn with_status(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, error: Error::new(Kind::Malformed, code, message) }
    }

    pub fn malformed(code: &'static str, message: impl Into<String>) -> Self {
        Error::new(Kind::Malformed, code, message).into()
    }

    #[must_use]
    pub fn field(mut self, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        self.error = self.error.field(pointer, message);
        self
    }

    /// Points to the field that named the release or build which was refused, when nothing was pointed to yet.
    #[must_use]
    pub fn naming(mut self, pointer: &str) -> Self {
        let message = match self.error.code {
            "release_not_found" | "build_not_found" => "names nothing that is there",
            "release_older" => "is older than the active release",
            "build_incomplete" => "is of a build that is not complete",
            _ => return self,
        };
        if self.error.fields.is_empty() {
            self.error = self.error.field(pointer, message);
        }
        self
    }

    /// The same with pointers to where the fields are in this operation's body, which the use case does not know.
    #[must_use]
    pub fn pointing(mut self, moved: &[(&str, &str)]) -> Self {
        for field in &mut self.error.fields {
            for (from, to) in moved {
                if let Some(rest) = field.pointer.strip_prefix(from)
                    && (rest.is_empty() || from.ends_with('/'))
                {
                    field.pointer = format!("{to}{rest}");
                    break;
                }
            }
        }
        self
    }

    /// The document of this problem, for the request with this id.
    pub fn document(&self, request_id: &str) -> Value {
        let error = &self.error;
        let mut document = Map::new();
        document.insert("type".to_owned(), json!(format!("urn:slipway:problem:{}", error.code)));
        document.insert("title".to_owned(), json!(codes::title(error.code)));
        document.insert("status".to_owned(), json!(self.status.as_u16()));
        document.insert("code".to_owned(), json!(error.code));
        document.insert("detail".to_owned(), json!(error.message));
        document.insert("request_id".to_owned(), json!(request_id));
        if !error.fields.is_empty() {
            document.insert("fields".to_owned(), error.fields.iter().map(field_document).collect());
        }
        for (key, value) in &error.details {
            document.entry(*key).or_insert_with(|| json!(value));
        }
        Value::Object(document)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self { status: status(error.kind), error }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Malformed => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Stale => StatusCode::PRECONDITION_FAILED,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Kind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn field_document(field: &Field) -> Value {
    json!({ "pointer": field.pointer, "message": field.message })
}

/// One part of the request that was refused.
#[derive(Serialize, ToSchema)]
pub struct ProblemField {
    /// JSON pointer into the body (`/variables/PORT`), name of a header, or name of a query parameter.
    pub pointer: String,
    pub message: String,
}

/// Why a request was refused (RFC 9457). Nothing was changed. Some codes add members of their own, such as the
/// `promotion` that keeps an environment busy.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// `urn:slipway:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the code means, the same for every request.
    pub title: String,
    pub status: u16,
    /// Stable; see the table of codes.
    pub code: String,
    /// What was attempted here, why it was refused, and what to do.
    pub detail: String,
    /// Also in the `X-Request-Id` header; name it when asking for help.
    pub request_id: String,
    /// The parts of the request that are to be changed.
    pub fields: Option<Vec<ProblemField>>,
}
