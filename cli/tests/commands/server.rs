//! A world behind a port, and the program that speaks to it.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use slipway_service::slipway::Slipway;
use tokio::runtime::Runtime;

use crate::builder::{Builds, uploads};
use crate::told::Told;
use crate::world::World;

/// The API on a port of this machine; it can be killed and started again with everything it knew.
pub struct Server {
    pub world: Arc<World>,
    pub builds: Arc<Builds>,
    pub address: SocketAddr,
    router: Router,
    token: String,
    /// What runs the API; dropping it cuts every connection.
    running: Mutex<Option<Runtime>>,
    home: tempfile::TempDir,
}

impl Server {
    /// With an owner's token, the app `shop` and its `production`.
    pub async fn new() -> Arc<Self> {
        Self::of(World::new().await).await
    }

    /// With an owner's token.
    pub async fn of(world: World) -> Arc<Self> {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let builds = Arc::new(Builds {
            address,
            tenant: world.owner.tenant().clone(),
            registry: world.registry.clone(),
            archives: Mutex::default(),
            ordered: Mutex::default(),
            fails: Mutex::default(),
        });
        let slipway = Slipway { objects: builds.clone(), builder: builds.clone(), ..world.slipway.clone() };
        let token = slipway.renew_local(world.owner.tenant()).await.unwrap().reveal().to_owned();
        let router = slipway_web::router(Arc::new(slipway)).merge(uploads(builds.clone()));
        let home = tempfile::tempdir().unwrap();
        let running = Mutex::new(None);
        let server = Arc::new(Self { world: Arc::new(world), builds, address, router, token, running, home });
        server.start();
        server
    }

    pub fn start(&self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = bind(self.address);
        let router = self.router.clone();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
        *self.running.lock().unwrap() = Some(runtime);
    }

    pub fn kill(&self) {
        if let Some(runtime) = self.running.lock().unwrap().take() {
            runtime.shutdown_background();
        }
    }

    /// Carries out every promotion that is started, as the state machine service does.
    pub fn carry_out(self: &Arc<Self>) -> tokio::task::JoinHandle<()> {
        let server = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                server.finish_started().await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    }

    /// Carries out what is started now.
    pub async fn finish_started(&self) {
        let started: Vec<_> = self.world.workflows.started.lock().unwrap().values().cloned().collect();
        for input in started {
            if self.world.promotion(&input.promotion).await.is_open() {
                self.world.finish(&input.promotion).await;
            }
        }
    }

    /// The program, about the app `shop`, in a folder of its own that has one file.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let folder = self.folder();
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("SLIPWAY_URL", format!("http://{}", self.address))
            .env("SLIPWAY_TOKEN", &self.token)
            .env("SLIPWAY_APP", "shop")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn home(&self) -> PathBuf {
        self.home.path().to_owned()
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// A folder with a manifest, to be built.
    pub fn folder(&self) -> PathBuf {
        let folder = self.home.path().join("source");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("slipway.yml"), crate::world::WEB).unwrap();
        folder
    }

    /// What the program says.
    pub async fn slipway(&self, arguments: &[&str]) -> Told {
        let mut command = self.command(arguments);
        let typed = arguments.join(" ");
        let output: Output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        Told::new(&typed, &output)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The port may be in its last moments of the server before.
fn bind(address: SocketAddr) -> TcpListener {
    for _ in 0..200 {
        if let Ok(listener) = TcpListener::bind(address) {
            listener.set_nonblocking(true).unwrap();
            return listener;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("{address} stays taken");
}
