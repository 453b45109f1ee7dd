//! The words of Slipway as types: ids and names, manifests, variables, releases, promotions, and the one error that
//! every layer speaks.
//!
//! Everything here is a plain value. Nothing in this crate reads a clock, draws a random number, does I/O or waits;
//! what it needs of those is passed in.

pub mod app;
pub mod build;
pub mod cluster;
pub mod error;
pub mod id;
pub mod manifest;
pub mod name;
pub mod promotion;
pub mod release;
pub mod repository;
pub mod secret;
mod text;
pub mod time;
pub mod variables;
