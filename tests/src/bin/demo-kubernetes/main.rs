//! `make demo-kubernetes`: the story of `make demo` on a real cluster, from the image that somebody pushes to the
//! roll-back and the diagnosis of a sick process. Everything is typed as a user would, and the server has no rights in
//! the cluster but those that `slipway clusters access` prints.
//!
//! ```text
//! slipway ──► server ──its few rights──► API server ──► pods ◄── Balancer ◄── traffic
//!                          Cluster (all rights): what really runs ──┘
//! ```
//!
//! It exits with 1 when an outcome was not the expected one, a request was lost, or anything is left. It has an app, a
//! namespace and a server of its own, and touches nothing else in the cluster.

mod cluster;
mod secret;
mod story;

use std::path::Path;
use std::process::ExitCode;

use slipway_tests::demo::performance::{applause, perform, programs};
use slipway_tests::demo::server::Server;
use slipway_tests::demo::shell::Shell;
use slipway_tests::demo::stage::Stage;
use slipway_tests::demo::{ENVIRONMENT, Told};
use slipway_tests::kubernetes::facts::Facts;
use slipway_tests::product::owner::Owner;

use crate::cluster::Cluster;

const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The credential of the server.
const CREDENTIAL: &str = "slipway.kubeconfig";

#[tokio::main]
async fn main() -> ExitCode {
    applause(demo().await)
}

async fn demo() -> Told {
    let facts = Facts::read();
    let folder = tempfile::Builder::new().prefix("slipway-demo-").tempdir();
    let folder = folder.map_err(|error| format!("could not make a temporary folder: {error}"))?;
    // Others may tell their stories in the same cluster.
    let app = format!("shop-{:04x}", rand::random::<u16>());
    let shell = shell(folder.path(), &facts)?;
    let options = ["--kubeconfig", CREDENTIAL, "--cluster-group", &app, "--registry", &facts.registry];
    let server = Server::new(folder.path(), &options)?;
    let cluster = Cluster::new(Owner::new(&facts).await?, &format!("{app}--{ENVIRONMENT}"));
    let stage = Stage::new(&app, cluster, shell, server);
    perform(stage, async |stage| story::tell(stage, &facts).await).await
}

/// Of somebody who owns the cluster, and has the programs of this build, of the cluster and of the project at hand.
fn shell(folder: &Path, facts: &Facts) -> Result<Shell, String> {
    let programs = programs()?;
    let known = std::env::var_os("PATH").unwrap_or_default();
    let own = [programs.clone(), facts.programs.clone(), Path::new(PROJECT).join("cluster")];
    let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&known)));
    let path = path.map_err(|error| format!("could not name the programs: {error}"))?;
    let shell = Shell::new(&programs, &folder.join("config.json"), folder);
    Ok(shell.with("PATH", path).with("KUBECONFIG", &facts.kubeconfig))
}
