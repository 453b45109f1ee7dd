//! The rollout protocol as plain functions of values.
//!
//! ```text
//! Observation ──┐
//! Promotion  ───┼──► decide ──► Decision ──► apply ──► the records to save, then the actions to carry out
//! now        ───┘       │                      │
//!                       ├─ fence, forward,     └─ phase::next
//!                       └─ restore, classify
//!
//! Observation, manifests ──► diagnose ──► findings ──► advice
//! ```
//!
//! Nothing here waits, does I/O, reads a clock or draws a random number.

pub mod advice;
pub mod apply;
pub mod census;
pub mod classify;
pub mod decide;
pub mod diagnose;
pub mod fence;
mod forward;
mod judge;
pub mod observation;
pub mod phase;
pub mod plan;
mod restore;
pub mod start;
pub mod story;
mod watch;
