//! The cluster of this machine with real processes and real traffic.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cluster_suite;
mod common;
