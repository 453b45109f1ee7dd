//! The REST API: one router for the hosted service, for a local installation and for tests.
//!
//! ```text
//! request ──► finish ──► route ──► extractors ──► handler ──► use case
//!               ▲                     │              │            │
//!               └──── problem ◄───────┴──────────────┴────────────┘
//! ```
//!
//! It parses requests, proves who asks, and writes answers. It never decides anything, never reads the database, and
//! never writes the value of a variable into an answer but the one that reveals them.

mod codes;
mod cursor;
mod document;
mod extract;
mod finish;
mod problem;
mod router;
mod routes;
mod state;
mod wire;

pub use codes::{CODES, Code};
pub use document::{codes_table, document};
pub use router::router;
