//! The policies that narrow rights to one tenant, one repository, one account. Pure: values in, JSON out.
//!
//! A session policy gives nothing: what it allows is what is left of the rights of the role that is assumed with it. AWS
//! takes one of at most [`MAX_LENGTH`] characters, which the longest names that can occur stay below.

use serde_json::json;
use slipway_domain::id::TenantId;

use crate::arn::{RepositoryArn, TableArn, account_root};
use slipway_domain::cluster::place::{Account, Partition};

/// Of a session policy, in characters.
pub const MAX_LENGTH: usize = 2048;

const VERSION: &str = "2012-10-17";

/// The partitions that a request to the table names.
const KEYS: &str = "dynamodb:LeadingKeys";

/// What the store asks of the table, and nothing else: transactions are made of these. Tables are made by nobody here,
/// nothing is scanned, and `PartiQL` has actions of its own.
const TABLE_ACTIONS: [&str; 7] = [
    "dynamodb:BatchGetItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
];

/// What would change something that is sealed. A second put is the condition's to refuse: it looks like the first.
const UNSEALING: [&str; 2] = ["dynamodb:DeleteItem", "dynamodb:UpdateItem"];

/// For the session of a request: one tenant's keys of the table, of which the sealed ones cannot be updated or deleted.
/// The index, which lists what is due of all tenants, is not in it.
///
/// A request that names no keys has none that are foreign, so that keys are asked for as well. Apps and environments may
/// be called `sealed`: an app's name stands directly behind `app#`, where the pattern begins after at least one more
/// word, and of an environment's own partitions only its history may change.
pub fn tenant_table(table: &TableArn, tenant: &TenantId) -> String {
    let (table, own) = (table.to_string(), format!("t#{tenant}#"));
    let policy = json!({
        "Version": VERSION,
        "Statement": [
            {
                "Effect": "Allow",
                "Action": TABLE_ACTIONS,
                "Resource": table,
                "Condition": {
                    "ForAllValues:StringLike": { KEYS: format!("{own}*") },
                    "Null": { KEYS: "false" },
                },
            },
            {
                "Effect": "Deny",
                "Action": UNSEALING,
                "Resource": table,
                "Condition": {
                    "ForAnyValue:StringLike": { KEYS: [format!("{own}sealed#*"), format!("{own}app#*#sealed#*")] },
                    "ForAnyValue:StringNotLike": { KEYS: format!("{own}app#*#env#sealed#history") },
                },
            },
        ],
    });
    policy.to_string()
}

/// For the session that makes push credentials: uploads to one repository. Clients look whether the manifest that they
/// push is there already, hence `BatchGetImage`; layers cannot be downloaded. The right to make a registry token cannot be
/// narrowed, and gives a token that can do no more than its session.
pub fn push(repository: &RepositoryArn) -> String {
    let policy = json!({
        "Version": VERSION,
        "Statement": [
            { "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" },
            {
                "Effect": "Allow",
                "Action": [
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:CompleteLayerUpload",
                    "ecr:InitiateLayerUpload",
                    "ecr:PutImage",
                    "ecr:UploadLayerPart",
                ],
                "Resource": repository.to_string(),
            },
        ],
    });
    policy.to_string()
}

/// For a repository itself: the account whose cluster runs its images may pull them.
pub fn pull(partition: Partition, account: &Account) -> String {
    let policy = json!({
        "Version": VERSION,
        "Statement": [
            {
                "Sid": "ConnectedAccountPulls",
                "Effect": "Allow",
                "Principal": { "AWS": account_root(partition, account) },
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            },
        ],
    });
    policy.to_string()
}
