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
//! native    real rollouts against native ones of the same pods, on a real cluster
//! doomed    as rollback, on a real cluster
//! functions the functions of AWS: size, and time from start to first poll
//! deployed  the deployed API in an emulator against the local one
//! ```

#![expect(clippy::print_stdout, reason = "its output is what it is run for")]

mod api;
mod deciding;
mod deployed;
mod doomed;
mod functions;
mod idle;
mod journal;
mod machine;
mod native;
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

/// Names the file that describes the cluster.
const CLUSTER: &str = "SLIPWAY_TEST_CLUSTER";

/// Measures the whole. Without a section: all of them that can be measured here.
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
    Native,
    Doomed,
    Functions,
    Deployed,
}

impl Section {
    fn needs_cluster(self) -> bool {
        matches!(self, Self::Native | Self::Doomed | Self::Deployed)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let asked = Arguments::parse().sections;
    let cluster = std::env::var_os(CLUSTER).is_some();
    // The functions are compiled for it alone, and the deployed stack wants a cluster of its own kind.
    let special = |section: &Section| matches!(section, Section::Functions | Section::Deployed);
    let possible = |section: &Section| !special(section) && (cluster || !section.needs_cluster());
    let all = || Section::value_variants().iter().copied().filter(possible).collect();
    let asked_for_all = asked.is_empty();
    let sections: Vec<Section> = if asked_for_all { all() } else { asked };
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
    if asked_for_all && !cluster {
        println!("\nnative and doomed are left out here. {}", on_a_cluster());
    }
    ExitCode::SUCCESS
}

fn on_a_cluster() -> &'static str {
    "They need a Kubernetes cluster with a registry: as root, `make bench` starts one and measures them there."
}

async fn measure(section: Section) -> Result<String> {
    if section.needs_cluster() && std::env::var_os(CLUSTER).is_none() {
        return Err(on_a_cluster().to_owned());
    }
    match section {
        Section::Api => api::measure().await,
        Section::Decide => deciding::measure(),
        Section::Rollout => rollout::measure().await,
        Section::Rollback => rollback::measure().await,
        Section::Idle => idle::measure().await,
        Section::Traffic => traffic::measure().await,
        Section::Native => native::measure().await,
        Section::Doomed => doomed::measure().await,
        Section::Functions => functions::measure(),
        Section::Deployed => deployed::measure().await,
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
