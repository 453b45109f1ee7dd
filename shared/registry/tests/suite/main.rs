//! The client against a registry in this process that keeps what is pushed, checks every digest, and asks for the
//! credentials that a test gives it; and against servers that are none.

#![expect(clippy::unwrap_used, reason = "the helpers are part of the tests, which end at a broken expectation")]

mod access;
mod holds;
mod registry;
mod trouble;
