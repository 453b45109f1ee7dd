//! What the manifest grants, what it does not, and how what is missing is named. The other tests show that it is enough.

use std::time::{Duration, Instant};

use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace as NamespaceObject, Node, Pod, Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, Role, RoleBinding};
use kube::api::{Api, DeleteParams, ListParams, LogParams, PostParams};
use serde_json::json;
use slipway_kubernetes::access::KubernetesAccess;
use slipway_service::ports::{Access, ClusterError};
use slipway_tests::kubernetes::harness::Stage;

async fn becomes(stage: &Stage, expected: &[&str]) {
    let access = KubernetesAccess::new(stage.ours.clone(), None);
    let begun = Instant::now();
    loop {
        let missing = access.missing(&stage.namespace).await.unwrap();
        if missing == expected {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "missing are {missing:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_were_taken_away_are_named_until_they_are_back() {
    let stage = Stage::set().await;
    let own = stage.namespace.to_string();
    becomes(&stage, &[]).await;
    let roles: Api<Role> = Api::namespaced(stage.admin.clone(), &own);
    let whole = roles.get("slipway").await.unwrap();
    let mut less = whole.clone();
    less.rules.as_mut().unwrap().retain(|rule| !rule.resources.iter().flatten().any(|name| name == "secrets"));
    for rule in less.rules.iter_mut().flatten() {
        rule.verbs.retain(|verb| verb != "patch");
    }
    roles.replace("slipway", &PostParams::default(), &less).await.unwrap();
    becomes(&stage, &["patch deployments", "create secrets", "patch services", "patch ingresses"]).await;

    let bindings: Api<RoleBinding> = Api::namespaced(stage.admin.clone(), &own);
    bindings.delete("slipway", &DeleteParams::default()).await.unwrap();
    let begun = Instant::now();
    let refused = loop {
        match stage.cluster.observe(&stage.namespace).await {
            Err(error) => break error,
            Ok(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it still may look");
    };
    let ClusterError::Unauthorized(words) = refused else { panic!("it was not a matter of rights: {refused:?}") };
    assert!(words.contains("slipway clusters access"), "{words}");
    let access = KubernetesAccess::new(stage.ours.clone(), None);
    let missing = access.missing(&stage.namespace).await.unwrap();
    assert!(missing.contains(&"get, list, watch, create, delete pods".to_owned()), "{missing:?}");
}

fn is_forbidden<T: std::fmt::Debug>(answer: kube::Result<T>, what: &str) {
    match answer {
        Err(kube::Error::Api(status)) if status.code == 403 => {}
        other => panic!("to {what} is not forbidden: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_allowed_beyond_the_manifest() {
    let stage = Stage::set().await;
    let (own, ours) = (stage.namespace.to_string(), stage.ours.clone());
    let (all, now) = (ListParams::default(), PostParams::default());
    let secrets: Api<Secret> = Api::namespaced(ours.clone(), &own);
    let secret: Secret = serde_json::from_value(json!({ "metadata": { "name": "ours" } })).unwrap();
    secrets.create(&now, &secret).await.unwrap();
    is_forbidden(secrets.get("ours").await, "read a Secret that we made");
    is_forbidden(secrets.list(&all).await, "list Secrets");
    is_forbidden(secrets.delete("ours", &DeleteParams::default()).await, "delete a Secret");
    is_forbidden(Api::<ConfigMap>::namespaced(ours.clone(), &own).list(&all).await, "list ConfigMaps");
    is_forbidden(Api::<ServiceAccount>::namespaced(ours.clone(), &own).list(&all).await, "list accounts");
    is_forbidden(Api::<Role>::namespaced(ours.clone(), &own).list(&all).await, "list roles");
    is_forbidden(Api::<ClusterRole>::all(ours.clone()).list(&all).await, "list cluster roles");
    is_forbidden(Api::<Node>::all(ours.clone()).list(&all).await, "list nodes");
    is_forbidden(Api::<NamespaceObject>::all(ours.clone()).list(&all).await, "list namespaces");
    is_forbidden(Api::<Pod>::all(ours.clone()).list(&all).await, "list pods of others");
    let elsewhere: Api<Pod> = Api::namespaced(ours.clone(), "kube-system");
    is_forbidden(elsewhere.logs("any", &LogParams::default()).await, "read logs of others");
    let exec = http::Request::post(format!("/api/v1/namespaces/{own}/pods/any/exec?command=id"));
    is_forbidden(ours.request_text(exec.body(Vec::new()).unwrap()).await, "run a command in a process");

    let binding = json!({
        "metadata": { "name": "more" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin" },
    });
    let bindings: Api<RoleBinding> = Api::namespaced(ours.clone(), &own);
    is_forbidden(bindings.create(&now, &serde_json::from_value(binding).unwrap()).await, "bind ourselves");
    let asked = json!({ "spec": { "resourceAttributes": { "verb": "impersonate", "resource": "users" } } });
    let reviews: Api<SelfSubjectAccessReview> = Api::all(ours);
    let review = reviews.create(&now, &serde_json::from_value(asked).unwrap()).await.unwrap();
    assert!(!review.status.unwrap().allowed, "to act as somebody else is allowed");
}
