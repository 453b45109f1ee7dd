//! Bodies: one JSON object of a known shape, within a limit.

use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_path_to_error::Segment;
use slipway_domain::error::{Error, Kind};
use slipway_service::request::Idempotency;
use utoipa::ToSchema;

use super::headers::idempotency_key;
use super::strict::{self, escaped};
use crate::problem::{Answer, Problem};

/// What a body may weigh, in bytes.
pub const MAX_BODY: usize = 256 * 1024;

/// What a body of variables may weigh: 256 KiB of values that are escaped as `\u0000` take six times the room.
pub const MAX_VARIABLES_BODY: usize = 2 * 1024 * 1024;

/// The body of an operation: one JSON object.
pub trait Body: DeserializeOwned {
    const LIMIT: usize = MAX_BODY;

    /// What an empty body stands for. None: it is refused.
    fn empty() -> Option<Self> {
        None
    }
}

/// The body of an operation that takes nothing.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl Body for Nothing {
    fn empty() -> Option<Self> {
        Some(Self {})
    }
}

/// A part of a body that is an object: serde by itself would take an array of its fields in their order as well.
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OnlyMaps<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OnlyMaps<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(entries))
            }
        }

        deserializer.deserialize_map(OnlyMaps(PhantomData)).map(Self)
    }
}

/// A change that is asked for. Refuses another media type, unknown fields and keys that appear twice.
pub struct Change<T> {
    pub body: T,
    /// None: the request bears no `Idempotency-Key`.
    pub idempotency: Option<Idempotency>,
}

/// A change that is refused without an `Idempotency-Key`.
pub struct KeyedChange<T> {
    pub body: T,
    pub idempotency: Idempotency,
}

impl<S: Send + Sync, T: Body> FromRequest<S> for Change<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Answer<Self> {
        let key = idempotency_key(request.headers())?;
        let route = format!("{} {}", request.method(), request.uri().path());
        let media_type = check_media_type(request.headers());
        let bytes = collect(request, T::LIMIT).await?;
        let body = match T::empty() {
            Some(empty) if bytes.is_empty() => empty,
            _ => media_type.and_then(|()| read(&bytes))?,
        };
        let idempotency = key.map(|key| Idempotency::new(&key, route, &bytes)).transpose()?;
        Ok(Self { body, idempotency })
    }
}

impl<S: Send + Sync, T: Body> FromRequest<S> for KeyedChange<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Answer<Self> {
        let change = Change::<T>::from_request(request, state).await?;
        let idempotency = change.idempotency.ok_or_else(|| {
            let message = "this operation needs an idempotency-key header, so that a repeat does not act twice; send a \
                           new random one with each attempt and the same one with its repeats";
            Problem::malformed("idempotency_key_required", message).field("Idempotency-Key", "is required")
        })?;
        Ok(Self { body: change.body, idempotency })
    }
}

fn check_media_type(headers: &HeaderMap) -> Answer<()> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = value.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = "the body has to be sent as content-type application/json";
    Err(Error::new(Kind::UnsupportedMedia, "unsupported_media_type", message).field("Content-Type", message).into())
}

async fn collect(request: Request, limit: usize) -> Answer<Bytes> {
    match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("the body is larger than {} KiB, which is the limit here", limit / 1024);
            Err(Error::new(Kind::TooLarge, "body_too_large", message).into())
        }
        Err(error) => Err(Error::new(Kind::Malformed, "invalid_json", "the body ended early").because(error).into()),
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Answer<T> {
    if bytes.is_empty() {
        return Err(Problem::malformed("invalid_json", "the body is empty; send a JSON object"));
    }
    let value = strict::parse(bytes).map_err(|fault| match fault.pointer {
        Some(pointer) => invalid(pointer, &fault.message),
        None => Problem::malformed("invalid_json", format!("the body {}", fault.message)),
    })?;
    shaped(value)
}

/// Reads the value as a `T`, and says where it is none.
fn shaped<T: DeserializeOwned>(value: Value) -> Answer<T> {
    let read = serde_path_to_error::deserialize(value);
    read.map(|Object(body)| body).map_err(|error| {
        let mut pointer = pointer_to(error.path());
        let (part, message) = explained(&error.into_inner().to_string());
        if let Some(part) = part
            && !pointer.ends_with(&format!("/{}", escaped(&part)))
        {
            pointer = format!("{pointer}/{}", escaped(&part));
        }
        invalid(pointer, &message)
    })
}

fn invalid(pointer: String, message: &str) -> Problem {
    let place = if pointer.is_empty() { "the body".to_owned() } else { pointer.clone() };
    Problem::malformed("invalid_body", format!("{place} {message}")).field(pointer, message)
}

fn pointer_to(path: &serde_path_to_error::Path) -> String {
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } => format!("{pointer}/{}", escaped(key)),
        Segment::Enum { variant } => format!("{pointer}/{}", escaped(variant)),
        Segment::Unknown => pointer,
    })
}

/// Serde's text as ours, with the field it speaks of. What was sent is cut out: it may be the value of a variable.
fn explained(text: &str) -> (Option<String>, String) {
    let named = |text: &str| text.split('`').nth(1).map(str::to_owned);
    if text.starts_with("missing field") {
        (named(text), "is required".to_owned())
    } else if text.starts_with("unknown field") {
        (named(text), format!("is not known here{}", known(text)))
    } else if text.starts_with("unknown variant") {
        (None, format!("has a value that is not known here{}", known(text)))
    } else if let Some((_, expected)) = text.rsplit_once(", expected ") {
        (None, format!("must be {}", in_json(expected)))
    } else {
        (None, "has the wrong shape".to_owned())
    }
}

/// Serde's name of a type, as somebody says it who writes JSON.
fn in_json(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, 0 or more",
        "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a map" => "an object",
        "a sequence" => "an array",
        other => other,
    }
}

fn known(text: &str) -> String {
    match text.split_once(", expected ") {
        Some((_, names)) => format!(", expected {}", names.replace('`', "")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the shape is of interest")]
    struct Outer {
        name: String,
        #[serde(default)]
        inner: Vec<Inner>,
        #[serde(default)]
        mode: Option<Mode>,
        #[serde(default)]
        set: BTreeMap<String, String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the shape is of interest")]
    struct Inner {
        size: u32,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        Supersede,
        Refuse,
    }

    fn refused(text: &str) -> (String, String) {
        let problem = read::<Outer>(text.as_bytes()).unwrap_err();
        assert_eq!((problem.status.as_u16(), problem.error.code), (400, "invalid_body"));
        let field = &problem.error.fields[0];
        (field.pointer.clone(), field.message.clone())
    }

    #[test]
    fn each_fault_is_told_with_the_pointer_to_its_field() {
        let table = [
            (r"{}", "/name", "is required"),
            (r#"{"name":"a","nme":1}"#, "/nme", "is not known here, expected one of name, inner, mode, set"),
            (r#"{"name":7}"#, "/name", "must be a string"),
            (
                r#"{"name":"a","inner":[{"size":1},{"size":-1}]}"#,
                "/inner/1/size",
                "must be a whole number from 0 to 4294967295",
            ),
            (r#"{"name":"a","inner":{}}"#, "/inner", "must be an array"),
            (r#"{"name":"a","set":[]}"#, "/set", "must be an object"),
            (r#"{"name":"a","inner":[{"sise":1}]}"#, "/inner/0/sise", "is not known here, expected size"),
            (r#"{"name":"a","inner":[{}]}"#, "/inner/0/size", "is required"),
            (
                r#"{"name":"a","mode":"seize"}"#,
                "/mode",
                "has a value that is not known here, expected supersede or refuse",
            ),
            (r#"{"name":"a","name":"b"}"#, "/name", "is there twice"),
            (r"[]", "", "must be an object"),
        ];
        for (text, pointer, message) in table {
            assert_eq!(refused(text), (pointer.to_owned(), message.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_was_sent_is_never_repeated_in_the_message() {
        for text in [r#"{"name":"a","set":"hunter2, expected x"}"#, r#"{"name":"a","set":{"K":["hunter2"]}}"#] {
            let (_, message) = refused(text);
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
}
