//! The last step before a command: `slipway-local exec <parent pid> -- <argv>`.
//!
//! Ties the command's life to its keeper's, gives it a process group of its own, undoes what the keeper had blocked,
//! and becomes the command. What goes wrong is written to the pipe that stands in for its standard input; when all
//! goes well that pipe is closed by the very exec, and the command reads from nothing.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getppid, setpgid};

/// What a kubelet reports for a container that could not be started.
pub const START_ERROR_CODE: u8 = 128;

/// Returns only when the command could not be started.
pub fn main(args: &[String]) -> ExitCode {
    let Ok(report) = std::io::stdin().as_fd().try_clone_to_owned() else {
        return ExitCode::from(START_ERROR_CODE);
    };
    let reason = become_command(args);
    // Nobody is left to tell when this fails too; the exit code says it as well.
    let _ = File::from(report).write_all(reason.as_bytes());
    ExitCode::from(START_ERROR_CODE)
}

/// Answers why it did not.
fn become_command(args: &[String]) -> String {
    let [parent, separator, program, rest @ ..] = args else {
        return "no command was given".to_owned();
    };
    if separator != "--" {
        return "no command was given".to_owned();
    }
    if let Err(error) = prctl::set_pdeathsig(Signal::SIGKILL) {
        return format!("could not tie the process to its keeper: {error}");
    }
    // The keeper may have ended before the line above; then nobody would ever send that signal.
    if parent.parse().map(Pid::from_raw) != Ok(getppid()) {
        return "the keeper is gone".to_owned();
    }
    if let Err(error) = setpgid(Pid::from_raw(0), Pid::from_raw(0)) {
        return format!("could not make a process group: {error}");
    }
    if let Err(error) = SigSet::all().thread_unblock() {
        return format!("could not unblock signals: {error}");
    }
    let error = Command::new(program).args(rest).stdin(Stdio::null()).exec();
    format!("exec {program:?}: {}", explain(&error))
}

/// The operating system's words, in the form in which container runtimes give them.
fn explain(error: &std::io::Error) -> String {
    match error.raw_os_error().map(nix::errno::Errno::from_raw) {
        Some(errno) => errno.desc().to_lowercase(),
        None => error.to_string(),
    }
}
