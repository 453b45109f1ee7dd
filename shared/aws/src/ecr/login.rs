//! Logins to push to one repository: a registry token, made in a session that can do no more than that.
//!
//! The session ends after 15 minutes; the token outlives it, for as long as ECR says. Until then it can be locked out by
//! [`Ecr::permit`].

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sdk_ecr::config::Builder;
use aws_sdk_ecr::types::AuthorizationData;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use slipway_domain::cluster::place::Account;
use slipway_domain::error::{Error, Result};
use slipway_domain::id::TenantId;
use slipway_domain::name::AppName;
use slipway_domain::repository::Repository;
use slipway_domain::secret::Secret;
use slipway_domain::time::Time;
use slipway_service::builds::intake::{Login, Repositories};
use zeroize::Zeroizing;

use super::Ecr;
use super::answer::Attempt;
use crate::arn::RepositoryArn;
use crate::fault::Failure;
use crate::policy::{self, Access};
use crate::sts::AssumeError;

impl Ecr {
    async fn token(&self, repository: &Repository, session: Credentials) -> Result<Login> {
        let attempt = Attempt::new(repository, "making a login to push", "ecr:GetAuthorizationToken");
        let attempt = attempt.by("the role for pushing");
        let own = Builder::new().credentials_provider(session);
        let request = self.client.get_authorization_token().customize().config_override(own);
        let answer = Box::pin(request.send()).await.map_err(|error| attempt.failed(&Failure::of(&error)))?;
        let data = answer.authorization_data.unwrap_or_default().into_iter().next();
        let login = data.ok_or("it has no token").and_then(read);
        login.map_err(|problem| attempt.unexpected(problem))
    }
}

#[async_trait]
impl Repositories for Ecr {
    fn repository(&self, tenant: &TenantId, app: &AppName) -> Repository {
        self.place(tenant, app)
    }

    /// A login that pushes to the app's repository and does nothing else, with the time at which ECR stops to take it.
    /// Makes the repository first, if there is none. Errors: `registry_unreachable`, `unavailable` (503).
    async fn login(&self, tenant: &TenantId, app: &AppName) -> Result<Login> {
        let repository = &self.ensure(tenant, app).await?;
        let arn = RepositoryArn::try_from(repository).map_err(Error::internal)?;
        let role = &self.settings.push_role;
        let session = self.sts.narrow(tenant, role, &policy::push(&arn)).await.map_err(|error| refused(&error))?;
        self.token(repository, session).await
    }

    async fn let_pull(&self, tenant: &TenantId, app: &AppName, accounts: Vec<Account>) -> Result<()> {
        self.permit(tenant, app, &Access { pullers: accounts, revoked_at: None }).await
    }
}

/// Base64 of `<name>:<password>`. No error quotes what it holds. The registry that comes with it is that of the session's
/// account, which is ours, and says nothing of where the token is good.
fn read(data: AuthorizationData) -> std::result::Result<Login, &'static str> {
    let expires_at = data.expires_at.and_then(|at| at.to_millis().ok()).ok_or("it does not say when it expires")?;
    let token = Zeroizing::new(data.authorization_token.unwrap_or_default());
    let bytes = STANDARD.decode(token.as_bytes()).map(Zeroizing::new).map_err(|_| "its token is not base64")?;
    let text = std::str::from_utf8(&bytes).map_err(|_| "its token is not text")?;
    let (username, password) = text.split_once(':').ok_or("its token has no password")?;
    let (username, password) = (username.to_owned(), Secret::from(password));
    Ok(Login::Temporary { username, password, expires_at: Time::from_millis(expires_at) })
}

/// A role of ours: nobody outside can mend what is wrong with it.
fn refused(error: &AssumeError) -> Error {
    match error {
        AssumeError::Away { words, .. } | AssumeError::Throttled { words } => {
            Error::unavailable(format!("{error}: {words}"))
        }
        AssumeError::NotOurs { words, .. } | AssumeError::Invalid { words, .. } => {
            Error::internal(format!("{error}: {words}"))
        }
        AssumeError::Refused { .. }
        | AssumeError::NoExternalId(_)
        | AssumeError::AnyExternalId(_)
        | AssumeError::OtherRole { .. } => Error::internal(error),
    }
}
