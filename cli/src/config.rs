//! Where the API is and which token to show it: from the environment, else from the file that `slipway login` and
//! `slipway local` write.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Where the API is, and who we are.
#[derive(Clone, Deserialize, Serialize)]
pub struct Config {
    pub url: String,
    pub token: String,
}

impl Config {
    /// `SLIPWAY_URL` and `SLIPWAY_TOKEN` come before the file.
    pub fn load() -> Result<Self, Failure> {
        let (url, token) = (variable("SLIPWAY_URL"), variable("SLIPWAY_TOKEN"));
        if let (Some(url), Some(token)) = (&url, &token) {
            return Ok(Self { url: checked_url(url)?, token: token.clone() });
        }
        let path = path()?;
        let file = read(&path)?;
        let (file_url, file_token) = file.map_or((None, None), |config| (Some(config.url), Some(config.token)));
        let missing = || {
            Failure::Local(
                "not logged in: start slipway local on this machine, use slipway login --url URL, or set SLIPWAY_URL \
                 and SLIPWAY_TOKEN"
                    .to_owned(),
            )
        };
        let url = url.or(file_url).ok_or_else(missing)?;
        Ok(Self { url: checked_url(&url)?, token: token.or(file_token).ok_or_else(missing)? })
    }

    /// Replaces the file, which nobody else can read at any moment.
    pub fn store(&self) -> Result<PathBuf, Failure> {
        let path = path()?;
        let folder = path.parent().ok_or_else(|| Failure::Local(format!("{} is no file", path.display())))?;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let written = self.write(&beside).and_then(|()| std::fs::rename(&beside, &path));
        written.map_err(|error| {
            let _ = std::fs::remove_file(&beside);
            Failure::local(&format!("write {}", path.display()), error)
        })?;
        Ok(path)
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }
}

/// The address without a slash at its end. A token is not sent in the clear over a network.
pub fn checked_url(url: &str) -> Result<String, Failure> {
    let refuse = |why: &str| Err(Failure::Usage(format!("the address {url:?} {why}")));
    let Ok(parsed) = reqwest::Url::parse(url) else { return refuse("is no URL such as https://slipway.example") };
    let loopback = matches!(parsed.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match parsed.scheme() {
        "https" => Ok(url.trim_end_matches('/').to_owned()),
        "http" if loopback => Ok(url.trim_end_matches('/').to_owned()),
        "http" => refuse("is not https: the token would be readable on the way"),
        _ => refuse("is neither http nor https"),
    }
}

/// The variable, unless it is unset or empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn path() -> Result<PathBuf, Failure> {
    if let Some(path) = variable("SLIPWAY_CONFIG") {
        return Ok(PathBuf::from(path));
    }
    let home = variable("HOME").ok_or_else(|| Failure::Local("set HOME or SLIPWAY_CONFIG".to_owned()))?;
    Ok(PathBuf::from(home).join(".config/slipway/config.json"))
}

fn read(path: &Path) -> Result<Option<Config>, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::local(&format!("read {}", path.display()), error)),
    };
    let parsed = serde_json::from_str(&text);
    parsed
        .map(Some)
        .map_err(|_| Failure::Local(format!("{} is not what slipway login writes; log in again", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_only_over_https_or_to_this_machine() {
        for url in ["https://slipway.example", "http://127.0.0.1:7000", "http://localhost:7000", "http://[::1]:7000"] {
            assert_eq!(checked_url(&format!("{url}/")).unwrap(), url);
        }
        for url in ["http://slipway.example", "http://127.0.0.1.example", "ftp://localhost", "localhost:7000", ""] {
            assert!(checked_url(url).is_err(), "{url}");
        }
    }
}
