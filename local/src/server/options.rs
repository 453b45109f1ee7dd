//! What the server is started with.

use std::path::{Path, PathBuf};

use clap::Parser;
use slipway_domain::error::{Error, Result};
use tracing_subscriber::EnvFilter;

use super::backend::Backend;
use super::cluster_options::ClusterOptions;
use super::registry_options::{PASSWORD, RegistryOptions};
use crate::disk;

/// Runs all of Slipway on this machine: the API, the rollouts, a router as the load balancer, and the apps' processes. With
/// a kubeconfig, the processes run in that cluster instead.
///
/// Listens on 127.0.0.1 only. Writes the address and an owner's token to the file that `slipway` reads, so that the
/// command line works at once. Ctrl-C ends everything; SIGTERM ends the server alone, and the apps go on.
#[derive(Clone, Debug, Parser)]
#[command(name = "slipway local", bin_name = "slipway local", version)]
#[command(
    after_help = "slipway local operator-token prints a new operator's token for a hosted installation, with its \
                        SHA-256."
)]
pub struct Options {
    /// The folder that holds everything [default: ~/.local/share/slipway]
    #[arg(long, value_name = "DIR", env = "SLIPWAY_DATA")]
    data: Option<PathBuf>,

    /// The port of the API; 0 takes any that is free
    #[arg(long, default_value_t = 7070, env = "SLIPWAY_PORT")]
    pub port: u16,

    /// End the server, and the router and all processes of the folder; those in a cluster go on
    #[arg(long)]
    pub stop: bool,

    #[command(flatten)]
    cluster: ClusterOptions,

    #[command(flatten)]
    registry: RegistryOptions,
}

impl Options {
    pub fn data(&self) -> Result<PathBuf> {
        if let Some(data) = &self.data {
            return std::path::absolute(data).map_err(Error::internal);
        }
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
        let base = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).or_else(home);
        let base = base.ok_or_else(|| Error::conflict("refused", "HOME is not set; name a folder with --data"))?;
        Ok(base.join("slipway"))
    }

    /// Where the processes run. `helper` is this program, which runs them when no cluster is named.
    pub async fn backend(&self, helper: PathBuf) -> Result<Backend> {
        let registry = self.registry.open(std::env::var(PASSWORD).ok())?;
        self.cluster.backend(helper, registry).await
    }

    /// The log goes to a file: what is printed is for the person who started the server.
    pub fn start_log(&self, data: &Path) -> Result<()> {
        let file = disk::private_log(&data.join("server.log")).map_err(Error::internal)?;
        let filter = EnvFilter::try_from_env("SLIPWAY_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        tracing_subscriber::fmt()
            .json()
            .with_env_filter(filter)
            .with_writer(std::sync::Mutex::new(file))
            .try_init()
            .map_err(Error::internal)
    }
}
