//! The use cases over the real store on an embedded database, with ports that keep their state in memory and behave as
//! the real ones do: a cluster that compares and sets, a registry that holds what was pushed, a clock that only moves
//! when somebody waits.

#![allow(clippy::unwrap_used, reason = "the helpers are part of the tests, which end at a broken expectation")]

mod builds;
mod clusters;
mod concurrency;
mod diagnosis;
mod external;
mod hosted;
mod ports;
mod promotions;
mod refusals;
mod relay;
mod releases;
mod repositories;
mod rollbacks;
mod runs;
mod scale;
mod sweep;
mod tenants;
mod variables;
mod world;
