//! The whole on this machine: the program as users start it, real processes behind the real router, over the REST API.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod app;
mod files;
mod installation;
mod kills;
mod outcomes;
mod traffic;
