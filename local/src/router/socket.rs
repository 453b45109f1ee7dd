//! The control socket, in a folder whose path may be longer than a socket's address can be.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};

use super::table::Ask;

const NAME: &str = "control.sock";

/// The same file by way of the open folder: 108 bytes always suffice.
fn short(folder: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{NAME}", folder.as_raw_fd()))
}

/// Listens, for the owner only. The caller holds the folder's lock, so a socket that is there is a dead one's.
pub fn listen(dir: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(dir.join(NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(short(&File::open(dir)?))?;
    fs::set_permissions(dir.join(NAME), Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Sends one request without a runtime, and waits for the answer or the end.
pub fn tell(dir: &Path, ask: &Ask) -> io::Result<()> {
    let folder = File::open(dir)?;
    let mut stream = std::os::unix::net::UnixStream::connect(short(&folder))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut line = serde_json::to_vec(ask)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    stream.read(&mut [0; 1]).map(drop)
}

pub async fn connect(dir: &Path) -> io::Result<UnixStream> {
    let folder = File::open(dir)?;
    UnixStream::connect(short(&folder)).await
}
