//! What we may do in an environment's cluster, for whoever grants it.

use slipway_domain::error::Result;
use slipway_domain::name::{AppName, EnvironmentName};

use crate::caller::{Caller, Right};
use crate::slipway::{Slipway, find_environment, namespace};

/// The rights that we need in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessView {
    /// What has to be applied there, as YAML. None: the processes run where nothing has to be granted.
    pub manifest: Option<String>,
    /// What is missing of it, each as verbs and a resource. None: the cluster did not answer.
    pub missing: Option<Vec<String>>,
}

impl Slipway {
    /// Right: read. Errors: `app_not_found`, `environment_not_found` (404).
    pub async fn cluster_access(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
    ) -> Result<AccessView> {
        caller.needs(Right::Read)?;
        find_environment(&self.of(caller), app, environment).await?;
        let place = namespace(caller, app, environment);
        let missing = self.access.missing(&place).await;
        if let Err(error) = &missing {
            tracing::warn!(app.name = %app, error = %error, "the cluster did not say which rights are ours");
        }
        Ok(AccessView { manifest: self.access.manifest(&place), missing: missing.ok() })
    }
}
