//! Everything that makes Slipway run on one machine: its processes as the cluster, a router as the load balancer, local
//! builds, and the state machine's interpreter.

pub mod builds;
pub mod cluster;
pub mod disk;
pub mod helper;
pub mod rollout;
pub mod router;
pub mod server;
pub mod supervisor;
pub mod workflow;
