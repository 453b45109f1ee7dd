//! One process of a service, and its keeper.
//!
//! ```text
//! control plane ──spawns──► slipway-local supervise <dir> ──► slipway-local exec … ──becomes──► the command
//!        ▲                        │        ▲ stdout, stderr ────────────────────────────────────────┘
//!        └──reads── status.json ◄─┘
//!                   log, log.1
//! ```
//!
//! The keeper has a session of its own and outlives who started it. It holds `lock` for as long as it lives, starts the
//! command again when it ends, and leaves none of the command's descendants behind. It never decides how many
//! processes there are, never listens on a network, and never starts a folder's process a second time.

mod backoff;
mod child;
mod control;
pub mod exec;
pub mod journal;
mod journal_writer;
pub mod keeper;
pub mod spec;
mod tree;

pub use control::{end_for_good, launch, leftovers, orphan, signal_stop};
