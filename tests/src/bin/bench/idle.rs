//! A server that has nothing to do, with an app of three processes that have nothing to do either.

use std::fs;
use std::time::Duration;

use slipway_tests::server::outside::Outside;
use slipway_tests::server::shop::Shop;
use slipway_tests::server::{Result, failed};

use crate::machine::field;
use crate::rollout::{WEB, manifest};
use crate::table::Table;

const FOR: Duration = Duration::from_secs(30);
/// The kernel's clock ticks, 100 a second on Linux.
const TICKS: u64 = 100;

pub async fn measure() -> Result<String> {
    let about = format!(
        "Over {} s, after an app with three processes was promoted. A keeper stands beside every process; the figures \
         of keepers are sums.",
        FOR.as_secs()
    );
    let mut table = Table::new("Idle", &about, &["program", "how many", "resident memory", "CPU time", "of one core"]);
    let folder = crate::folder()?;
    let server = Outside::start(&crate::server()?, folder.path(), "info").await?;
    let client = server.client()?;
    let shop = Shop(&client);
    let release = shop.create(&[("slipway.yml", &manifest(3, 0)), ("web.js", WEB)]).await?;
    shop.ship(&release).await?;
    let name = folder.path().display().to_string();
    let programs =
        [("server", vec![server.id()]), ("router", of(&name, " router ")), ("keepers", of(&name, " supervise "))];
    let ticks = |ids: &[u32]| ids.iter().map(|id| ticks(*id)).sum::<Result<u64>>();
    let before = programs.iter().map(|(_, ids)| ticks(ids)).collect::<Result<Vec<u64>>>()?;
    tokio::time::sleep(FOR).await;
    for ((name, ids), before) in programs.iter().zip(before) {
        let used = Duration::from_millis((ticks(ids)? - before) * 1000 / TICKS);
        let resident: u64 = ids.iter().map(|id| resident(*id)).sum();
        table.row([
            (*name).to_owned(),
            ids.len().to_string(),
            format!("{:.1} MB", u32::try_from(resident).map_or(f64::NAN, f64::from) / 1024.0),
            format!("{} ms", used.as_millis()),
            format!("{:.2} %", used.as_secs_f64() / FOR.as_secs_f64() * 100.0),
        ]);
    }
    Ok(table.finish())
}

/// Programs of ours whose command line names the folder and the subcommand.
fn of(folder: &str, subcommand: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let line = |id: u32| fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let text = |id: u32| String::from_utf8_lossy(&line(id)).replace('\0', " ");
    ids.filter(|id| text(*id).contains(folder) && text(*id).contains(subcommand)).collect()
}

/// User and system time of a process so far.
fn ticks(id: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).map_err(failed(format!("look at process {id}")))?;
    // Behind the name, which may hold spaces, the times are the 12th and 13th fields.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.map(|field| field.parse::<u64>().map_err(failed("read its times"))).sum()
}

/// In kilobytes.
fn resident(id: u32) -> u64 {
    let text = field(&format!("/proc/{id}/status"), "VmRSS").unwrap_or_default();
    text.trim_end_matches(" kB").parse().unwrap_or_default()
}
