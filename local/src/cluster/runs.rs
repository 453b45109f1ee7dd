//! One-off processes, and the logs of all processes.

use std::collections::BTreeMap;
use std::io;
use std::time::SystemTime;

use slipway_domain::id::RunId;
use slipway_domain::promotion::Exit;
use slipway_domain::time::Time;
use slipway_service::ports::{LogLine, LogQuery, NewRun, RunLog, RunState};

use super::act::unique;
use super::core::{Core, Shared};
use super::place::Place;
use super::template::{Individual, OneOff, Stored};
use crate::disk::now;
use crate::supervisor::journal::{Journal, Record};
use crate::supervisor::spec::{Folder, Spec, Stage};
use crate::supervisor::{launch, leftovers};

/// Folders of ended processes that are kept, of each service.
const ENDED_KEPT: usize = 20;
/// Folders of runs that are kept, of all namespaces.
const RUNS_KEPT: usize = 500;
/// How long a keeper may take until it has begun.
const BEGIN: std::time::Duration = std::time::Duration::from_secs(15);

/// Starts a run. One that was started is not started again, not even after it has ended.
pub fn start(shared: &Shared, core: &mut Core, namespace: &str, run: &NewRun) -> io::Result<()> {
    let folder = shared.place.run(&run.id);
    if folder.spec()?.is_some() && (folder.is_kept()? || !folder.is_fresh()?) {
        return Ok(());
    }
    let individual = Individual {
        name: run.id.as_str(),
        uid: &unique(),
        namespace,
        image: &shared.place.image(&run.template.image),
        ports: &[],
        path: &shared.path,
        one_off: Some(OneOff {
            command: &run.command,
            time_limit_ms: u64::try_from(run.time_limit.as_millis()).unwrap_or(u64::MAX),
        }),
    };
    Stored::new(&run.template).prepare(&folder, &individual)?;
    shared.wake.watch_folder(folder.path())?;
    core.keepers.push(launch(&shared.helper, &folder)?);
    prune(Place::folders(&shared.place.runs())?, RUNS_KEPT)
}

pub fn state(shared: &Shared, namespace: &str, run: &RunId) -> io::Result<RunState> {
    let folder = shared.place.run(run);
    if folder.spec()?.is_none_or(|spec| spec.labels.namespace != namespace) {
        return Ok(RunState::Unknown);
    }
    // In this order: a keeper writes its last status before it lets go of its lock.
    let kept = folder.is_kept()?;
    match folder.status()? {
        Some(status) => match status.stage {
            Stage::Ended { exit, at } => Ok(RunState::Ended { exit, at, timed_out: status.timed_out }),
            _ if kept => Ok(RunState::Running),
            _ => vanished(&folder),
        },
        None if kept || age(&folder)? < BEGIN => Ok(RunState::Running),
        None => vanished(&folder),
    }
}

fn vanished(folder: &Folder) -> io::Result<RunState> {
    if !leftovers(folder)? {
        return Ok(RunState::Running);
    }
    let message = "what kept it was killed, or the machine was started again".to_owned();
    let exit = Exit { code: None, signal: None, reason: "Error".to_owned(), message };
    let at = folder.status()?.map_or_else(now, |status| status.since);
    Ok(RunState::Ended { exit, at, timed_out: false })
}

fn age(folder: &Folder) -> io::Result<std::time::Duration> {
    let made = std::fs::metadata(folder.path().join("spec.json"))?.modified()?;
    Ok(SystemTime::now().duration_since(made).unwrap_or_default())
}

pub fn log(shared: &Shared, namespace: &str, run: &RunId, after: u64) -> io::Result<RunLog> {
    let folder = shared.place.run(run);
    if folder.spec()?.is_none_or(|spec| spec.labels.namespace != namespace) {
        return Ok(RunLog { first: after, lines: Vec::new() });
    }
    let journal = Journal::read(&folder)?;
    let first = journal.dropped.max(after);
    Ok(RunLog { first, lines: journal.lines_after(after).map(|record| line(record, run.as_str())).collect() })
}

/// The folders of a namespace's processes and runs, also of those that have ended.
pub fn folders(shared: &Shared, namespace: &str) -> io::Result<Vec<(Folder, Spec)>> {
    let mut found = Vec::new();
    for dir in [shared.place.processes(), shared.place.runs()] {
        for folder in Place::folders(&dir)? {
            if let Some(spec) = folder.spec()?.filter(|spec| spec.labels.namespace == namespace) {
                found.push((folder, spec));
            }
        }
    }
    Ok(found)
}

/// The newest lines that match, oldest first.
pub fn logs(shared: &Shared, namespace: &str, query: &LogQuery) -> io::Result<Vec<LogLine>> {
    let mut lines = Vec::new();
    for (folder, spec) in folders(shared, namespace)? {
        let run = spec.name.parse::<RunId>().is_ok();
        let wanted = match &query.process {
            Some(process) => *process == spec.name,
            // A run's log is its own; it is asked for by name.
            None => !run,
        };
        let service = query.service.as_ref().is_none_or(|service| service.as_str() == spec.labels.service);
        if wanted && service {
            let records = Journal::read(&folder)?.lines().filter(|record| matches(record, query));
            lines.extend(records.map(|record| line(record, &spec.name)));
        }
    }
    // Stable: lines of one process at one time stay in their order.
    lines.sort_by_key(|line| line.at);
    Ok(lines.split_off(lines.len().saturating_sub(query.limit)))
}

fn matches(record: &Record, query: &LogQuery) -> bool {
    query.since.is_none_or(|since: Time| record.at >= since)
        && query.contains.as_ref().is_none_or(|text| record.text.contains(text.as_str()))
}

fn line(record: Record, process: &str) -> LogLine {
    LogLine { at: record.at, process: process.to_owned(), text: record.text }
}

/// Removes the folders of processes that ended long ago.
pub fn collect(shared: &Shared, core: &Core) -> io::Result<()> {
    let mut ended: BTreeMap<(String, String), Vec<Folder>> = BTreeMap::new();
    for folder in Place::folders(&shared.place.processes())? {
        let Some(spec) = folder.spec()? else { continue };
        if !core.state.processes.iter().any(|process| process.uid == spec.uid) {
            ended.entry((spec.labels.namespace, spec.labels.service)).or_default().push(folder);
        }
    }
    ended.into_values().try_for_each(|folders| prune(folders, ENDED_KEPT))
}

/// Keeps the newest, and those whose keeper lives.
fn prune(folders: Vec<Folder>, kept: usize) -> io::Result<()> {
    if folders.len() <= kept {
        return Ok(());
    }
    let mut dated = Vec::with_capacity(folders.len());
    for folder in folders {
        dated.push((std::fs::metadata(folder.path())?.modified()?, folder));
    }
    dated.sort_by_key(|(modified, _)| std::cmp::Reverse(*modified));
    for (_, folder) in dated.into_iter().skip(kept) {
        if !folder.is_kept()? {
            std::fs::remove_dir_all(folder.path())?;
        }
    }
    Ok(())
}
