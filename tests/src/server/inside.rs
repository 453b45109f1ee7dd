//! The server in this process: the shipped wiring behind a real listener, so that a test can reach the use cases, too.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use slipway_domain::id::TenantId;
use slipway_local::cluster::halt;
use slipway_local::server::wiring::Installation;
use slipway_local::workflow::runner::Runner;
use slipway_service::slipway::Slipway;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::client::Client;
use super::{Result, failed};

const GRACE: Duration = Duration::from_secs(5);

/// A server that ends with [`Self::end`].
pub struct Inside {
    pub slipway: Arc<Slipway>,
    pub runner: Arc<Runner>,
    pub tenant: TenantId,
    data: PathBuf,
    url: String,
    server: JoinHandle<std::io::Result<()>>,
}

impl Inside {
    /// Serves an empty folder. `helper` is the program that keepers and the router are started from. Also returns the
    /// client of the owner.
    pub async fn start(data: &Path, helper: &Path) -> Result<(Self, Client)> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed("listen"))?;
        let url = format!("http://{}", listener.local_addr().map_err(failed("listen"))?);
        let installation = Installation::open(data, &url, helper).await.map_err(failed("open the installation"))?;
        let tenant = TenantId::from_entropy(rand::random());
        let token = installation.slipway.bootstrap_local(&tenant).await.map_err(failed("make the owner"))?;
        let token = token.ok_or("the folder was not empty")?;
        let client = Client::new(&url, token.reveal())?;
        let server = tokio::spawn(axum::serve(listener, installation.router()).into_future());
        let Installation { slipway, runner, .. } = installation;
        Ok((Self { slipway, runner, tenant, data: data.to_owned(), url, server }, client))
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends the server and every process of the folder.
    pub async fn end(self) -> Result<()> {
        let Self { slipway, runner, data, server, .. } = self;
        server.abort();
        // Whoever waits for it is told that it was aborted, which is what was asked for.
        let _ = server.await;
        drop((slipway, runner));
        let halted = tokio::task::spawn_blocking(move || halt(&data, GRACE)).await;
        halted.map_err(failed("end the processes"))?.map_err(failed("end the processes"))
    }
}
