//! The tasks that keep the cluster going: one that reconciles, one that watches the router, one that watches files.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, spawn_blocking};

use super::core::{Shared, lock};
use super::reconcile::{Fact, Step, reconcile};
use super::{act, runs};
use crate::disk::now;
use crate::router::client::Client;
use crate::router::table::Table;

/// A look without a reason, should a notice have been lost.
const IDLE: Duration = Duration::from_secs(2);
/// Between attempts at something that failed.
const RETRY: Duration = Duration::from_millis(500);
/// Of one long poll of the router.
const WATCH: Duration = Duration::from_secs(20);

/// Starts them. They end when they are aborted.
pub fn start(shared: &Arc<Shared>, router: &Client) -> Vec<AbortHandle> {
    vec![
        tokio::spawn(reconcile_for_ever(Arc::clone(shared), router.clone())).abort_handle(),
        tokio::spawn(watch_router(Arc::clone(shared), router.clone())).abort_handle(),
        tokio::spawn(watch_files(Arc::clone(shared))).abort_handle(),
    ]
}

async fn reconcile_for_ever(shared: Arc<Shared>, router: Client) {
    let mut served: Option<(u64, Table)> = None;
    loop {
        let worker = Arc::clone(&shared);
        let passed = spawn_blocking(move || pass(&worker)).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let pause = match passed {
            Ok(pass) => {
                if served.as_ref() != Some(&(pass.instance, pass.table.clone())) {
                    served = serve(&shared, &router, pass.table).await;
                }
                if served.is_none() { pass.pause.min(RETRY) } else { pass.pause }
            }
            Err(error) => {
                tracing::error!(%error, "the processes could not be brought in line with what was asked for");
                RETRY
            }
        };
        tokio::select! {
            () = shared.wake.reconcile() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Hands the table to the router. None: it did not take it.
async fn serve(shared: &Shared, router: &Client, table: Table) -> Option<(u64, Table)> {
    match router.put(table.clone()).await {
        Ok(view) => {
            let instance = view.instance;
            lock(shared).view = view;
            shared.wake.changed();
            Some((instance, table))
        }
        Err(error) => {
            tracing::warn!(%error, "the router did not take its table");
            None
        }
    }
}

/// What one pass found.
struct Pass {
    table: Table,
    /// The router that was last heard of.
    instance: u64,
    /// Until the next one, if nothing happens.
    pause: Duration,
}

/// Gathers, decides, acts.
fn pass(shared: &Shared) -> io::Result<Pass> {
    let mut guard = lock(shared);
    let core = &mut *guard;
    if core.folder.is_none() {
        return Err(io::Error::other("this server has ended"));
    }
    // One that has not ended, or cannot be asked, is asked again.
    core.keepers.retain_mut(|keeper| !matches!(keeper.try_wait(), Ok(Some(_))));
    let mut facts = std::collections::BTreeMap::new();
    for process in core.state.processes.iter().filter(|process| process.over.is_none()) {
        facts.insert(process.uid.clone(), core.fact(&shared.place, process)?);
    }
    let at = now();
    let plan = reconcile(&core.state, &facts, shared.limits, at);
    let (versions, state) = (core.seen.clone(), core.state.clone());
    act::carry_out(shared, core, &plan, at)?;
    let progress = state != core.state;
    if plan.steps.iter().any(|step| matches!(step, Step::Forget { .. })) {
        runs::collect(shared, core)?;
    }
    if versions != core.seen || !plan.steps.is_empty() {
        shared.wake.seen();
    }
    let restarts = |uid: &str| facts.get(uid).and_then(|fact: &Fact| fact.status.as_ref());
    let table = act::table(&core.state, |process| restarts(&process.uid).map_or(0, |status| status.restarts));
    let pause = match plan.due.map_or(IDLE, |due| due.since(at)) {
        // What was done may have made the next step possible.
        _ if progress => Duration::ZERO,
        // What was tried is tried again.
        due if !plan.steps.is_empty() => due.min(RETRY),
        due => due.min(IDLE),
    };
    Ok(Pass { table, instance: core.view.instance, pause })
}

async fn watch_router(shared: Arc<Shared>, router: Client) {
    loop {
        let seen = lock(&shared).view.clone();
        let view = match router.watch(&seen, WATCH).await {
            Ok(view) => Ok(view),
            // It is gone: there has to be one.
            Err(_) => router.ensure().await,
        };
        match view {
            Ok(view) => {
                let mut core = lock(&shared);
                let news = view != core.view;
                // An answer to an older question may come after that to a newer one.
                if view.instance != core.view.instance || view.version >= core.view.version {
                    core.view = view;
                }
                drop(core);
                if news {
                    shared.wake.changed();
                }
            }
            Err(error) => {
                tracing::error!(%error, "the router does not start");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

async fn watch_files(shared: Arc<Shared>) {
    loop {
        if let Err(error) = shared.wake.files_changed().await {
            tracing::error!(%error, "processes are not watched; changes are noticed late");
            tokio::time::sleep(IDLE).await;
        }
        shared.wake.changed();
    }
}
