//! The one application error: what kind it is, what the caller is told, and what only the log is told.

use std::fmt;

/// What a caller should make of an error. Each kind is one HTTP status; the code inside [`Error`] says which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 400: the syntax is wrong; the same request can never succeed.
    Malformed,
    /// 401: no credential, or one that is not known.
    Unauthenticated,
    /// 403: the credential lacks the right.
    Forbidden,
    /// 404: absent, or somebody else's.
    NotFound,
    /// 409: the state of the thing forbids it now.
    Conflict,
    /// 412: the caller's version is not the current one.
    Stale,
    /// 413: larger than the limit.
    TooLarge,
    /// 415: a media type that is not read here.
    UnsupportedMedia,
    /// 422: well-formed, but its meaning is refused.
    Unprocessable,
    /// 428: a precondition has to be sent.
    PreconditionRequired,
    /// 429: too many; `retry_after_seconds` says when.
    RateLimited,
    /// 503: something that we depend on is away; nothing was changed.
    Unavailable,
    /// 500: a mistake of ours.
    Internal,
}

/// One field of the request, by JSON pointer (`/variables/PORT`), header name or query parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub pointer: String,
    pub message: String,
}

/// An error as the application speaks of it. The message says what was attempted and what to do about it, in lower
/// case and without a full stop; `context` is for the log and never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub kind: Kind,
    /// Stable and documented, in snake case: `environment_busy`.
    pub code: &'static str,
    pub message: String,
    pub fields: Vec<Field>,
    /// Further members of the problem document, such as the id of the promotion that is running.
    pub details: Vec<(&'static str, String)>,
    pub retry_after_seconds: Option<u32>,
    pub context: Option<String>,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(kind: Kind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            message: message.into(),
            fields: Vec::new(),
            details: Vec::new(),
            retry_after_seconds: None,
            context: None,
        }
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, "not_found", format!("{what} was not found"))
    }

    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, code, message)
    }

    pub fn invalid(code: &'static str, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(Kind::Unprocessable, code, message.clone()).field(pointer, message)
    }

    pub fn unavailable(context: impl fmt::Display) -> Self {
        let mut error = Self::new(Kind::Unavailable, "unavailable", "a dependency did not answer, try again");
        error.retry_after_seconds = Some(1);
        error.because(context)
    }

    pub fn internal(context: impl fmt::Display) -> Self {
        Self::new(Kind::Internal, "internal", "an internal error occurred; nothing was changed").because(context)
    }

    #[must_use]
    pub fn field(mut self, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        self.fields.push(Field { pointer: pointer.into(), message: message.into() });
        self
    }

    #[must_use]
    pub fn detail(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.details.push((key, value.to_string()));
        self
    }

    #[must_use]
    pub fn because(mut self, context: impl fmt::Display) -> Self {
        self.context = Some(context.to_string());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}
