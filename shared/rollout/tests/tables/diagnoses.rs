//! What is found wrong in an environment, with no promotion that would remember anything.

use std::collections::BTreeMap;

use slipway_domain::manifest::{Manifest, parse};
use slipway_domain::promotion::{Memory, Phase, ProcessMemory};
use slipway_rollout::diagnose::{Diagnosis, Expected, Standing, diagnose};
use slipway_rollout::observation::{Process, Refusal, Stage, Visibility};

use crate::world::{
    World, ago, booting, crash_loop, exit, exited, homeless, lost, many, over, ready, release, stopping, unlisted,
    waiting,
};

const SHOP: &str = "services:\n  web:\n    port: 3000\n  worker:\n    scale: 2\n";

fn shop() -> Manifest {
    parse("slipway.yml", SHOP).unwrap()
}

fn world(processes: Vec<Process>) -> World {
    World::web(Phase::Ended, 1, 1).without("web", "new").old(processes)
}

/// `old` is the active release, and a promotion is running when there is a memory.
fn examined(world: &World, formation: &[(&str, u32)], memory: Option<&Memory>) -> Diagnosis {
    let manifest = shop();
    let (active, formation) = (
        release("old"),
        formation.iter().map(|(name, count)| (name.parse().unwrap(), *count)).collect::<BTreeMap<_, _>>(),
    );
    let standing = Standing { release: &active, formation: &formation };
    let expected =
        Expected { manifests: [(&active, &manifest)].into(), standing: memory.is_none().then_some(standing), memory };
    diagnose(&world.seen, &expected)
}

/// Findings of the processes of `web`, as `cause: message`.
fn found(processes: Vec<Process>) -> Vec<String> {
    let diagnosis = examined(&world(processes), &[("web", 0), ("worker", 0)], None);
    diagnosis.findings.iter().map(|finding| format!("{}: {}", finding.cause, finding.message)).collect()
}

/// Asked, healthy, starting, sick.
fn counted(processes: Vec<Process>) -> (u32, u32, u32, u32) {
    let diagnosis = examined(&world(processes), &[("web", 0), ("worker", 0)], None);
    let ward = &diagnosis.wards[0];
    (ward.asked, ward.healthy, ward.starting, ward.sick)
}

fn restarted(process: Process, restarts: u32, code: i32, reason: &str) -> Process {
    Process { restarts, last_exit: Some(exit(code, reason, "")), ..process }
}

#[test]
fn healthy_processes_have_no_finding() {
    for process in [ready(5), ready(0), ready(5_000)] {
        assert_eq!(found(many(3, &process)), Vec::<String>::new());
        assert_eq!(counted(many(3, &process)), (3, 3, 0, 0));
    }
}

#[test]
fn a_process_within_its_times_is_starting_and_not_sick() {
    for process in [
        booting(3),
        waiting("ContainerCreating", ""),
        waiting("", ""),
        unlisted(119),
        lost(29),
        Process { stage: Stage::Unscheduled(None), ..homeless() },
        Process { init_failures: 1, ..waiting("PodInitializing", "") },
    ] {
        assert_eq!(found(vec![process.clone()]), Vec::<String>::new(), "{process:?}");
        assert_eq!(counted(vec![process]), (1, 0, 1, 0));
    }
}

#[test]
fn every_sick_process_has_a_finding_without_a_promotion() {
    let refused = Some("connect: connection refused".to_owned());
    let rows = [
        (crash_loop(), "crash_loop: the process ends again and again (exit code 1)"),
        (exited(exit(1, "Error", "")), "crash_loop: the process ended (exit code 1) and is about to be started again"),
        (restarted(ready(9), 2, 1, "Error"), "crash_loop: the process ends again and again (exit code 1)"),
        (exited(exit(0, "Completed", "")), "exited: the process ended by itself with exit code 0"),
        (
            Process { probe_error: refused, ..booting(4) },
            "health_timeout: did not pass its health check within 3 s: connect: connection refused",
        ),
        (lost(30), "health_timeout: was ready, and then not for 30 s"),
        (unlisted(120), "not_registered: the load balancer did not take it within 120 s"),
        (homeless(), "unschedulable: 0/1 nodes are available: 1 Insufficient memory."),
        (waiting("ErrImagePull", "manifest unknown"), "image_not_found: the image was not found: manifest unknown"),
        (waiting("ImagePullBackOff", "403 Forbidden"), "image_denied: the registry refused the image: 403 Forbidden"),
        (waiting("ImagePullBackOff", "i/o timeout"), "image_pull_slow: the image could not be pulled yet: i/o timeout"),
        (waiting("InvalidImageName", "x"), "image_invalid: the image cannot be used: x"),
        (
            waiting("CreateContainerConfigError", "couldn't find key A in Secret s"),
            "config_error: the configuration is incomplete: couldn't find key A in Secret s",
        ),
        (waiting("RunContainerError", "device busy"), "start_error: the process could not be started: device busy"),
        (Process { init_failures: 2, ..waiting("", "") }, "init_failed: the init container failed"),
        (Process { genuine: false, ..ready(9) }, "drifted: runs another image than its release"),
    ];
    for (process, expected) in rows {
        assert_eq!(found(vec![process.clone()]), [expected], "{process:?}");
        assert_eq!(counted(vec![ready(9), process, ready(9)]), (3, 2, 0, 1));
    }
}

#[test]
fn an_end_for_lack_of_memory_is_told_however_well_the_process_does_now() {
    let expected = ["out_of_memory: the process used more memory than it may"];
    for process in [ready(9), ready(100_000), booting(1)] {
        assert_eq!(found(vec![restarted(process, 1, 137, "OOMKilled")]), expected);
    }
}

#[test]
fn a_process_leaves_its_restarts_behind_unless_they_are_many() {
    for (seconds, restarts, sick) in [(599, 2, true), (600, 2, false), (600, 4, false), (600, 5, true), (9, 1, false)] {
        let process = restarted(ready(seconds), restarts, 1, "Error");
        assert_eq!(!found(vec![process]).is_empty(), sick, "{restarts} restarts, ready for {seconds} s");
    }
    assert_eq!(found(vec![restarted(ready(600), 1, 0, "Completed")]), Vec::<String>::new());
    assert_eq!(found(vec![Process { init_failures: 3, ..ready(9) }]), Vec::<String>::new());
}

#[test]
fn what_stops_is_not_looked_at_and_what_the_cluster_took_only_while_it_is_missed() {
    assert_eq!(found(vec![ready(9), stopping(9)]), Vec::<String>::new());
    assert_eq!(found(vec![ready(9), over("Evicted")]), Vec::<String>::new());
    let missed = world(vec![over("Evicted")]).see("web", "old", |deployment| deployment.replicas = 1);
    let finding = &examined(&missed, &[("worker", 0)], None).findings[0];
    assert_eq!(finding.message, "the cluster took the process away: Evicted");
}

#[test]
fn a_finding_carries_what_shows_it() {
    let process = Process { probe_error: Some("503".to_owned()), ..restarted(booting(9), 1, 137, "OOMKilled") };
    let finding = examined(&world(vec![process]), &[("worker", 0)], None).findings.remove(0);
    assert_eq!(finding.process.as_deref(), Some("web/old-0"));
    assert_eq!(finding.exit, Some(exit(137, "OOMKilled", "")));
    assert_eq!((finding.probe_error.as_deref(), finding.restarts), (Some("503"), 1));
    assert_eq!((finding.running_since, finding.ready), (Some(ago(9)), false));
}

#[test]
fn what_the_cluster_does_not_create_is_a_finding_of_the_service() {
    let rows = [
        (Refusal::Quota("exceeded quota".to_owned()), "quota: 1 of 3 processes could be created: exceeded quota"),
        (Refusal::Admission("no".to_owned()), "admission_denied: 1 of 3 processes could be created: no"),
        (Refusal::Other("odd".to_owned()), "config_error: 1 of 3 processes could be created: odd"),
    ];
    for (refusal, expected) in rows {
        let world = world(vec![ready(9)]).see("web", "old", |deployment| {
            deployment.replicas = 3;
            deployment.visibility = Visibility::Refused(refusal);
        });
        let diagnosis = examined(&world, &[("web", 3), ("worker", 0)], None);
        let finding = &diagnosis.findings[0];
        assert_eq!(format!("{}: {}", finding.cause, finding.message), expected);
        assert_eq!((finding.process.as_ref(), diagnosis.findings.len()), (None, 1));
    }
}

#[test]
fn what_somebody_else_changed_is_told() {
    let altered = world(vec![ready(9)]).see("web", "old", |deployment| deployment.intact = false);
    let told = |world: &World, formation: &[(&str, u32)]| -> Vec<String> {
        let diagnosis = examined(world, formation, None);
        diagnosis.findings.iter().map(|it| format!("{}: {}", it.key.service, it.message)).collect()
    };
    assert_eq!(told(&altered, &[("worker", 0)]), ["web: its Deployment is not as Slipway wrote it"]);
    assert_eq!(
        told(&world(vec![ready(9)]), &[("web", 3)]),
        [
            "web: should run 3 processes, and the cluster is asked for 1",
            "worker: should run 2 processes, and the cluster is asked for 0"
        ]
    );
}

#[test]
fn a_promotion_that_runs_is_asked_what_it_remembers_and_nothing_is_missed() {
    let flapping = ProcessMemory { lost: 3, ..ProcessMemory::default() };
    let memory = Memory { processes: [("uid-web-old-0".to_owned(), flapping)].into(), ..Memory::default() };
    let findings = examined(&world(vec![ready(2)]), &[("web", 3)], Some(&memory)).findings;
    assert_eq!((findings.len(), findings[0].message.as_str()), (1, "readiness was lost 3 times"));
    assert_eq!(examined(&world(vec![ready(2)]), &[("web", 3)], Some(&Memory::default())).findings, []);
}

#[test]
fn processes_of_a_release_without_a_manifest_are_judged_by_what_all_have_in_common() {
    let of = |process| {
        let world = World::web(Phase::Ended, 1, 1).with("web", "other", vec![process]);
        let diagnosis = examined(&world, &[("web", 0), ("worker", 0)], None);
        diagnosis.findings.into_iter().map(|finding| finding.cause.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of(unlisted(500)), Vec::<&str>::new());
    assert_eq!(of(crash_loop()), ["crash_loop"]);
}
