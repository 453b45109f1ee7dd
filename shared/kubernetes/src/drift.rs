//! Whether a Deployment's template and selector are as we wrote them.
//!
//! What we send is not what is stored: the API server adds defaults, and a webhook of the tenant's may add more. So the
//! fingerprint is taken of what the cluster stored in answer to our write, and kept beside it as an annotation. Anything
//! that changes the template later, a hand or a controller, changes the fingerprint. A server of a newer version may
//! add a default and so look like drift once; the write that puts the template right records the fingerprint anew.
//!
//! The template as we sent it is kept as well, packed, since nothing else in the cluster remembers it once it was
//! changed and no write carries it. It holds references to the variables, never their values.

use std::io::{Read, Write};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::{Map, Value, json};

use crate::names::{APPLIED, TEMPLATE};

/// No template of ours unpacks to more: 512 variables in two containers, with names of 128 characters.
const MAX_UNPACKED_BYTES: u64 = 4 * 1024 * 1024;

/// Of selector and template, as they are stored: 64 hexadecimal digits.
pub fn fingerprint(deployment: &Deployment) -> String {
    let spec = deployment.spec.as_ref();
    let parts = json!([spec.map(|spec| &spec.selector), spec.map(|spec| &spec.template)]);
    hex::encode(digest(&SHA256, parts.to_string().as_bytes()))
}

/// False for one that we never finished writing, too.
pub fn is_intact(deployment: &Deployment) -> bool {
    annotation(deployment, TEMPLATE) == Some(fingerprint(deployment).as_str())
}

/// Was created, and its Secret perhaps not yet: it runs nothing, and whoever needs it creates it afresh.
pub fn is_half_created(deployment: &Deployment) -> bool {
    let asked_for = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    asked_for == 0 && annotation(deployment, TEMPLATE).is_none()
}

pub fn annotation<'a>(deployment: &'a Deployment, key: &str) -> Option<&'a str> {
    deployment.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// A template for the annotation that keeps it.
pub fn pack(template: &PodTemplateSpec) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let text = json!(template).to_string();
    let packed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    STANDARD.encode(packed.expect("writing to memory does not fail"))
}

/// The template as we sent it. None: somebody removed or changed that, too.
pub fn applied(deployment: &Deployment) -> Option<Value> {
    let packed = STANDARD.decode(annotation(deployment, APPLIED)?).ok()?;
    let mut text = String::new();
    GzDecoder::new(packed.as_slice()).take(MAX_UNPACKED_BYTES).read_to_string(&mut text).ok()?;
    let template: PodTemplateSpec = serde_json::from_str(&text).ok()?;
    Some(json!(template))
}

/// The merge patch that makes exactly `wanted` of `stored`: what is not wanted is removed, lists are replaced whole.
pub fn patch_between(stored: &Value, wanted: &Value) -> Value {
    let (Value::Object(stored), Value::Object(wanted)) = (stored, wanted) else { return wanted.clone() };
    let mut patch = Map::new();
    for key in stored.keys().filter(|key| !wanted.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in wanted {
        match stored.get(key) {
            Some(before) if before == value => {}
            Some(before) => {
                patch.insert(key.clone(), patch_between(before, value));
            }
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(image: &str) -> Deployment {
        let text = json!({
            "metadata": { "annotations": {} },
            "spec": {
                "replicas": 0,
                "selector": { "matchLabels": { "a": "b" } },
                "template": { "spec": { "containers": [{ "name": "main", "image": image }] } },
            },
        });
        serde_json::from_value(text).unwrap()
    }

    fn annotate(mut deployment: Deployment, key: &str, value: String) -> Deployment {
        deployment.metadata.annotations.get_or_insert_default().insert(key.to_owned(), value);
        deployment
    }

    #[test]
    fn a_changed_template_or_selector_is_not_intact() {
        let written = deployment("one");
        assert!(!is_intact(&written));
        let print = fingerprint(&written);
        let written = annotate(written, TEMPLATE, print.clone());
        assert!(is_intact(&written));

        assert!(!is_intact(&annotate(deployment("two"), TEMPLATE, print)));
        let mut moved = written.clone();
        moved.spec.as_mut().unwrap().selector.match_labels = None;
        assert!(!is_intact(&moved));
        let mut scaled = written;
        scaled.spec.as_mut().unwrap().replicas = Some(7);
        assert!(is_intact(&scaled));
    }

    #[test]
    fn only_one_at_0_without_a_fingerprint_is_half_created() {
        assert!(is_half_created(&deployment("one")));
        assert!(!is_half_created(&annotate(deployment("one"), TEMPLATE, "x".to_owned())));
        let mut runs = deployment("one");
        runs.spec.as_mut().unwrap().replicas = Some(1);
        assert!(!is_half_created(&runs));
    }

    #[test]
    fn a_packed_template_comes_back_and_a_broken_one_does_not() {
        let template = deployment("one").spec.unwrap().template;
        let kept = annotate(deployment("two"), APPLIED, pack(&template));
        assert_eq!(applied(&kept), Some(json!(template)));
        for broken in ["", "!", "aGVsbG8="] {
            assert_eq!(applied(&annotate(deployment("two"), APPLIED, broken.to_owned())), None, "{broken}");
        }
        assert_eq!(applied(&deployment("two")), None);
    }

    #[test]
    fn a_patch_makes_exactly_what_is_wanted() {
        let table = [
            (json!({ "a": 1 }), json!({ "a": 1 }), json!({})),
            (json!({ "a": 1, "b": 2 }), json!({ "a": 1 }), json!({ "b": null })),
            (
                json!({ "a": { "x": 1, "y": [1, 2] } }),
                json!({ "a": { "y": [1] } }),
                json!({ "a": { "x": null, "y": [1] } }),
            ),
            (json!({ "a": [1] }), json!({ "a": { "x": 1 } }), json!({ "a": { "x": 1 } })),
            (json!({}), json!({ "a": { "x": 1 } }), json!({ "a": { "x": 1 } })),
        ];
        for (stored, wanted, expected) in table {
            assert_eq!(patch_between(&stored, &wanted), expected, "{stored} {wanted}");
        }
    }
}
