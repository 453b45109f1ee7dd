//! A server of its own in a temporary folder, and a client of its API.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::app;

/// The longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_mins(2);

pub struct Installation {
    data: tempfile::TempDir,
    server: Child,
    client: Client,
    port: u16,
    requests: u64,
}

impl Installation {
    pub async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let port = free_port();
        let server = spawn(data.path(), port);
        let installation = Self { data, server, client: Client::new(), port, requests: 0 };
        installation.ready().await;
        installation
    }

    /// Ends the server as the power cut would.
    pub fn kill(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }

    pub async fn start_again(&mut self) {
        self.server = spawn(self.data.path(), self.port);
        self.ready().await;
    }

    async fn ready(&self) {
        let url = format!("http://127.0.0.1:{}/healthz", self.port);
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the server does not start: {}", self.server_log());
    }

    pub fn server_log(&self) -> String {
        std::fs::read_to_string(self.data.path().join("server.log")).unwrap_or_default()
    }

    pub fn data(&self) -> &Path {
        self.data.path()
    }

    fn config(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.data.path().join("config.json")).unwrap()).unwrap()
    }

    pub async fn call(&mut self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        self.requests += 1;
        let config = self.config();
        let url = format!("{}/v1{path}", config["url"].as_str().unwrap());
        let mut request = self.client.request(method, url).bearer_auth(config["token"].as_str().unwrap());
        request = request.header("Idempotency-Key", format!("key-{}", self.requests));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap_or(Value::Null))
    }

    pub async fn get(&mut self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, None).await;
        assert!(status.is_success(), "{path}: {status} {body}");
        body
    }

    pub async fn post(&mut self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    /// An app with a first release, not promoted. Returns the release.
    pub async fn app_with_release(&mut self) -> String {
        self.post("/apps", json!({ "name": "shop" })).await;
        self.build("first").await
    }

    /// A build of the app's source with this note. Returns its release.
    pub async fn build(&mut self, note: &str) -> String {
        let archive = app::archive(note);
        let source = json!({ "size_bytes": archive.len(), "sha256": hex::encode(digest(&SHA256, &archive)) });
        let created = self.post("/apps/shop/builds", json!({ "source": source })).await;
        let uploaded = self.client.put(created["upload"]["url"].as_str().unwrap()).body(archive).send().await.unwrap();
        assert!(uploaded.status().is_success(), "{}", uploaded.text().await.unwrap());
        let path = format!("/apps/shop/builds/{}", created["id"].as_str().unwrap());
        self.post(&format!("{path}/complete"), json!({})).await;
        let begun = Instant::now();
        loop {
            let build = self.get(&path).await;
            match build["status"].as_str().unwrap() {
                "complete" => return build["release"].as_str().unwrap().to_owned(),
                "running" if begun.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(20)).await,
                _ => panic!("the build did not complete: {build}"),
            }
        }
    }

    /// Sets variables. Returns the release that has them.
    pub async fn set(&mut self, variables: Value) -> String {
        let path = "/apps/shop/environments/production/variables";
        let (status, answer) = self.call(Method::PATCH, path, Some(json!({ "set": variables }))).await;
        assert!(status.is_success(), "{status} {answer}");
        answer["release"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    pub async fn promote(&mut self, release: &str) -> String {
        let path = "/apps/shop/environments/production/promotions";
        id(&self.post(path, json!({ "release": release })).await)
    }

    pub async fn promotion(&mut self, id: &str) -> Value {
        self.get(&format!("/apps/shop/environments/production/promotions/{id}")).await
    }

    /// The promotion once it has ended.
    pub async fn ended(&mut self, id: &str) -> Value {
        let begun = Instant::now();
        loop {
            let promotion = self.promotion(id).await;
            if promotion["outcome"].is_string() {
                return promotion;
            }
            let told = format!("the promotion does not end: {promotion:#}\n{}", self.server_log());
            assert!(begun.elapsed() < PATIENCE, "{told}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// All events of an ended promotion.
    pub async fn events(&mut self, id: &str) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        loop {
            let path = format!("/apps/shop/environments/production/promotions/{id}/events?after={}", events.len());
            let page = self.get(&path).await;
            let found = page["events"].as_array().unwrap();
            events.extend(found.iter().cloned());
            if found.is_empty() || page["finished"] == json!(true) {
                return events;
            }
        }
    }

    pub async fn environment(&mut self) -> Value {
        self.get("/apps/shop/environments/production").await
    }

    pub async fn processes(&mut self) -> Vec<Value> {
        let answer = self.get("/apps/shop/environments/production/processes").await;
        answer["items"].as_array().cloned().unwrap_or_else(|| panic!("no list: {answer}"))
    }

    pub async fn address(&mut self) -> String {
        let environment = self.environment().await;
        environment["addresses"][0]["url"].as_str().unwrap_or_else(|| panic!("no address: {environment}")).to_owned()
    }

    /// Processes of this machine that belong to the installation, by their command lines and working folders.
    pub fn running(&self) -> Vec<(i32, String)> {
        let mut found = Vec::new();
        let folder = self.data.path().canonicalize().unwrap();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            let cwd = std::fs::read_link(entry.path().join("cwd")).unwrap_or_else(|_| PathBuf::new());
            if line.contains(&*folder.to_string_lossy()) || cwd.starts_with(&folder) {
                found.push((pid, line));
            }
        }
        found
    }

    /// The commands of services that run, without their supervisors.
    pub fn commands(&self) -> Vec<String> {
        let lines = self.running().into_iter().map(|(_, line)| line);
        lines.filter(|line| line.contains("web.js") || line.contains("worker.sh")).collect()
    }

    /// So many run in the end: a promotion does not wait for those that are stopping.
    pub async fn runs_commands(&self, count: usize) {
        for _ in 0..600 {
            if self.commands().len() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{count} should run: {:#?}", self.running());
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let stopped = command(self.data.path()).arg("--stop").output();
        if !std::thread::panicking() {
            let stopped = stopped.unwrap();
            assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
            assert_eq!(self.running(), [], "nothing is left behind");
        }
    }
}

pub fn id(answer: &Value) -> String {
    let found = answer["id"].as_str().or_else(|| answer["promotion"]["id"].as_str());
    found.unwrap_or_else(|| panic!("no id: {answer}")).to_owned()
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipway-local"));
    command.arg("--data").arg(data).env("SLIPWAY_CONFIG", data.join("config.json"));
    command.stdin(Stdio::null());
    command
}

fn spawn(data: &Path, port: u16) -> Child {
    command(data).args(["--port", &port.to_string()]).stdout(Stdio::null()).spawn().unwrap()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
