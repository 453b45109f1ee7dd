//! The program as it is typed, against the real router, use cases and store over HTTP; only the ports behind them are
//! kept in memory, by the same fakes that the use cases are tested with.

#![expect(clippy::unwrap_used, reason = "the helpers are part of the tests, which end at a broken expectation")]

mod builder;
mod clusters;
mod diagnosing;
mod external;
mod failures;
#[path = "../../../shared/service/tests/service/hosted.rs"]
#[allow(dead_code, reason = "shared with the tests of the use cases, which need more of it")]
mod hosted;
#[path = "../../../shared/service/tests/service/ports.rs"]
#[allow(dead_code, reason = "shared with the tests of the use cases, which need more of it")]
mod ports;
#[path = "../../../shared/service/tests/service/repositories.rs"]
#[allow(dead_code, reason = "shared with the tests of the use cases, which need more of it")]
mod repositories;
mod server;
mod told;
mod tour;
mod waiting;
#[path = "../../../shared/service/tests/service/world.rs"]
#[allow(dead_code, reason = "shared with the tests of the use cases, which need more of it")]
mod world;
