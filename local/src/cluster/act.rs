//! Carries out a plan: writes it down, then does it.

use std::io;

use slipway_domain::time::Time;

use super::core::{Core, Refused, Shared};
use super::ports;
use super::reconcile::{Plan, Step};
use super::state::{Process, Row, State};
use super::template::{Individual, Stored};
use crate::router::table::{Service, Table, Target};
use crate::supervisor;

/// Writes down what the plan says, and then does what the written state calls for.
pub fn carry_out(shared: &Shared, core: &mut Core, plan: &Plan, now: Time) -> io::Result<()> {
    let mut next = core.state.clone();
    let versions: Vec<(String, u64)> = next.rows.iter().map(|row| (row.uid.clone(), row.version)).collect();
    core.refused.clear();
    for row in &plan.over_quota {
        let text = format!("this machine runs at most {} processes", shared.limits.processes);
        core.refused.insert(row.clone(), Refused::Quota(text));
    }
    let mut launches = Vec::new();
    for step in &plan.steps {
        match step {
            Step::Create { row } => {
                if let Some(process) = create(shared, core, &next, row, now)? {
                    launches.push(process.uid.clone());
                    next.processes.push(process);
                }
            }
            Step::Launch { uid } => launches.push(uid.clone()),
            Step::Drain { uid } => each(&mut next, uid, |process| process.stopping_since = Some(now)),
            Step::Terminate { uid } => each(&mut next, uid, |process| process.terminated_at = Some(now)),
            Step::GiveUp { uid, reason } => each(&mut next, uid, |process| process.over = Some(reason.clone())),
            Step::Forget { uid } => next.processes.retain(|process| process.uid != *uid),
            Step::Kill { .. } => {}
        }
    }
    let before = core.state.clone();
    core.change(&shared.place, |state| *state = next)?;
    for uid in launches {
        launch(shared, core, &uid)?;
    }
    for step in &plan.steps {
        end(shared, core, &before, step)?;
    }
    core.seen.extend(versions);
    let Core { seen, state, .. } = core;
    seen.retain(|uid, _| state.rows.iter().any(|row| row.uid == *uid));
    Ok(())
}

fn each(state: &mut State, uid: &str, change: impl FnOnce(&mut Process)) {
    if let Some(process) = state.process_mut(uid) {
        change(process);
    }
}

/// A new process of a row. None: it cannot be had now, for a reason that is kept.
fn create(shared: &Shared, core: &mut Core, state: &State, row: &str, now: Time) -> io::Result<Option<Process>> {
    let Some(row) = state.rows.iter().find(|each| each.uid == row) else { return Ok(None) };
    let Some(template) = Stored::read(&shared.place.template(&row.uid), &row.template)? else {
        core.altered.insert(row.uid.clone());
        return Ok(None);
    };
    let Some(ports) = ports::free(template.port_count(), state) else {
        let text = "no port is free for a process".to_owned();
        core.refused.insert(row.uid.clone(), Refused::Other(text));
        return Ok(None);
    };
    Ok(Some(Process {
        name: format!("{}-{}", row.key, suffix()),
        uid: unique(),
        row: row.uid.clone(),
        namespace: row.namespace.clone(),
        service: row.key.service.clone(),
        image: row.image.clone(),
        check: template.check(&ports),
        ports,
        grace_ms: template.grace_ms,
        created_at: now,
        stopping_since: None,
        terminated_at: None,
        over: None,
    }))
}

/// Starts the keeper of a process that is written down. A second start is harmless: the first keeper holds the folder.
fn launch(shared: &Shared, core: &mut Core, uid: &str) -> io::Result<()> {
    let Some(process) = core.state.processes.iter().find(|process| process.uid == uid).cloned() else { return Ok(()) };
    let row: Option<Row> = core.state.rows.iter().find(|row| row.uid == process.row).cloned();
    let Some(row) = row else { return Ok(()) };
    let image = shared.place.image(&process.image);
    if !image.is_dir() {
        core.held.insert(process.uid, format!("image {} not found on this machine", process.image));
        return Ok(());
    }
    let Some(template) = Stored::read(&shared.place.template(&row.uid), &row.template)? else {
        core.altered.insert(row.uid);
        return Ok(());
    };
    core.held.remove(&process.uid);
    let folder = shared.place.process(&process.name);
    let individual = Individual {
        name: &process.name,
        uid: &process.uid,
        namespace: &process.namespace,
        image: &image,
        ports: &process.ports,
        path: &shared.path,
        one_off: None,
    };
    template.prepare(&folder, &individual)?;
    shared.wake.watch_folder(folder.path())?;
    match supervisor::launch(&shared.helper, &folder) {
        Ok(keeper) => {
            core.keepers.push(keeper);
            core.launched.insert(process.uid, std::time::Instant::now());
        }
        Err(error) => {
            core.refused.insert(row.uid, Refused::Other(format!("no process could be started: {error}")));
        }
    }
    Ok(())
}

/// The steps that end something. `before` still holds what is forgotten now.
fn end(shared: &Shared, core: &mut Core, before: &State, step: &Step) -> io::Result<()> {
    let (Step::Terminate { uid } | Step::Kill { uid } | Step::GiveUp { uid, .. } | Step::Forget { uid }) = step else {
        return Ok(());
    };
    let Some(process) = before.processes.iter().find(|process| process.uid == *uid) else { return Ok(()) };
    let folder = shared.place.process(&process.name);
    match step {
        Step::Terminate { .. } => {
            supervisor::signal_stop(&folder)?;
        }
        Step::Kill { .. } => {
            supervisor::orphan(&folder)?;
        }
        _ if folder.path().exists() => {
            supervisor::end_for_good(&folder)?;
        }
        _ => {}
    }
    if matches!(step, Step::Forget { .. }) {
        core.held.remove(uid);
        core.launched.remove(uid);
    }
    Ok(())
}

/// What the router has to serve.
pub fn table(state: &State, runs: impl Fn(&Process) -> u32) -> Table {
    let served = state.rows.iter().filter(|row| row.served);
    let mut ids: Vec<String> = served.map(|row| super::state::service_id(&row.namespace, &row.key.service)).collect();
    ids.sort();
    ids.dedup();
    let mut services: Vec<Service> = ids.into_iter().map(|id| Service { id, targets: Vec::new() }).collect();
    for process in state.processes.iter().filter(|process| process.over.is_none()) {
        let Some((port, check)) = &process.check else { continue };
        let id = super::state::service_id(&process.namespace, &process.service);
        let target = Target {
            uid: process.uid.clone(),
            run: runs(process),
            port: process.ports.first().copied().unwrap_or(*port),
            check_port: *port,
            check: check.clone(),
            draining: process.stopping_since.is_some(),
        };
        match services.iter_mut().find(|service| service.id == id) {
            Some(service) => service.targets.push(target),
            None => services.push(Service { id, targets: vec![target] }),
        }
    }
    services.sort_by(|one, other| one.id.cmp(&other.id));
    Table { services }
}

/// 5 random letters and digits, as the names of pods end.
fn suffix() -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    (0..5).map(|_| char::from(LETTERS[rand::random_range(0..LETTERS.len())])).collect()
}

pub fn unique() -> String {
    format!("{:032x}", rand::random::<u128>())
}
