//! What the functions of a hosted installation have in common: AWS and tenants' EKS clusters behind the ports of the
//! use cases.
//!
//! ```text
//! functions/api     ──► api      use cases, the table narrowed to the caller's tenant
//! functions/rollout ──► rollout  one turn of a promotion
//! functions/relay   ──► relay    records of the table's stream ──► executions, messages
//! functions/sweep   ──► sweep    what was left behind
//!                          │
//!                          └──► host: settings, clients, table
//!
//! tenant, cluster ─► role ──► where it is ──► which address ──► token ──► Kubernetes
//!                  sessions     eks           private, dial     eks_token   cluster, processes, access
//! ```

pub mod api;
mod clusters;
mod host;
pub mod metrics;
mod narrow;
pub mod private;
pub mod relay;
pub mod rollout;
pub mod settings;
mod setup;
pub mod sweep;
pub mod telemetry;

pub use clusters::{EksClusters, EksService};
pub use host::Host;
