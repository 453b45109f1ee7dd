//! What the demos share: commands as a person types them, the server under them, and the comparison of what is with what
//! should be.
//!
//! ```text
//! story ──► Shell ──► slipway (the real commands) ──► Server ──► Ground: this machine, or a cluster
//!   │                                                              ▲       ▲
//!   ├──► Stage: compares what the API and the ground say ──────────┘       │
//!   └──► traffic: requests without a pause, each answer checked ───────────┘
//! ```
//!
//! What goes wrong is told in words, and ends the story. Nothing here says what a story is about.

pub mod acts;
pub mod api;
pub mod ground;
pub mod performance;
pub mod say;
pub mod server;
pub mod shell;
pub mod stage;
pub mod traffic;

/// Where the apps of the stories run; it exists from the start.
pub const ENVIRONMENT: &str = "production";

/// Whether everything was as expected; if not, what was not.
pub type Told = Result<(), String>;
