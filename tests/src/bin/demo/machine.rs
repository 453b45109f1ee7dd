//! What the operating system says of the processes that belong to a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use slipway_tests::demo::ground::{Ground, Services};
use slipway_tests::demo::shell::Shell;
use slipway_tests::demo::{Told, say};
use tokio::time::{Instant, sleep};

const POLL: Duration = Duration::from_millis(100);
/// For processes that were told to end.
const LEAVE_LIMIT: Duration = Duration::from_secs(10);

/// This machine, as far as it has to do with one folder.
pub struct Machine(PathBuf);

impl Machine {
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }
}

impl Ground for Machine {
    /// Commands of services.
    async fn services(&self) -> Result<Services, String> {
        let mut counts = Services::new();
        for process in of(&self.0) {
            // The program itself, not what keeps it; its name comes first in the command line.
            let (Some(service), Some(release)) = (process.variable("SERVICE"), process.variable("RELEASE")) else {
                continue;
            };
            if process.line.contains("node src/") {
                *counts.entry((service.to_owned(), release.to_owned())).or_default() += 1;
            }
        }
        Ok(counts)
    }

    async fn clear(&self, _: &Shell) -> Told {
        let left = left_after(&self.0, LEAVE_LIMIT).await;
        if left.is_empty() {
            say::holds("no process is left");
            return Ok(());
        }
        Err(format!("still running: {}", left.join("; ")))
    }
}

struct Process {
    id: u32,
    line: String,
    environment: Vec<String>,
}

impl Process {
    fn variable(&self, key: &str) -> Option<&str> {
        self.environment.iter().find_map(|entry| entry.strip_prefix(key)?.strip_prefix('='))
    }
}

/// What is left when `limit` has passed, as `4711 slipway-local router …`; empty as soon as nothing is.
async fn left_after(folder: &Path, limit: Duration) -> Vec<String> {
    let end = Instant::now() + limit;
    loop {
        let left = of(folder);
        if left.is_empty() || Instant::now() >= end {
            return left.iter().map(|process| format!("{} {}", process.id, process.line)).collect();
        }
        sleep(POLL).await;
    }
}

/// Processes other than this one whose command line, working directory or environment names the folder.
fn of(folder: &Path) -> Vec<Process> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| *id != std::process::id()).filter_map(|id| read(id, folder)).collect()
}

/// None when the process has nothing to do with the folder, or has ended.
fn read(id: u32, folder: &Path) -> Option<Process> {
    let proc = Path::new("/proc").join(id.to_string());
    let name = folder.to_string_lossy();
    // A zombie has no command line any more.
    let line = words(&proc.join("cmdline")).filter(|words| !words.is_empty())?.join(" ");
    let environment = words(&proc.join("environ")).unwrap_or_default();
    let inside = fs::read_link(proc.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
    let ours = inside || line.contains(&*name) || environment.iter().any(|entry| entry.contains(&*name));
    ours.then_some(Process { id, line, environment })
}

/// The NUL-separated words of a file.
fn words(path: &Path) -> Option<Vec<String>> {
    let text = String::from_utf8_lossy(&fs::read(path).ok()?).into_owned();
    Some(text.split('\0').filter(|word| !word.is_empty()).map(str::to_owned).collect())
}
