//! The token of the person who owns this machine, and how a running server is told to stop.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use slipway_domain::error::{Error, Result};
use slipway_domain::id::TenantId;
use slipway_service::slipway::Slipway;

use crate::disk;

/// The file of the command line.
#[derive(Serialize, Deserialize)]
struct Login {
    url: String,
    token: String,
}

/// Makes sure that the command line can log in, and returns the file that it reads. A token is made at the first start,
/// and another when the file does not hold one that works: whoever can read the folder owns everything in it anyhow.
pub(super) async fn ensure(slipway: &Slipway, data: &Path, origin: &str) -> Result<PathBuf> {
    disk::replace(&data.join("server.pid"), std::process::id().to_string().as_bytes()).map_err(Error::internal)?;
    let path = config_path()?;
    let known: Option<Login> = disk::read_json(&path).unwrap_or_default();
    let tenant = tenant(data)?;
    let made = slipway.bootstrap_local(&tenant).await?;
    let token = match (made, known) {
        (Some(token), _) => token.reveal().to_owned(),
        (None, Some(known)) if slipway.authenticate(&known.token, "local").await.is_ok() => known.token,
        (None, _) => slipway.renew_local(&tenant).await?.reveal().to_owned(),
    };
    if let Some(folder) = path.parent() {
        disk::private_dir(folder).map_err(Error::internal)?;
    }
    disk::replace_json_durably(&path, &Login { url: origin.to_owned(), token }).map_err(Error::internal)?;
    Ok(path)
}

/// Where the command line looks.
fn config_path() -> Result<PathBuf> {
    let named = std::env::var_os("SLIPWAY_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".config/slipway/config.json"));
    named.or_else(home).ok_or_else(|| Error::conflict("refused", "set HOME, or name a file with SLIPWAY_CONFIG"))
}

/// The tenant of this folder, drawn once.
pub(super) fn tenant(data: &Path) -> Result<TenantId> {
    let path = data.join("tenant");
    if let Ok(text) = fs::read_to_string(&path) {
        return text.trim().parse().map_err(|error| Error::internal(format!("{}: {error}", path.display())));
    }
    let tenant = TenantId::from_entropy(rand::random());
    disk::replace_durably(&path, tenant.as_str().as_bytes()).map_err(Error::internal)?;
    Ok(tenant)
}

/// Asks the server of this folder to stop, if its process is there.
pub(super) fn ask_to_stop(data: &Path) -> Result<()> {
    let Ok(text) = fs::read_to_string(data.join("server.pid")) else { return Ok(()) };
    let pid: i32 = text.trim().parse().map_err(|error| Error::internal(format!("server.pid: {error}")))?;
    // It may have ended meanwhile: the lock tells.
    let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    Ok(())
}
