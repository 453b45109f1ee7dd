//! Where the product runs.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use slipway_domain::repository::RegistryAddress;
use tempfile::TempDir;

use super::app::App;
use super::aws::{Aws, Tenant};
use crate::kubernetes::images;
use crate::product::installed::Product;
use crate::product::stage::{only, web};
use crate::server::client::Client;
use crate::server::outside::Outside;
use crate::server::shop::{Shop, text};
use crate::server::{Result, failed};

/// What says which place is meant.
pub const TARGET: &str = "SLIPWAY_TARGET";

/// Serves the same as the test application's image, and fails in the same ways.
const SOURCE: &str = "
const health = process.env.HEALTH || 'ok';
const server = require('http').createServer((request, response) => {
  response.statusCode = request.url === '/health' && health === 'fail' ? 503 : 200;
  response.end(process.env.RELEASE);
});
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
setTimeout(() => server.listen(process.env.PORT, '127.0.0.1'), Number(process.env.BOOT_MS || 0));
";

/// An installation that ends when it is dropped.
pub enum Place {
    Local(Box<Local>),
    Kubernetes(Box<Product>),
    /// Several tenants may have their places on one installation.
    Aws(Arc<Aws>, Box<Tenant>),
}

/// The product on this machine.
pub struct Local {
    client: Client,
    _server: Outside,
    _folder: TempDir,
}

impl Place {
    /// The one that the environment names; this machine unless it does. `program` is `slipway-local` under any name.
    pub async fn named(program: &Path) -> Result<Self> {
        match std::env::var(TARGET).as_deref().unwrap_or("local") {
            "local" => local(program).await,
            "kubernetes" => Ok(Self::Kubernetes(Box::new(Product::start(program).await?))),
            "aws" => {
                let aws = Aws::start().await?;
                let tenant = aws.connected("main", 0).await?;
                Ok(Self::Aws(Arc::new(aws), Box::new(tenant)))
            }
            other => Err(format!("{TARGET} is {other:?}; it must be local, kubernetes or aws")),
        }
    }

    /// An owner.
    pub fn client(&self) -> &Client {
        match self {
            Self::Local(local) => &local.client,
            Self::Kubernetes(product) => &product.client,
            Self::Aws(_, tenant) => &tenant.client,
        }
    }

    /// A new app with the right to run in its `production`.
    pub async fn app(&self, name: &str) -> Result<App<'_>> {
        let app = App::create(self.client(), self, name).await?;
        let owner = match self {
            Self::Local(_) => return Ok(app),
            Self::Kubernetes(product) => &product.owner,
            Self::Aws(aws, _) => &aws.owner,
        };
        owner.apply(&app.access().await?).await?;
        Ok(app)
    }

    /// A service `web` with two processes that is checked over HTTP.
    pub fn manifest(&self) -> Value {
        let mut manifest = only(web());
        if let Self::Local(_) = self {
            manifest["services"]["web"]["command"] = json!("exec node web.js");
        }
        manifest
    }

    /// Makes a build of this version of the application. Returns the release.
    pub(super) async fn build(&self, app: &str, version: &str) -> Result<String> {
        let manifest = self.manifest().to_string();
        if let Self::Local(local) = self {
            let files = [("slipway.yml", manifest.as_str()), ("web.js", SOURCE), ("version", version)];
            return Shop(&local.client).build_of(app, &files).await;
        }
        let client = self.client();
        let created = client.post(&format!("/v1/apps/{app}/builds"), &json!({ "source": "external" })).await?;
        let image = match self {
            Self::Aws(aws, _) => aws.push(version, &created["push"]).await?,
            Self::Kubernetes(product) => {
                let address: RegistryAddress = product.gate.address().parse().map_err(failed("name the registry"))?;
                let app = app.parse().map_err(failed("name the app"))?;
                images::copy(version, &address.repository(&product.tenant, &app)).await.to_string()
            }
            Self::Local(_) => return Err("a local build is made from source".to_owned()),
        };
        let path = format!("/v1/apps/{app}/builds/{}/complete", text(&created["id"])?);
        let manifest = json!({ "file": "slipway.yml", "text": manifest });
        let built = client.post(&path, &json!({ "image": image, "manifest": manifest })).await?;
        text(&built["release"])
    }
}

async fn local(program: &Path) -> Result<Place> {
    let folder = tempfile::tempdir().map_err(failed("make a folder"))?;
    let server = Outside::start(program, folder.path(), "info").await?;
    Ok(Place::Local(Box::new(Local { client: server.client()?, _server: server, _folder: folder })))
}
