//! The local server and the helpers that it starts of itself.

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    slipway_local::helper::run(&args).unwrap_or(ExitCode::FAILURE)
}
