//! The tables of the rollout protocol, each as a table of tests: phases, causes, the decision, the records; and properties of every decision.

#![allow(clippy::unwrap_used, reason = "the helpers are part of the tests, which end at a broken expectation")]

mod advices;
mod causes;
mod causes_pulls;
mod clocks;
mod diagnoses;
mod fence;
mod phases;
mod properties;
mod records;
mod restoring;
mod rolling;
mod rolling_limits;
mod settling;
mod starting;
mod stories;
mod world;
