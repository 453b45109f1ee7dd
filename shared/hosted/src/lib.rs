//! What the functions of a hosted installation have in common: tenants' EKS clusters behind the ports of the use cases.
//!
//! ```text
//! tenant, cluster ─► role ──► where it is ──► which address ──► token ──► Kubernetes
//!                  sessions     eks           private, dial     eks_token   cluster, processes, access
//! ```

mod clusters;
pub mod private;
mod setup;

pub use clusters::EksClusters;
