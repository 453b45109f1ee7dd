//! What is on the disk of one build: `upload.json`, `archive.tgz`, `log`, `state.json`.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use slipway_domain::id::BuildId;
use slipway_domain::manifest::Manifest;
use slipway_domain::release::ImageDigest;
use slipway_domain::time::Time;
use slipway_service::ports::LogLine;

use crate::disk;

/// The longest line that a log keeps, in bytes.
const LINE: usize = 16 * 1024;
/// The most that a log keeps, in bytes; what a build says after that is dropped, with a line that says so.
const LOG: u64 = 8 * 1024 * 1024;

/// How far a build is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stored {
    Running,
    Done { image: ImageDigest, manifest: Manifest, warnings: Vec<String> },
    Failed { reason: String },
}

/// The folder of one build.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn of(builds: &Path, build: &BuildId) -> Self {
        Self { path: builds.join(build.as_str()) }
    }

    pub(super) fn make(&self) -> io::Result<()> {
        disk::private_dir(&self.path)
    }

    pub(super) fn archive(&self) -> PathBuf {
        self.path.join("archive.tgz")
    }

    pub(super) fn tree(&self) -> PathBuf {
        self.path.join("tree")
    }

    pub(super) fn temporary(&self) -> PathBuf {
        self.path.join("tmp")
    }

    pub(super) fn upload(&self) -> PathBuf {
        self.path.join("upload.json")
    }

    fn state_file(&self) -> PathBuf {
        self.path.join("state.json")
    }

    pub(super) fn state(&self) -> io::Result<Option<Stored>> {
        disk::read_json(&self.state_file())
    }

    pub(super) fn set_state(&self, state: &Stored) -> io::Result<()> {
        disk::replace_json_durably(&self.state_file(), state)
    }

    /// Removes what only the build itself needed.
    pub(super) fn tidy(&self) -> io::Result<()> {
        super::tree::remove(&self.tree())?;
        super::tree::remove(&self.temporary())?;
        match fs::remove_file(self.archive()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn log(&self) -> io::Result<Log> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(self.path.join("log"))?;
        let bytes = file.metadata()?.len();
        Ok(Log { inner: Mutex::new(Open { file, bytes }) })
    }

    /// Lines after the first `after`.
    pub(super) fn lines(&self, after: u64) -> io::Result<Vec<LogLine>> {
        let file = match fs::File::open(self.path.join("log")) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let lines = BufReader::new(file).lines().skip(skip);
        // A last line without its end is still being written.
        lines.map_while(|line| parse(&line.ok()?)).map(Ok).collect()
    }
}

#[derive(Serialize, Deserialize)]
struct Line {
    at: Time,
    text: String,
}

fn parse(line: &str) -> Option<LogLine> {
    let line: Line = serde_json::from_str(line).ok()?;
    Some(LogLine { at: line.at, process: "build".to_owned(), text: line.text })
}

/// A build's log, open for writing.
#[derive(Debug)]
pub(super) struct Log {
    inner: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: fs::File,
    bytes: u64,
}

impl Log {
    /// Adds a line. A log that cannot be written is no reason to fail a build.
    pub(super) fn say(&self, text: &str) {
        let mut open = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if open.bytes > LOG {
            return;
        }
        let text = match text.char_indices().map(|(index, _)| index).find(|index| *index >= LINE) {
            Some(end) => &text[..end],
            None => text,
        };
        open.put(text);
        if open.bytes > LOG {
            open.put("the log is full; what follows is not kept");
        }
    }
}

impl Open {
    fn put(&mut self, text: &str) {
        let line = Line { at: disk::now(), text: text.to_owned() };
        let Ok(mut line) = serde_json::to_string(&line) else { return };
        line.push('\n');
        self.bytes += u64::try_from(line.len()).unwrap_or(u64::MAX);
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            tracing::warn!(error = %error, "a build's log could not be written");
        }
    }
}
