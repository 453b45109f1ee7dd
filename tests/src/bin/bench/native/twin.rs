//! A Deployment as anybody would write it, with the pods that Slipway made: its template, its variables, its Service.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PodTemplateSpec, Secret, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use slipway_domain::time::Time;
use slipway_kubernetes::{drift, names};
use slipway_tests::product::stage::Stage;
use slipway_tests::server::{Result, failed};

use super::{Run, Shape, steps::Moments};
use crate::journal::{Entry, Journal, Object};
use crate::machine::now;

const NAME: &str = "web";
const POLL: Duration = Duration::from_millis(5);
/// Longer than the rollout of any shape.
const PATIENCE: Duration = Duration::from_mins(5);

/// A native Deployment beside an app. Its namespace goes when it is dropped.
pub struct Twin<'a> {
    stage: &'a Stage<'a>,
    pub namespace: String,
    shape: Shape,
}

impl<'a> Twin<'a> {
    /// One that runs what the app runs, in full.
    pub async fn beside(stage: &'a Stage<'a>, release: &str, shape: Shape) -> Result<Self> {
        let twin = Self { stage, namespace: format!("{}--native", stage.app), shape };
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": twin.namespace } });
        stage.product.owner.apply(&namespace.to_string()).await?;
        twin.copy_service().await?;
        let template = twin.template(release).await?;
        let journal = Journal::open(&stage.product.owner.client, &twin.namespace).await?;
        let made = twin.deployments().create(&PostParams::default(), &twin.deployment(&template)?).await;
        made.map_err(failed("make a Deployment"))?;
        twin.complete(&journal, 1).await?;
        Ok(twin)
    }

    /// Changes the template to the release's, and waits until it is rolled out.
    pub async fn roll(&self, release: &str, offset: Duration) -> Result<Run> {
        let template = self.template(release).await?;
        let journal = Journal::open(&self.stage.product.owner.client, &self.namespace).await?;
        super::into_second(offset).await;
        let begun = now();
        let patch = Patch::Merge(json!({ "spec": { "template": template } }));
        let patched = self.deployments().patch(NAME, &PatchParams::default(), &patch).await;
        let generation = patched.map_err(failed("change the template"))?.metadata.generation.unwrap_or_default();
        let ended = self.complete(&journal, generation).await?;
        let moments = Moments::of(&journal.entries(), begun);
        let steps = moments.steps(self.shape.processes, self.shape.batch, begun, ended)?;
        Ok(Run { same: ended.since(begun), commit: None, steps })
    }

    /// When everything for which `kubectl rollout status` waits was told.
    async fn complete(&self, journal: &Journal, generation: i64) -> Result<Time> {
        let wanted = i32::try_from(self.shape.processes).map_err(failed("count the processes"))?;
        let begun = now();
        while now().since(begun) < PATIENCE {
            if let Some(at) = journal.first(|entry| is_rolled_out(entry, generation, wanted)) {
                return Ok(at);
            }
            tokio::time::sleep(POLL).await;
        }
        Err("the native Deployment is not rolled out".to_owned())
    }

    fn deployment(&self, template: &PodTemplateSpec) -> Result<Deployment> {
        let written = json!({
            "metadata": { "name": NAME },
            "spec": {
                "replicas": self.shape.processes,
                "selector": { "matchLabels": { "app": NAME } },
                "minReadySeconds": super::BAKE.as_secs(),
                "strategy": { "rollingUpdate": { "maxSurge": self.shape.batch, "maxUnavailable": 0 } },
                "template": template,
            },
        });
        serde_json::from_value(written).map_err(failed("write a Deployment"))
    }

    /// What the release's pods are made of, after its variables were copied.
    async fn template(&self, release: &str) -> Result<PodTemplateSpec> {
        let client = &self.stage.product.owner.client;
        let deployments: Api<Deployment> = Api::namespaced(client.clone(), &self.stage.namespace);
        let theirs = deployments.get(&super::deployment(release)).await.map_err(failed("read a Deployment"))?;
        let secret = drift::annotation(&theirs, names::SECRET).ok_or("a Deployment without a Secret")?;
        let secrets: Api<Secret> = Api::namespaced(client.clone(), &self.stage.namespace);
        let secret = secrets.get(secret).await.map_err(failed("read a Secret"))?;
        let name = secret.metadata.name;
        let copy = Secret { metadata: ObjectMeta { name, ..ObjectMeta::default() }, ..secret };
        let secrets: Api<Secret> = Api::namespaced(client.clone(), &self.namespace);
        secrets.create(&PostParams::default(), &copy).await.map_err(failed("copy a Secret"))?;
        let spec = theirs.spec.and_then(|spec| spec.template.spec);
        let labels = [("app".to_owned(), NAME.to_owned())].into();
        Ok(PodTemplateSpec { metadata: Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() }), spec })
    }

    async fn copy_service(&self) -> Result<()> {
        let client = &self.stage.product.owner.client;
        let theirs: Api<Service> = Api::namespaced(client.clone(), &self.stage.namespace);
        let theirs = theirs.list(&ListParams::default()).await.map_err(failed("read the Service"))?;
        let ports = theirs.items.into_iter().find_map(|service| service.spec?.ports).ok_or("there is no Service")?;
        let spec = json!({ "selector": { "app": NAME }, "ports": ports });
        let service = serde_json::from_value(json!({ "metadata": { "name": NAME }, "spec": spec }));
        let service: Service = service.map_err(failed("write a Service"))?;
        let services: Api<Service> = Api::namespaced(client.clone(), &self.namespace);
        services.create(&PostParams::default(), &service).await.map(drop).map_err(failed("copy the Service"))
    }

    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.stage.product.owner.client.clone(), &self.namespace)
    }
}

impl Drop for Twin<'_> {
    fn drop(&mut self) {
        self.stage.product.owner.remove("namespace", &self.namespace);
    }
}

fn is_rolled_out(entry: &Entry, generation: i64, wanted: i32) -> bool {
    let Object::Deployment(deployment) = &entry.object else { return false };
    let Some(status) = &deployment.status else { return false };
    let counts = [status.updated_replicas, status.replicas, status.available_replicas];
    status.observed_generation >= Some(generation) && counts == [Some(wanted); 3]
}
