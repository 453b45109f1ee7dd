//! The emulator of AWS: `ministack`, a program of its own, with what it is asked beside the product.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::process::{Child, Command};

use super::{ACCOUNT, REGION};
use crate::kubernetes::facts::{Eks, Facts};
use crate::server::{Patience, Result, failed};

pub const SECRET: &str = "test";
const PATIENCE: Patience = Patience { whole: Duration::from_secs(30), poll: Duration::from_millis(100) };

/// It ends when it is dropped, and with it the functions that it runs.
pub struct Emulator {
    port: u16,
    http: reqwest::Client,
    child: Child,
}

impl Emulator {
    /// `endpoint` is where functions reach AWS. The names of clusters of EKS lead to the project's cluster, for the emulator
    /// and its functions alone: they see a file of hosts of their own.
    pub async fn start(
        tools: &Path,
        port: u16,
        endpoint: &str,
        facts: &Facts,
        eks: &Eks,
        folder: &Path,
    ) -> Result<Self> {
        let hosts = std::fs::read_to_string("/etc/hosts").map_err(failed("read /etc/hosts"))?;
        let (file, log) = (folder.join("hosts"), std::fs::File::create(folder.join("emulator.log")));
        std::fs::write(&file, format!("{hosts}\n{} {}\n", facts.address, eks.names.join(" ")))
            .map_err(failed("write"))?;
        let log = log.map_err(failed("make a log"))?;
        let mut command = Command::new("unshare");
        command.args(["--mount", "bash", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$1\""]);
        command.arg(&file).arg(tools.join("ministack"));
        command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
        command.env("MINISTACK_ACCOUNT_ID", ACCOUNT).env("MINISTACK_REGION", REGION);
        command.env("IOT_MTLS_ENABLED", "0").env("LAMBDA_EXECUTOR", "local").env("TMPDIR", folder);
        command.env("AWS_ENDPOINT_URL", endpoint).env("AWS_SECRET_ACCESS_KEY", SECRET);
        let again = log.try_clone().map_err(failed("share a log"))?;
        command.stdin(Stdio::null()).stdout(log).stderr(again).process_group(0);
        let child = command.spawn().map_err(failed("start the emulator"))?;
        let emulator = Self { port, http: reqwest::Client::new(), child };
        emulator.ready().await?;
        Ok(emulator)
    }

    /// Host and port.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Asks a service that speaks JSON, as the account itself: `DynamoDB_20120810.DescribeTable`.
    pub async fn ask(&self, service: &str, target: &str, body: &Value) -> Result<Value> {
        let request = self.http.post(self.url("/")).header("x-amz-target", target);
        let request = request.header("content-type", "application/x-amz-json-1.0").body(body.to_string());
        self.answer(service, target, request).await
    }

    /// Asks a service that speaks HTTP, such as Lambda.
    pub async fn rest(&self, service: &str, method: reqwest::Method, path: &str, body: &Value) -> Result<Value> {
        let request = self.http.request(method, self.url(path)).header("content-type", "application/json");
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        self.answer(service, path, request).await
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host())
    }

    async fn answer(&self, service: &str, what: &str, request: reqwest::RequestBuilder) -> Result<Value> {
        // The emulator checks no signature; it reads whom and which service it is for.
        let scope = format!("{ACCOUNT}/20260101/{REGION}/{service}/aws4_request");
        let signed = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none");
        let answer = request.header("authorization", signed).send().await.map_err(failed(format!("ask {service}")))?;
        let (status, text) = (answer.status(), answer.text().await.map_err(failed("read the answer"))?);
        if !status.is_success() {
            return Err(format!("{service} refused {what} with {status}: {text}"));
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn ready(&self) -> Result<()> {
        let healthy = async || {
            let asked = self.http.get(self.url("/_ministack/health")).send().await;
            Ok(asked.ok().filter(|answer| answer.status().is_success()).map(drop))
        };
        PATIENCE.until("the emulator starts", healthy).await
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok());
        // It fails only where there is nothing left to end.
        let _ = pid.map(|pid| killpg(Pid::from_raw(pid), Signal::SIGKILL));
    }
}
