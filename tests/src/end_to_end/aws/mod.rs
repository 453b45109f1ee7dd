//! The stack of `infra/template.yaml`, deployed to an emulator of AWS on this machine, in front of the project's cluster.
//!
//! ```text
//! test ──HTTP──► API Gateway ─┐                    Emulator (ministack): runs the functions as they are
//!                             ▼
//!              api, rollout, relay, sweep ──AWS──► Standin ──► Emulator: table, stream, state machine, queues, keys, images
//!                             │                       │
//!                             │                       └── what the emulator lacks: tenants' roles, EKS, session policies
//!                             └──Kubernetes──► API server, which asks the Standin whose token it is
//! ```
//!
//! Where the emulator falls short of AWS: it enforces no policies (the stand-in does, for tenants' sessions), throttles
//! nothing, ignores partial answers of stream batches, and starts a process for each call of a function.

pub mod emulator;
pub mod sabotage;
pub mod standin;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use slipway_service::tenants::OperatorToken;
use tempfile::TempDir;
use tokio::process::Command;

use self::emulator::Emulator;
use self::standin::Standin;
use crate::kubernetes::facts::{Eks, Facts};
use crate::kubernetes::images::{self, Elsewhere};
use crate::product::owner::Owner;
use crate::server::client::Client;
use crate::server::shop::text;
use crate::server::{Result, failed, free_port};

/// The account of the installation.
pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "eu-central-1";
/// The accounts of tenants.
pub const TENANTS: [&str; 4] = ["210987654321", "310987654321", "410987654321", "510987654321"];
/// What every resource is called after.
pub const STAGE: &str = "dev";

/// A deployed installation. Everything ends when it is dropped.
pub struct Aws {
    pub emulator: Emulator,
    pub standin: Standin,
    pub facts: Facts,
    pub eks: Eks,
    /// Of the cluster behind.
    pub owner: Owner,
    pub url: String,
    pub operator: Client,
    pub folder: TempDir,
}

/// A tenant, with its owner's client.
pub struct Tenant {
    pub id: String,
    pub account: &'static str,
    pub client: Client,
}

impl Aws {
    pub async fn start() -> Result<Self> {
        let facts = Facts::read();
        let eks =
            facts.eks.clone().ok_or("the cluster was not started as one of EKS: run this with `make test-aws`")?;
        let folder = tempfile::tempdir().map_err(failed("make a folder"))?;
        let (tools, emulating) = (tools("infra").await?, tools("emulator").await?);
        let port = free_port()?;
        let standin = Standin::start(&tools, port, &eks, folder.path()).await?;
        let emulator = Emulator::start(&emulating, port, standin.url(), &facts, &eks, folder.path()).await?;
        let owner = Owner::new(&facts).await?;
        owner.mirror(&registry(), &emulator.host()).await?;
        let token = OperatorToken::new([rand::random(), rand::random()], rand::random());
        let url = deploy(&standin, &facts, &token.sha256).await?;
        let operator = Client::new(&url, token.token.reveal())?;
        Ok(Self { emulator, standin, facts, eks, owner, url, operator, folder })
    }

    /// A new tenant.
    pub async fn tenant(&self, name: &str, number: usize) -> Result<Tenant> {
        let made = self.operator.post("/v1/tenants", &json!({ "name": name })).await?;
        let client = Client::new(&self.url, &text(&made["token"])?)?;
        Ok(Tenant { id: text(&made["id"])?, account: TENANTS[number], client })
    }

    /// A new tenant whose cluster of this name is connected.
    pub async fn connected(&self, cluster: &str, number: usize) -> Result<Tenant> {
        let tenant = self.tenant(&format!("tenant {number}"), number).await?;
        let made = tenant.client.post("/v1/clusters", &tenant.cluster(cluster)).await?;
        self.standin.register(&self.eks, number, &made, made["external_id"].as_str()).await?;
        tenant.client.post(&format!("/v1/clusters/{cluster}/connect"), &json!({})).await?;
        Ok(tenant)
    }

    /// All items of the table.
    pub async fn table(&self) -> Result<Vec<Value>> {
        let (mut items, mut start) = (Vec::new(), Value::Null);
        loop {
            let mut body = json!({ "TableName": self.table_name().await?, "ConsistentRead": true });
            if !start.is_null() {
                body["ExclusiveStartKey"] = start;
            }
            let page = self.emulator.ask("dynamodb", "DynamoDB_20120810.Scan", &body).await?;
            items.extend(page["Items"].as_array().cloned().unwrap_or_default());
            start = page["LastEvaluatedKey"].clone();
            if start.is_null() {
                return Ok(items);
            }
        }
    }

    pub async fn table_name(&self) -> Result<String> {
        let tables = self.emulator.ask("dynamodb", "DynamoDB_20120810.ListTables", &json!({})).await?;
        let names = tables["TableNames"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let name = names.into_iter().find(|name| name.starts_with("slipway-"));
        name.map(str::to_owned).ok_or_else(|| format!("there is no table: {tables}"))
    }

    /// The bodies of the notifications that wait, taken as their consumer would take them.
    pub async fn messages(&self) -> Result<Vec<String>> {
        let ask =
            async |target: &str, body: Value| self.emulator.ask("sqs", &format!("AmazonSQS.{target}"), &body).await;
        let queues = ask("ListQueues", json!({})).await?;
        let urls = queues["QueueUrls"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let ours = |url: &&str| url.contains("NotificationQueue");
        let url = urls.into_iter().find(ours).ok_or_else(|| format!("there is no queue: {queues}"))?.to_owned();
        let mut messages = Vec::new();
        loop {
            let found = ask("ReceiveMessage", json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 })).await?;
            let found = found["Messages"].as_array().cloned().unwrap_or_default();
            if found.is_empty() {
                return Ok(messages);
            }
            messages.extend(found.iter().filter_map(|message| message["Body"].as_str().map(str::to_owned)));
        }
    }

    /// What the emulator and the stand-in said.
    pub fn log(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        ["emulator.log", "standin.log"].map(read).join("\n")
    }

    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// Pushes the test application as whoever is told where to: `push` is what the API said. Returns the digest.
    pub async fn push(&self, tag: &str, push: &Value) -> Result<String> {
        let repository = text(&push["repository"])?;
        let path = repository.strip_prefix(&format!("{}/", registry()));
        let path = path.ok_or_else(|| format!("{repository} is no repository of {}", registry()))?;
        let (username, password) = (text(&push["username"])?, text(&push["password"])?);
        let host = self.emulator.host();
        let to = Elsewhere { host: &host, path, username: &username, password: &password };
        Ok(images::push(tag, &self.facts.registry, &to).await.to_string())
    }
}

impl Tenant {
    /// What it says of its cluster.
    pub fn cluster(&self, name: &str) -> Value {
        json!({ "name": name, "region": REGION, "account": self.account, "eks_name": "prod" })
    }
}

/// Where the images of the installation are.
pub fn registry() -> String {
    format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com")
}

pub fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

async fn tools(name: &str) -> Result<PathBuf> {
    let made = Command::new(project().join("scripts/tools.sh")).arg(name).stderr(Stdio::inherit()).output().await;
    let made = made.map_err(failed("install the tools"))?;
    if !made.status.success() {
        return Err(format!("scripts/tools.sh ended with {}", made.status));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&made.stdout).trim()))
}

/// As whoever operates it would. Returns the address of the API.
async fn deploy(standin: &Standin, facts: &Facts, sha256: &str) -> Result<String> {
    let mut command = Command::new(project().join("scripts/deploy.sh"));
    command.arg(STAGE).env("OPERATOR_TOKEN_SHA256", sha256).env("ARCHITECTURE", "x86_64");
    command.env("PRIVATE_CLUSTERS", format!("{}/32", facts.address)).env("AWS_ENDPOINT_URL", standin.url());
    command.env("AWS_ACCESS_KEY_ID", ACCOUNT).env("AWS_SECRET_ACCESS_KEY", emulator::SECRET);
    command.env("AWS_REGION", REGION).env("AWS_DEFAULT_REGION", REGION).env("AWS_EC2_METADATA_DISABLED", "true");
    let told = command.stdin(Stdio::null()).output().await.map_err(failed("deploy"))?;
    let output = String::from_utf8_lossy(&told.stdout);
    let url = output.split_whitespace().find(|word| word.starts_with("http://") && word.contains(".execute-api."));
    match url {
        Some(url) if told.status.success() => Ok(url.to_owned()),
        _ => Err(format!(
            "the deployment ended with {}:\n{output}{}",
            told.status,
            String::from_utf8_lossy(&told.stderr)
        )),
    }
}
