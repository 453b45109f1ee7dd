//! Tenants' images in ECR: the `Registry` port, the repositories themselves, and logins to push to them.
//!
//! ```text
//! login  ──► CreateRepository, PutLifecyclePolicy ──► AssumeRole, narrowed to it ──► GetAuthorizationToken
//! holds  ──► BatchGetImage by digest ──► PutImage, the same image under keep-sha256-…, if it is not yet ──► yes
//! permit ──► SetRepositoryPolicy: who pulls, and whose logins are locked out
//! ```
//!
//! # What a release names is never collected
//!
//! 1. The lifecycle of a repository expires images without a tag and nothing else.
//! 2. A release names a digest only after [`Registry::holds`] said that it is there, which it says only once the image
//!    bears a tag that was made for its digest: a write that ECR takes for a whole image alone.
//! 3. Tags are immutable: none is moved to another image. Who pushes cannot delete, and nothing here does.
//! 4. Images for single platforms, of which an index of images is made, have no tag; ECR expires none that a manifest
//!    list refers to.
//!
//! So whatever is collected was not asked for in time, and whoever completes a build with it is told to push it again.
//! What is pushed under a tag of one's own stays, whether or not it is ever released.

mod answer;
mod login;
mod repositories;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Builder;
use aws_sdk_ecr::operation::batch_get_image::BatchGetImageOutput;
use aws_sdk_ecr::types::{Image, ImageFailureCode, ImageIdentifier};
use slipway_domain::error::{Error, Result};
use slipway_domain::id::TenantId;
use slipway_domain::name::AppName;
use slipway_domain::release::ImageDigest;
use slipway_domain::repository::{RegistryAddress, Repository};
use slipway_service::ports::Registry;

use self::answer::Attempt;
use crate::arn::{NotEcrError, ecr_registry};
use crate::fault::Failure;
use crate::limits::Limits;
use crate::sts::Sts;
use slipway_domain::cluster::place::Account;
use slipway_domain::cluster::role::{RoleArn, RoleError};

/// A caller of the API waits, for four requests at most.
const LIMITS: Limits = Limits { attempt: Duration::from_millis(1500), whole: Duration::from_secs(3), attempts: 3 };

/// Images for one platform and indexes of images for several, in the words of OCI and of Docker.
const MANIFESTS: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

const NO_REPOSITORY: &str = "RepositoryNotFoundException";

/// By what new repositories are encrypted. It cannot be changed afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// A key of ECR's own.
    Aes256,
    /// The key of KMS with this ARN.
    Kms(String),
}

/// What the stack that this is a part of says about its repositories.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `123456789012.dkr.ecr.eu-central-1.amazonaws.com/slipway/dev`: a repository is `slipway/dev/<tenant>/<app>`.
    pub address: RegistryAddress,
    pub encryption: Encryption,
    /// What logins are narrowed from, in the registry's own account.
    pub push_role: RoleArn,
}

/// Why settings are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("{0}")]
    Registry(#[from] NotEcrError),
    #[error("the registry {registry} is not in the region {asked:?} that is asked: correct the one that is wrong")]
    Region { registry: String, asked: String },
    #[error("the role for pushing images: {0}")]
    Role(#[from] RoleError),
}

/// The registry of one account and region, and the tenants' repositories in it.
pub struct Ecr {
    client: Client,
    sts: Arc<Sts>,
    account: Account,
    settings: Settings,
}

impl Ecr {
    /// `config` says where and as whom; limits of time and attempts are those of this module. Asks nothing yet.
    pub fn new(config: Builder, sts: Arc<Sts>, settings: Settings) -> std::result::Result<Self, SettingsError> {
        let registry = settings.address.authority();
        let (account, region) = ecr_registry(registry).ok_or_else(|| NotEcrError(registry.to_owned()))?;
        let push_role = settings.push_role.pinned(&account)?;
        let config = config.timeout_config(LIMITS.timeouts()).retry_config(LIMITS.retries()).build();
        let asked = config.region().map(ToString::to_string).unwrap_or_default();
        if asked != region.as_str() {
            return Err(SettingsError::Region { registry: registry.to_owned(), asked });
        }
        Ok(Self { client: Client::from_conf(config), sts, account, settings: Settings { push_role, ..settings } })
    }

    fn place(&self, tenant: &TenantId, app: &AppName) -> Repository {
        self.settings.address.repository(tenant, app)
    }

    /// Asks for the image by its digest and by the tag by which it is kept, at once.
    async fn look(&self, repository: &Repository, image: &ImageDigest) -> Result<Found> {
        let attempt = Attempt::new(repository, "looking for an image", "ecr:BatchGetImage");
        let request = self.client.batch_get_image().registry_id(self.account.to_string());
        let request = request.repository_name(repository.path());
        let request = request.image_ids(ImageIdentifier::builder().image_digest(image.as_str()).build());
        let request = request.image_ids(ImageIdentifier::builder().image_tag(kept_tag(image)).build());
        let request = request.set_accepted_media_types(Some(MANIFESTS.map(str::to_owned).to_vec()));
        match Box::pin(request.send()).await {
            Ok(answer) => found(&attempt, answer, image),
            Err(error) => match Failure::of(&error) {
                failure if failure.code == NO_REPOSITORY => Ok(Found::Nothing),
                failure => Err(attempt.failed(&failure)),
            },
        }
    }

    /// Gives the image the tag by which it is kept, and says whether it is there to be kept: it may have been collected
    /// since it was found.
    async fn keep(&self, repository: &Repository, image: &ImageDigest, loose: Image) -> Result<bool> {
        let attempt = Attempt::new(repository, "tagging an image that is to be kept", "ecr:PutImage");
        let request = self.client.put_image().registry_id(self.account.to_string());
        let request = request.repository_name(repository.path());
        let request = request.image_digest(image.as_str()).image_tag(kept_tag(image));
        let request = request.set_image_manifest(loose.image_manifest);
        let request = request.set_image_manifest_media_type(loose.image_manifest_media_type);
        let Err(error) = Box::pin(request.send()).await else { return Ok(true) };
        let failure = Failure::of(&error);
        match failure.code.as_str() {
            // This image under this tag.
            "ImageAlreadyExistsException" => Ok(true),
            // The same, if somebody else was faster, or another image under it.
            "ImageTagAlreadyExistsException" => match self.look(repository, image).await? {
                Found::Kept => Ok(true),
                Found::Loose(_) | Found::Nothing => Err(tag_taken(repository, image)),
            },
            "LayersNotFoundException" | "ReferencedImagesNotFoundException" | NO_REPOSITORY => Ok(false),
            _ => Err(attempt.failed(&failure)),
        }
    }
}

/// What there is of an image.
enum Found {
    /// It has the tag by which it is kept.
    Kept,
    /// Its manifest, which the lifecycle may expire.
    Loose(Image),
    Nothing,
}

#[async_trait]
impl Registry for Ecr {
    /// Errors: `registry_unreachable` (503); `registry_unusable` (409) when somebody gave the tag of this image to another.
    async fn holds(&self, tenant: &TenantId, app: &AppName, image: &ImageDigest) -> Result<bool> {
        let repository = self.place(tenant, app);
        match self.look(&repository, image).await? {
            Found::Kept => Ok(true),
            Found::Loose(loose) => self.keep(&repository, image, loose).await,
            Found::Nothing => Ok(false),
        }
    }
}

/// `keep-sha256-<64 hexadecimal digits>`
fn kept_tag(image: &ImageDigest) -> String {
    format!("keep-{}", image.as_str().replace(':', "-"))
}

/// What is no image, such as a signature, is not asked for, and not taken if it comes.
fn found(attempt: &Attempt<'_>, answer: BatchGetImageOutput, image: &ImageDigest) -> Result<Found> {
    let same = |found: &Image| {
        found.image_id.as_ref().and_then(|id| id.image_digest()) == Some(image.as_str())
            && found.image_manifest.is_some()
            && found.image_manifest_media_type().is_some_and(|kind| MANIFESTS.contains(&kind))
    };
    let tag = kept_tag(image);
    let kept = |found: &Image| found.image_id.as_ref().and_then(|id| id.image_tag()) == Some(&tag);
    let images: Vec<Image> = answer.images.unwrap_or_default().into_iter().filter(same).collect();
    if images.iter().any(kept) {
        return Ok(Found::Kept);
    }
    if let Some(loose) = images.into_iter().next() {
        return Ok(Found::Loose(loose));
    }
    let failures = answer.failures.unwrap_or_default();
    match failures.iter().find(|failure| failure.failure_code != Some(ImageFailureCode::ImageNotFound)) {
        None => Ok(Found::Nothing),
        Some(failure) => Err(attempt.unexpected(&format!("{failure:?}"))),
    }
}

/// Only who may push to the repository can have done that.
fn tag_taken(repository: &Repository, image: &ImageDigest) -> Error {
    let tag = kept_tag(image);
    let message = format!(
        "the repository {repository} has another image under the tag {tag}, which is kept for {image}: tags that begin \
         with keep- are not for pushing, and this one cannot be moved: push an image with another digest"
    );
    Error::conflict("registry_unusable", message)
}

#[cfg(test)]
mod tests;
