//! Measures what the whole costs, as ratios where there is a floor. One run, printed as tables; it never fails because
//! something is slow.
//!
//! ```text
//! api       the API's two central writes, with 10 and with 100,000 stored releases
//! decide    the pure decision, per call
//! rollout   wall time over its floor, and state transitions, of real rollouts on this machine
//! rollback  from a bad status that is visible to the decision to turn back
//! idle      memory and CPU of a server that has nothing to do
//! traffic   requests that are lost while releases are promoted
//! ```

#![expect(clippy::print_stdout, reason = "its output is what it is run for")]

mod api;
mod deciding;
mod idle;
mod machine;
mod numbers;
mod rollback;
mod rollout;
mod table;
mod traffic;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use slipway_tests::server::{Result, failed};

/// Measures the whole. Without a section: all of them, in about eight minutes.
#[derive(Parser)]
struct Arguments {
    sections: Vec<Section>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Section {
    Api,
    Decide,
    Rollout,
    Rollback,
    Idle,
    Traffic,
}

#[tokio::main]
async fn main() -> ExitCode {
    let asked = Arguments::parse().sections;
    let sections = if asked.is_empty() { Section::value_variants().to_vec() } else { asked };
    println!("{}", machine::named());
    for section in sections {
        let begun = Instant::now();
        match measure(section).await {
            Ok(text) => println!("\n{text}\nMeasured in {:.0} s.", begun.elapsed().as_secs_f64()),
            Err(error) => {
                println!("\n{section:?}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

async fn measure(section: Section) -> Result<String> {
    match section {
        Section::Api => api::measure().await,
        Section::Decide => deciding::measure(),
        Section::Rollout => rollout::measure().await,
        Section::Rollback => rollback::measure().await,
        Section::Idle => idle::measure().await,
        Section::Traffic => traffic::measure().await,
    }
}

/// The server's program, which is built beside this one.
fn server() -> Result<PathBuf> {
    let own = std::env::current_exe().map_err(failed("find this program"))?;
    let server = own.with_file_name("slipway-local");
    if server.is_file() { Ok(server) } else { Err(format!("{} is not built", server.display())) }
}

fn folder() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(failed("make a folder"))
}
