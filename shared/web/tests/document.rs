//! The committed documents are what the code derives, and the document says what the API does.

#![expect(clippy::unwrap_used, reason = "a test that cannot prepare itself fails")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

fn committed(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn document() -> Value {
    serde_json::from_str(&slipway_web::document()).unwrap()
}

/// Path, method, operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item): (&String, &Value)| {
        let item = item.as_object().unwrap().clone();
        let path = path.clone();
        item.into_iter().map(move |(method, operation)| (path.clone(), method, operation))
    };
    paths.iter().flat_map(of_path).collect()
}

#[test]
fn the_committed_document_is_the_derived_one() {
    let advice = "write it anew with: cargo run -p slipway-web --bin openapi";
    assert!(
        committed("openapi.json") == slipway_web::document(),
        "openapi.json is not what the code derives; {advice}"
    );
    assert!(committed("errors.md") == slipway_web::codes_table(), "errors.md is not what the code derives; {advice}");
}

#[test]
fn every_operation_is_described_and_named_once() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let operations = operations(&document);
    let ids: BTreeSet<&str> =
        operations.iter().map(|(_, _, operation)| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), operations.len());
    for (path, method, operation) in &operations {
        assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 10), "{method} {path}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(response["description"].is_string(), "{method} {path}: {status}");
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{method} {path}: {parameter}");
        }
    }
}

#[test]
fn every_operation_but_the_health_check_tells_its_refusals() {
    for (path, method, operation) in operations(&document()) {
        if path == "/healthz" {
            continue;
        }
        let mut expected = vec!["400", "401", "403", "404", "429", "500", "503"];
        if method != "get" {
            expected.extend(["409", "412", "413", "415", "422"]);
        }
        for status in expected {
            let content = &operation["responses"][status]["content"]["application/problem+json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{method} {path} {status}");
        }
    }
}

#[test]
fn every_path_segment_is_a_described_parameter() {
    for (path, method, operation) in operations(&document()) {
        for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let parameters = operation["parameters"].as_array().unwrap();
            let found = parameters.iter().any(|parameter| parameter["name"] == name && parameter["in"] == "path");
            assert!(found, "{method} {path}: {name}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}
