//! A Deployment's template as it is kept: a file that only the owner can read, since it holds the variables.

use std::io;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize, Serializer};
use slipway_domain::manifest::{Command, Health};
use slipway_domain::secret::Secret;
use slipway_service::ports::Template;
use zeroize::Zeroizing;

use crate::disk;
use crate::router::table::Check;
use crate::supervisor::spec::{Folder, Labels, Restart, Spec};

/// What a process of a service is started from.
#[derive(Clone, Serialize, Deserialize)]
pub struct Stored {
    pub service: slipway_domain::name::ServiceName,
    pub release: slipway_domain::id::ReleaseId,
    pub image: slipway_domain::release::ImageDigest,
    command: Vec<String>,
    init: Option<Vec<String>>,
    /// As the manifest names them.
    ports: Vec<u16>,
    health: Health,
    pub grace_ms: u64,
    #[serde(serialize_with = "revealed")]
    variables: Vec<(String, Secret)>,
}

/// What differs from process to process.
pub struct Individual<'a> {
    pub name: &'a str,
    pub uid: &'a str,
    pub namespace: &'a str,
    pub image: &'a Path,
    pub ports: &'a [u16],
    /// Search path of commands.
    pub path: &'a str,
    /// In place of the service's command, once.
    pub one_off: Option<OneOff<'a>>,
}

/// A run.
pub struct OneOff<'a> {
    pub command: &'a [String],
    pub time_limit_ms: u64,
}

impl Stored {
    pub fn new(template: &Template) -> Self {
        Self {
            service: template.service.clone(),
            release: template.release.clone(),
            image: template.image.clone(),
            command: template.command.as_ref().map(words).unwrap_or_default(),
            init: template.init_container.as_ref().map(words),
            ports: template.ports.iter().map(|port| port.container).collect(),
            health: template.health.clone(),
            grace_ms: u64::try_from(template.grace.as_millis()).unwrap_or(u64::MAX),
            variables: template.variables.clone(),
        }
    }

    /// Writes it and answers with its digest.
    pub fn write(&self, path: &Path) -> io::Result<String> {
        let text = Zeroizing::new(serde_json::to_vec(self)?);
        disk::replace_durably(path, &text)?;
        Ok(digest_of(&text))
    }

    /// Reads it, if it is the one with this digest.
    pub fn read(path: &Path, digest: &str) -> io::Result<Option<Self>> {
        let text = match std::fs::read(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if digest_of(&text) == digest { Ok(Some(serde_json::from_slice(&text)?)) } else { Ok(None) }
    }

    pub fn port_count(&self) -> usize {
        self.ports.len()
    }

    /// How the router checks a process with these ports of this machine.
    pub fn check(&self, ports: &[u16]) -> Option<(u16, Check)> {
        let asked = self.health.port.and_then(|port| self.ports.iter().position(|own| *own == port));
        let port = *ports.get(asked.unwrap_or(0))?;
        let check = Check {
            path: self.health.path.clone(),
            interval_ms: u64::from(self.health.interval_seconds) * 1000,
            timeout_ms: u64::from(self.health.timeout_seconds).clamp(1, 5) * 1000,
            failures: 1,
        };
        Some((port, check))
    }

    /// Prepares a folder from which a keeper can be started.
    pub fn prepare(&self, folder: &Folder, one: &Individual<'_>) -> io::Result<()> {
        let spec = Spec {
            name: one.name.to_owned(),
            uid: one.uid.to_owned(),
            command: one.one_off.as_ref().map_or_else(|| self.command.clone(), |run| run.command.to_vec()),
            init: if one.one_off.is_some() { None } else { self.init.clone() },
            image: one.image.to_owned(),
            grace_ms: self.grace_ms,
            restart: if one.one_off.is_some() { Restart::Never } else { Restart::Always },
            time_limit_ms: one.one_off.as_ref().map(|run| run.time_limit_ms),
            labels: Labels {
                namespace: one.namespace.to_owned(),
                service: self.service.to_string(),
                release: self.release.to_string(),
            },
        };
        folder.prepare(&spec, &self.environment(folder, one))
    }

    /// Later ones win: a service may choose its own HOME or PATH, and never its PORT or name.
    fn environment(&self, folder: &Folder, one: &Individual<'_>) -> Vec<(String, String)> {
        let temporary = folder.temporary().display().to_string();
        let own = self.variables.iter().map(|(key, value)| (key.as_str(), value.reveal().to_owned()));
        let machine = [("PATH", one.path.to_owned()), ("HOME", temporary.clone()), ("TMPDIR", temporary)];
        let mut variables: Vec<(String, String)> =
            machine.into_iter().chain(own).map(|(key, value)| (key.to_owned(), value)).collect();
        if let Some(first) = one.ports.first() {
            variables.push(("PORT".to_owned(), first.to_string()));
        }
        for (named, port) in self.ports.iter().zip(one.ports) {
            variables.push((format!("PORT_{named}"), port.to_string()));
        }
        variables.push(("PROCESS".to_owned(), one.name.to_owned()));
        variables
    }
}

/// The one place where values are written: a file that only the owner can read.
fn revealed<S: Serializer>(variables: &[(String, Secret)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(variables.iter().map(|(key, value)| (key, value.reveal())))
}

fn words(command: &Command) -> Vec<String> {
    match command {
        Command::Shell(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
        Command::Exec(words) => words.clone(),
    }
}

fn digest_of(text: &[u8]) -> String {
    hex::encode(digest(&SHA256, text))
}
