//! The cluster of this machine: a Deployment is a versioned row in a file, a process a keeper with its command.
//!
//! ```text
//! create, write, remove ──► cluster.json ──► reconcile (pure) ──► keepers, router's table
//!                              ▲                  ▲
//! observe ◄────────────────────┴── status.json ───┴── router's view
//! ```
//!
//! One reconciler makes the processes match the rows. What it is going to start is written down before it is started,
//! so that a server that was killed leaves nothing behind that the next one does not know. It never changes a row by
//! itself, and never ends a process because the server ends.

mod act;
mod core;
mod halt;
mod local;
mod observe;
mod place;
mod ports;
mod processes;
mod reconcile;
mod refresh;
mod runs;
mod state;
mod template;
mod wake;

pub use halt::halt;
pub use local::{Config, LocalCluster};
