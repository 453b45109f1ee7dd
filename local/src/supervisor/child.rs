//! Starts the command of a process and says how it ended.

use std::io::{self, PipeReader, PipeWriter, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;
use slipway_domain::promotion::Exit;

use super::exec::START_ERROR_CODE;
use super::tree;

/// A command that runs, or a descendant of it does.
#[derive(Debug)]
pub struct Child {
    /// Of the command, and of its process group.
    pub pid: Pid,
    pub output: PipeReader,
    /// Keeps a pipe open that stands in for the output of a command that closed its own.
    pub silence: Option<PipeWriter>,
    pub started: Instant,
    memory_kills: u64,
}

/// Starts the command in a group of its own, with nothing but these variables. An error is why it could not be.
pub fn start(command: &[String], image: &Path, variables: &[(String, String)]) -> Result<Child, String> {
    if command.is_empty() {
        return Err("no command is specified: set `command` of the service in the manifest".to_owned());
    }
    let memory_kills = tree::memory_kills();
    let (output, writer) = pipe()?;
    let (mut report, reporter) = pipe()?;
    unblock(&output).map_err(|error| error.to_string())?;
    let second = writer.try_clone().map_err(|error| error.to_string())?;
    let mut helper = Command::new("/proc/self/exe");
    helper.arg("exec").arg(std::process::id().to_string()).arg("--").args(command);
    helper.env_clear().envs(variables.iter().map(|(key, value)| (key, value))).current_dir(image);
    helper.stdin(reporter).stdout(Stdio::from(writer)).stderr(Stdio::from(second));
    let spawned = helper.spawn();
    // Closes our copies of what the command writes to, so that its end is seen.
    drop(helper);
    let child = spawned.map_err(|error| format!("in {}: {error}", image.display()))?;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(|error| error.to_string())?);
    let mut reason = String::new();
    report.read_to_string(&mut reason).map_err(|error| error.to_string())?;
    if reason.is_empty() {
        return Ok(Child { pid, output, silence: None, started: Instant::now(), memory_kills });
    }
    tree::end_descendants();
    Err(reason)
}

fn pipe() -> Result<(PipeReader, PipeWriter), String> {
    io::pipe().map_err(|error| format!("could not make a pipe: {error}"))
}

/// Makes reading answer at once, also when there is nothing.
fn unblock(reader: &PipeReader) -> io::Result<()> {
    fcntl(reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}

impl Child {
    /// Every writer of its output has closed it. The command may live on, but poll must not report that for ever.
    pub fn fall_silent(&mut self) -> io::Result<()> {
        let (silent, writer) = io::pipe()?;
        unblock(&silent)?;
        self.output = silent;
        self.silence = Some(writer);
        Ok(())
    }

    /// Sends a signal to the command and all of its group.
    pub fn signal(&self, signal: Signal) {
        // The group may have ended by itself; then there is nobody to tell.
        let _ = killpg(self.pid, signal);
    }

    /// How the command ended, if `status` is about it. `killed`: it was we who ended it by force.
    pub fn exit(&self, status: WaitStatus, killed: bool) -> Option<Exit> {
        match status {
            WaitStatus::Exited(pid, 0) if pid == self.pid => Some(exit(0, None, "Completed")),
            WaitStatus::Exited(pid, code) if pid == self.pid => Some(exit(code, None, "Error")),
            WaitStatus::Signaled(pid, signal, _) if pid == self.pid => {
                let memory = signal == Signal::SIGKILL && !killed && tree::memory_kills() > self.memory_kills;
                let reason = if memory { "OOMKilled" } else { "Error" };
                Some(exit(128 + signal as i32, Some(signal), reason))
            }
            _ => None,
        }
    }
}

fn exit(code: i32, signal: Option<Signal>, reason: &str) -> Exit {
    let message = signal.map(|signal| format!("ended by {signal}")).unwrap_or_default();
    Exit { code: Some(code), signal: signal.map(|signal| signal as i32), reason: reason.to_owned(), message }
}

/// The end of a command that never ran.
pub fn start_error(message: String) -> Exit {
    Exit { code: Some(i32::from(START_ERROR_CODE)), signal: None, reason: "StartError".to_owned(), message }
}
