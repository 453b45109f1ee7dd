//! Taking on a role: of a tenant, in the tenant's account, by its external id; or one of ours, with less than its rights.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use aws_sdk_sts::config::Builder;
use aws_sdk_sts::operation::assume_role::AssumeRoleOutput;
use aws_sdk_sts::operation::assume_role::builders::AssumeRoleFluentBuilder;
use slipway_domain::id::TenantId;

use crate::fault::{Failure, Fault};
use crate::limits::Limits;
use slipway_domain::cluster::role::{ExternalId, RoleArn};

const LIMITS: Limits = Limits { attempt: Duration::from_secs(2), whole: Duration::from_secs(5), attempts: 3 };

/// The shortest session that there is: 15 minutes.
const SESSION_SECONDS: i32 = 900;

/// What STS answers for a role: that it is not there, and that it does not let us in, look the same.
const REFUSED: &str = "AccessDenied";

const PROVIDER: &str = "AssumeRole";

/// Why a role could not be taken on. Each names what has to be mended, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssumeError {
    #[error(
        "AWS does not let us take on the role {role}: check that it exists, and that its trust policy allows \
         sts:AssumeRole to our account under the external id {external_id}"
    )]
    Refused { role: RoleArn, external_id: ExternalId, words: String },
    #[error(
        "the role {0} can be taken on without an external id: its trust policy must have the condition StringEquals \
         sts:ExternalId"
    )]
    NoExternalId(RoleArn),
    #[error(
        "the role {0} can be taken on with an external id other than its own: its trust policy must ask for that one \
         with StringEquals"
    )]
    AnyExternalId(RoleArn),
    #[error("AWS does not let us take on our own role {role}: its trust policy must name the role of the function")]
    NotOurs { role: RoleArn, words: String },
    #[error("AWS gave us a session of {found} when asked for the role {role}: nothing was done with it")]
    OtherRole { role: RoleArn, found: String },
    #[error("AWS did not answer when we asked for the role {role}: try again")]
    Away { role: RoleArn, words: String },
    #[error("AWS was asked for too many sessions: try again in a few seconds")]
    Throttled { words: String },
    #[error("the request for the role {role} cannot succeed, which is ours to mend")]
    Invalid { role: RoleArn, words: String },
}

/// The token service, with our own credentials.
pub struct Sts {
    client: Client,
}

impl Sts {
    /// `config` says where and as whom; limits of time and attempts are those of this module.
    pub fn new(config: Builder) -> Self {
        let config = config.timeout_config(LIMITS.timeouts()).retry_config(LIMITS.retries()).build();
        Self { client: Client::from_conf(config) }
    }

    /// Credentials of 15 minutes. The session bears the tenant's id, so that it is told apart in the account's own log.
    pub async fn assume(
        &self,
        tenant: &TenantId,
        role: &RoleArn,
        external_id: &ExternalId,
    ) -> Result<Credentials, AssumeError> {
        let request = self.request(tenant, role).external_id(external_id.as_str());
        send(role, request).await.map_err(|failure| refused(role, external_id, failure))?
    }

    /// The same for the first time: only if the role refuses us without an external id, and with `another` one. A role
    /// that does not would let anybody's customer into the account that it is in.
    pub async fn accept(
        &self,
        tenant: &TenantId,
        role: &RoleArn,
        external_id: &ExternalId,
        another: &ExternalId,
    ) -> Result<Credentials, AssumeError> {
        let open = [
            (None, AssumeError::NoExternalId(role.clone())),
            (Some(another.to_string()), AssumeError::AnyExternalId(role.clone())),
        ];
        for (wrong, error) in open {
            match send(role, self.request(tenant, role).set_external_id(wrong)).await {
                Ok(_) => return Err(error),
                Err(failure) if failure.code == REFUSED => {}
                Err(failure) => return Err(refused(role, external_id, failure)),
            }
        }
        self.assume(tenant, role, external_id).await
    }

    /// Credentials of 15 minutes with the rights of a role of ours, narrowed by a session policy.
    pub async fn narrow(&self, tenant: &TenantId, role: &RoleArn, policy: &str) -> Result<Credentials, AssumeError> {
        let request = self.request(tenant, role).policy(policy);
        send(role, request).await.map_err(|failure| match failure {
            Failure { code, words, .. } if code == REFUSED => AssumeError::NotOurs { role: role.clone(), words },
            failure => unanswered(role, failure),
        })?
    }

    fn request(&self, tenant: &TenantId, role: &RoleArn) -> AssumeRoleFluentBuilder {
        let request = self.client.assume_role().role_arn(role.to_string()).duration_seconds(SESSION_SECONDS);
        request.role_session_name(format!("slipway-{tenant}"))
    }
}

/// What was answered, or that nothing was; and whether the answer is to be believed.
async fn send(role: &RoleArn, request: AssumeRoleFluentBuilder) -> Result<Result<Credentials, AssumeError>, Failure> {
    let answer = Box::pin(request.send()).await.map_err(|error| Failure::of(&error))?;
    Ok(credentials(role, answer))
}

fn refused(role: &RoleArn, external_id: &ExternalId, failure: Failure) -> AssumeError {
    if failure.code == REFUSED {
        let (role, external_id) = (role.clone(), external_id.clone());
        return AssumeError::Refused { role, external_id, words: failure.words };
    }
    unanswered(role, failure)
}

fn unanswered(role: &RoleArn, failure: Failure) -> AssumeError {
    let (role, words) = (role.clone(), failure.words);
    match failure.fault {
        Fault::Away => AssumeError::Away { role, words },
        Fault::Throttled => AssumeError::Throttled { words },
        // Refused to us altogether: our own credentials, or the service in this region.
        Fault::Denied | Fault::Missing | Fault::Invalid => AssumeError::Invalid { role, words },
    }
}

/// What was answered, if it is of the role's account.
fn credentials(role: &RoleArn, answer: AssumeRoleOutput) -> Result<Credentials, AssumeError> {
    let found = answer.assumed_role_user.map(|user| user.arn).unwrap_or_default();
    let expected = format!("arn:{}:sts::{}:assumed-role/", role.partition().as_str(), role.account());
    if !found.starts_with(&expected) {
        return Err(AssumeError::OtherRole { role: role.clone(), found });
    }
    let lacking = |what: &str| AssumeError::Away { role: role.clone(), words: format!("the answer lacks {what}") };
    let given = answer.credentials.ok_or_else(|| lacking("credentials"))?;
    let end = SystemTime::try_from(given.expiration).map_err(|_| lacking("a time of expiry"))?;
    let token = Some(given.session_token);
    Ok(Credentials::new(given.access_key_id, given.secret_access_key, token, Some(end), PROVIDER))
}

#[cfg(test)]
mod tests;
