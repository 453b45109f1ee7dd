//! One story for every place where the product runs: this machine, a Kubernetes cluster, AWS as deployed.
//!
//! ```text
//! test ──► App ──► Client ──HTTP──► Place ── Local       slipway-local: processes
//!                                        ├── Kubernetes  slipway-local: pods of the project's cluster
//!                                        └── Aws         the deployed stack: functions, state machine, stream, queue;
//!                                                        pods of the project's cluster, found as one of EKS
//! ```
//!
//! What a test does and sees goes through the API; the place knows how an image comes to be there and who grants rights.

pub mod app;
pub mod aws;
pub mod place;
