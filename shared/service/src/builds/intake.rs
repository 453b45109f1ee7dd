//! Which builds an installation takes: images that it builds itself, images that are pushed to it, or both.
//!
//! The program that is started picks one; nothing here guesses it from what happens to be there.

use std::sync::Arc;

use async_trait::async_trait;
use slipway_domain::cluster::place::Account;
use slipway_domain::error::{Error, Result};
use slipway_domain::id::{BuildId, TenantId};
use slipway_domain::name::AppName;
use slipway_domain::repository::Repository;
use slipway_domain::secret::Secret;
use slipway_domain::time::Time;

use super::Source;
use crate::ports::{BuildOrder, BuildState, Builder, Expected, LogLine, Objects, Upload};

/// How who pushes an image logs in to the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// The registry asks nobody.
    Open,
    /// With credentials that the registry's own people give out; this installation passes on none.
    Own,
    /// With these, which can push to the one repository and do nothing else, until they expire.
    Temporary { username: String, password: Secret, expires_at: Time },
}

/// Where an image that was made elsewhere goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    pub repository: Repository,
    pub login: Login,
}

/// The repositories that images are pushed to from outside.
#[async_trait]
pub trait Repositories: Send + Sync {
    fn repository(&self, tenant: &TenantId, app: &AppName) -> Repository;

    /// A login that is good for the app's repository; where it is made, a fresh one at each call.
    async fn login(&self, tenant: &TenantId, app: &AppName) -> Result<Login>;

    /// Lets these accounts of AWS pull the app's images, and no others. Nothing where nodes log in by themselves.
    async fn let_pull(&self, _tenant: &TenantId, _app: &AppName, _accounts: Vec<Account>) -> Result<()> {
        Ok(())
    }
}

/// Which builds are taken.
#[derive(Clone)]
pub enum Intake {
    /// Images are built here from uploaded archives, and come in no other way.
    Archives,
    /// Images are built elsewhere and pushed; there is no builder.
    External(Arc<dyn Repositories>),
    Both(Arc<dyn Repositories>),
}

impl Intake {
    /// `source_builds_not_taken`, `external_builds_not_taken` (422).
    pub(super) fn takes(&self, source: &Source) -> Result<()> {
        match (source, self) {
            (Source::Archive(_), Self::External(_)) => Err(no_source_builds()),
            (Source::External, Self::Archives) => Err(no_external_builds()),
            (Source::Archive(_) | Source::External | Source::Existing, _) => Ok(()),
        }
    }

    pub(super) async fn push(&self, tenant: &TenantId, app: &AppName) -> Result<Push> {
        let repositories = self.repositories().ok_or_else(no_external_builds)?;
        let repository = repositories.repository(tenant, app);
        let login = repositories.login(tenant, app).await?;
        Ok(Push { repository, login })
    }

    /// What to do about an image that is not there.
    pub(super) fn remedy(&self, tenant: &TenantId, app: &AppName) -> String {
        match self.repositories() {
            Some(repositories) => format!("push it to {} first", repositories.repository(tenant, app)),
            None => "build it from source first".to_owned(),
        }
    }

    pub(crate) async fn let_pull(&self, tenant: &TenantId, app: &AppName, accounts: Vec<Account>) -> Result<()> {
        match self.repositories() {
            Some(repositories) => repositories.let_pull(tenant, app, accounts).await,
            None => Ok(()),
        }
    }

    fn repositories(&self) -> Option<&dyn Repositories> {
        match self {
            Self::Archives => None,
            Self::External(repositories) | Self::Both(repositories) => Some(repositories.as_ref()),
        }
    }
}

fn no_external_builds() -> Error {
    let message = "this server builds images from source and has no registry to push to: build from source, or start the \
                   server with --registry";
    Error::invalid("external_builds_not_taken", "/source", message)
}

fn no_source_builds() -> Error {
    let message = "this server has no builder: build the image elsewhere, and make an external build of it (source: \
                   external; slipway build --external)";
    Error::invalid("source_builds_not_taken", "/source", message)
}

/// The builder of an installation that has none. Builds that an earlier installation left running fail.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoBuilder;

#[async_trait]
impl Builder for NoBuilder {
    async fn start(&self, _order: &BuildOrder) -> Result<()> {
        Err(no_source_builds())
    }

    async fn state(&self, _build: &BuildId) -> Result<BuildState> {
        Ok(BuildState::Failed { reason: "this server has no builder any more".to_owned() })
    }

    async fn cancel(&self, _build: &BuildId) -> Result<()> {
        Ok(())
    }

    async fn log(&self, _build: &BuildId, _after: u64) -> Result<Vec<LogLine>> {
        Ok(Vec::new())
    }
}

/// No archive is built, so none is taken.
#[async_trait]
impl Objects for NoBuilder {
    async fn upload(&self, _build: &BuildId, _expected: &Expected) -> Result<Upload> {
        Err(no_source_builds())
    }

    async fn arrived(&self, _build: &BuildId) -> Result<bool> {
        Ok(false)
    }
}
