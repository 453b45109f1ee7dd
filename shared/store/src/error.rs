//! What may come of a change, as the database told it: refusals with the item that refused, and failures that say
//! whether trying again can help.

use std::fmt;

use slipway_domain::error::{Error, Kind};

use crate::keys::KeyError;
use crate::records::IdempotencyRecord;

/// Which record refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    Tenant,
    Token,
    Cluster,
    App,
    /// The app's count of releases: another release took the number.
    ReleaseCount,
    Environment,
    /// The environment's newest release is no longer the base.
    Newest,
    Build,
    Release,
    Tag,
    Promotion,
    Event,
    Run,
    Notice,
    Audit,
    Idempotency,
    /// A record of the table's stream.
    Stream,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tenant => "tenant",
            Self::Token => "token",
            Self::Cluster => "cluster",
            Self::App => "app",
            Self::ReleaseCount => "release count",
            Self::Environment => "environment",
            Self::Newest => "newest release",
            Self::Build => "build",
            Self::Release => "release",
            Self::Tag => "tag",
            Self::Promotion => "promotion",
            Self::Event => "event",
            Self::Run => "run",
            Self::Notice => "notice",
            Self::Audit => "audit row",
            Self::Idempotency => "idempotency record",
            Self::Stream => "stream record",
        })
    }
}

/// Why the store did not do it. Nothing was written, except where [`Unavailable`](StoreError::Unavailable) says that it
/// is not known.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// Something of that name or id is there. Draw another id, or refuse.
    #[error("the {0} exists already")]
    Exists(Subject),
    /// It is not as it was read: read again and decide again.
    #[error("the {0} was changed meanwhile")]
    Stale(Subject),
    /// What was to be changed is not there.
    #[error("the {0} does not exist")]
    Missing(Subject),
    /// It was sealed, and the database refused the write.
    #[error("the {0} is sealed")]
    Sealed(Subject),
    /// The same request was carried out before: answer as then.
    #[error("the request was carried out before")]
    Replay(IdempotencyRecord),
    /// The key was used before for a request with another fingerprint.
    #[error("the idempotency key was used for another request")]
    Mismatch(IdempotencyRecord),
    /// The database asked for patience, for longer than was had.
    #[error("the database is throttling")]
    Throttled,
    /// Others kept changing the same records, for longer than was waited.
    #[error("other transactions kept the records busy")]
    Conflict,
    /// No answer. Whether it was written is not known; the same change may be tried again.
    #[error("the database did not answer: {0}")]
    Unavailable(String),
    /// A record would be larger than the database takes.
    #[error("the {subject} has {bytes} bytes, the limit is {limit}")]
    TooLarge { subject: Subject, bytes: usize, limit: usize },
    /// A record cannot be read back.
    #[error("a stored {0} cannot be read: {1}")]
    Corrupt(Subject, String),
    /// The key service refused or is away.
    #[error("keys: {0}")]
    Keys(#[from] KeyError),
    /// The database refuses the request as such, or the caller broke a rule of the function: a mistake of ours.
    #[error("{0}")]
    Misuse(String),
}

pub type Result<T> = std::result::Result<T, StoreError>;

impl From<aws_sdk_dynamodb::error::BuildError> for StoreError {
    fn from(error: aws_sdk_dynamodb::error::BuildError) -> Self {
        Self::Misuse(format!("the request cannot be built: {error}"))
    }
}

impl From<StoreError> for Error {
    /// For the edge: what a use case did not turn into something more telling.
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Exists(subject) => Self::conflict("already_exists", format!("the {subject} exists already")),
            StoreError::Stale(subject) => {
                Self::conflict("changed_meanwhile", format!("the {subject} was changed meanwhile, read it again"))
            }
            StoreError::Missing(subject) => Self::not_found(&format!("the {subject}")),
            StoreError::Sealed(subject) => {
                Self::conflict("sealed", format!("the {subject} is complete and can not be changed"))
            }
            StoreError::Mismatch(_) => Self::new(
                Kind::Unprocessable,
                "idempotency_key_reused",
                "the idempotency key was used for another request, take a new one",
            ),
            StoreError::TooLarge { .. } => Self::new(Kind::TooLarge, "too_large", error.to_string()),
            StoreError::Throttled
            | StoreError::Conflict
            | StoreError::Unavailable(_)
            | StoreError::Keys(KeyError::Unavailable(_)) => Self::unavailable(&error),
            StoreError::Replay(_) | StoreError::Corrupt(..) | StoreError::Keys(_) | StoreError::Misuse(_) => {
                Self::internal(&error)
            }
        }
    }
}
