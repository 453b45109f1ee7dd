//! A cluster, and its owner, that do not let the release run.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::{Value, json};
use slipway_kubernetes::names;
use slipway_tests::product::owner::until;
use slipway_tests::product::stage::{Stage, label, only, web, with};
use slipway_tests::server::{Result, failed};

use super::{Row, row};
use crate::expect::{active, back, ended, says};
use crate::report::Ending;

pub fn rows() -> Vec<Row> {
    vec![
        row!(unschedulable, "unschedulable"),
        row!(quota, "quota"),
        row!(quota_with_room_below, "quota-minimum-50"),
        row!(secret_key_missing, "secret-key-missing"),
        row!(secret_missing, "secret-missing"),
        row!(admission_refused, "admission-refused"),
        row!(policy_refused, "policy-refused"),
        row!(access_removed, "access-removed"),
        row!(edited_by_hand, "edited-by-hand"),
        row!(edited_once, "edited-once"),
        row!(scaled_by_hand, "scaled-by-hand"),
        row!(never_registered, "never-registered"),
    ]
}

fn short() -> Value {
    with(web(), json!({ "deployment": { "deadline": 25 } }))
}

async fn unschedulable(stage: &Stage<'_>) -> Result<Ending> {
    let good = stage.first(&only(short())).await?;
    let bad = stage.build("2", &only(with(short(), json!({ "scale": { "cpu": 900_000 } })))).await?;
    let promotion = stage.ship(&bad).await?;
    says(&promotion, "/message", "Insufficient cpu")?;
    back(stage, &good, &[("web", 2)], &promotion, "unschedulable").await
}

/// As many pods as there are now.
async fn limit_pods(stage: &Stage<'_>, pods: usize) -> Result<()> {
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": { "name": "pods", "namespace": stage.namespace },
        "spec": { "hard": { "pods": pods.to_string() } },
    });
    stage.product.owner.apply(&quota.to_string()).await?;
    until("the quota counts", async || {
        let words = ["get", "resourcequota", "pods", "-n", &stage.namespace, "-o", "jsonpath={.status.hard.pods}"];
        Ok((stage.product.owner.kubectl(&words, "").await? == pods.to_string()).then_some(()))
    })
    .await
}

async fn quota(stage: &Stage<'_>) -> Result<Ending> {
    let good = stage.first(&only(short())).await?;
    limit_pods(stage, 2).await?;
    let bad = stage.set(&json!({ "A": "1" })).await?;
    let promotion = stage.ship(&bad).await?;
    says(&promotion, "/message", "exceeded quota")?;
    back(stage, &good, &[("web", 2)], &promotion, "quota").await
}

/// Where fewer than all may run, one old process makes room.
async fn quota_with_room_below(stage: &Stage<'_>) -> Result<Ending> {
    let service = only(with(web(), json!({ "deployment": { "minimum": 50 } })));
    stage.first(&service).await?;
    limit_pods(stage, 2).await?;
    let next = stage.set(&json!({ "A": "1" })).await?;
    let promotion = stage.ship(&next).await?;
    let ending = ended(stage, &promotion, "succeeded", "").await?;
    stage.runs(&next, &[("web", 2)]).await?;
    Ok(ending)
}

/// Lets the release be promoted as far as a quota that leaves no room, and returns its Secret.
async fn held_back(stage: &Stage<'_>, release: &str) -> Result<(String, Secret)> {
    limit_pods(stage, 2).await?;
    let promotion = stage.promote(release).await?;
    let secrets: Api<Secret> = Api::namespaced(stage.product.owner.client.clone(), &stage.namespace);
    let params = ListParams::default().labels(&format!("{}={release}", names::RELEASE));
    let secret = until("the release has a Secret", async || {
        let listed = secrets.list(&params).await.map_err(failed("list secrets"))?;
        Ok(listed.items.into_iter().next())
    })
    .await?;
    Ok((promotion, secret))
}

async fn secret_key_missing(stage: &Stage<'_>) -> Result<Ending> {
    let good = stage.first(&only(web())).await?;
    let bad = stage.set(&json!({ "DATABASE": "there", "OTHER": "1" })).await?;
    let (promotion, secret) = held_back(stage, &bad).await?;
    let secrets: Api<Secret> = Api::namespaced(stage.product.owner.client.clone(), &stage.namespace);
    let name = secret.metadata.name.clone().unwrap_or_default();
    secrets.delete(&name, &kube::api::DeleteParams::default()).await.map_err(failed("delete the Secret"))?;
    let mut poorer = secret;
    poorer.metadata.resource_version = None;
    poorer.metadata.uid = None;
    poorer.data.get_or_insert_default().retain(|key, _: &mut ByteString| key != "DATABASE");
    secrets.create(&PostParams::default(), &poorer).await.map_err(failed("make the Secret again"))?;
    limit_pods(stage, 20).await?;
    let promotion = stage.ended(&promotion).await?;
    says(&promotion, "/message", "DATABASE")?;
    back(stage, &good, &[("web", 2)], &promotion, "config_error").await
}

async fn secret_missing(stage: &Stage<'_>) -> Result<Ending> {
    let good = stage.first(&only(web())).await?;
    let bad = stage.set(&json!({ "DATABASE": "there" })).await?;
    let (promotion, secret) = held_back(stage, &bad).await?;
    let secrets: Api<Secret> = Api::namespaced(stage.product.owner.client.clone(), &stage.namespace);
    let name = secret.metadata.name.unwrap_or_default();
    secrets.delete(&name, &kube::api::DeleteParams::default()).await.map_err(failed("delete the Secret"))?;
    limit_pods(stage, 20).await?;
    let promotion = stage.ended(&promotion).await?;
    says(&promotion, "/message", "not found")?;
    back(stage, &good, &[("web", 2)], &promotion, "config_error").await
}

/// The release wants to write into its image, and the namespace is closed to such.
async fn admission_refused(stage: &Stage<'_>) -> Result<Ending> {
    let enforce = "pod-security.kubernetes.io/enforce=restricted";
    stage.product.owner.kubectl(&["label", "namespace", &stage.namespace, enforce], "").await?;
    let good = stage.first(&only(web())).await?;
    let bad = stage.build("2", &only(with(web(), json!({ "writable": true })))).await?;
    let promotion = stage.ship(&bad).await?;
    says(&promotion, "/message", "violates PodSecurity")?;
    back(stage, &good, &[("web", 2)], &promotion, "admission_denied").await
}

async fn policy_refused(stage: &Stage<'_>) -> Result<Ending> {
    let good = stage.first(&only(web())).await?;
    let bad = stage.set(&json!({ "A": "1" })).await?;
    stage.refuse_pods(&bad, "not on a Friday").await?;
    let promotion = stage.ship(&bad).await?;
    says(&promotion, "/message", "not on a Friday")?;
    back(stage, &good, &[("web", 2)], &promotion, "admission_denied").await
}

/// Nothing can be put back without rights. Once they are there again, promoting the old release is the way out.
async fn access_removed(stage: &Stage<'_>) -> Result<Ending> {
    let good = stage.first(&only(web())).await?;
    let bad = stage.set(&json!({ "BOOT_MS": "3000" })).await?;
    let promotion = stage.promote(&bad).await?;
    stage.appears(&bad).await?;
    let owner = &stage.product.owner;
    owner.kubectl(&["delete", "rolebinding", "slipway", "-n", &stage.namespace], "").await?;
    let promotion = stage.ended(&promotion).await?;
    let ending = ended(stage, &promotion, "rollback_failed", "cluster_unauthorized").await?;
    says(&promotion, "/message", "cannot")?;
    let environment = stage.product.client.get(&stage.environment()).await?;
    if environment["status"] != json!("failed") {
        return Err(format!("the environment does not say that it failed: {environment:#}"));
    }
    owner.apply(&stage.access).await?;
    let again = stage.ship(&good).await?;
    ended(stage, &again, "succeeded", "").await?;
    stage.runs(&good, &[("web", 2)]).await?;
    active(stage, &good).await?;
    Ok(ending)
}

/// Puts another variable into the template of the release's Deployment.
async fn edit(stage: &Stage<'_>, release: &str, note: &str) -> Result<()> {
    let name = format!("web-{}", release.to_lowercase());
    let patch = json!({ "spec": { "template": { "metadata": { "annotations": { "note": note } } } } }).to_string();
    let words = ["patch", "deployment", &name, "-n", &stage.namespace, "--type=merge", "-p", &patch];
    stage.product.owner.kubectl(&words, "").await.map(drop)
}

async fn edited_by_hand(stage: &Stage<'_>) -> Result<Ending> {
    let good = stage.first(&only(web())).await?;
    let bad = stage.set(&json!({ "BOOT_MS": "8000" })).await?;
    let promotion = stage.promote(&bad).await?;
    stage.appears(&bad).await?;
    let path = format!("{}/promotions/{promotion}", stage.environment());
    let mut edits = 0;
    let promotion = until("whoever edits is noticed", async || {
        let found = stage.product.client.get(&path).await?;
        if found["phase"] == json!("rolling") {
            edits += 1;
            edit(stage, &bad, &edits.to_string()).await?;
        }
        Ok(found["outcome"].is_string().then_some(found))
    })
    .await?;
    back(stage, &good, &[("web", 2)], &promotion, "drifted").await
}

/// Put right, and no more said of it.
async fn edited_once(stage: &Stage<'_>) -> Result<Ending> {
    stage.first(&only(web())).await?;
    let next = stage.set(&json!({ "BOOT_MS": "2000" })).await?;
    let promotion = stage.promote(&next).await?;
    stage.appears(&next).await?;
    edit(stage, &next, "by hand").await?;
    let promotion = stage.ended(&promotion).await?;
    let ending = ended(stage, &promotion, "succeeded", "").await?;
    stage.runs(&next, &[("web", 2)]).await?;
    let live = stage.live().await?;
    let noted = |pod: &k8s_openapi::api::core::v1::Pod| {
        pod.metadata.annotations.as_ref().is_some_and(|notes| notes.contains_key("note"))
    };
    if let Some(pod) = live.iter().find(|pod| noted(pod)) {
        return Err(format!("{} runs what was written by hand", label(pod, names::SERVICE)));
    }
    Ok(ending)
}

/// A count is only a new starting point.
async fn scaled_by_hand(stage: &Stage<'_>) -> Result<Ending> {
    let good = stage.first(&only(web())).await?;
    let next = stage.set(&json!({ "BOOT_MS": "2000" })).await?;
    let promotion = stage.promote(&next).await?;
    stage.appears(&next).await?;
    let name = format!("deployment/web-{}", good.to_lowercase());
    stage.product.owner.kubectl(&["scale", &name, "-n", &stage.namespace, "--replicas=4"], "").await?;
    let promotion = stage.ended(&promotion).await?;
    let ending = ended(stage, &promotion, "succeeded", "").await?;
    stage.runs(&next, &[("web", 2)]).await?;
    Ok(ending)
}

/// A gate of the load balancer's that never opens.
async fn never_registered(stage: &Stage<'_>) -> Result<Ending> {
    let service = only(with(web(), json!({ "health": { "registration": 4 } })));
    let good = stage.first(&service).await?;
    let bad = stage.set(&json!({ "A": "1" })).await?;
    let expression = "[JSONPatch{op: \"add\", path: \"/spec/readinessGates\", value: \
                      [{\"conditionType\": \"target-health.elbv2.k8s.aws/never\"}]}]";
    stage.rewrite_pods(&bad, expression).await?;
    let promotion = stage.ship(&bad).await?;
    back(stage, &good, &[("web", 2)], &promotion, "not_registered").await
}
