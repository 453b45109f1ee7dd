//! What the operating system says of the processes that belong to a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

const POLL: Duration = Duration::from_millis(100);

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

/// How many commands of services run: by service and release.
pub fn services(folder: &Path) -> BTreeMap<(String, String), u32> {
    let mut counts = BTreeMap::new();
    for process in of(folder) {
        // The program itself, not what keeps it; its name comes first in the command line.
        let (Some(service), Some(release)) = (process.variable("SERVICE"), process.variable("RELEASE")) else {
            continue;
        };
        if process.line.contains("node src/") {
            *counts.entry((service.to_owned(), release.to_owned())).or_default() += 1;
        }
    }
    counts
}

/// What is left when `limit` has passed, as `4711 slipway-local router …`; empty as soon as nothing is.
pub async fn left_after(folder: &Path, limit: Duration) -> Vec<String> {
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
