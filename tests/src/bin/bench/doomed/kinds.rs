//! Releases that fail, each in another way.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::DeleteParams;
use reqwest::Method;
use serde_json::{Value, json};
use slipway_kubernetes::{drift, names};
use slipway_tests::product::gate::Manner;
use slipway_tests::product::stage::{Stage, only, web, with};
use slipway_tests::server::{Result, failed};

/// How a release fails. What is only known after some time, such as a check that never passes, is not among them: then
/// a clock decides, and not a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    CrashLoop,
    OutOfMemory,
    Exited,
    WrongCommand,
    WrongEntrypoint,
    InitFails,
    ImageGone,
    ImageName,
    SecretGone,
    Refused,
}

impl Kind {
    pub const ALL: [Self; 10] = [
        Self::CrashLoop,
        Self::OutOfMemory,
        Self::Exited,
        Self::WrongCommand,
        Self::WrongEntrypoint,
        Self::InitFails,
        Self::ImageGone,
        Self::ImageName,
        Self::SecretGone,
        Self::Refused,
    ];

    /// In words, and the cause that the product gives.
    pub fn told(self) -> (&'static str, &'static str) {
        match self {
            Self::CrashLoop => ("ends with 3, again and again", "crash_loop"),
            Self::OutOfMemory => ("takes more memory than it may", "out_of_memory"),
            Self::Exited => ("ends with 0", "exited"),
            Self::WrongCommand => ("a command that does not exist", "start_error"),
            Self::WrongEntrypoint => ("an image whose entrypoint does not exist", "start_error"),
            Self::InitFails => ("an init container that fails", "init_failed"),
            Self::ImageGone => ("an image that is gone when it is pulled", "image_not_found"),
            Self::ImageName => ("an image with an impossible name", "image_invalid"),
            Self::SecretGone => ("a Secret that is gone", "config_error"),
            Self::Refused => ("pods that a policy refuses", "admission_denied"),
        }
    }

    /// Makes a release that fails so, on a stage that runs the good one of it.
    pub async fn release(self, stage: &Stage<'_>) -> Result<String> {
        match self {
            Self::CrashLoop => stage.set(&json!({ "CRASH_AFTER_MS": "100", "EXIT_CODE": "3" })).await,
            Self::OutOfMemory => stage.set(&json!({ "ALLOCATE_MB": "200" })).await,
            Self::Exited => stage.set(&json!({ "CRASH_AFTER_MS": "300", "EXIT_CODE": "0" })).await,
            Self::WrongCommand => self.build(stage, "2", json!({ "command": ["/no/such/program"] })).await,
            Self::WrongEntrypoint => self.build(stage, "wrong-entrypoint", json!({})).await,
            Self::InitFails => self.build(stage, "2", json!({ "initContainer": { "command": "exit 7" } })).await,
            Self::ImageGone => {
                let release = self.build(stage, "2", json!({})).await?;
                stage.product.gate.treat(stage.repository.path(), Some(Manner::Hide));
                Ok(release)
            }
            Self::ImageName => {
                let release = stage.set(&json!({ "A": "1" })).await?;
                let patch = "[JSONPatch{op: \"replace\", path: \"/spec/containers/0/image\", value: \"No Image@@\"}]";
                stage.rewrite_pods(&release, patch).await?;
                Ok(release)
            }
            Self::SecretGone => without_secret(stage).await,
            Self::Refused => {
                let release = stage.set(&json!({ "A": "1" })).await?;
                stage.refuse_pods(&release, "not on a Friday").await?;
                Ok(release)
            }
        }
    }

    async fn build(self, stage: &Stage<'_>, tag: &str, settings: Value) -> Result<String> {
        stage.build(tag, &only(with(self.service(), settings))).await
    }

    fn service(self) -> Value {
        let memory = if self == Self::OutOfMemory { json!({ "memory": 48 }) } else { Value::Null };
        with(web(), json!({ "health": { "bake": 5 }, "scale": { "count": 1, "limit": memory } }))
    }

    /// The manifest of the release that works.
    pub fn good(self) -> Value {
        only(self.service())
    }
}

/// The variables of a release are written with its first promotion: that one is called off, and they are deleted.
async fn without_secret(stage: &Stage<'_>) -> Result<String> {
    let release = stage.set(&json!({ "DATABASE": "there", "BOOT_MS": "5000" })).await?;
    let promotion = stage.promote(&release).await?;
    stage.appears(&release).await?;
    let path = format!("{}/promotions/{promotion}/cancel", stage.environment());
    stage.product.client.send(Method::POST, &path, None, None).await?.ok()?;
    stage.ended(&promotion).await?;
    let client = &stage.product.owner.client;
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &stage.namespace);
    let name = format!("web-{}", release.to_lowercase());
    let deployment = deployments.get(&name).await.map_err(failed("read the Deployment"))?;
    let secret = drift::annotation(&deployment, names::SECRET).ok_or("a Deployment without a Secret")?;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &stage.namespace);
    secrets.delete(secret, &DeleteParams::default()).await.map_err(failed("delete the Secret"))?;
    Ok(release)
}
