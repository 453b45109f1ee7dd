//! The build command: a process group of its own, its output followed line by line, ended when its time is over.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use slipway_domain::manifest::Command;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio_util::sync::CancellationToken;

use super::folder::Log;
use crate::disk;

/// What a command needs besides itself.
pub(super) struct Surroundings<'a> {
    pub tree: &'a Path,
    /// For HOME and TMPDIR.
    pub temporary: &'a Path,
    pub time_limit: Duration,
    pub cancelled: &'a CancellationToken,
    pub log: &'a Log,
}

/// Runs the command to its end. An error is the reason why the build fails.
pub(super) async fn run(command: &Command, around: &Surroundings<'_>) -> Result<(), String> {
    disk::private_dir(around.temporary).map_err(|error| format!("make a temporary folder: {error}"))?;
    let mut child = spawn(command, around).map_err(|error| format!("start the build command '{command}': {error}"))?;
    let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let ended = async {
        let ((), (), status) = tokio::join!(follow(out, around.log), follow(err, around.log), child.wait());
        status
    };
    let result = tokio::select! {
        status = ended => match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("the build command '{command}' failed ({status})")),
            Err(error) => Err(format!("wait for the build command: {error}")),
        },
        () = tokio::time::sleep(around.time_limit) => {
            Err(format!("the build command took longer than {} s", around.time_limit.as_secs()))
        }
        () = around.cancelled.cancelled() => Err("cancelled".to_owned()),
    };
    // Also what the command left behind in its group.
    if let Some(group) = group {
        let _ = killpg(group, Signal::SIGKILL);
    }
    result
}

fn spawn(command: &Command, around: &Surroundings<'_>) -> std::io::Result<tokio::process::Child> {
    let words = match command {
        Command::Shell(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
        Command::Exec(words) => words.clone(),
    };
    let (program, arguments) = words.split_first().ok_or_else(|| std::io::Error::other("it is empty"))?;
    tokio::process::Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", around.temporary)
        .env("TMPDIR", around.temporary)
        .current_dir(around.tree)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

async fn follow(output: Option<impl AsyncRead + Unpin>, log: &Log) {
    let Some(output) = output else { return };
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    // Bytes, not text: a build may print anything.
    while let Ok(1..) = reader.read_until(b'\n', &mut line).await {
        log.say(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']));
        line.clear();
    }
}
