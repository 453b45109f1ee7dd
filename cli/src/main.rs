//! `slipway`, the command line: a client of the REST API and nothing else.
//!
//! ```text
//! arguments ──► command ──► client ──► API
//!                  └──► terminal: what people read on stdout and stderr, or the API's own JSON
//! ```
//!
//! It holds no rule of its own: what is allowed, and what is shipped, the API decides.

mod api;
mod arguments;
mod client;
mod commands;
mod config;
mod failure;
mod git;
mod package;
mod target;
mod terminal;
mod text;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let terminal = Terminal::new(arguments.json);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failure::Failure::local("start", error).report(&terminal),
    };
    match runtime.block_on(commands::run(arguments, &terminal)) {
        Ok(code) => code,
        Err(failure) => failure.report(&terminal),
    }
}
