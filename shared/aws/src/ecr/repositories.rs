//! The repositories: one per tenant and app, made when an image is first pushed to it.

use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability, Tag,
};
use serde_json::json;
use slipway_domain::error::Result;
use slipway_domain::id::TenantId;
use slipway_domain::name::AppName;
use slipway_domain::repository::Repository;

use super::answer::Attempt;
use super::{Ecr, Encryption};
use crate::fault::Failure;
use crate::policy::{self, Access};

/// How long an image without a tag stays: longer than any build waits for its image, an hour, or any login lasts, 12.
const UNTAGGED_DAYS: u32 = 14;

impl Ecr {
    /// Makes the app's repository if there is none, and sets its lifecycle in any case: whoever made it may have been
    /// stopped in between. Repeating it is harmless. Errors: `registry_unreachable` (503).
    pub async fn ensure(&self, tenant: &TenantId, app: &AppName) -> Result<Repository> {
        let repository = self.place(tenant, app);
        self.create(&repository, tenant, app).await?;
        self.set_lifecycle(&repository).await?;
        Ok(repository)
    }

    /// Says who else may pull from the app's repository, and locks logins out. What was said before no longer counts: ECR
    /// replaces a policy without looking at the old one, so that the caller's record decides, not what is read back.
    /// Repeating it is harmless. Errors: `registry_unreachable` (503).
    pub async fn permit(&self, tenant: &TenantId, app: &AppName, access: &Access) -> Result<()> {
        let repository = self.ensure(tenant, app).await?;
        match policy::repository(access, &self.settings.push_role) {
            Some(text) => self.set_policy(&repository, text).await,
            None => self.delete_policy(&repository).await,
        }
    }

    async fn create(&self, repository: &Repository, tenant: &TenantId, app: &AppName) -> Result<()> {
        let right = "ecr:CreateRepository and ecr:TagResource";
        let attempt = Attempt::new(repository, "making the repository", right);
        let request = self.client.create_repository().registry_id(self.account.to_string());
        let request = request.repository_name(repository.path()).image_tag_mutability(ImageTagMutability::Immutable);
        let request = request
            .image_scanning_configuration(ImageScanningConfiguration::builder().scan_on_push(true).build())
            .encryption_configuration(self.encryption(&attempt)?)
            .tags(tag(&attempt, "slipway:tenant", tenant.as_str())?)
            .tags(tag(&attempt, "slipway:app", app.as_str())?);
        let Err(error) = Box::pin(request.send()).await else { return Ok(()) };
        match Failure::of(&error) {
            failure if failure.code == "RepositoryAlreadyExistsException" => Ok(()),
            failure => Err(attempt.failed(&failure)),
        }
    }

    fn encryption(&self, attempt: &Attempt<'_>) -> Result<EncryptionConfiguration> {
        let builder = EncryptionConfiguration::builder();
        let builder = match &self.settings.encryption {
            Encryption::Aes256 => builder.encryption_type(EncryptionType::Aes256),
            Encryption::Kms(key) => builder.encryption_type(EncryptionType::Kms).kms_key(key),
        };
        builder.build().map_err(|error| attempt.unexpected(&error.to_string()))
    }

    async fn set_lifecycle(&self, repository: &Repository) -> Result<()> {
        let attempt = Attempt::new(repository, "setting the lifecycle", "ecr:PutLifecyclePolicy");
        let request = self.client.put_lifecycle_policy().registry_id(self.account.to_string());
        let request = request.repository_name(repository.path()).lifecycle_policy_text(lifecycle());
        done(&attempt, Box::pin(request.send()).await.map_err(|error| Failure::of(&error)))
    }

    async fn set_policy(&self, repository: &Repository, text: String) -> Result<()> {
        let attempt = Attempt::new(repository, "setting the policy", "ecr:SetRepositoryPolicy");
        let request = self.client.set_repository_policy().registry_id(self.account.to_string());
        let request = request.repository_name(repository.path()).policy_text(text);
        done(&attempt, Box::pin(request.send()).await.map_err(|error| Failure::of(&error)))
    }

    async fn delete_policy(&self, repository: &Repository) -> Result<()> {
        let attempt = Attempt::new(repository, "deleting the policy", "ecr:DeleteRepositoryPolicy");
        let request = self.client.delete_repository_policy().registry_id(self.account.to_string());
        let request = request.repository_name(repository.path());
        match Box::pin(request.send()).await.map_err(|error| Failure::of(&error)) {
            Err(failure) if failure.code == "RepositoryPolicyNotFoundException" => Ok(()),
            answer => done(&attempt, answer),
        }
    }
}

fn done<T>(attempt: &Attempt<'_>, answer: std::result::Result<T, Failure>) -> Result<()> {
    answer.map(drop).map_err(|failure| attempt.failed(&failure))
}

fn tag(attempt: &Attempt<'_>, key: &str, value: &str) -> Result<Tag> {
    Tag::builder().key(key).value(value).build().map_err(|error| attempt.unexpected(&error.to_string()))
}

/// One rule, which no image with a tag falls under.
fn lifecycle() -> String {
    let policy = json!({
        "rules": [
            {
                "rulePriority": 1,
                "description": "images without a tag, which no release names",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": UNTAGGED_DAYS,
                },
                "action": { "type": "expire" },
            },
        ],
    });
    policy.to_string()
}
