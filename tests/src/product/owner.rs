//! The owner of the cluster: grants and takes rights, sets quotas and rules, and reaches with bare hands into what is
//! Slipway's.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::kubernetes::facts::Facts;
use crate::server::{Patience, Result, failed};

/// The longest that anything is waited for.
const PATIENCE: Patience = Patience { whole: Duration::from_mins(2), poll: Duration::from_millis(100) };

/// Whoever may do everything.
#[derive(Clone)]
pub struct Owner {
    pub client: Client,
    facts: Facts,
}

impl Owner {
    pub async fn new(facts: &Facts) -> Result<Self> {
        let parsed = Kubeconfig::read_from(&facts.kubeconfig).map_err(failed("read the kubeconfig"))?;
        let config = Config::from_custom_kubeconfig(parsed, &KubeConfigOptions::default()).await;
        let config = config.map_err(failed("understand the kubeconfig"))?;
        let client = Client::try_from(config).map_err(failed("make a client of the cluster"))?;
        Ok(Self { client, facts: facts.clone() })
    }

    /// What `kubectl apply` does with it. JSON is YAML.
    pub async fn apply(&self, manifest: &str) -> Result<()> {
        self.kubectl(&["apply", "-f", "-"], manifest).await.map(drop)
    }

    /// Runs kubectl. Returns what it printed.
    pub async fn kubectl(&self, words: &[&str], input: &str) -> Result<String> {
        let mut command = Command::new(self.facts.programs.join("kubectl"));
        command.arg("--kubeconfig").arg(&self.facts.kubeconfig).args(words);
        told(command, input).await
    }

    /// Deletes an object of the cluster, and does not wait for the end of what is in it. What stays disturbs no other.
    pub fn remove(&self, kind: &str, name: &str) {
        let mut command = std::process::Command::new(self.facts.programs.join("kubectl"));
        command.arg("--kubeconfig").arg(&self.facts.kubeconfig);
        command.args(["delete", kind, name, "--wait=false", "--ignore-not-found"]);
        let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }

    /// A kubeconfig of somebody who may do nothing but what is bound to the group.
    pub async fn user(&self, name: &str, group: &str) -> Result<String> {
        told(self.cluster(&["user", name, group]), "").await
    }

    /// Lets the node pull from this host and port over plain HTTP. Returns the folder that says so.
    pub async fn plain_http(&self, host: &str) -> Result<PathBuf> {
        told(self.cluster(&["plain-http", host]), "").await?;
        Ok(self.facts.hosts.join(host))
    }

    /// Lets the node pull what is in this registry from another address, over plain HTTP.
    pub async fn mirror(&self, registry: &str, address: &str) -> Result<()> {
        told(self.cluster(&["mirror", registry, address]), "").await.map(drop)
    }

    fn cluster(&self, words: &[&str]) -> Command {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cluster/cluster");
        let mut command = Command::new(program);
        command.arg("--data").arg(&self.facts.data).args(words);
        command
    }

    /// A part of the cluster, such as `kube-apiserver`, does nothing any more until the answer is dropped.
    pub async fn freeze(&self, part: &str) -> Result<Frozen> {
        let status: Value = serde_json::from_str(&told(self.cluster(&["status", "--json"]), "").await?)
            .map_err(failed("read the status of the cluster"))?;
        let parts = status["parts"].as_array().into_iter().flatten();
        let pid = parts.into_iter().find(|found| found["name"] == part).and_then(|found| found["pid"].as_i64());
        let pid = pid.and_then(|pid| i32::try_from(pid).ok()).ok_or_else(|| format!("{part} does not run"))?;
        let pid = Pid::from_raw(pid);
        kill(pid, Signal::SIGSTOP).map_err(failed(format!("freeze {part}")))?;
        Ok(Frozen(pid))
    }

    pub async fn pods(&self, namespace: &str) -> Result<Vec<Pod>> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let listed = pods.list(&ListParams::default()).await;
        Ok(listed.map_err(failed("list the pods"))?.items)
    }
}

/// A program that stands still.
pub struct Frozen(Pid);

impl Drop for Frozen {
    fn drop(&mut self) {
        // It fails only for one that is gone.
        let _ = kill(self.0, Signal::SIGCONT);
    }
}

/// Asks again and again until there is an answer.
pub async fn until<T>(what: &str, ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    PATIENCE.until(what, ask).await
}

/// Runs a program to its end.
async fn told(mut command: Command, input: &str) -> Result<String> {
    let shown = format!("run {:?}", command.as_std());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed(&shown))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await.map_err(failed(&shown))?;
    }
    let output = child.wait_with_output().await.map_err(failed(&shown))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("could not {shown}: {}", String::from_utf8_lossy(&output.stderr)))
}
