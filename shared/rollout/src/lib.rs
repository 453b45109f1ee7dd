//! The rollout protocol as plain functions of values.
//!
//! ```text
//! Observation ──┐
//! Promotion  ───┼──► decide ──► Decision ──► (saved, then carried out by the caller)
//! now        ───┘       │
//!                       └──► phase::next, classify, fence
//! ```
//!
//! Nothing here waits, does I/O, reads a clock or draws a random number.

pub mod observation;
