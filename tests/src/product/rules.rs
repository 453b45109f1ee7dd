//! Rules of the cluster's owner about the pods of one release: rewritten or refused when they are created.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use slipway_kubernetes::names;

use super::owner::until;
use super::stage::Stage;
use crate::server::{Result, failed};

const GROUP: &str = "admissionregistration.k8s.io/v1";
/// The image of an attempt.
const PLAIN: &str = "image.example.com/plain";

impl Stage<'_> {
    /// From now on each new pod of the release is patched so: an expression in CEL that gives a list of `JSONPatch`.
    pub async fn rewrite_pods(&self, release: &str, expression: &str) -> Result<()> {
        let spec = json!({
            "matchConstraints": self.pods_of(release),
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression": expression } }],
        });
        self.rule("MutatingAdmissionPolicy", spec, json!({})).await?;
        until("pods are rewritten", async || {
            Ok(self.attempt(release).await?.is_ok_and(|spec| is_rewritten(&spec)).then_some(()))
        })
        .await
    }

    /// From now on no pod of the release is admitted, with these words.
    pub async fn refuse_pods(&self, release: &str, words: &str) -> Result<()> {
        let spec = json!({
            "matchConstraints": self.pods_of(release),
            "validations": [{ "expression": "false", "message": words }],
        });
        self.rule("ValidatingAdmissionPolicy", spec, json!({ "validationActions": ["Deny"] })).await?;
        until("pods are refused", async || Ok(self.attempt(release).await?.is_err().then_some(()))).await
    }

    fn pods_of(&self, release: &str) -> Value {
        json!({
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": self.namespace } },
            "objectSelector": { "matchLabels": { names::RELEASE: release } },
            "resourceRules": [
                { "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"] },
            ],
        })
    }

    async fn rule(&self, kind: &str, spec: Value, bound: Value) -> Result<()> {
        let name = &self.namespace;
        let policy = json!({ "apiVersion": GROUP, "kind": kind, "metadata": { "name": name }, "spec": spec });
        let mut binding = bound;
        binding["policyName"] = json!(name);
        let kind_of_binding = format!("{kind}Binding");
        let binding =
            json!({ "apiVersion": GROUP, "kind": kind_of_binding, "metadata": { "name": name }, "spec": binding });
        self.also_remove(&[kind, &kind_of_binding]);
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": [policy, binding] });
        self.product.owner.apply(&list.to_string()).await
    }

    /// A pod of the release, as the cluster would store it, or its words of refusal. Nothing is created.
    async fn attempt(&self, release: &str) -> Result<std::result::Result<Value, String>> {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "attempt", "labels": { names::RELEASE: release } },
            "spec": { "containers": [{ "name": "main", "image": PLAIN }], "automountServiceAccountToken": false },
        }))
        .map_err(failed("write a pod"))?;
        let pods: Api<Pod> = Api::namespaced(self.product.owner.client.clone(), &self.namespace);
        let params = PostParams { dry_run: true, ..PostParams::default() };
        match pods.create(&params, &pod).await {
            Ok(stored) => Ok(Ok(json!(stored.spec))),
            Err(kube::Error::Api(status)) => Ok(Err(status.message)),
            Err(error) => Err(failed("attempt to create a pod")(error)),
        }
    }
}

fn is_rewritten(spec: &Value) -> bool {
    spec["containers"][0]["image"] != json!(PLAIN) || !spec["readinessGates"].is_null()
}
