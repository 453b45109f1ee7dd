//! Takes tables from the server, keeps them, and tells how the targets do.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{Mutex, Notify};

use super::balancer::Changes;
use super::listeners::Door;
use super::table::{Ask, Table, View};
use super::{health, socket};
use crate::disk;

/// Tables are small: a process takes some 200 bytes.
const MAX_ASK_BYTES: u64 = 16 * 1024 * 1024;
/// Between attempts to open a port that somebody else has.
const REOPEN: Duration = Duration::from_secs(2);

/// `state.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct State {
    /// Ports that were given once, also to services that are not served now.
    ports: BTreeMap<String, u16>,
    table: Table,
}

#[derive(Debug)]
struct Router {
    path: PathBuf,
    instance: u64,
    changes: Changes,
    doors: Mutex<(State, BTreeMap<String, Door>)>,
    stop: Notify,
}

/// Serves until it is asked to stop.
pub async fn serve(dir: &Path) -> io::Result<()> {
    let path = dir.join("state.json");
    let state: State = disk::read_json(&path)?.unwrap_or_default();
    let table = state.table.clone();
    let router = Arc::new(Router {
        path,
        instance: rand::random(),
        changes: Changes::new(),
        doors: Mutex::new((state, BTreeMap::new())),
        stop: Notify::new(),
    });
    router.put(table).await?;
    let listener = socket::listen(dir)?;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let router = Arc::clone(&router);
                    tokio::spawn(async move { router.converse(stream).await });
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            () = tokio::time::sleep(REOPEN) => router.reopen().await?,
            () = router.stop.notified() => return Ok(()),
        }
    }
}

impl Router {
    /// Answers one request after another until the other side closes.
    async fn converse(&self, stream: UnixStream) -> io::Result<()> {
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader.take(MAX_ASK_BYTES)).lines();
        while let Some(line) = lines.next_line().await? {
            let ask: Ask = serde_json::from_str(&line)?;
            let stop = ask == Ask::Stop;
            let mut answer = serde_json::to_vec(&self.answer(ask).await?)?;
            answer.push(b'\n');
            writer.write_all(&answer).await?;
            if stop {
                self.stop.notify_one();
            }
        }
        Ok(())
    }

    async fn answer(&self, ask: Ask) -> io::Result<View> {
        match ask {
            Ask::Put(table) => self.put(table).await?,
            Ask::Watch { instance, after, limit_ms } if instance == self.instance => {
                let limit = Duration::from_millis(limit_ms);
                // Whether it changed or the time is over, the answer is the present view.
                let _ = tokio::time::timeout(limit, self.changes.after(after)).await;
            }
            Ask::Watch { .. } | Ask::Stop => {}
        }
        Ok(self.view().await)
    }

    async fn put(&self, table: Table) -> io::Result<()> {
        let mut guard = self.doors.lock().await;
        let (state, doors) = &mut *guard;
        doors.retain(|id, door| {
            let stays = table.services.iter().any(|service| service.id == *id);
            if !stays {
                door.service.set(&[], disk::now(), |_| {});
            }
            stays
        });
        for service in &table.services {
            let known = state.ports.get(&service.id).copied();
            if !doors.contains_key(&service.id) {
                doors.insert(service.id.clone(), Door::open(known, &state.ports, &self.changes).await);
            }
            let Some(door) = doors.get(&service.id) else { continue };
            if let Ok(port) = door.port {
                state.ports.insert(service.id.clone(), port);
            }
            door.service.set(&service.targets, disk::now(), |target| {
                target.set_checker(tokio::spawn(health::watch(Arc::clone(target))).abort_handle());
            });
        }
        state.table = table;
        disk::replace_json_durably(&self.path, state)?;
        self.changes.announce();
        Ok(())
    }

    /// Tries the ports again that somebody else had.
    async fn reopen(&self) -> io::Result<()> {
        let mut guard = self.doors.lock().await;
        let (state, doors) = &mut *guard;
        let mut opened = false;
        for (id, door) in doors {
            if door.try_open(state.ports.get(id).copied(), &state.ports).await {
                opened = true;
                if let Ok(port) = door.port {
                    state.ports.insert(id.clone(), port);
                }
            }
        }
        if opened {
            disk::replace_json_durably(&self.path, state)?;
            self.changes.announce();
        }
        Ok(())
    }

    async fn view(&self) -> View {
        let guard = self.doors.lock().await;
        // Read before the targets: a change in between is reported again, never missed.
        let version = self.changes.version();
        let (_, doors) = &*guard;
        let targets = doors.values().flat_map(|door| door.service.targets());
        View {
            instance: self.instance,
            version,
            ports: doors.iter().map(|(id, door)| (id.clone(), door.port.clone())).collect(),
            targets: targets.map(|target| (target.uid.clone(), target.view())).collect(),
        }
    }
}
