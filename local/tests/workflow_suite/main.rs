//! The runner of the state machine, on a virtual clock and with scripted tasks.

#![allow(clippy::unwrap_used, reason = "the helpers are part of the tests, which end at a broken expectation")]

mod errors;
mod lifecycle;
mod paths;
mod properties;
mod refusals;
mod shipped;
mod states;
mod world;
