//! Request headers with a meaning of their own.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;

use crate::problem::{Answer, Problem};

/// The version in `If-Match`, if the request bears one.
pub struct IfMatch(pub Option<u64>);

/// The `Idempotency-Key`, if the request bears one; checked by the type that is made of it.
pub fn idempotency_key(headers: &HeaderMap) -> Answer<Option<String>> {
    single(headers, "Idempotency-Key")
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        let Some(value) = single(&parts.headers, "If-Match")? else { return Ok(Self(None)) };
        let version = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|tag| tag.parse().ok());
        match version {
            Some(version) => Ok(Self(Some(version))),
            None => Err(refused("If-Match", "must be an etag of the environment as it was answered, such as \"17\"")),
        }
    }
}

fn single(headers: &HeaderMap, name: &'static str) -> Answer<Option<String>> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refused(name, "must be given once"));
    }
    first.to_str().map(|text| Some(text.to_owned())).map_err(|_| refused(name, "must be visible ASCII characters"))
}

fn refused(name: &str, message: &str) -> Problem {
    Problem::malformed("invalid_header", format!("the header {name} {message}")).field(name, message)
}
