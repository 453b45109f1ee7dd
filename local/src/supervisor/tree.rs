//! The operating system's processes, as `/proc` shows them.

use std::fs;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::spec::Identity;

/// Number of the parent among the fields of `/proc/<pid>/stat` that follow the command's name.
const PARENT: usize = 1;
/// Likewise, the start time in clock ticks.
const START_TICKS: usize = 19;

/// A field of `/proc/<pid>/stat` behind the name, which may itself hold blanks and parentheses.
fn field(pid: i32, index: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(index)?.parse().ok()
}

/// Who this process is.
pub fn identify(pid: i32) -> Option<Identity> {
    Some(Identity { pid, start_ticks: field(pid, START_TICKS)? })
}

/// Whether this very process still exists (a zombie counts: its number is not used again yet).
pub fn exists(identity: Identity) -> bool {
    identify(identity.pid) == Some(identity)
}

/// All process numbers now.
fn all() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Processes whose environment at their start held this entry, such as `SLIPWAY_UID=7c1f…`.
pub fn bearing(entry: &str) -> Vec<i32> {
    let bears = |pid: &i32| {
        fs::read(format!("/proc/{pid}/environ"))
            .is_ok_and(|text| text.split(|byte| *byte == 0).any(|each| each == entry.as_bytes()))
    };
    all().into_iter().filter(bears).collect()
}

/// Ends every descendant of this process, which has to be a subreaper, and collects them. Bounded: a process that
/// forks faster than it is killed is given up on after a while.
pub fn end_descendants() {
    const ROUNDS: usize = 200;
    let me = u64::from(std::process::id());
    for _ in 0..ROUNDS {
        for pid in all().into_iter().filter(|pid| field(*pid, PARENT) == Some(me)) {
            // One that ended meanwhile is a zombie and still ours: the number cannot be somebody else's.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        if reap().is_empty() && matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Err(Errno::ECHILD)) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// Collects every child that has ended, without waiting.
pub fn reap() -> Vec<WaitStatus> {
    let mut ended = Vec::new();
    while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        if status == WaitStatus::StillAlive {
            break;
        }
        ended.push(status);
    }
    ended
}

/// How often the kernel has killed for want of memory since the machine started.
pub fn memory_kills() -> u64 {
    let text = fs::read_to_string("/proc/vmstat").unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or(0)
}
