use serde_json::Value;

use super::*;

fn namespace() -> Namespace {
    Namespace {
        tenant: "TABCDEFGHIJ".parse().unwrap(),
        app: "shop".parse().unwrap(),
        environment: "production".parse().unwrap(),
    }
}

fn filled_in() -> (String, Vec<Value>) {
    let text = manifest(&namespace(), &Cluster::group(&namespace().tenant));
    let objects = text.split("\n---\n").map(|object| serde_saphyr::from_str(object).unwrap()).collect();
    (text, objects)
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

#[test]
fn the_manifest_is_a_namespace_of_ours_a_role_in_it_and_its_binding_to_our_group() {
    let (text, objects) = filled_in();
    assert!(!text.contains("${"), "{text}");
    let [space, role, binding] = objects.as_slice() else { panic!("{} objects", objects.len()) };
    assert_eq!(space["kind"], "Namespace");
    assert_eq!(space["metadata"]["name"], "shop--production");
    let labels = &space["metadata"]["labels"];
    assert_eq!(labels[crate::names::TENANT], "TABCDEFGHIJ");
    assert_eq!(labels[crate::names::APP], "shop");
    assert_eq!(labels[crate::names::ENVIRONMENT], "production");
    for object in [role, binding] {
        assert_eq!(object["metadata"]["namespace"], "shop--production");
    }
    assert_eq!(role["kind"], "Role");
    assert_eq!(binding["kind"], "RoleBinding");
    assert_eq!(binding["roleRef"]["kind"], "Role");
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
    let subjects = binding["subjects"].as_array().unwrap();
    assert_eq!(subjects.len(), 1);
    assert_eq!((&subjects[0]["kind"], &subjects[0]["name"]), (&"Group".into(), &"slipway:tabcdefghij".into()));
}

#[test]
fn the_role_has_no_wildcard_no_way_up_no_exec_and_writes_secrets_only() {
    let (_, objects) = filled_in();
    let rules = objects[1]["rules"].as_array().unwrap();
    assert!(!rules.is_empty());
    for rule in rules {
        let (groups, resources, verbs) = (texts(&rule["apiGroups"]), texts(&rule["resources"]), texts(&rule["verbs"]));
        for item in groups.iter().chain(&resources).chain(&verbs) {
            assert!(!item.contains('*'), "{rule}");
        }
        for verb in &verbs {
            assert!(!matches!(*verb, "escalate" | "bind" | "impersonate" | "approve" | "sign"), "{rule}");
        }
        for resource in &resources {
            assert!(!matches!(
                *resource,
                "pods/exec" | "pods/attach" | "pods/portforward" | "pods/ephemeralcontainers"
            ));
            assert!(!matches!(*resource, "serviceaccounts/token" | "configmaps" | "serviceaccounts"), "{rule}");
            if *resource == "secrets" {
                assert_eq!(verbs, ["create"]);
            }
            if *resource == "namespaces" {
                assert_eq!(verbs, ["get"]);
            }
        }
        assert!(!groups.contains(&"rbac.authorization.k8s.io"), "{rule}");
    }
}

#[test]
fn what_is_looked_for_is_what_the_manifest_grants() {
    let (_, objects) = filled_in();
    let mut granted = Vec::new();
    for rule in objects[1]["rules"].as_array().unwrap() {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                granted.extend(
                    texts(&rule["verbs"])
                        .into_iter()
                        .map(|verb| (group.to_owned(), resource.to_owned(), verb.to_owned())),
                );
            }
        }
    }
    granted.sort();
    let mut needed: Vec<_> =
        rights().map(|right| (right.group.to_owned(), right.resource.to_owned(), right.verb.to_owned())).collect();
    needed.sort();
    assert_eq!(needed, granted);
}

fn listed(groups: &[&str], resources: &[&str], verbs: &[&str]) -> ResourceRule {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    ResourceRule {
        api_groups: Some(owned(groups)),
        resources: Some(owned(resources)),
        resource_names: None,
        verbs: owned(verbs),
    }
}

#[test]
fn a_right_is_ours_when_one_rule_grants_it_whole() {
    let right = Right { group: "apps", resource: "deployments", verb: "patch" };
    assert!(right.is_in(&[listed(&["apps"], &["deployments"], &["get", "patch"])]));
    assert!(right.is_in(&[listed(&["*"], &["*"], &["*"])]));
    assert!(!right.is_in(&[listed(&[""], &["deployments"], &["patch"])]));
    assert!(!right.is_in(&[listed(&["apps"], &["deployments"], &["get"]), listed(&["apps"], &["pods"], &["patch"])]));
    let one = ResourceRule {
        resource_names: Some(vec!["web".to_owned()]),
        ..listed(&["apps"], &["deployments"], &["patch"])
    };
    assert!(!right.is_in(&[one]), "a right on one object is none on all");
}

#[test]
fn missing_rights_are_told_by_resource_in_the_order_of_the_manifest() {
    let missing = rights().filter(|right| matches!(right.resource, "pods" | "secrets" | "pods/log"));
    let told = told(missing.filter(|right| right.verb != "watch"));
    assert_eq!(told, ["get, list, create, delete pods", "get pods/log", "create secrets"]);
}
