//! A real installation in a folder of its own, and a client of its API: for tests and benchmarks of the whole.
//!
//! ```text
//! Client ──HTTP──► Inside: router, use cases and database in this process ─┐
//!        └─HTTP──► Outside: the server as a program of its own ────────────┴─► keepers, router (the helper program)
//! ```
//!
//! What goes wrong is told in words: tests end at it, benchmarks print it. Nothing here is a second implementation.

pub mod client;
pub mod inside;
pub mod outside;
pub mod search;
pub mod shop;
pub mod source;

use std::fmt::Display;

/// What went wrong, in words.
pub type Result<T> = std::result::Result<T, String>;

/// Puts what was attempted before why it failed.
pub fn failed<E: Display>(what: impl Display) -> impl FnOnce(E) -> String {
    move |error| format!("could not {what}: {error}")
}
