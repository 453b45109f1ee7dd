//! Everything that makes Slipway run on one machine.

pub mod workflow;
