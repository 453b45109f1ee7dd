//! Everything that makes Slipway run on one machine.

pub mod rollout;
pub mod workflow;
