//! Who waits for a change, and what counts as one.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::net::unix::pipe;
use tokio::sync::{Notify, watch};

/// Wakes the reconciler, and those who wait for something to be different.
pub struct Wake {
    reconciler: Notify,
    generation: watch::Sender<u64>,
    folders: Inotify,
    /// The same queue of events. Which event it is does not matter, so that they are read as from any pipe.
    events: pipe::Receiver,
}

impl Wake {
    /// Needs a runtime.
    pub fn new() -> io::Result<Self> {
        let folders = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        Ok(Self {
            reconciler: Notify::new(),
            generation: watch::Sender::new(0),
            events: pipe::Receiver::from_owned_fd_unchecked(folders.as_fd().try_clone_to_owned()?)?,
            folders,
        })
    }

    /// Notices from now on when a keeper writes its status (a file is renamed) or ends (its lock is closed).
    pub fn watch_folder(&self, folder: &Path) -> io::Result<()> {
        let events = AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_ONLYDIR;
        self.folders.add_watch(folder, events)?;
        Ok(())
    }

    /// Waits until something happened in a watched folder.
    pub async fn files_changed(&self) -> io::Result<()> {
        loop {
            self.events.readable().await?;
            match self.events.try_read(&mut [0; 4096]) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Something that is seen may be different now, and something may have to be done.
    pub fn changed(&self) {
        self.generation.send_modify(|generation| *generation += 1);
        self.reconciler.notify_one();
    }

    /// Something that is seen may be different now.
    pub fn seen(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }

    pub async fn reconcile(&self) {
        self.reconciler.notified().await;
    }

    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }
}
