//! The whole product on a real Kubernetes cluster: the server as a program, its API, and the owner of the cluster.
//!
//! ```text
//! Stage (an app, its namespace) ──HTTP──► server ──rights of infra/cluster-access.yaml──► API server
//!        └──────────────► Owner (quotas, rules, bare hands) ──────────────────────────────────┘
//!                         Gate (a registry that refuses as it is told) ◄── server, nodes
//! ```
//!
//! Nothing here is a second implementation, and nothing here says what a rollout should do.

pub mod gate;
pub mod installed;
pub mod owner;
mod rules;
pub mod stage;
