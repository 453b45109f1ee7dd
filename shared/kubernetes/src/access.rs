//! The rights that we need in a namespace: told as a manifest for whoever owns the cluster, and looked for by name.
//!
//! We never give ourselves a right: the manifest is applied by somebody else, and what is missing is only said.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::stream::{StreamExt, TryStreamExt};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, ResourceRule, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SelfSubjectRulesReview,
    SelfSubjectRulesReviewSpec, SubjectRulesReviewStatus,
};
use kube::Client;
use kube::api::{Api, PostParams};
use slipway_domain::cluster::Cluster;
use slipway_service::ports::{Access, ClusterError, Namespace};

use crate::act::refused;
use crate::client::{REQUEST_LIMIT, within};

/// The manifest, with `${…}` in the places that differ.
const MANIFEST: &str = include_str!("../../../infra/cluster-access.yaml");

/// What a role of ours must not be able to do in the whole of a cluster: with each of these it could give itself the rest.
const TOO_MUCH: [Right; 11] = [
    Right { group: "*", resource: "*", verb: "*" },
    Right { group: "", resource: "secrets", verb: "get" },
    Right { group: "", resource: "secrets", verb: "list" },
    Right { group: "", resource: "pods/exec", verb: "create" },
    Right { group: "", resource: "users", verb: "impersonate" },
    Right { group: "", resource: "groups", verb: "impersonate" },
    Right { group: "", resource: "serviceaccounts", verb: "impersonate" },
    Right { group: RBAC, resource: "roles", verb: "escalate" },
    Right { group: RBAC, resource: "roles", verb: "bind" },
    Right { group: RBAC, resource: "clusterroles", verb: "escalate" },
    Right { group: RBAC, resource: "clusterroles", verb: "bind" },
];

const RBAC: &str = "rbac.authorization.k8s.io";

/// How many questions about single rights are under way at a time.
const AT_ONCE: usize = 8;

/// One rule of our role, as it is in the manifest.
struct Rule {
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
}

const fn rule(group: &'static str, resource: &'static str, verbs: &'static [&'static str]) -> Rule {
    Rule { group, resource, verbs }
}

static RULES: [Rule; 10] = [
    rule("", "namespaces", &["get"]),
    rule("apps", "deployments", &["get", "list", "watch", "create", "patch", "delete"]),
    rule("apps", "replicasets", &["get", "list", "watch"]),
    rule("", "pods", &["get", "list", "watch", "create", "delete"]),
    rule("", "pods/log", &["get"]),
    rule("", "secrets", &["create"]),
    rule("", "services", &["get", "list", "create", "patch"]),
    rule("discovery.k8s.io", "endpointslices", &["get", "list", "watch"]),
    rule("networking.k8s.io", "ingresses", &["get", "list", "create", "patch"]),
    rule("", "events", &["get", "list", "watch"]),
];

/// Namespace, role and binding of one environment, for `kubectl apply`.
pub fn manifest(namespace: &Namespace, group: &str) -> String {
    let places = [
        ("${APP}", namespace.app.as_str()),
        ("${ENVIRONMENT}", namespace.environment.as_str()),
        ("${TENANT}", namespace.tenant.as_str()),
        ("${GROUP}", group),
    ];
    places.iter().fold(MANIFEST.to_owned(), |text, (place, value)| text.replace(place, value))
}

/// Which of the rights that we must not have in the whole cluster we do have, each as verb and resource.
pub async fn excess(client: &Client) -> Result<Vec<String>, ClusterError> {
    let held: Vec<Option<Right>> =
        futures::stream::iter(TOO_MUCH).map(|right| held(client, right)).buffered(AT_ONCE).try_collect().await?;
    Ok(held.into_iter().flatten().map(|right| format!("{} {}", right.verb, right.resource)).collect())
}

async fn held(client: &Client, right: Right) -> Result<Option<Right>, ClusterError> {
    Ok(is_allowed(client, &right, None).await?.then_some(right))
}

/// `namespace`: None is the whole cluster.
async fn is_allowed(client: &Client, right: &Right, namespace: Option<&Namespace>) -> Result<bool, ClusterError> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let spec = SelfSubjectAccessReviewSpec {
        resource_attributes: Some(right.attributes(namespace)),
        ..SelfSubjectAccessReviewSpec::default()
    };
    let question = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let review = within(REQUEST_LIMIT, reviews.create(&PostParams::default(), &question)).await.map_err(refused)?;
    Ok(review.status.is_some_and(|status| status.allowed))
}

/// The [`Access`] port: asks the cluster what we may do there.
pub struct KubernetesAccess {
    client: Client,
    group: Option<String>,
}

impl KubernetesAccess {
    /// `group`: the one that our credential is in, where it is not the tenant's own.
    pub fn new(client: Client, group: Option<String>) -> Self {
        Self { client, group }
    }

    async fn rules(&self, namespace: &Namespace) -> Result<SubjectRulesReviewStatus, ClusterError> {
        let reviews: Api<SelfSubjectRulesReview> = Api::all(self.client.clone());
        let spec = SelfSubjectRulesReviewSpec { namespace: Some(namespace.to_string()) };
        let question = SelfSubjectRulesReview { spec, ..SelfSubjectRulesReview::default() };
        let review = within(REQUEST_LIMIT, reviews.create(&PostParams::default(), &question)).await.map_err(refused)?;
        Ok(review.status.unwrap_or_default())
    }

    /// Authorizers that cannot list what they allow can still be asked.
    async fn allowed(&self, namespace: &Namespace, right: Right) -> Result<Option<Right>, ClusterError> {
        Ok((!is_allowed(&self.client, &right, Some(namespace)).await?).then_some(right))
    }
}

#[async_trait]
impl Access for KubernetesAccess {
    fn manifest(&self, namespace: &Namespace) -> Option<String> {
        let group = self.group.clone().unwrap_or_else(|| Cluster::group(&namespace.tenant));
        Some(manifest(namespace, &group))
    }

    async fn missing(&self, namespace: &Namespace) -> Result<Vec<String>, ClusterError> {
        let rules = self.rules(namespace).await?;
        let doubtful: Vec<Right> = rights().filter(|right| !right.is_in(&rules.resource_rules)).collect();
        let refused: Vec<Option<Right>> = futures::stream::iter(doubtful)
            .map(|right| self.allowed(namespace, right))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(told(refused.into_iter().flatten()))
    }
}

/// One verb on one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Right {
    group: &'static str,
    resource: &'static str,
    verb: &'static str,
}

fn rights() -> impl Iterator<Item = Right> {
    let each =
        |rule: &'static Rule| rule.verbs.iter().map(|verb| Right { group: rule.group, resource: rule.resource, verb });
    RULES.iter().flat_map(each)
}

impl Right {
    fn is_in(&self, rules: &[ResourceRule]) -> bool {
        let holds = |list: &[String], value: &str| list.iter().any(|item| item == value || item == "*");
        rules.iter().any(|rule| {
            let unnamed = rule.resource_names.as_ref().is_none_or(Vec::is_empty);
            let group = holds(rule.api_groups.as_deref().unwrap_or_default(), self.group);
            let resource = holds(rule.resources.as_deref().unwrap_or_default(), self.resource);
            unnamed && group && resource && holds(&rule.verbs, self.verb)
        })
    }

    fn attributes(&self, namespace: Option<&Namespace>) -> ResourceAttributes {
        let (resource, subresource) = match self.resource.split_once('/') {
            Some((resource, part)) => (resource, Some(part.to_owned())),
            None => (self.resource, None),
        };
        ResourceAttributes {
            namespace: namespace.map(Namespace::to_string),
            group: Some(self.group.to_owned()),
            resource: Some(resource.to_owned()),
            subresource,
            verb: Some(self.verb.to_owned()),
            ..ResourceAttributes::default()
        }
    }
}

/// By resource, in the order of the manifest: `create, patch deployments`.
fn told(missing: impl Iterator<Item = Right>) -> Vec<String> {
    let mut verbs: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for right in missing {
        let place = RULES.iter().position(|rule| (rule.group, rule.resource) == (right.group, right.resource));
        verbs.entry(place.unwrap_or(RULES.len())).or_default().push(right.verb);
    }
    let line = |(place, verbs): (usize, Vec<&str>)| {
        let resource = RULES.get(place).map_or("", |rule| rule.resource);
        format!("{} {resource}", verbs.join(", "))
    };
    verbs.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests;
