//! How soon a bad status is acted on: from the moment at which the keeper of a process wrote it down to the decision to
//! turn back.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use slipway_domain::id::PromotionId;
use slipway_domain::name::AppName;
use slipway_domain::time::Time;
use slipway_local::supervisor::spec::{Folder, Stage};
use slipway_tests::server::inside::Inside;
use slipway_tests::server::shop::{Shop, text};
use slipway_tests::server::{Result, failed};

use crate::machine::now;
use crate::numbers::{millis, percentile};
use crate::table::Table;

const GOOD: &str = "services:\n  worker:\n    command: exec sleep 3600\n    health:\n      bake: 0\n";
const REPEATS: usize = 5;
const POLL: Duration = Duration::from_millis(1);

pub async fn measure() -> Result<String> {
    let about = format!(
        "From the time that the keeper of a process wrote with a status that dooms it, until the database shows the \
         promotion as `restoring` to whoever looks every millisecond; {REPEATS} promotions each."
    );
    let mut table = Table::new("Bad status visible → roll-back decided", &about, &["status", "p50", "longest"]);
    let (server, client) = Inside::start(&crate::server()?).await?;
    let shop = Shop(&client);
    let first = shop.create(&[("slipway.yml", GOOD)]).await?;
    shop.ship(&first).await?;
    for (reason, command) in [("CrashLoopBackOff", "exit 3"), ("RunContainerError", "")] {
        let command = if command.is_empty() { "[./absent]" } else { command };
        let manifest = format!("services:\n  worker:\n    command: {command}\n    health:\n      bake: 5\n");
        let mut times = Vec::new();
        for repeat in 0..REPEATS {
            let release = shop.build(&[("slipway.yml", &manifest), ("note", &repeat.to_string())]).await?;
            times.push(once(&server, &shop, &release, reason).await?);
        }
        let half = percentile(&mut times, 50);
        table.row([reason.to_owned(), millis(half), millis(percentile(&mut times, 100))]);
    }
    server.end().await?;
    Ok(table.finish())
}

async fn once(server: &Inside, shop: &Shop<'_>, release: &str, reason: &'static str) -> Result<Duration> {
    let over = Arc::new(AtomicBool::new(false));
    let (processes, label) = (server.data().join("cluster/processes"), release.to_owned());
    let ended = Arc::clone(&over);
    let watch = tokio::task::spawn_blocking(move || watch(&processes, &label, reason, &ended));
    let promotion = shop.promote(release).await?;
    let decided = decided(server, &promotion).await?;
    let promotion = shop.ended(&promotion).await;
    over.store(true, Ordering::Relaxed);
    let visible = watch.await.map_err(failed("watch the processes"))?;
    let promotion = promotion?;
    if text(&promotion["outcome"])? != "rolled_back" {
        return Err(format!("the promotion should have been rolled back: {promotion}"));
    }
    let visible = visible.ok_or_else(|| format!("{reason} was never seen"))?;
    Ok(decided.since(visible))
}

/// When the record was first seen to have turned back.
async fn decided(server: &Inside, promotion: &str) -> Result<Time> {
    let store = server.slipway.store.scoped(server.tenant.clone());
    let app: AppName = "shop".parse().map_err(failed("name the app"))?;
    let id: PromotionId = promotion.parse().map_err(failed("read the promotion"))?;
    loop {
        let record = store.promotion(&app, &id).await.map_err(failed("read the promotion"))?;
        let record = record.ok_or("the promotion is gone")?;
        if record.restoring_at.is_some() || !record.is_open() {
            return Ok(now());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Since when a process of the release has had the status.
fn watch(processes: &Path, release: &str, reason: &str, over: &AtomicBool) -> Option<Time> {
    while !over.load(Ordering::Relaxed) {
        let folders = std::fs::read_dir(processes).into_iter().flatten().flatten().map(|entry| entry.path());
        let seen = folders.filter_map(|path: PathBuf| {
            let folder = Folder::new(path);
            let ours = folder.spec().ok()??.labels.release == release;
            let status = folder.status().ok()??;
            let bad = matches!(&status.stage, Stage::Waiting { reason: own, .. } if own == reason);
            (ours && bad).then_some(status.since)
        });
        if let Some(since) = seen.min() {
            return Some(since);
        }
        std::thread::sleep(POLL);
    }
    None
}
