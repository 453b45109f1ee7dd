//! What is seen of a Deployment and its processes.

use slipway_domain::promotion::{Epoch, Exit};
use slipway_rollout::observation::{Process, Readiness, Stage, Stranger, Visibility};

use super::{deployment, listed, observed, process, time};
use slipway_kubernetes::read::{events, observation};

#[test]
fn a_deployment_is_read_with_its_stamp() {
    let seen = deployment("ready", "registered");
    assert_eq!(seen.key.to_string(), "web-rbcdefghijk");
    assert_eq!((seen.replicas, seen.epoch), (2, Epoch(7)));
    assert!(!seen.uid.is_empty() && !seen.resource_version.is_empty());
    assert_eq!(seen.visibility, Visibility::Visible);
    assert_eq!(seen.processes.len(), 2);
    for process in &seen.processes {
        assert!(process.genuine && process.registered && process.is_live(), "{process:?}");
        assert!(matches!(process.stage, Stage::Running { .. }));
        assert!(matches!(process.readiness, Readiness::Ready { .. }));
    }
}

#[test]
fn a_process_that_only_bears_our_labels_is_a_stranger() {
    let mut listed = listed("ready", "registered");
    assert_eq!(observation(&listed).strangers, []);
    let mut pod = listed.pods[0].clone();
    pod.metadata.name = Some("nginx-5d8".to_owned());
    pod.metadata.uid = Some("another".to_owned());
    pod.metadata.owner_references = None;
    listed.pods.push(pod.clone());
    let stranger = Stranger { service: "web".parse().unwrap(), process: "nginx-5d8".to_owned() };
    assert_eq!(observation(&listed).strangers, [stranger]);
    assert_eq!(observation(&listed).deployments[0].processes.len(), 2);
    pod.metadata.deletion_timestamp = Some(pod.metadata.creation_timestamp.clone().unwrap());
    *listed.pods.last_mut().unwrap() = pod;
    assert_eq!(observation(&listed).strangers, [], "it is on its way out");
}

#[test]
fn a_write_is_visible_only_when_its_processes_are_there() {
    assert_eq!(deployment("ready", "began").visibility, Visibility::Pending);
    let stops = deployment("ready", "one-stops");
    assert_eq!((stops.replicas, stops.processes.len()), (1, 2));
    assert_eq!(stops.live().count(), 1);
    let none = deployment("ready", "none");
    assert_eq!((none.replicas, none.processes.len(), none.visibility), (0, 0, Visibility::Visible));
}

#[test]
fn a_deployment_that_runs_two_templates_is_not_settled() {
    let before = deployment("edited", "before");
    assert!(before.processes.iter().all(|process| process.genuine));
    let after = deployment("edited", "after");
    assert_eq!(after.visibility, Visibility::Pending);
    assert_eq!(after.processes.len(), 2);
    assert!(after.processes.iter().all(|process| !process.genuine), "a tag is no digest");
}

#[test]
fn a_stopping_process_stops_since_it_was_told_to() {
    let seen = process("stopping", "stopping");
    assert_eq!(seen.stopping_since, Some(time("2026-11-21T09:10:51Z")));
    assert!(!seen.registered && !seen.is_live());
    assert!(matches!(seen.readiness, Readiness::Ready { .. }));
    let evicted = process("evicted-by-request", "stopping");
    assert_eq!(evicted.stopping_since, Some(time("2026-11-21T09:10:27Z")));
    assert!(matches!(evicted.stage, Stage::Running { .. }));
}

#[test]
fn a_process_that_has_stopped_is_gone_before_its_object_is() {
    let mut listed = listed("ready", "one-stops");
    assert_eq!(observation(&listed).deployments[0].processes.len(), 2);
    let pod = listed.pods.iter_mut().find(|pod| pod.metadata.deletion_timestamp.is_some()).unwrap();
    pod.status.as_mut().unwrap().phase = Some("Succeeded".to_owned());
    let seen = observation(&listed);
    assert_eq!(seen.deployments[0].processes.len(), 1);
    assert!(seen.deployments[0].processes.iter().all(Process::is_live));
    // One that ended without being told to is over, and is told of.
    listed.pods.iter_mut().for_each(|pod| pod.metadata.deletion_timestamp = None);
    assert_eq!(observation(&listed).deployments[0].processes.len(), 2);
}

#[test]
fn readiness_is_lost_only_where_it_was() {
    let lost = |case: &str, moment: &str| process(case, moment).readiness;
    assert_eq!(lost("never-ready", "late"), Readiness::Never);
    assert_eq!(lost("killed", "back-off"), Readiness::Never);
    assert_eq!(lost("out-of-memory", "back-off"), Readiness::Never);
    assert_eq!(lost("init-fails", "twice"), Readiness::Never);
    assert_eq!(lost("flapping", "ready"), Readiness::Ready { since: time("2026-11-21T09:10:21Z") });
    assert_eq!(lost("flapping", "lost"), Readiness::Lost { since: time("2026-11-21T09:10:24Z") });
    assert_eq!(lost("flapping", "ready-again"), Readiness::Ready { since: time("2026-11-21T09:10:27Z") });
    assert_eq!(lost("crash-once-ready", "started-again"), Readiness::Lost { since: time("2026-11-21T09:10:44Z") });
}

#[test]
fn a_gate_holds_up_the_registration_and_not_the_readiness() {
    let closed = process("gated", "closed");
    let open = process("gated", "open");
    assert_eq!(closed.readiness, Readiness::Ready { since: time("2026-11-21T09:10:22Z") });
    assert_eq!(open.readiness, closed.readiness);
    assert_eq!((closed.registered, open.registered), (false, true));
}

#[test]
fn a_process_without_ports_is_ready_when_it_runs() {
    assert!(matches!(process("worker", "ready").readiness, Readiness::Ready { .. }));
}

#[test]
fn what_the_cluster_took_away_is_over() {
    let seen = deployment("evicted-for-space", "over");
    let over = Stage::Over { reason: r#"Evicted: Usage of EmptyDir volume "v" exceeds the limit "1Mi"."#.to_owned() };
    assert!(seen.processes.iter().any(|process| process.stage == over), "{seen:?}");
    assert_eq!(process("node-silent", "silent").stage, Stage::Over { reason: "NodeNotReady".to_owned() });
    let preempted = process("preempted", "stopping");
    assert!(!preempted.is_live(), "{preempted:?}");
}

#[test]
fn an_end_is_read_with_code_signal_and_reason() {
    let exit = |code, signal, reason: &str| Exit {
        code: Some(code),
        signal,
        reason: reason.to_owned(),
        message: String::new(),
    };
    assert_eq!(process("crash", "ended").stage, Stage::Exited(exit(3, None, "Error")));
    assert_eq!(process("crash", "back-off").last_exit, Some(exit(3, None, "Error")));
    assert_eq!(process("killed", "back-off").last_exit, Some(exit(139, Some(11), "Error")));
    assert_eq!(process("out-of-memory", "back-off").last_exit, Some(exit(137, Some(9), "OOMKilled")));
    let start = process("command-absent", "refused").last_exit.unwrap();
    assert_eq!((start.code, start.signal, start.reason.as_str()), (Some(128), None, "StartError"));
    assert!(start.message.ends_with("stat /nowhere/program: no such file or directory"), "{}", start.message);
}

#[test]
fn restarts_and_failures_of_the_init_container_are_counted() {
    let restarts = ["ended", "back-off", "twice"].map(|moment| process("crash", moment).restarts);
    assert_eq!(restarts, [1, 1, 2]);
    let moments = ["running", "once", "running-again", "twice"];
    assert_eq!(moments.map(|moment| process("init-fails", moment).init_failures), [0, 1, 1, 2]);
    assert_eq!(process("init-works", "ready").init_failures, 0);
    assert_eq!(process("init-absent", "later").init_failures, 2);
}

#[test]
fn the_words_of_the_health_check_are_those_of_the_present_run() {
    let words = process("never-ready", "late").probe_error;
    assert_eq!(words.as_deref(), Some("Readiness probe failed: HTTP probe failed with statuscode: 503"));
    assert_eq!(process("flapping", "ready-again").probe_error, None, "it is ready");
    assert_eq!(process("killed", "back-off").probe_error, None, "it does not run");
}

#[test]
fn what_was_said_about_a_process_is_told_with_how_often() {
    let mut told = events::told(&listed("pull-absent", "later").events);
    told.sort();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[0], "Failed: Error: ErrImagePull (2 times)");
    assert_eq!(told[1], "Failed: Error: ImagePullBackOff");
    assert!(told[2].starts_with("Failed: Failed to pull image") && told[2].ends_with("not found (2 times)"));
}

#[test]
fn the_newest_of_what_was_said_comes_last() {
    let mut listed = listed("pull-absent", "later").events;
    let at = |second: &str| serde_json::from_value(serde_json::json!(format!("2026-11-21T09:59:{second}Z"))).unwrap();
    listed[0].last_timestamp = at("30");
    listed[1].last_timestamp = at("10");
    listed[2].last_timestamp = at("20");
    let words = |place: usize| events::told(&listed[place..=place]).remove(0);
    assert_eq!(events::told(&listed), [words(1), words(2), words(0)]);
}

#[test]
fn what_does_not_bear_our_labels_and_name_is_not_ours() {
    for label in ["app.kubernetes.io/managed-by", "slipway.dev/service", "slipway.dev/release"] {
        let mut listed = listed("ready", "registered");
        listed.deployments[0].metadata.labels.as_mut().unwrap().remove(label);
        assert_eq!(observation(&listed).deployments, [], "{label}");
    }
    let mut listed = listed("ready", "registered");
    listed.deployments[0].metadata.name = Some("a-copy".to_owned());
    assert_eq!(observation(&listed).deployments, []);
}

#[test]
fn processes_belong_by_the_uid_of_their_owner() {
    let mut listed = listed("ready", "registered");
    listed.replica_sets[0].metadata.uid = Some("another".to_owned());
    let seen = observation(&listed);
    assert_eq!(seen.deployments[0].processes, []);
    assert_eq!(seen.deployments[0].visibility, Visibility::Pending);
}

#[test]
fn a_process_of_another_release_or_image_is_not_genuine() {
    let mut listed = listed("ready", "registered");
    let spec = listed.pods[0].spec.as_mut().unwrap();
    spec.containers[0].image = Some(format!("registry/shop@sha256:{}", "b".repeat(64)));
    listed.pods[1].metadata.labels.as_mut().unwrap().insert("slipway.dev/release".into(), "RZZZZZZZZZZ".into());
    let seen = observation(&listed);
    assert!(seen.deployments[0].processes.iter().all(|process| !process.genuine));
}

#[test]
fn only_a_slice_of_the_service_that_lists_it_as_ready_registers_a_process() {
    let changes: [fn(&mut slipway_kubernetes::read::Listed); 3] = [
        |listed| listed.slices.clear(),
        |listed| listed.slices[0].metadata.labels = None,
        |listed| {
            for endpoint in &mut listed.slices[0].endpoints {
                endpoint.conditions.as_mut().unwrap().ready = Some(false);
            }
        },
    ];
    for change in changes {
        let mut listed = listed("ready", "registered");
        change(&mut listed);
        assert!(observation(&listed).deployments[0].processes.iter().all(|process| !process.registered));
    }
    assert_eq!(observed("ready", "registered").at, time(&listed("ready", "registered").at.to_string()));
}
