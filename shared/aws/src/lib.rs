//! What the use cases need of AWS, over its own APIs: adapters of ports, credentials, and the policies that narrow them.
//!
//! ```text
//! Workflows::start ──► step_functions ──StartExecution──► Step Functions
//! Store            ──► table ──► DynamoDB
//! Keys             ──► kms ──GenerateDataKey, Decrypt──► KMS
//! Registry         ──► ecr ──BatchGetImage, PutImage───► ECR
//! Repositories     ──► ecr ──CreateRepository, GetAuthorizationToken──► ECR
//! Objects          ──► objects ──PutObject signed, HeadObject──► S3
//! messages         ──► queue ──SendMessageBatch──► SQS
//! tenant ──► policy ──► session policy: this tenant's keys of the table and nothing else ─┐
//! role, external id ──► sessions ──► sts ──AssumeRole──► credentials, kept for their life ◄┤
//! cluster ──► eks ──DescribeCluster──► endpoint and CA, if they are what they should be ◄──┤
//! cluster, now ──► eks_token ──► k8s-aws-v1.…, for the tenant's API server ◄───────────────┘
//! ```
//!
//! Every client has its own limits of time and attempts, and one table says what errors mean. This crate never decides
//! anything about a promotion, never reads a clock or the environment by itself, and never widens a right that it was
//! given.

pub mod address;
pub mod arn;
pub mod ecr;
pub mod eks;
pub mod eks_token;
pub mod endpoint;
mod fault;
pub mod kms;
mod limits;
mod moment;
pub mod objects;
pub mod policy;
pub mod queue;
#[cfg(test)]
mod scripted;
pub mod sessions;
pub mod step_functions;
pub mod sts;
pub mod table;
