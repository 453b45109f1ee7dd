//! What the tests on a real Kubernetes cluster share: `make cluster`'s, or the one of `KUBECONFIG`.
//!
//! ```text
//! Stage (namespace, images, releases) ──► promote ──► shipped turn ──► KubernetesCluster ──► API server
//!                                             └── records in memory ◄──┘
//! ```
//!
//! Each stage is a namespace of its own, which goes with it. Nothing here says what a rollout should do.

pub mod balancer;
pub mod facts;
pub mod harness;
pub mod images;
pub mod records;
pub mod rights;
