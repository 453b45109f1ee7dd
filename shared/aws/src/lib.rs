//! What the use cases need of AWS.
//!
//! ```text
//! tenant       ──► policy    ──► session policy: this tenant's keys of the table and nothing else
//! cluster, now ──► eks_token ──► k8s-aws-v1.…, for the tenant's API server
//! ```
//!
//! This crate never decides anything about a promotion, never reads a clock or the environment by itself, and never
//! widens a right that it was given.

pub mod arn;
pub mod eks_token;
pub mod place;
pub mod policy;
