//! The policies that narrow rights to one tenant, one repository, one account. Pure: values in, JSON out.
//!
//! A session policy gives nothing: what it allows is what is left of the rights of the role that is assumed with it. AWS
//! takes one of at most [`MAX_LENGTH`] characters, which the longest names that can occur stay below.

use serde_json::json;
use slipway_domain::id::TenantId;
use slipway_domain::time::Time;

use crate::arn::{KeyArn, RepositoryArn, TableArn, account_root};
use slipway_domain::cluster::place::Account;
use slipway_domain::cluster::role::RoleArn;

/// Of a session policy, in characters.
pub const MAX_LENGTH: usize = 2048;

/// Of a repository's own policy, in characters: more than a hundred accounts.
pub const MAX_REPOSITORY_LENGTH: usize = 10_240;

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

/// What DynamoDB does with the key that encrypts the table, in the name of whoever asks for an item.
const THROUGH_DYNAMODB: [&str; 6] =
    ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"];

/// For the session of a request: one tenant's keys of the table, of which the sealed ones cannot be updated or deleted,
/// and data keys that were made for the tenant. The index, which lists what is due of all tenants, is not in it.
///
/// A request that names no keys has none that are foreign, so that keys are asked for as well. Apps and environments may
/// be called `sealed`: an app's name stands directly behind `app#`, where the pattern begins after at least one more
/// word, and of an environment's own partitions only its history may change.
pub fn tenant(table: &TableArn, key: &KeyArn, tenant: &TenantId) -> String {
    let (table, key, own) = (table.to_string(), key.to_string(), format!("t#{tenant}#"));
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
            {
                "Effect": "Allow",
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Resource": key,
                "Condition": { "StringEquals": { "kms:EncryptionContext:tenant": tenant.as_str() } },
            },
            {
                "Effect": "Allow",
                "Action": THROUGH_DYNAMODB,
                "Resource": key,
                "Condition": { "StringLike": { "kms:ViaService": "dynamodb.*" } },
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

/// Who else may do what in a repository, beside our own roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whose clusters run its images.
    pub pullers: Vec<Account>,
    /// Whoever logged in to push until then is locked out. After 12 hours, when the last such login has ended by itself,
    /// it can be left out.
    pub revoked_at: Option<Time>,
}

/// For a repository itself, all of it: a policy is replaced as a whole, so that one that only lets somebody pull would
/// lift a lock. None when it would say nothing, which ECR does not take.
///
/// A login is locked out by the time at which its session began. Should a request not tell that time, it is locked out as
/// well: nobody can push then until the lock is lifted, but nobody pushes who must not. The role is named by a condition
/// and not as a principal, where a role that is made anew under its old name would not be meant.
pub fn repository(access: &Access, push_role: &RoleArn) -> Option<String> {
    let roots: Vec<String> =
        access.pullers.iter().map(|account| account_root(push_role.partition(), account)).collect();
    let pull = (!roots.is_empty()).then(|| {
        json!({
            "Sid": "ConnectedAccountsPull",
            "Effect": "Allow",
            "Principal": { "AWS": roots },
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        })
    });
    let lock = access.revoked_at.map(|at| {
        json!({
            "Sid": "RevokedLoginsDoNothing",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "ecr:*",
            "Condition": {
                "ArnEquals": { "aws:PrincipalArn": push_role.to_string() },
                "DateLessThanIfExists": { "aws:TokenIssueTime": next_second(at).to_string() },
            },
        })
    });
    let statements: Vec<_> = pull.into_iter().chain(lock).collect();
    (!statements.is_empty()).then(|| json!({ "Version": VERSION, "Statement": statements }).to_string())
}

/// Policies know whole seconds. A login of the same second counts as one from before.
fn next_second(time: Time) -> Time {
    Time::from_millis((time.as_seconds() + 1) * 1000)
}
