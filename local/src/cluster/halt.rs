//! Ends everything that a data folder has running, without a server.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::place::Place;
use crate::disk::Lock;
use crate::router::client;
use crate::supervisor::spec::Folder;
use crate::supervisor::{end_for_good, signal_stop};

/// How long a server that is just ending may hold the folder.
const TAKE_OVER: Duration = Duration::from_secs(5);

/// Stops every process, and then the router. Each process has `grace` to end by itself. Refused while a server works on
/// the folder. What was asked for stays: the next server starts it again.
pub fn halt(data: &Path, grace: Duration) -> io::Result<()> {
    let place = Place::new(data);
    if !place.processes().is_dir() {
        return Ok(());
    }
    let taken = poll(TAKE_OVER, || Lock::take(&place.lock()))?;
    let Some(_lock) = taken else {
        let text = "a server works on this data folder: stop it first";
        return Err(io::Error::new(io::ErrorKind::WouldBlock, text));
    };
    let mut folders = Place::folders(&place.processes())?;
    folders.extend(Place::folders(&place.runs())?);
    for folder in &folders {
        signal_stop(folder)?;
    }
    let all_ended = || Ok(folders.iter().all(|folder| !is_kept(folder)).then_some(()));
    poll(grace, all_ended)?;
    for folder in &folders {
        end_for_good(folder)?;
    }
    client::stop(&place.router())
}

/// One that cannot be looked at counts as running: it is waited for, not forgotten.
fn is_kept(folder: &Folder) -> bool {
    folder.is_kept().unwrap_or(true)
}

fn poll<T>(limit: Duration, mut look: impl FnMut() -> io::Result<Option<T>>) -> io::Result<Option<T>> {
    let deadline = Instant::now() + limit;
    loop {
        match look()? {
            Some(found) => return Ok(Some(found)),
            None if Instant::now() >= deadline => return Ok(None),
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}
