//! The one table, through `aws-sdk-dynamodb`: what is kept, under which conditions it changes, and who may see it.
//!
//! ```text
//! Store ── scoped(tenant) ──► Scoped: apps, environments, builds, releases, promotions, runs, tokens, audit, outbox
//!   └───── system() ────────► System: ids of what is due, and nothing else
//! ```
//!
//! Every change is one transaction: state, events, outbox, audit row and idempotency record together. Sealed things are
//! written under `attribute_not_exists` and are never named by an update. No public function takes a key, and no rule
//! of a rollout lives here: the versions that the caller read are the only conditions.

pub mod apps;
pub mod audit;
pub mod builds;
pub mod environments;
pub mod error;
pub mod keys;
mod layout;
pub mod promotions;
pub mod records;
pub mod releases;
pub mod runs;
pub mod store;
pub mod tenants;
pub mod token_id;
