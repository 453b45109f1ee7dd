//! What the figures were measured on.

use std::fs;

use slipway_domain::time::Time;

/// Processor, memory, kernel, build and time, as a list.
pub fn named() -> String {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let gigabytes = memory.trim_end_matches(" kB").parse::<u64>().unwrap_or_default() / 1024 / 1024;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let build = if cfg!(debug_assertions) { "debug (figures of a release build differ)" } else { "release" };
    format!(
        "- {}: {cpu}, {cores} cores, {gigabytes} GB, Linux {}\n- build: {build}\n- load average at the start: {load}",
        now(),
        kernel.trim()
    )
}

/// The machine's time.
pub fn now() -> Time {
    let millis = std::time::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_millis());
    Time::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// `name : value` in a file.
pub fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
