//! The use cases, and the few ports that they need. The only crate that orders I/O: gather, decide, act.
//!
//! ```text
//! HTTP, sweep ──► Slipway ──► Store      one conditional transaction per change
//!                    │
//!                    └──────► ports      cluster, processes, workflows, registry, objects, builder, access
//! state machine ──► turn ───► the same
//! stream, sweep ──► relay ──► workflows, queue
//! ```
//!
//! Every use case takes a [`caller::Caller`], which only authentication makes, and checks its right itself. Nothing here
//! knows HTTP, and no rule of a rollout is decided here: those are in `slipway-rollout`.

pub mod access;
pub mod apps;
pub mod builds;
pub mod caller;
pub mod clusters;
pub mod diagnosis;
mod draft;
pub mod environments;
pub mod mask;
pub mod plan_view;
pub mod ports;
pub mod processes;
pub mod promotions;
pub mod relay;
pub mod releases;
pub mod request;
pub mod rollbacks;
pub mod runs;
pub mod scale;
pub mod slipway;
pub mod sweep;
pub mod system;
pub mod template;
pub mod tenants;
mod token_text;
pub mod tokens;
pub mod turn;
pub mod variables;
