//! One app of the product with a namespace of its own on the cluster, and what can be done and seen there.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::Pod;
use reqwest::Method;
use serde_json::{Value, json};
use slipway_domain::repository::{RegistryAddress, Repository};
use slipway_kubernetes::names;

use super::installed::Product;
use super::owner::until;
use crate::kubernetes::images;
use crate::server::shop::text;
use crate::server::{Result, failed};

/// A service with two processes that is checked over HTTP, and quick to judge.
pub fn web() -> Value {
    json!({
        "port": 8080,
        "health": { "path": "/health", "timeout": 10, "bake": 1 },
        "scale": { "count": 2 },
        "termination": { "grace": 2 },
    })
}

/// A service without ports.
pub fn worker() -> Value {
    json!({ "health": { "bake": 1 }, "termination": { "grace": 2 } })
}

/// `base` with these settings instead of its own, one by one where both are mappings. Null takes one away.
#[must_use]
pub fn with(mut base: Value, settings: Value) -> Value {
    let Value::Object(settings) = settings else { return settings };
    let Value::Object(own) = &mut base else { return Value::Object(settings) };
    for (key, value) in settings {
        match (own.remove(&key), value) {
            (_, Value::Null) => {}
            (Some(before @ Value::Object(_)), value) => drop(own.insert(key, with(before, value))),
            (_, value) => drop(own.insert(key, value)),
        }
    }
    base
}

/// A manifest that has one service `web`.
#[expect(clippy::needless_pass_by_value, reason = "it is given what `json!` just made")]
pub fn only(web: Value) -> Value {
    json!({ "services": { "web": web } })
}

/// An app whose namespace goes when it is dropped.
pub struct Stage<'a> {
    pub product: &'a Product,
    pub app: String,
    pub namespace: String,
    pub repository: Repository,
    /// Namespace, role and binding, as `slipway clusters access` prints them.
    pub access: String,
    /// Kinds of objects that are called like the namespace and do not go with it.
    beside: Mutex<Vec<String>>,
}

impl<'a> Stage<'a> {
    /// An app with this name and some letters, whose rights are granted. Nothing is built.
    pub async fn new(product: &'a Product, name: &str) -> Result<Self> {
        let app = format!("{name}-r{:04x}", rand::random::<u16>());
        product.client.post("/v1/apps", &json!({ "name": app })).await?;
        let path = format!("/v1/apps/{app}");
        let access = product.client.get(&format!("{path}/environments/production/access")).await?;
        let access = text(&access["manifest"])?;
        let address: RegistryAddress = product.gate.address().parse().map_err(failed("name the registry"))?;
        let repository = address.repository(&product.tenant, &app.parse().map_err(failed("name the app"))?);
        product.owner.apply(&access).await?;
        Ok(Self { product, namespace: format!("{app}--production"), app, repository, access, beside: Mutex::default() })
    }

    /// Objects of these kinds that are called like the namespace go with the stage as well.
    pub(super) fn also_remove(&self, kinds: &[&str]) {
        let mut beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        beside.extend(kinds.iter().map(|kind| (*kind).to_owned()));
    }

    pub fn environment(&self) -> String {
        format!("/v1/apps/{}/environments/production", self.app)
    }

    /// Pushes the image with this tag and completes an external build with it. Returns the release.
    pub async fn build(&self, tag: &str, manifest: &Value) -> Result<String> {
        let digest = images::copy(tag, &self.repository).await;
        let client = &self.product.client;
        let created = client.post(&format!("/v1/apps/{}/builds", self.app), &json!({ "source": "external" })).await?;
        let path = format!("/v1/apps/{}/builds/{}/complete", self.app, text(&created["id"])?);
        let manifest = json!({ "file": "slipway.yml", "text": manifest.to_string() });
        let built = client.post(&path, &json!({ "image": digest, "manifest": manifest })).await?;
        text(&built["release"])
    }

    /// Sets variables on top of the newest release. Returns the one that has them.
    pub async fn set(&self, variables: &Value) -> Result<String> {
        self.set_on("newest", variables).await
    }

    /// Sets variables on top of another release, such as `active`.
    pub async fn set_on(&self, base: &str, variables: &Value) -> Result<String> {
        let path = format!("{}/variables", self.environment());
        let body = json!({ "set": variables, "base": base });
        let answer = self.product.client.send(Method::PATCH, &path, Some(&body), None).await?;
        text(&answer.ok()?["release"])
    }

    /// Starts a promotion. Returns its id.
    pub async fn promote(&self, release: &str) -> Result<String> {
        let path = format!("{}/promotions", self.environment());
        let made = self.product.client.post(&path, &json!({ "release": release })).await?;
        text(&made["id"])
    }

    /// The promotion, once it has ended.
    pub async fn ended(&self, promotion: &str) -> Result<Value> {
        let path = format!("{}/promotions/{promotion}", self.environment());
        let ended = until("the promotion ends", async || {
            let found = self.product.client.get(&path).await?;
            Ok(found["outcome"].is_string().then_some(found))
        });
        match ended.await {
            Ok(ended) => Ok(ended),
            Err(error) => {
                Err(format!("{error}: {}\n{}", self.product.client.get(&path).await?, self.story(promotion).await?))
            }
        }
    }

    /// The events of a promotion, one a line.
    pub async fn story(&self, promotion: &str) -> Result<String> {
        let mut lines = Vec::new();
        let mut after = 0;
        loop {
            let path = format!("{}/promotions/{promotion}/events?after={after}", self.environment());
            let page = self.product.client.get(&path).await?;
            let events = page["events"].as_array().cloned().unwrap_or_default();
            let line = |event: &Value| format!("{} {} {}", event["at"], event["source"], event["message"]);
            lines.extend(events.iter().map(line));
            if events.is_empty() || page["finished"] == json!(true) {
                return Ok(lines.join("\n"));
            }
            after = page["next"].as_u64().unwrap_or(after);
        }
    }

    /// Promotes and waits for the end.
    pub async fn ship(&self, release: &str) -> Result<Value> {
        let promotion = self.promote(release).await?;
        self.ended(&promotion).await
    }

    /// Builds and promotes a first release that works. Returns it.
    pub async fn first(&self, manifest: &Value) -> Result<String> {
        let release = self.build("1", manifest).await?;
        let promotion = self.ship(&release).await?;
        if promotion["outcome"] == json!("succeeded") {
            return Ok(release);
        }
        let story = self.story(&text(&promotion["id"])?).await?;
        Err(format!("the first release was not promoted: {promotion}\n{story}"))
    }

    /// Processes that are not stopping.
    pub async fn live(&self) -> Result<Vec<Pod>> {
        let pods = self.product.owner.pods(&self.namespace).await?;
        Ok(pods.into_iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect())
    }

    /// Returns once exactly these processes of the release live and are ready, and none of another.
    pub async fn runs(&self, release: &str, formation: &[(&str, usize)]) -> Result<()> {
        let mut last = String::new();
        let waited = until("the release runs alone, and whole", async || {
            let live = self.live().await?;
            let mut found: BTreeMap<&str, usize> = BTreeMap::new();
            for pod in &live {
                *found.entry(label(pod, names::SERVICE)).or_default() += 1;
            }
            let wanted = formation.iter().copied().filter(|(_, count)| *count > 0).collect();
            let genuine = live.iter().all(|pod| label(pod, names::RELEASE) == release && is_ready(pod));
            last = format!("{found:?} of {:?}", live.iter().map(|pod| pod.metadata.name.clone()).collect::<Vec<_>>());
            Ok((genuine && found == wanted).then_some(()))
        });
        waited.await.map_err(|error| format!("{error}; there is {last}"))
    }

    /// Returns once there is a process of the release.
    pub async fn appears(&self, release: &str) -> Result<Pod> {
        until("a process of the release", async || {
            let live = self.live().await?;
            Ok(live.into_iter().find(|pod| label(pod, names::RELEASE) == release))
        })
        .await
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        let beside = self.beside.get_mut().unwrap_or_else(PoisonError::into_inner);
        for kind in beside.iter().map(String::as_str).chain(["namespace"]) {
            self.product.owner.remove(kind, &self.namespace);
        }
    }
}

pub fn label<'p>(pod: &'p Pod, key: &str) -> &'p str {
    pod.metadata.labels.as_ref().and_then(|labels| labels.get(key)).map_or("", String::as_str)
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
