use std::time::Duration;

use serde_json::json;
use slipway_domain::manifest::{Command, Service as Asked, parse};
use slipway_domain::promotion::{DeploymentKey, Epoch};
use slipway_domain::release::ImageDigest;
use slipway_domain::secret::Secret;
use slipway_service::ports::{Namespace, NewDeployment, NewRun, Template};

use super::{deployment, network, run};

const IMAGE: &str = "10.0.0.1:5000/tbcdefghijk/shop@sha256:0000";
const VALUE: &str = "CANARY $(APP) $$ value";

const WEB: &str = r#"
services:
  web:
    command: bin/web --pid $$ --port $(PORT)
    port: 3000
    ports: [9090]
    health: {path: /health, timeout: 20}
    domain: shop.example.com,www.example.com
    initContainer: {command: [bin/prepare, "$HOME"]}
    init: true
    scale: {count: 2, cpu: 250, memory: 64, limit: {memory: 128}}
    termination: {grace: 10}
"#;

fn namespace() -> Namespace {
    Namespace {
        tenant: "TBCDEFGHIJK".parse().unwrap(),
        app: "shop".parse().unwrap(),
        environment: "production".parse().unwrap(),
    }
}

fn asked(file: &str, text: &str) -> Asked {
    parse(file, text).unwrap().services.remove(0)
}

fn template(service: &Asked) -> Template {
    Template {
        release: "RBCDEFGHIJK".parse().unwrap(),
        build: "BBCDEFGHIJK".parse().unwrap(),
        service: service.name.clone(),
        image: ImageDigest::from_sha256(&[1; 32]),
        command: service.command.clone(),
        init_container: service.init_container.clone(),
        ports: service.ports.clone(),
        health: service.health.clone(),
        domains: service.domains.clone(),
        resources: service.resources.clone(),
        init: service.init,
        writable: !service.read_only,
        pause: service.drain_pause(),
        grace: Duration::from_secs(service.termination_seconds.into()),
        variables: ["API_KEY", "PORT", "PROCESS"].map(|key| (key.to_owned(), Secret::from(VALUE))).into(),
    }
}

fn new(template: Template) -> NewDeployment {
    let key = DeploymentKey { service: template.service.clone(), release: template.release.clone() };
    NewDeployment { key, epoch: Epoch(3), template }
}

/// Without the packed copy, which is the template once more.
fn rendered(text: &str) -> serde_json::Value {
    let mut object =
        json!(deployment::deployment(&namespace(), &new(template(&asked("slipway.yml", text))), IMAGE, "s"));
    object["metadata"]["annotations"]["slipway.dev/applied"] = json!("packed");
    object
}

#[test]
fn a_service_with_everything_is_rendered_whole() {
    insta::assert_json_snapshot!("web", rendered(WEB));
}

#[test]
fn a_worker_has_no_check_and_no_pause() {
    insta::assert_json_snapshot!("worker", rendered("services: {worker: {}}"));
}

#[test]
fn what_reaches_a_service_is_rendered_whole() {
    let template = template(&asked("slipway.yml", WEB));
    let objects = (network::service(&namespace(), &template, &[]), network::ingress(&namespace(), &template));
    insta::assert_json_snapshot!("network", objects);
}

#[test]
fn a_run_is_rendered_whole_and_selected_by_no_service() {
    let run = NewRun {
        id: "JBCDEFGHIJK".parse().unwrap(),
        template: template(&asked("slipway.yml", WEB)),
        command: vec!["bin/migrate".to_owned(), "$TARGET".to_owned()],
        time_limit: Duration::from_secs(90),
    };
    let pod = run::pod(&namespace(), &run, IMAGE);
    let service = network::service(&namespace(), &run.template, &[]).unwrap();
    let selector = service.spec.unwrap().selector.unwrap();
    let labels = pod.metadata.labels.clone().unwrap();
    assert!(selector.iter().any(|(key, value)| labels.get(key) != Some(value)));
    insta::assert_json_snapshot!("run", pod);
}

#[test]
fn an_image_that_may_be_written_to_keeps_its_user_and_is_denied_a_token_all_the_same() {
    let object =
        deployment::deployment(&namespace(), &new(template(&asked("convox.yml", "services: {web: {}}"))), IMAGE, "s");
    let spec = object.spec.unwrap().template.spec.unwrap();
    assert_eq!((spec.automount_service_account_token, spec.volumes.as_ref()), (Some(false), None));
    assert_eq!(
        json!([spec.security_context, spec.containers[0].security_context]),
        json!([
            { "seccompProfile": { "type": "RuntimeDefault" } },
            { "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": false },
        ])
    );
}

#[test]
fn values_are_in_the_secret_and_nowhere_else() {
    let new = new(template(&asked("slipway.yml", WEB)));
    let run = NewRun {
        id: "JBCDEFGHIJK".parse().unwrap(),
        template: new.template.clone(),
        command: vec!["a".to_owned()],
        time_limit: Duration::from_secs(1),
    };
    let deployment = deployment::deployment(&namespace(), &new, IMAGE, "s");
    let kept = crate::drift::applied(&deployment).unwrap();
    let open = json!([
        deployment,
        kept,
        network::service(&namespace(), &new.template, &[]),
        network::ingress(&namespace(), &new.template),
        run::pod(&namespace(), &run, IMAGE),
    ]);
    assert!(!open.to_string().contains("CANARY"));
    let secret = deployment::variables(&namespace(), &new, "s", "uid-1");
    let data = secret.data.clone().unwrap();
    assert_eq!(data["API_KEY"].0, VALUE.as_bytes());
    assert_eq!(data["PORT"].0, b"3000");
    assert!(!data.contains_key("PROCESS"));
    let owner = &secret.metadata.owner_references.as_ref().unwrap()[0];
    assert_eq!((owner.kind.as_str(), owner.uid.as_str(), secret.immutable), ("Deployment", "uid-1", Some(true)));
    let of_run = run::variables(&namespace(), &run, "uid-2");
    assert_eq!(of_run.metadata.owner_references.unwrap()[0].kind, "Pod");
    assert_eq!(of_run.metadata.name, run::pod(&namespace(), &run, IMAGE).metadata.name);
}

#[test]
fn every_variable_that_a_process_is_promised_is_in_its_secret() {
    let new = new(template(&asked("slipway.yml", WEB)));
    let data = deployment::variables(&namespace(), &new, "s", "u").data.unwrap();
    let spec = deployment::deployment(&namespace(), &new, IMAGE, "s").spec.unwrap().template.spec.unwrap();
    for container in spec.containers.iter().chain(spec.init_containers.iter().flatten()) {
        let asked: Vec<String> = container
            .env
            .iter()
            .flatten()
            .filter_map(|variable| Some(variable.value_from.as_ref()?.secret_key_ref.as_ref()?.key.clone()))
            .collect();
        assert_eq!(asked.len(), data.len());
        assert!(asked.iter().all(|key| data.contains_key(key)), "{asked:?}");
    }
}

#[test]
fn a_service_keeps_the_ports_of_the_releases_before_and_a_new_meaning_wins() {
    let ports = |text: &str, present: &[_]| {
        let service = network::service(&namespace(), &template(&asked("slipway.yml", text)), present).unwrap();
        service.spec.unwrap().ports.unwrap()
    };
    let told = |ports: &[k8s_openapi::api::core::v1::ServicePort]| -> Vec<String> {
        ports.iter().map(|port| format!("{}→{}", port.port, json!(port.target_port))).collect()
    };
    let first = ports("services: {web: {port: 3000, ports: [9090]}}", &[]);
    assert_eq!(told(&first), ["3000→\"main\"", "9090→\"port-9090\""]);
    let moved = ports("services: {web: {port: 4000}}", &first);
    assert_eq!(told(&moved), ["4000→\"main\"", "3000→\"main\"", "9090→\"port-9090\""]);
    let swapped = ports("services: {web: {port: 9090, ports: [3000]}}", &first);
    assert_eq!(told(&swapped), ["9090→\"main\"", "3000→\"port-3000\""]);
    assert!(network::service(&namespace(), &template(&asked("slipway.yml", "services: {w: {}}")), &first).is_none());
}

#[test]
fn a_command_reaches_its_program_as_it_was_written() {
    let mut service = asked("slipway.yml", "services: {web: {}}");
    service.command = Some(Command::Exec(vec!["echo".to_owned(), "$(APP) $$ $".to_owned()]));
    let object = deployment::deployment(&namespace(), &new(template(&service)), IMAGE, "s");
    let command = object.spec.unwrap().template.spec.unwrap().containers[0].command.clone().unwrap();
    // As the kubelet reads it: `$$` is `$`, and `$(X)` a variable where the dollar is not doubled.
    assert_eq!(command, ["echo", "$$(APP) $$$$ $$"]);
}
