//! A world of its own for each test, and what happens in it.

mod failing;
mod fencing;
mod runs;
mod serving;
mod surviving;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slipway_domain::manifest::{Command, Health, Port, Resources, Scheme};
use slipway_domain::promotion::{DeploymentKey, Epoch};
use slipway_domain::release::ImageDigest;
use slipway_domain::secret::Secret;
use slipway_local::cluster::{Config, LocalCluster, halt};
use slipway_rollout::observation::{Deployment, Observation, Process, Readiness, Stage, Visibility};
use slipway_service::ports::{Cluster, ClusterError, Namespace, NewDeployment, Processes, Template, Write};

use crate::common::{SERVER, helper, program};

/// A data folder with an image, a cluster over it, and an end for all of it.
pub struct World {
    dir: tempfile::TempDir,
    open: Option<Arc<LocalCluster>>,
    /// At most so many processes run.
    pub bound: usize,
    pub namespace: Namespace,
    pub image: ImageDigest,
}

impl Drop for World {
    fn drop(&mut self) {
        self.open = None;
        halt(self.dir.path(), Duration::from_millis(200)).unwrap();
    }
}

impl World {
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let image: ImageDigest = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
        let tree = dir.path().join(format!("images/sha256-{}", image.hex()));
        std::fs::create_dir_all(&tree).unwrap();
        program(&tree, "server.js", SERVER);
        let namespace = Namespace {
            tenant: "TAAAAAAAAAA".parse().unwrap(),
            app: "shop".parse().unwrap(),
            environment: "production".parse().unwrap(),
        };
        let mut world = Self { dir, open: None, bound: 50, namespace, image };
        world.reopen().await;
        world
    }

    /// As after a restart of the server.
    pub async fn reopen(&mut self) {
        self.open = None;
        let config = Config { processes: self.bound, ..Config::new(self.dir.path(), helper()) };
        self.open = Some(LocalCluster::open(config).await.unwrap());
    }

    pub fn close(&mut self) {
        self.open = None;
    }

    pub fn cluster(&self) -> &LocalCluster {
        self.open.as_ref().unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn key(release: &str) -> DeploymentKey {
        DeploymentKey { service: "web".parse().unwrap(), release: release.parse().unwrap() }
    }

    /// A service with one port that runs this line of shell.
    pub fn template(&self, release: &str, line: &str) -> Template {
        Template {
            release: release.parse().unwrap(),
            build: "BAAAAAAAAAA".parse().unwrap(),
            service: "web".parse().unwrap(),
            image: self.image.clone(),
            command: Some(Command::Shell(line.to_owned())),
            init_container: None,
            ports: vec![Port { container: 3000, scheme: Scheme::Http, public: true }],
            health: Health { path: Some("/".to_owned()), ..Health::default() },
            domains: Vec::new(),
            resources: Resources::default(),
            init: false,
            writable: false,
            pause: Duration::from_secs(5),
            grace: Duration::from_secs(5),
            variables: vec![("CANARY".to_owned(), Secret::from("CANARY-a'b\"c $X"))],
        }
    }

    /// The same without ports.
    pub fn worker(&self, release: &str, line: &str) -> Template {
        Template { ports: vec![], health: Health::default(), ..self.template(release, line) }
    }

    pub async fn create(&self, template: Template) -> DeploymentKey {
        let key = DeploymentKey { service: template.service.clone(), release: template.release.clone() };
        let new = NewDeployment { key: key.clone(), epoch: Epoch(1), template };
        self.cluster().create(&self.namespace, &new).await.unwrap();
        key
    }

    pub async fn look(&self) -> Observation {
        self.cluster().observe(&self.namespace).await.unwrap()
    }

    pub async fn deployment(&self, key: &DeploymentKey) -> Deployment {
        self.look().await.deployment(key).unwrap().clone()
    }

    pub async fn scale(&self, key: &DeploymentKey, replicas: u32) {
        let seen = self.deployment(key).await;
        let write = Write {
            key: key.clone(),
            uid: seen.uid,
            resource_version: seen.resource_version,
            epoch: seen.epoch,
            turn: 1,
            replicas: Some(replicas),
        };
        self.cluster().write(&self.namespace, &write).await.unwrap();
    }

    /// Waits with the port's own watch until the Deployment is as wanted.
    pub async fn until(&self, what: &str, key: &DeploymentKey, holds: impl Fn(&Deployment) -> bool) -> Deployment {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let seen = self.look().await;
            let deployment = seen.deployment(key).unwrap();
            if holds(deployment) {
                return deployment.clone();
            }
            assert!(Instant::now() < deadline, "waited in vain for: {what}; {deployment:#?}");
            self.cluster().changed(&self.namespace, &seen, Duration::from_secs(5)).await;
        }
    }

    pub async fn until_ready(&self, key: &DeploymentKey, count: usize) -> Deployment {
        self.until("readiness", key, |seen| ready(seen) == count && seen.processes.len() == count).await
    }

    /// Starts so many processes of a template and waits until they serve.
    pub async fn serve(&self, template: Template, replicas: u32) -> DeploymentKey {
        let key = self.create(template).await;
        self.scale(&key, replicas).await;
        self.until_ready(&key, usize::try_from(replicas).unwrap()).await;
        key
    }

    pub async fn address(&self) -> String {
        self.cluster().address(&self.namespace, &"web".parse().unwrap()).await.unwrap().unwrap()
    }

    pub async fn tail(&self, process: &str) -> Vec<String> {
        self.cluster().tail(&self.namespace, process, 100).await.unwrap()
    }
}

/// The processes that are ready and in rotation.
pub fn ready(seen: &Deployment) -> usize {
    let fit = |process: &&Process| matches!(process.readiness, Readiness::Ready { .. }) && process.registered;
    seen.live().filter(fit).count()
}

/// Number of the keeper of a process.
pub fn keeper(world: &World, process: &Process) -> i32 {
    let status = std::fs::read(world.path(&format!("cluster/processes/{}/status.json", process.name))).unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status).unwrap();
    i32::try_from(status["keeper"]["pid"].as_i64().unwrap()).unwrap()
}

pub async fn get(url: &str) -> (u16, String) {
    try_get(url).await.unwrap()
}

/// Of somebody who may be about to end.
pub async fn try_get(url: &str) -> Result<(u16, String), Box<dyn std::error::Error>> {
    use http_body_util::{BodyExt, Empty};
    use hyper_util::client::legacy::Client;
    let client = Client::builder(hyper_util::rt::TokioExecutor::new()).build_http::<Empty<bytes::Bytes>>();
    let response = client.get(url.parse()?).await?;
    let status = response.status().as_u16();
    Ok((status, String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec())?))
}

#[tokio::test]
async fn variables_are_in_files_that_only_the_owner_reads() {
    let world = World::start().await;
    let key = world.serve(world.template("RAAAAAAAAAA", "echo \"got $CANARY\"; exec node server.js"), 1).await;
    let process = world.deployment(&key).await.processes[0].clone();
    assert_eq!(world.tail(&process.name).await, ["got CANARY-a'b\"c $X", "listening"]);
    let mut folders = vec![world.path("cluster"), world.path("router")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o077, 0, "{}", folder.display());
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if !path.is_file() {
                continue;
            }
            files += 1;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
            let holds = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains("CANARY-");
            let allowed = path.parent().unwrap().ends_with("templates") || path.ends_with("log");
            assert!(!holds || allowed, "{}", path.display());
        }
    }
    assert!(files > 5);
    let command = std::fs::read(format!("/proc/{}/cmdline", keeper(&world, &process))).unwrap();
    assert!(!String::from_utf8_lossy(&command).contains("CANARY"));
}

/// What a Deployment without processes looks like.
pub fn is_empty(seen: &Deployment) -> bool {
    seen.processes.is_empty() && seen.visibility == Visibility::Visible
}

pub fn is_running(process: &Process) -> bool {
    matches!(process.stage, Stage::Running { .. })
}

pub fn is_conflict(result: &Result<(), ClusterError>) -> bool {
    *result == Err(ClusterError::Conflict)
}
