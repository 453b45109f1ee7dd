//! What goes over the wire, apart from the domain's own types: a change there cannot change the API unseen. No type
//! here can hold the value of a variable, except [`variables::Revealed`] and the bodies that set one.

pub mod app;
pub mod build;
pub mod cluster;
pub mod diagnosis;
pub mod diff;
pub mod environment;
pub mod plan;
pub mod process;
pub mod promotion;
pub mod release;
pub mod run;
pub mod source;
pub mod variables;

use serde::{Serialize, Serializer};
use slipway_domain::time::Time;
use utoipa::ToSchema;

/// A point in time: RFC 3339 in UTC, as precise as a millisecond.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-01-15T14:30:49.120Z"))]
pub struct Timestamp(Time);

impl From<Time> for Timestamp {
    fn from(time: Time) -> Self {
        Self(time)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match jiff::Timestamp::from_millisecond(self.0.as_millis()) {
            Ok(timestamp) => serializer.collect_str(&timestamp),
            Err(_) => serializer.collect_str(&self.0),
        }
    }
}

/// A part of a list.
#[derive(Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Send it as `cursor` for the next part. Null: this is the last one.
    pub next_cursor: Option<String>,
}

/// Writes an enum of the wire beside the one of the domain that it mirrors; a variant that is missing does not compile.
macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident of $domain:ty { $($variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($variant),+ }

        impl From<$domain> for $name {
            fn from(value: $domain) -> Self {
                match value { $(<$domain>::$variant => Self::$variant),+ }
            }
        }
    };
}
pub(crate) use mirror;

/// Text forms of a list of ids, names or keys.
pub(crate) fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}
