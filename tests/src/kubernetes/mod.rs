//! What the tests on a real Kubernetes cluster share.

pub mod balancer;
