//! The server's side of the router: starts it if there is none, hands over tables, watches.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::socket;
use super::table::{Ask, Table, View};
use crate::disk;

/// How long a router may take from its start until it answers.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long any answer may take beyond what was asked for.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// A way to the router of one folder.
#[derive(Clone, Debug)]
pub struct Client {
    dir: PathBuf,
    helper: PathBuf,
}

impl Client {
    /// `helper` is this program, from which a router is started if there is none.
    pub fn new(dir: impl Into<PathBuf>, helper: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), helper: helper.into() }
    }

    /// Makes sure that a router runs: the one of an earlier server, or a new one that goes on from its state.
    pub async fn ensure(&self) -> io::Result<View> {
        if let Ok(view) = self.look().await {
            return Ok(view);
        }
        disk::private_dir(&self.dir)?;
        let mut child = launch(&self.helper, &self.dir)?;
        // Collects it when it ends; it may well live longer than this program.
        std::thread::spawn(move || child.wait());
        let deadline = Instant::now() + START_LIMIT;
        loop {
            match self.look().await {
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                answer => return answer,
            }
        }
    }

    /// Everything as it is now.
    pub async fn look(&self) -> io::Result<View> {
        self.ask(&Ask::Watch { instance: 0, after: 0, limit_ms: 0 }, Duration::ZERO).await
    }

    pub async fn put(&self, table: Table) -> io::Result<View> {
        self.ask(&Ask::Put(table), Duration::ZERO).await
    }

    /// Answers when something is no longer as in `seen`, or after `limit`.
    pub async fn watch(&self, seen: &View, limit: Duration) -> io::Result<View> {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        self.ask(&Ask::Watch { instance: seen.instance, after: seen.version, limit_ms }, limit).await
    }

    async fn ask(&self, ask: &Ask, patience: Duration) -> io::Result<View> {
        let asked = async {
            let (reader, mut writer) = socket::connect(&self.dir).await?.into_split();
            let mut line = serde_json::to_vec(ask)?;
            line.push(b'\n');
            writer.write_all(&line).await?;
            let mut answer = String::new();
            BufReader::new(reader).read_line(&mut answer).await?;
            Ok(serde_json::from_str(&answer)?)
        };
        match tokio::time::timeout(patience + ANSWER_LIMIT, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the router does not answer")),
        }
    }
}

/// Ends the router of a folder, and with it all connections. Waits for the end.
pub fn stop(dir: &Path) -> io::Result<()> {
    let lock = dir.join("lock");
    let deadline = Instant::now() + ANSWER_LIMIT;
    while disk::Lock::is_held(&lock)? {
        // One that is just starting does not listen yet, and one that is just ending not any more.
        let _ = socket::tell(dir, &Ask::Stop);
        if Instant::now() >= deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the router does not end"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn launch(helper: &Path, dir: &Path) -> io::Result<std::process::Child> {
    let complaints = disk::private_file(&dir.join("router.log"))?;
    Command::new(helper)
        .arg("router")
        .arg(dir)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(complaints.try_clone()?)
        .stderr(complaints)
        .spawn()
}
