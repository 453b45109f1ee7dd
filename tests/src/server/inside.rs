//! The server in this process: the shipped wiring behind a real listener, so that a test can reach the use cases, too.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use slipway_domain::id::TenantId;
use slipway_local::cluster::halt;
use slipway_local::server::backend::Backend;
use slipway_local::server::wiring::Installation;
use slipway_local::workflow::runner::Runner;
use slipway_service::slipway::Slipway;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::client::Client;
use super::{Result, failed};

const GRACE: Duration = Duration::from_secs(5);

/// A server with an empty folder of its own. It ends, with every process of the folder, at the latest when it is dropped:
/// its parts in this order.
pub struct Inside {
    server: Server,
    pub slipway: Arc<Slipway>,
    pub runner: Arc<Runner>,
    pub tenant: TenantId,
    url: String,
    data: Data,
}

impl Inside {
    /// `helper` is the program that keepers and the router are started from. Also returns the client of the owner.
    pub async fn start(helper: &Path) -> Result<(Self, Client)> {
        let folder = tempfile::tempdir().map_err(failed("make a folder"))?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed("listen"))?;
        let url = format!("http://{}", listener.local_addr().map_err(failed("listen"))?);
        let backend = Backend::ThisMachine { helper: helper.to_owned() };
        let installation = Installation::open(folder.path(), &url, backend).await;
        let data = Data { folder, halted: false };
        let installation = installation.map_err(failed("open the installation"))?;
        let tenant = TenantId::from_entropy(rand::random());
        let token = installation.slipway.bootstrap_local(&tenant).await.map_err(failed("make the owner"))?;
        let token = token.ok_or("the folder was not empty")?;
        let client = Client::new(&url, token.reveal())?;
        let server = tokio::spawn(axum::serve(listener, installation.router()).into_future());
        let Installation { slipway, runner, .. } = installation;
        Ok((Self { server: Server(server.abort_handle()), slipway, runner, tenant, url, data }, client))
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        self.data.folder.path()
    }

    /// Ends the server and every process of the folder, and says whether that went well.
    pub async fn end(self) -> Result<()> {
        let Self { server, slipway, runner, mut data, .. } = self;
        drop((server, slipway, runner));
        let halted = tokio::task::spawn_blocking(move || data.halt()).await;
        halted.map_err(failed("end the processes"))?.map_err(failed("end the processes"))
    }
}

/// Serves until it is dropped.
struct Server(AbortHandle);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The folder, whose processes end before it goes.
struct Data {
    folder: TempDir,
    halted: bool,
}

impl Data {
    fn halt(&mut self) -> io::Result<()> {
        self.halted = true;
        halt(self.folder.path(), GRACE)
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if !self.halted {
            // A test that ends here has failed already, and has said why.
            let _ = self.halt();
        }
    }
}
