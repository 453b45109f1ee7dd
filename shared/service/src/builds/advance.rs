//! What becomes of a build without anybody asking for it: it is started again, sealed, failed.
//!
//! The builder knows how far it is, the record is what counts. Whoever looks at a build carries the news over; each
//! write is conditional on the status that was read, so that two who look at once write once.

use std::time::Duration;

use slipway_domain::build::{Build, BuildStatus};
use slipway_domain::error::Result;
use slipway_domain::id::{ReleaseId, TenantId};
use slipway_domain::manifest::{Manifest, Warning};
use slipway_domain::release::ImageDigest;
use slipway_domain::time::Time;
use slipway_domain::variables::Variables;
use slipway_store::Scoped;
use slipway_store::builds::CompleteBuild;
use slipway_store::error::{StoreError, Subject};
use slipway_store::records::Change;

use crate::draft::{ATTEMPTS, Code, Draft, lost_a_race, own, too_busy};
use crate::ports::{BuildOrder, BuildState};
use crate::slipway::{Slipway, find_build, find_environment};
use crate::sweep::system_change;

/// What a build came to.
pub(super) struct Made {
    pub image: ImageDigest,
    pub manifest: Manifest,
    pub warnings: Vec<String>,
}

impl Slipway {
    /// The build after what the builder says was recorded. A builder that does not answer changes nothing.
    pub(crate) async fn advance_build(&self, store: &Scoped, tenant: &TenantId, build: Build) -> Result<Build> {
        let now = self.clock.now();
        match build.status {
            BuildStatus::Created if is_over(&build, now) => {
                return self.fail_build(store, build, "it was not completed within its time limit", now).await;
            }
            BuildStatus::Created | BuildStatus::Complete | BuildStatus::Failed | BuildStatus::Cancelled => {
                return Ok(build);
            }
            BuildStatus::Running => {}
        }
        let state = match self.builder.state(&build.id).await {
            Ok(state) => state,
            Err(error) => {
                tracing::warn!(build.id = %build.id, error = %error, "the builder did not say how far a build is");
                BuildState::Running
            }
        };
        match state {
            BuildState::Done { image, manifest, warnings } => {
                let made = Made { image, manifest, warnings };
                Box::pin(self.finish_build(store, tenant, build, made, now)).await
            }
            BuildState::Failed { reason } => self.fail_build(store, build, &reason, now).await,
            BuildState::Running | BuildState::Unknown if is_over(&build, now) => {
                if let Err(error) = self.builder.cancel(&build.id).await {
                    tracing::warn!(build.id = %build.id, error = %error, "a build past its limit could not be stopped");
                }
                self.fail_build(store, build, "it did not end within its time limit", now).await
            }
            BuildState::Running => Ok(build),
            BuildState::Unknown => {
                self.start_builder(tenant, &build).await;
                Ok(build)
            }
        }
    }

    /// A start that fails is tried again by whoever looks next.
    pub(super) async fn start_builder(&self, tenant: &TenantId, build: &Build) {
        let order = BuildOrder {
            tenant: tenant.clone(),
            app: build.app.clone(),
            build: build.id.clone(),
            manifest: build.manifest_path.clone(),
            time_limit: Duration::from_secs(build.time_limit_seconds),
        };
        if let Err(error) = self.builder.start(&order).await {
            tracing::warn!(build.id = %build.id, error = %error, "a build could not be started");
        }
    }

    async fn finish_build(
        &self,
        store: &Scoped,
        tenant: &TenantId,
        build: Build,
        made: Made,
        now: Time,
    ) -> Result<Build> {
        if !self.registry.holds(tenant, &build.app, &made.image).await? {
            let reason = format!("the registry does not hold its image {}", made.image);
            return self.fail_build(store, build, &reason, now).await;
        }
        self.seal_build(store, build, made, system_change(now, "build.complete")).await
    }

    async fn fail_build(&self, store: &Scoped, build: Build, reason: &str, now: Time) -> Result<Build> {
        let expected = build.status;
        let failed =
            Build { status: BuildStatus::Failed, ended_at: Some(now), failure: Some(reason.to_owned()), ..build };
        match store.update_build(&system_change(now, "build.fail"), &failed, expected).await {
            Ok(()) => Ok(failed),
            Err(StoreError::Stale(_) | StoreError::Sealed(_)) => find_build(store, &failed.app, &failed.id).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Seals the build and makes its release, in one transaction. The release forks from the environment's newest.
    pub(super) async fn seal_build(&self, store: &Scoped, build: Build, made: Made, change: Change) -> Result<Build> {
        let unnumbered = |message: String| Warning { message, line: None };
        let warnings =
            made.manifest.warnings.iter().cloned().chain(made.warnings.into_iter().map(unnumbered)).collect();
        let sealed = Build {
            status: BuildStatus::Complete,
            image: Some(made.image),
            manifest: Some(made.manifest),
            warnings,
            ended_at: Some(change.now),
            ..build.clone()
        };
        for _ in 0..ATTEMPTS {
            let environment = find_environment(store, &build.app, &build.environment).await?;
            let base = match &environment.newest {
                Some(id) => Some(own(store, &build.app, id).await?),
                None => None,
            };
            let draft = Draft {
                code: Code::of_build(&sealed)?,
                variables: match &base {
                    Some(base) => store.variables(base).await?,
                    None => Variables::default(),
                },
                parent: base.map(|base| base.id),
                copied_from: None,
                age: None,
                description: build.description.clone(),
                tag: None,
                reason: None,
            };
            let id = ReleaseId::from_entropy(self.entropy.draw());
            let release = draft.number(store, &environment, id.clone(), &build.created_by, change.now).await?;
            let sealed = Build { release: Some(id), ..sealed.clone() };
            let complete = CompleteBuild { build: sealed.clone(), expected: build.status, release };
            match store.complete_build(&change, &complete).await {
                Ok(()) => return Ok(sealed),
                Err(StoreError::Sealed(_) | StoreError::Stale(Subject::Build)) => {
                    return find_build(store, &build.app, &build.id).await;
                }
                Err(error) if lost_a_race(&error) => self.pause().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(too_busy())
    }
}

fn is_over(build: &Build, now: Time) -> bool {
    now.since(build.created_at) >= Duration::from_secs(build.time_limit_seconds)
}
