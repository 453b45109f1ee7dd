//! The load balancer of this machine: a process of its own that outlives the server.
//!
//! ```text
//! clients ──► one listener per service ──► proxy ──► the ready target with the fewest requests
//!                                            ▲
//!                                health checks per target
//! server ──table──► control.sock ──► state.json
//!        ◄──view──
//! ```
//!
//! It listens on the loopback address only. It does what its table says, also when the server is away, and never
//! decides which processes there should be.

mod balancer;
pub mod client;
mod control;
mod forwarded;
mod guarded;
mod health;
mod listeners;
mod pool;
mod proxy;
mod socket;
pub mod table;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::disk::{self, Lock};

/// Runs the router of this folder until it is told to stop. A second one for the same folder ends at once.
pub fn main(dir: &Path) -> ExitCode {
    match run(dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is the router's own file in the folder.
            let _ = io::Write::write_fmt(&mut io::stderr(), format_args!("{error}\n"));
            ExitCode::FAILURE
        }
    }
}

fn run(dir: &Path) -> io::Result<()> {
    // Fails only for one that leads a session already.
    let _ = nix::unistd::setsid();
    disk::private_dir(dir)?;
    let Some(_lock) = Lock::take(&dir.join("lock"))? else { return Ok(()) };
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    // With fewer files it serves fewer connections at a time, which is no reason not to serve.
    let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(control::serve(dir))
}
