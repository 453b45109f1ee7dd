//! Labels, annotations and names of our objects. Everything with our labels is ours; anything else is never touched.

use std::collections::BTreeMap;

use slipway_domain::name::ServiceName;
use slipway_domain::promotion::DeploymentKey;
use slipway_service::ports::Namespace;

/// Who manages an object; [`SLIPWAY`] is us.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
pub const SLIPWAY: &str = "slipway";

pub const TENANT: &str = "slipway.dev/tenant";
pub const APP: &str = "slipway.dev/app";
pub const ENVIRONMENT: &str = "slipway.dev/environment";
/// On Deployments, their processes, Services and what the cluster derives from them. A run's pod does not bear it: the
/// Service would take it for one of its own.
pub const SERVICE: &str = "slipway.dev/service";
/// On Deployments, their processes and runs: the release's id as it is, in upper case.
pub const RELEASE: &str = "slipway.dev/release";
/// On a run's pod and Secret: the run's id.
pub const RUN: &str = "slipway.dev/run";

/// Annotation of a Deployment: the epoch of the last promotion that wrote it, a whole number.
pub const EPOCH: &str = "slipway.dev/epoch";
/// Annotation of a Deployment: the turn that wrote it last, a whole number.
pub const TURN: &str = "slipway.dev/turn";
/// Annotation of a Deployment: the fingerprint of its selector and template as the cluster stored them when we wrote
/// them; see [`crate::drift`]. It is added after the Secret: a Deployment at 0 without it is only half created.
pub const TEMPLATE: &str = "slipway.dev/template";
/// Annotation of a Deployment: its template as we sent it, packed, to put it right when somebody changed it.
pub const APPLIED: &str = "slipway.dev/applied";
/// Annotation of a Deployment: the name of the Secret that its template refers to.
pub const SECRET: &str = "slipway.dev/secret";

/// The container that runs the service, in processes and runs alike.
pub const MAIN_CONTAINER: &str = "main";
/// The init container of a process.
pub const INIT_CONTAINER: &str = "init";
/// The name of a process's first port, whatever its number: what the Service of all releases points at.
pub const MAIN_PORT: &str = "main";

/// The Deployment of one service of one release: `web-rbcdefghij`.
pub fn deployment(key: &DeploymentKey) -> String {
    key.to_string()
}

/// The Service, and the Ingress, of a service: its own name.
pub fn service(service: &ServiceName) -> String {
    service.to_string()
}

/// What everything of ours in a namespace bears.
pub fn labels(namespace: &Namespace) -> BTreeMap<String, String> {
    let mut labels = owner_labels(namespace);
    labels.insert(MANAGED_BY.to_owned(), SLIPWAY.to_owned());
    labels
}

/// Whose a namespace is: what it must bear before anything is made in it.
pub fn owner_labels(namespace: &Namespace) -> BTreeMap<String, String> {
    labelled([
        (TENANT, namespace.tenant.as_str()),
        (APP, namespace.app.as_str()),
        (ENVIRONMENT, namespace.environment.as_str()),
    ])
}

/// What everything of one Deployment bears, and what selects its processes.
pub fn deployment_labels(namespace: &Namespace, key: &DeploymentKey) -> BTreeMap<String, String> {
    let mut labels = service_labels(namespace, &key.service);
    labels.insert(RELEASE.to_owned(), key.release.as_str().to_owned());
    labels
}

/// What everything of one service bears, and what selects the processes of all its releases.
pub fn service_labels(namespace: &Namespace, service: &ServiceName) -> BTreeMap<String, String> {
    let mut labels = labels(namespace);
    labels.insert(SERVICE.to_owned(), service.as_str().to_owned());
    labels
}

/// The selector, as lists and watches take it, of everything of ours in a namespace.
pub fn selector(namespace: &Namespace) -> String {
    let pairs: Vec<String> = labels(namespace).iter().map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(",")
}

/// Whether an object with these labels is ours, and of this tenant, app and environment.
pub fn is_ours(namespace: &Namespace, object: Option<&BTreeMap<String, String>>) -> bool {
    object.is_some_and(|object| labels(namespace).iter().all(|(key, value)| object.get(key) == Some(value)))
}

fn labelled<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespace() -> Namespace {
        Namespace {
            tenant: "TBCDEFGHIJK".parse().unwrap(),
            app: "shop".parse().unwrap(),
            environment: "production".parse().unwrap(),
        }
    }

    #[test]
    fn everything_of_ours_is_found_by_one_selector() {
        let expected = "app.kubernetes.io/managed-by=slipway,slipway.dev/app=shop,\
                        slipway.dev/environment=production,slipway.dev/tenant=TBCDEFGHIJK";
        assert_eq!(selector(&namespace()), expected);
    }

    #[test]
    fn what_lacks_one_of_our_labels_or_is_of_another_tenant_is_not_ours() {
        let ours = labels(&namespace());
        assert!(is_ours(&namespace(), Some(&ours)));
        for key in ours.keys() {
            let mut object = ours.clone();
            object.insert(key.clone(), "other".to_owned());
            assert!(!is_ours(&namespace(), Some(&object)), "{key}");
            object.remove(key);
            assert!(!is_ours(&namespace(), Some(&object)), "{key}");
        }
        assert!(!is_ours(&namespace(), None));
    }

    #[test]
    fn names_stay_within_what_a_label_takes() {
        let key = DeploymentKey { service: "a".repeat(30).parse().unwrap(), release: "RBCDEFGHIJK".parse().unwrap() };
        assert_eq!(deployment(&key), format!("{}-rbcdefghijk", "a".repeat(30)));
        // A pod's name has 17 characters more, for its ReplicaSet and itself.
        assert!(deployment(&key).len() + 17 <= 63);
    }
}
