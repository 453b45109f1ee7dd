//! The functions as they are deployed: how large they are, and how soon they ask for their first event.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use slipway_tests::end_to_end::aws::project;
use slipway_tests::server::{Result, failed};

use crate::numbers::{millis, percentile};
use crate::table::Table;

const FUNCTIONS: [&str; 4] = ["api", "rollout", "relay", "sweep"];
/// What does nothing.
const EMPTY: &str = "empty-function";
const STARTS: usize = 50;

pub fn measure() -> Result<String> {
    Ok(sizes()? + "\n" + &starts()?)
}

fn sizes() -> Result<String> {
    let about = "What `make package` makes for arm64, as Lambda gets it: zipped with the highest compression.";
    let mut table = Table::new("Functions: size", about, &["function", "program", "zip"]);
    for name in FUNCTIONS {
        let program = project().join("target/lambda").join(name).join("bootstrap");
        let bytes = fs::read(&program).map_err(failed(format!("read {}", program.display())))?;
        // The machine, in the head of a program of Linux.
        if bytes.get(18) != Some(&183) {
            return Err(format!("{} is not for arm64: make package builds it", program.display()));
        }
        let zip = zipped(&program)?;
        let megabytes = |bytes: usize| format!("{:.2} MB", u32::try_from(bytes).map_or(f64::NAN, f64::from) / 1e6);
        table.row([name.to_owned(), megabytes(bytes.len()), megabytes(zip)]);
    }
    Ok(table.finish())
}

fn zipped(program: &Path) -> Result<usize> {
    let pack = "import io, sys, zipfile\nout = io.BytesIO()\n\
                zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED, compresslevel=9).write(sys.argv[1], 'bootstrap')\n\
                print(len(out.getvalue()))";
    let told = Command::new("python3").args(["-c", pack]).arg(program).output().map_err(failed("zip it"))?;
    String::from_utf8_lossy(&told.stdout).trim().parse().map_err(failed("zip it"))
}

fn starts() -> Result<String> {
    let about = format!(
        "Compiled for this machine with the same profile. {STARTS} starts each, in turns, from the spawn to the first \
         request for an event; resident memory at that moment. The empty function has a runtime and nothing else."
    );
    let columns = ["function", "spawn → first poll, median", "p99", "over the empty one", "memory"];
    let mut table = Table::new("Functions: start", &about, &columns);
    let names: Vec<String> =
        std::iter::once(EMPTY.to_owned()).chain(FUNCTIONS.map(|name| format!("slipway-function-{name}"))).collect();
    let mut times = vec![Vec::new(); names.len()];
    let mut memory = vec![0; names.len()];
    for _ in 0..STARTS {
        for (index, name) in names.iter().enumerate() {
            let (took, resident) = start(&project().join("target/function").join(name))?;
            times[index].push(took);
            memory[index] = memory[index].max(resident);
        }
    }
    let empty = percentile(&mut times[0], 50);
    for ((name, times), memory) in names.iter().zip(&mut times).zip(memory) {
        let median = percentile(times, 50);
        table.row([
            name.trim_start_matches("slipway-function-").to_owned(),
            millis(median),
            millis(percentile(times, 99)),
            millis(median.saturating_sub(empty)),
            format!("{:.1} MB", u32::try_from(memory).map_or(f64::NAN, f64::from) / 1024.0),
        ]);
    }
    Ok(table.finish())
}

/// Starts it as Lambda does, and ends it once it has asked for an event. Returns how long that took, and its memory in KB.
fn start(program: &Path) -> Result<(Duration, u64)> {
    let runtime = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed("listen"))?;
    let address = runtime.local_addr().map_err(failed("listen"))?.to_string();
    let begun = Instant::now();
    let mut child = spawn(program, &address)?;
    let asked = asked(&runtime);
    let took = begun.elapsed();
    let resident = resident(child.id());
    let ended = child.kill().and_then(|()| child.wait()).map_err(failed("end it"));
    asked?;
    ended?;
    Ok((took, resident))
}

fn asked(runtime: &TcpListener) -> Result<()> {
    let (mut stream, _) = runtime.accept().map_err(failed("be asked for an event"))?;
    let mut head = [0; 64];
    let length = stream.read(&mut head).map_err(failed("read what is asked"))?;
    let asked = String::from_utf8_lossy(&head[..length]).into_owned();
    if asked.contains("/runtime/invocation/next") { Ok(()) } else { Err(format!("it asked for {asked}")) }
}

fn spawn(program: &Path, runtime: &str) -> Result<Child> {
    let account = "111122223333";
    let arn = format!("arn:aws:iam::{account}:role/session/slipway-dev-eu-central-1");
    let settings = [
        ("AWS_LAMBDA_RUNTIME_API", runtime.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", "function".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "none".to_owned()),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "none".to_owned()),
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "none".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "none".to_owned()),
        ("SLIPWAY_STAGE", "dev".to_owned()),
        ("SLIPWAY_TABLE", "slipway".to_owned()),
        ("SLIPWAY_KEY", format!("arn:aws:kms:eu-central-1:{account}:key/0d1f2a3b")),
        ("SLIPWAY_STATE_MACHINE", format!("arn:aws:states:eu-central-1:{account}:stateMachine:rollout")),
        ("SLIPWAY_NOTIFICATIONS", "http://127.0.0.1:1/queue".to_owned()),
        ("SLIPWAY_OPERATOR_SHA256", "0".repeat(64)),
        ("SLIPWAY_TENANT_ROLE", format!("{arn}-tenant")),
        ("SLIPWAY_PUSH_ROLE", format!("{arn}-push")),
    ];
    let mut command = Command::new(program);
    command.env_clear().envs(settings).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(failed(format!("start {}", named(program))))
}

fn named(program: &Path) -> String {
    PathBuf::from(program).display().to_string()
}

fn resident(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
