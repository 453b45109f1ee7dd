//! What others do with a keeper: start one, ask it to end, clean up after one that was killed.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::spec::{Folder, UID_VARIABLE};
use super::tree;
use crate::disk::{Lock, private_file};

/// How long a keeper that was killed may take to end, and one that has just begun to tell its number.
const LETTING_GO: Duration = Duration::from_secs(5);

/// Starts a keeper for a prepared folder. It lives on when this program ends; the answer is only there to be waited
/// for, so that an ended keeper does not stay behind as a zombie.
pub fn launch(helper: &Path, folder: &Folder) -> io::Result<Child> {
    let complaints: File = private_file(&folder.complaints())?;
    Command::new(helper)
        .arg("supervise")
        .arg(folder.path())
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(complaints.try_clone()?)
        .stderr(complaints)
        .spawn()
}

/// Asks the keeper to stop its process: SIGTERM, the grace period, SIGKILL. False: there is no keeper.
pub fn signal_stop(folder: &Folder) -> io::Result<bool> {
    signal(folder, Signal::SIGTERM)
}

/// Ends a keeper by force; its command ends with it.
pub fn orphan(folder: &Folder) -> io::Result<bool> {
    signal(folder, Signal::SIGKILL)
}

fn signal(folder: &Folder, signal: Signal) -> io::Result<bool> {
    if !folder.is_kept()? {
        return Ok(false);
    }
    let Some(status) = folder.status()?.filter(|status| tree::exists(status.keeper)) else { return Ok(false) };
    match kill(Pid::from_raw(status.keeper.pid), signal) {
        Ok(()) => Ok(true),
        Err(nix::errno::Errno::ESRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Makes sure that a folder without a keeper never gets one, and ends what a killed keeper left behind. False: it has
/// a keeper after all.
pub fn leftovers(folder: &Folder) -> io::Result<bool> {
    let Some(lock) = Lock::take(&folder.lock())? else { return Ok(false) };
    folder.forget_variables()?;
    folder.close()?;
    let Some(spec) = folder.spec()? else { return Ok(true) };
    for pid in tree::bearing(&format!("{UID_VARIABLE}={}", spec.uid)) {
        // It was found by its environment a moment ago; one that ended since is not there to be hit.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    drop(lock);
    Ok(true)
}

/// Ends the process of a folder for good: its keeper is killed, what that leaves behind ends, and none begins there
/// again. The lock may be held for a moment after the death of a keeper (a child that has not become its command yet
/// holds it too), and by a keeper that has not told its number yet.
pub fn end_for_good(folder: &Folder) -> io::Result<()> {
    let deadline = Instant::now() + LETTING_GO;
    while !leftovers(folder)? {
        if Instant::now() >= deadline {
            let text = format!("what keeps {} does not end", folder.path().display());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        orphan(folder)?;
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
