//! The stand-in in front of the emulator: `tests/aws/standin`.

use std::path::Path;
use std::process::Stdio;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{ACCOUNT, REGION, TENANTS, project};
use crate::kubernetes::facts::Eks;
use crate::server::{Result, failed};

/// What of calls of AWS it is to spoil.
#[derive(Clone, Copy, Debug)]
pub struct Fault<'a> {
    pub service: &'a str,
    pub action: &'a str,
    /// `session`, `function` or `*`.
    pub who: &'a str,
    pub status: u16,
    pub code: &'a str,
    /// None: until it is taken away.
    pub times: Option<u32>,
}

/// It ends when it is dropped.
pub struct Standin {
    url: String,
    http: reqwest::Client,
    _child: Child,
}

impl Standin {
    pub async fn start(tools: &Path, upstream: u16, eks: &Eks, folder: &Path) -> Result<Self> {
        let log = std::fs::File::create(folder.join("standin.log")).map_err(failed("make a log"))?;
        let webhook: reqwest::Url = eks.webhook.url.parse().map_err(failed("read the webhook's address"))?;
        let mut command = Command::new(tools.join("python"));
        command.arg("tests/aws/standin").current_dir(project()).env("PYTHONDONTWRITEBYTECODE", "1");
        command.args(["--upstream", &format!("127.0.0.1:{upstream}"), "--account", ACCOUNT]);
        command.args(["--port", "0", "--webhook-port", &webhook.port().unwrap_or(443).to_string()]);
        command.arg("--certificate").arg(&eks.webhook.certificate).arg("--key").arg(&eks.webhook.key);
        let mut child =
            command.stdout(Stdio::piped()).stderr(log).kill_on_drop(true).spawn().map_err(failed("start it"))?;
        let output = child.stdout.take().ok_or("the stand-in says nothing")?;
        let line = BufReader::new(output).lines().next_line().await.map_err(failed("hear the stand-in"))?;
        let url = line.and_then(|line| line.split_whitespace().next().map(str::to_owned));
        let url = url.ok_or("the stand-in did not start")?;
        Ok(Self { url, http: reqwest::Client::new(), _child: child })
    }

    /// Where AWS is, for whoever asks it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The tenant's role with this external id in its trust, its cluster, and its entry in the cluster. `made` is what the
    /// API says of the cluster.
    pub async fn register(&self, eks: &Eks, number: usize, made: &Value, external_id: Option<&str>) -> Result<()> {
        self.control(Method::PUT, "roles", &json!({ "arn": made["role"], "external_id": external_id })).await?;
        self.cluster(eks, number, made, &[(&made["role"], &made["group"])]).await
    }

    /// The cluster alone, with these entries.
    pub async fn cluster(&self, eks: &Eks, number: usize, made: &Value, entries: &[(&Value, &Value)]) -> Result<()> {
        let authority = std::fs::read_to_string(&eks.authority).map_err(failed("read the authority"))?;
        let entries: serde_json::Map<String, Value> = entries
            .iter()
            .map(|(role, group)| (role.as_str().unwrap_or_default().to_owned(), json!([group])))
            .collect();
        let cluster = json!({
            "account": TENANTS[number], "region": REGION, "name": made["eks_name"],
            "endpoint": format!("https://{}", eks.names[number]), "ca": authority, "entries": entries,
        });
        self.control(Method::PUT, "clusters", &cluster).await.map(drop)
    }

    /// Takes the tenant's role away, with its sessions.
    pub async fn remove_role(&self, arn: &str) -> Result<()> {
        self.control(Method::DELETE, &format!("roles?arn={arn}"), &Value::Null).await.map(drop)
    }

    /// From now on these faults and no others.
    pub async fn faults(&self, faults: &[Fault<'_>]) -> Result<()> {
        let written = |fault: &Fault<'_>| {
            json!({
                "service": fault.service, "action": fault.action, "who": fault.who, "status": fault.status,
                "code": fault.code, "times": fault.times,
            })
        };
        let faults: Vec<Value> = faults.iter().map(written).collect();
        self.control(Method::PUT, "faults", &json!(faults)).await.map(drop)
    }

    /// How many requests of each session it judged and how many it denied.
    pub async fn counts(&self) -> Result<Value> {
        self.control(Method::GET, "counts", &Value::Null).await
    }

    /// What was called.
    pub async fn calls(&self) -> Result<Vec<Value>> {
        let log = self.control(Method::GET, "log", &Value::Null).await?;
        Ok(log["calls"].as_array().cloned().unwrap_or_default())
    }

    async fn control(&self, method: Method, what: &str, body: &Value) -> Result<Value> {
        let mut request = self.http.request(method, format!("{}/_standin/{what}", self.url));
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(failed("reach the stand-in"))?;
        let (status, text) = (answer.status(), answer.text().await.map_err(failed("hear the stand-in"))?);
        if !status.is_success() {
            return Err(format!("the stand-in refused {what} with {status}: {text}"));
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}
