//! A step function that goes wrong when it is told to: its own program, behind one that fails, hangs or kills it.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::process::Command;

use super::{Aws, STAGE, project};
use crate::server::{Result, failed};

/// Stands between the runtime and the program. What to do with the next call is in a file, one word a line; each call
/// takes the first away, unless it ends with `always`.
const WRAPPER: &str = r#"#!/usr/bin/env python3
import fcntl, http.server, json, os, subprocess, sys, threading, time, urllib.request
HERE, PLAN = os.path.dirname(os.path.abspath(__file__)), "@PLAN@"
RUNTIME = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]

def word():
    with open(PLAN, "r+") as plan:
        fcntl.flock(plan, fcntl.LOCK_EX)
        lines = plan.read().split("\n")
        if not lines[0].endswith(" always"):
            plan.seek(0); plan.truncate(); plan.write("\n".join(lines[1:]))
    return lines[0].removesuffix(" always")

def post(path, body):
    urllib.request.urlopen(urllib.request.Request(RUNTIME + path, data=body, method="POST"))

def die():
    child.kill()
    os._exit(1)

class Runtime(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers: self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        while True:
            call = urllib.request.urlopen(RUNTIME + self.path)
            body, request = call.read(), call.headers["Lambda-Runtime-Aws-Request-Id"]
            todo = word()
            if not todo.startswith("error "): break
            error = {"errorType": todo.removeprefix("error "), "errorMessage": "as the test asked for"}
            post("/2018-06-01/runtime/invocation/" + request + "/error", json.dumps(error).encode())
        if todo == "hang": time.sleep(3600)
        # In the midst of its work, without a word: what it decided is stored, and not all of it is done.
        if todo.startswith("die "): threading.Timer(float(todo.removeprefix("die ")), die).start()
        kept = [(name, value) for name, value in call.headers.items() if name.lower().startswith("lambda-runtime")]
        self.answer(200, kept, body)
    def do_POST(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        post(self.path, body)
        self.answer(202, [], b"")

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Runtime)
environment = dict(os.environ, AWS_LAMBDA_RUNTIME_API="127.0.0.1:%d" % server.server_address[1])
child = subprocess.Popen([os.path.join(HERE, "step")], env=environment)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.exit(child.wait())
"#;

/// The step function of an installation, in the hands of the test. It is as it was when it is given back.
pub struct Sabotage<'a> {
    aws: &'a Aws,
    plan: PathBuf,
}

impl<'a> Sabotage<'a> {
    /// From now on the function does what [`Self::plan`] says. It ends calls after so many seconds.
    pub async fn begin(aws: &'a Aws, timeout_seconds: u32) -> Result<Self> {
        let plan = aws.folder.path().join("plan");
        std::fs::write(&plan, "").map_err(failed("write the plan"))?;
        let wrapper = WRAPPER.replace("@PLAN@", &plan.display().to_string());
        let zip = zip(aws, &wrapper).await?;
        let sabotage = Self { aws, plan };
        sabotage.code(&zip).await?;
        sabotage.configure(timeout_seconds).await?;
        Ok(sabotage)
    }

    /// What the next calls do: `error NAME`, `die SECONDS`, `hang`, or `run`, each one call; `… always` from then on.
    pub fn plan(&self, words: &[&str]) -> Result<()> {
        std::fs::write(&self.plan, words.join("\n")).map_err(failed("write the plan"))
    }

    /// Puts the time limit of the template back; with an empty plan the function is the deployed one.
    pub async fn end(self) -> Result<()> {
        self.plan(&[])?;
        self.configure(75).await
    }

    async fn code(&self, zip: &Path) -> Result<()> {
        let bytes = std::fs::read(zip).map_err(failed("read the archive"))?;
        let path = format!("/2015-03-31/functions/slipway-{STAGE}-rollout/code");
        let body = json!({ "ZipFile": STANDARD.encode(bytes) });
        self.aws.emulator.rest("lambda", Method::PUT, &path, &body).await.map(drop)
    }

    async fn configure(&self, timeout_seconds: u32) -> Result<()> {
        let path = format!("/2015-03-31/functions/slipway-{STAGE}-rollout/configuration");
        let body = json!({ "Timeout": timeout_seconds });
        self.aws.emulator.rest("lambda", Method::PUT, &path, &body).await.map(drop)
    }
}

/// The wrapper as `bootstrap`, and the packaged function beside it.
async fn zip(aws: &Aws, wrapper: &str) -> Result<PathBuf> {
    let folder = aws.folder.path().join("sabotaged");
    std::fs::create_dir_all(&folder).map_err(failed("make a folder"))?;
    std::fs::write(folder.join("bootstrap"), wrapper).map_err(failed("write the wrapper"))?;
    let packaged = project().join("target/lambda/rollout/bootstrap");
    std::fs::copy(packaged, folder.join("step")).map_err(failed("copy the function"))?;
    let pack = "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as z:\n    \
                for name in ('bootstrap', 'step'):\n        i = zipfile.ZipInfo(name); i.external_attr = 0o755 << 16\n        \
                z.writestr(i, open(sys.argv[2] + '/' + name, 'rb').read(), zipfile.ZIP_DEFLATED)\n";
    let zip = aws.folder.path().join("sabotaged.zip");
    let packed = Command::new("python3").args(["-c", pack]).arg(&zip).arg(&folder).status().await;
    match packed.map_err(failed("pack the function"))? {
        status if status.success() => Ok(zip),
        status => Err(format!("packing the function ended with {status}")),
    }
}

/// One execution of the state machine, as the emulator tells of it.
pub struct Execution {
    pub arn: String,
    pub status: String,
    events: Vec<Value>,
}

impl Execution {
    /// The one with this name, `<promotion>-<number>`.
    pub async fn named(aws: &Aws, name: &str) -> Result<Self> {
        let machine = format!("slipway-{STAGE}-rollout");
        let arn = format!("arn:aws:states:{}:{}:execution:{machine}:{name}", super::REGION, super::ACCOUNT);
        let ask = async |target: &str, body: Value| {
            aws.emulator.ask("states", &format!("AWSStepFunctions.{target}"), &body).await
        };
        let described = ask("DescribeExecution", json!({ "executionArn": arn })).await?;
        let mut events = Vec::new();
        let mut next = Value::Null;
        loop {
            let mut body = json!({ "executionArn": arn, "maxResults": 1000 });
            if !next.is_null() {
                body["nextToken"] = next;
            }
            let page = ask("GetExecutionHistory", body).await?;
            events.extend(page["events"].as_array().cloned().unwrap_or_default());
            next = page["nextToken"].clone();
            if next.is_null() {
                break;
            }
        }
        let status = described["status"].as_str().unwrap_or_default().to_owned();
        Ok(Self { arn, status, events })
    }

    /// Ends it, as somebody at the console would.
    pub async fn stop(&self, aws: &Aws) -> Result<()> {
        let body = json!({ "executionArn": self.arn, "cause": "by hand" });
        aws.emulator.ask("states", "AWSStepFunctions.StopExecution", &body).await.map(drop)
    }

    /// States that were entered, in order.
    pub fn path(&self) -> Vec<&str> {
        let entered = |event: &'_ &Value| event["type"].as_str().is_some_and(|kind| kind.ends_with("StateEntered"));
        let entered = self.events.iter().filter(entered);
        entered.filter_map(|event| event["stateEnteredEventDetails"]["name"].as_str()).collect()
    }

    /// Calls of the function that failed.
    pub fn failures(&self) -> usize {
        let failed =
            |event: &&Value| event["type"].as_str().is_some_and(|kind| kind.starts_with("Task") && failure(kind));
        self.events.iter().filter(failed).count()
    }

    /// The whole history.
    pub fn text(&self) -> String {
        Value::Array(self.events.clone()).to_string()
    }
}

fn failure(kind: &str) -> bool {
    kind.ends_with("Failed") || kind.ends_with("TimedOut")
}
