//! The local server under a name of its own, for tests: it is built with them, so that it is never an older one.

use std::process::ExitCode;

use clap::Parser;
use slipway_local::server::{Options, main as serve};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    slipway_local::helper::run(&args).unwrap_or_else(|| serve(&Options::parse()))
}
