//! Making a release: what it forks from, and the record that comes of it.

use slipway_domain::build::{Build, Commit};
use slipway_domain::error::{Error, Result};
use slipway_domain::id::{BuildId, ReleaseId};
use slipway_domain::manifest::Manifest;
use slipway_domain::name::AppName;
use slipway_domain::promotion::Environment;
use slipway_domain::release::{ImageDigest, Release, ReleaseRef, Tag, TenantKey, digest, fingerprints};
use slipway_domain::time::Time;
use slipway_domain::variables::Variables;
use slipway_store::Scoped;
use slipway_store::error::{StoreError, Subject};
use slipway_store::releases::NewRelease;

use crate::releases::BaseChoice;
use crate::slipway::{find_app, find_release};

/// How often a write is tried again when others were first. Fifty that race for one environment all get through.
pub(crate) const ATTEMPTS: u32 = 100;

/// What runs in a release.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub build: BuildId,
    pub image: ImageDigest,
    pub manifest: Manifest,
    pub commit: Option<Commit>,
}

impl Code {
    pub fn of_release(release: &Release) -> Self {
        Self {
            build: release.build.clone(),
            image: release.image.clone(),
            manifest: release.manifest.clone(),
            commit: release.commit.clone(),
        }
    }

    /// `build_incomplete` (409) unless the build has an image.
    pub fn of_build(build: &Build) -> Result<Self> {
        match (&build.image, &build.manifest) {
            (Some(image), Some(manifest)) => Ok(Self {
                build: build.id.clone(),
                image: image.clone(),
                manifest: manifest.clone(),
                commit: build.commit.clone(),
            }),
            _ => Err(build_incomplete(build)),
        }
    }
}

pub(crate) fn build_incomplete(build: &Build) -> Error {
    let message = format!("the build {} is {}: only a complete build has a release", build.id, build.status);
    Error::conflict("build_incomplete", message).detail("build", &build.id).detail("status", build.status)
}

/// A release that is about to be written.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub code: Code,
    pub variables: Variables,
    pub parent: Option<ReleaseId>,
    pub copied_from: Option<ReleaseId>,
    /// Of a copy in the same environment, the number of its original: it is as old as that.
    pub age: Option<u64>,
    pub description: String,
    pub tag: Option<Tag>,
    pub reason: Option<String>,
}

impl Draft {
    /// A fresh copy of a release in its own environment.
    pub fn copy(release: &Release, variables: Variables, description: String, reason: Option<String>) -> Self {
        Self {
            code: Code::of_release(release),
            variables,
            parent: Some(release.id.clone()),
            copied_from: Some(release.id.clone()),
            age: Some(release.original_number),
            description,
            tag: None,
            reason,
        }
    }

    /// The record, numbered after the app's last release and conditional on the environment's newest.
    pub async fn number(
        self,
        store: &Scoped,
        environment: &Environment,
        id: ReleaseId,
        actor: &str,
        now: Time,
    ) -> Result<NewRelease> {
        let app = find_app(store, &environment.app).await?;
        let key = store.tenant_key().await?;
        let release = self.release(environment, app.release_count + 1, id, actor, now, &key);
        Ok(NewRelease { release, variables: self.variables, expected_newest: environment.newest.clone() })
    }

    fn release(
        &self,
        environment: &Environment,
        number: u64,
        id: ReleaseId,
        actor: &str,
        now: Time,
        key: &TenantKey,
    ) -> Release {
        Release {
            id,
            number,
            app: environment.app.clone(),
            environment: environment.name.clone(),
            build: self.code.build.clone(),
            digest: digest(key, &self.code.image, &self.code.manifest, &self.variables),
            description: self.description.clone(),
            tag: self.tag.clone(),
            parent: self.parent.clone(),
            copied_from: self.copied_from.clone(),
            original_number: self.age.unwrap_or(number),
            created_at: now,
            created_by: actor.to_owned(),
            reason: self.reason.clone(),
            manifest: self.code.manifest.clone(),
            image: self.code.image.clone(),
            commit: self.code.commit.clone(),
            fingerprints: fingerprints(key, &self.variables),
        }
    }
}

/// The release that a new one forks from. None: the environment has none yet. `release_not_found` (404),
/// `no_active_release`, `wrong_environment` (409).
pub(crate) async fn base(store: &Scoped, environment: &Environment, choice: &BaseChoice) -> Result<Option<Release>> {
    let id = match choice {
        BaseChoice::Newest => match &environment.newest {
            Some(id) => id,
            None => return Ok(None),
        },
        BaseChoice::Active => environment.active.as_ref().ok_or_else(|| no_active_release(environment))?,
        BaseChoice::Release(reference) => {
            let release = find_release(store, &environment.app, reference).await?;
            if release.environment != environment.name {
                let message = format!(
                    "{reference} belongs to {}, a base must be a release of {}",
                    release.environment, environment.name
                );
                return Err(Error::conflict("wrong_environment", message).field("/base", "is of another environment"));
            }
            return Ok(Some(release));
        }
    };
    own(store, &environment.app, id).await.map(Some)
}

/// A release that a record names.
pub(crate) async fn own(store: &Scoped, app: &AppName, id: &ReleaseId) -> Result<Release> {
    let release = store.release(app, &ReleaseRef::Id(id.clone())).await?;
    release.ok_or_else(|| Error::internal(format!("the release {id} is named by a record and is gone")))
}

pub(crate) fn no_active_release(environment: &Environment) -> Error {
    let message = format!("nothing is active in {} yet: promote a release first", environment.name);
    Error::conflict("no_active_release", message)
}

/// Whether a refused write is worth another look at the records; an id that is taken is drawn again.
pub(crate) fn lost_a_race(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Stale(Subject::ReleaseCount | Subject::Newest | Subject::Environment | Subject::Promotion)
            | StoreError::Exists(Subject::Release | Subject::Promotion | Subject::Build | Subject::Run)
            | StoreError::Conflict
    )
}

/// What a caller is told of a refused write.
pub(crate) fn refused(error: StoreError, tag: Option<&Tag>) -> Error {
    match (error, tag) {
        (StoreError::Exists(Subject::Tag), Some(tag)) => {
            let message = format!("the tag {tag} names another release of the app, choose another");
            Error::conflict("tag_taken", message).field("/tag", "is taken")
        }
        (error, _) => error.into(),
    }
}

pub(crate) fn too_busy() -> Error {
    let message = "others kept changing the environment, try again";
    let mut error = Error::new(slipway_domain::error::Kind::Unavailable, "too_busy", message);
    error.retry_after_seconds = Some(1);
    error
}
