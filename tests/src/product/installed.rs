//! The whole product as a program of its own, working on the cluster with the rights of `infra/cluster-access.yaml`.

use std::path::{Path, PathBuf};

use slipway_domain::id::TenantId;
use tempfile::TempDir;

use super::gate::Gate;
use super::owner::Owner;
use crate::kubernetes::facts::Facts;
use crate::server::client::Client;
use crate::server::outside::{self, Outside};
use crate::server::{Result, failed};

/// As much of the log as somebody reads.
const LOG_LINES: usize = 100;

/// A server that ends when it is dropped, with the folder it works in.
pub struct Product {
    pub client: Client,
    pub owner: Owner,
    /// The registry that it and the nodes use.
    pub gate: Gate,
    pub facts: Facts,
    pub tenant: TenantId,
    server: Outside,
    /// Tells the node how to speak to the gate.
    hosts: PathBuf,
    folder: TempDir,
}

impl Product {
    /// Starts it on an empty folder. `program` is `slipway-local` under any name.
    pub async fn start(program: &Path) -> Result<Self> {
        let facts = Facts::read();
        let owner = Owner::new(&facts).await?;
        let gate = Gate::open(&facts.address, &facts.registry).await?;
        let hosts = owner.plain_http(&gate.address()).await?;
        let folder = tempfile::tempdir().map_err(failed("make a folder"))?;
        // Its id is drawn beforehand: the group that the rights are bound to is named after it.
        let tenant = TenantId::from_entropy(rand::random());
        let group = slipway_domain::cluster::Cluster::group(&tenant);
        let kubeconfig = owner.user("slipway", &group).await?;
        let data = outside::data(folder.path());
        std::fs::create_dir_all(&data).map_err(failed("make the data folder"))?;
        std::fs::write(data.join("tenant"), tenant.as_str()).map_err(failed("write the tenant"))?;
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig).map_err(failed("write the kubeconfig"))?;
        let server = start(program, folder.path(), &gate.address()).await?;
        let client = server.client()?;
        Ok(Self { client, owner, gate, facts, tenant, server, hosts, folder })
    }

    /// Kills the server, and with it whatever step of a rollout it is at, and starts it again.
    pub async fn restart(&self) -> Result<()> {
        self.server.kill_and_start().await
    }

    /// The id of the server's process.
    pub fn id(&self) -> u32 {
        self.server.id()
    }

    /// The last words of what the server logged.
    pub fn log_tail(&self) -> String {
        let log = std::fs::read_to_string(outside::data(self.folder.path()).join("server.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        // A folder that is left behind names a port that nobody listens on.
        let _ = std::fs::remove_dir_all(&self.hosts);
    }
}

async fn start(program: &Path, folder: &Path, registry: &str) -> Result<Outside> {
    let kubeconfig = folder.join("kubeconfig").to_string_lossy().into_owned();
    let options = ["--kubeconfig", &kubeconfig, "--registry", registry, "--registry-plain-http"];
    Outside::start_with(program, folder, "info", &options).await
}
