use serde_json::{Value, json};

use super::*;

fn pod(status: &Value) -> Pod {
    let meta = json!({ "name": "jabcdefghij", "creationTimestamp": "2026-01-15T14:30:00Z" });
    serde_json::from_value(json!({ "metadata": meta, "status": status })).unwrap()
}

fn with(state: &Value) -> Pod {
    let status =
        json!({ "name": "main", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state });
    pod(&json!({ "phase": "Pending", "containerStatuses": [status] }))
}

#[test]
fn the_end_of_the_command_is_the_end_of_the_run() {
    let ended = |code: i32, reason: &str| {
        with(&json!({ "terminated": { "exitCode": code, "reason": reason, "finishedAt": "2026-01-15T14:31:00Z" } }))
    };
    let at = "2026-01-15T14:31:00Z".parse().unwrap();
    for (code, signal, reason) in [(0, None, "Completed"), (3, None, "Error"), (137, Some(9), "OOMKilled")] {
        let exit = Exit { code: Some(code), signal, reason: reason.to_owned(), message: String::new() };
        assert_eq!(state(&ended(code, reason)), RunState::Ended { exit, at, timed_out: false });
    }
}

#[test]
fn a_run_whose_time_was_over_says_so() {
    let mut pod = with(&json!({ "terminated": { "exitCode": 143, "finishedAt": "2026-01-15T14:31:00Z" } }));
    pod.status.as_mut().unwrap().reason = Some("DeadlineExceeded".to_owned());
    assert!(matches!(state(&pod), RunState::Ended { timed_out: true, exit: Exit { signal: Some(15), .. }, .. }));
}

#[test]
fn a_pod_that_failed_without_a_container_has_ended_at_its_last_change() {
    let pod = pod(&json!({
        "phase": "Failed", "reason": "Evicted", "message": "the node was low on memory",
        "conditions": [
            { "type": "A", "status": "True", "lastTransitionTime": "2026-01-15T14:30:10Z" },
            { "type": "B", "status": "True", "lastTransitionTime": "2026-01-15T14:30:20Z" }
        ]
    }));
    let exit = Exit {
        code: None,
        signal: None,
        reason: "Evicted".to_owned(),
        message: "the node was low on memory".to_owned(),
    };
    let at = "2026-01-15T14:30:20Z".parse().unwrap();
    assert_eq!(state(&pod), RunState::Ended { exit, at, timed_out: false });
}

#[test]
fn a_run_that_waits_for_its_own_secret_was_started_by_half() {
    let waiting =
        |reason: &str, message: &str| state(&with(&json!({ "waiting": { "reason": reason, "message": message } })));
    assert_eq!(waiting("CreateContainerConfigError", "secret \"jabcdefghij\" not found"), RunState::Half);
    assert_eq!(waiting("CreateContainerConfigError", "secret \"other\" not found"), RunState::Running);
    assert_eq!(waiting("CreateContainerConfigError", "couldn't find key A in Secret"), RunState::Running);
    assert_eq!(waiting("ContainerCreating", ""), RunState::Running);
    assert_eq!(state(&pod(&json!({ "phase": "Pending" }))), RunState::Running);
    assert_eq!(state(&with(&json!({ "running": {} }))), RunState::Running);
}

#[test]
fn a_service_is_reached_by_its_host_name_from_outside_and_by_its_own_from_inside() {
    let ingress: Ingress = serde_json::from_value(json!({
        "metadata": { "name": "web" }, "spec": { "rules": [{ "host": "shop.example.com" }] }
    }))
    .unwrap();
    assert_eq!(outside(&ingress).as_deref(), Some("http://shop.example.com"));
    assert_eq!(outside(&Ingress::default()), None);
    let service = |port: u16| -> Service {
        serde_json::from_value(json!({ "metadata": { "name": "web" }, "spec": { "ports": [{ "port": port }] } }))
            .unwrap()
    };
    assert_eq!(inside("shop--production", &service(3000)).as_deref(), Some("http://web.shop--production.svc:3000"));
    assert_eq!(inside("shop--production", &service(80)).as_deref(), Some("http://web.shop--production.svc"));
    assert_eq!(inside("shop--production", &Service::default()), None);
}
