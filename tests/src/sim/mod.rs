//! Worlds: the shipped engine in a simulated cluster, on a virtual clock, with workers that sleep, die and are lied to.
//!
//! ```text
//! seed ──► Setup ──► runner ──┬─► people, sweep, state machine ──► shipped turn, start, sweep, clean-up
//!                             │                                        │ every call through
//!                             ├─► cluster (controllers, processes) ◄───┤ port + weather
//!                             ├─► ledger (compare-and-set)  ◄──────────┘
//!                             └─► rules, after every step ──► Report, story
//! ```
//!
//! A world is plain data and a seed, and takes the same course every time. Nothing of the engine is written again here:
//! a world calls `slipway_rollout` and `slipway_service::turn`. It never sleeps and never reads the machine's clock.

pub mod cluster;
pub mod full;
pub mod ledger;
pub mod machine;
pub mod many;
pub mod mutant;
mod mutations;
pub mod people;
pub mod port;
pub mod random;
pub mod rng;
pub mod rules;
pub mod runner;
pub mod setup;
pub mod shrink;
pub mod state;
mod story;
mod sweep;
pub mod weather;

/// 2026-01-01T00:00:00Z, when every world begins.
pub const BEGINNING_MS: i64 = 1_767_225_600_000;
