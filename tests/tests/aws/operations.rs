//! Every operation of the API, with a body that it takes.

use serde_json::{Value, json};

/// What is sent to an operation, by method and path of the OpenAPI document. None: the operation is unknown here, which
/// fails the test that asks.
pub fn body(method: &str, path: &str) -> Option<Value> {
    let tail = path.rsplit_once("/environments/{environment}").map_or(path, |(_, tail)| tail);
    let body = match (method, path, tail) {
        ("GET" | "DELETE", ..) => Value::Null,
        ("POST", "/v1/apps", _) => json!({ "name": "shop" }),
        ("POST", "/v1/clusters", _) => {
            json!({ "name": "other", "region": "eu-central-1", "account": "123456789012", "eks_name": "prod" })
        }
        ("POST", "/v1/tenants", _) => json!({ "name": "another" }),
        ("POST", "/v1/clusters/{cluster}/connect", _) | ("POST", "/v1/apps/{app}/builds/{build}/cancel", _) => {
            json!({})
        }
        ("POST", "/v1/apps/{app}/builds", _) => json!({ "source": "external" }),
        ("POST", "/v1/apps/{app}/builds/{build}/complete", _) => {
            let manifest = json!({ "file": "slipway.yml", "text": "services: {web: {port: 80}}" });
            json!({ "image": format!("sha256:{}", "ab".repeat(32)), "manifest": manifest })
        }
        ("POST", "/v1/apps/{app}/environments", _) => json!({ "name": "staging" }),
        ("PUT", _, "/cluster") => json!({ "cluster": "alpha" }),
        ("POST", _, "/promotions") => json!({ "release": "v1" }),
        ("POST", _, "/promotions/{promotion}/cancel" | "/restarts" | "/rollbacks") => json!({}),
        ("POST", _, "/releases") => json!({ "from_release": "v1" }),
        ("POST", _, "/runs") => json!({ "service": "web", "command": ["true"] }),
        ("POST", _, "/scale") => json!({ "services": { "web": 1 } }),
        ("PUT", _, "/variables") => json!({ "variables": { "A": "1" } }),
        ("PATCH", _, "/variables") => json!({ "set": { "A": "1" }, "base": "newest" }),
        ("POST", _, "/variables/reveal") => json!({}),
        _ => return None,
    };
    Some(body)
}
