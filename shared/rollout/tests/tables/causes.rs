//! The table "why a new process failed": ends, health, scheduling. Messages are as kubelets and runtimes write them.

use slipway_domain::promotion::{Cause, Exit, ProcessMemory, Told};
use slipway_rollout::classify::{Verdict, classify};
use slipway_rollout::observation::{Process, Stage};

use crate::world::{
    NOW, ago, booting, crash_loop, exit, exited, homeless, lost, over, ready, service, unlisted, waiting,
};

pub const RUNC: &str = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc \
                        create failed: unable to start container process: ";

pub fn verdict(process: &Process) -> String {
    verdict_of(process, &ProcessMemory::default())
}

/// `fine`, `wait`, `twice`, `replace` or `fail`, with the cause.
fn verdict_of(process: &Process, memory: &ProcessMemory) -> String {
    match classify(process, &service("web", Some(1), Some(1)), memory, NOW) {
        Verdict::Fine => "fine".to_owned(),
        Verdict::Waiting(cause, _) => format!("wait {cause}"),
        Verdict::SecondTime(cause, _) => format!("twice {cause}"),
        Verdict::Replace(cause, _) => format!("replace {cause}"),
        Verdict::Doomed(cause, _) => format!("fail {cause}"),
    }
}

/// The text that the people who have to mend it read.
pub fn words(process: &Process) -> String {
    match classify(process, &service("web", Some(1), Some(1)), &ProcessMemory::default(), NOW) {
        Verdict::Fine => String::new(),
        Verdict::Waiting(_, words)
        | Verdict::SecondTime(_, words)
        | Verdict::Replace(_, words)
        | Verdict::Doomed(_, words) => words,
    }
}

fn restarted(process: Process, restarts: u32, last: Exit) -> Process {
    Process { restarts, last_exit: Some(last), ..process }
}

#[test]
fn a_configuration_error_fails_unless_a_cache_is_syncing() {
    let rows = [
        ("couldn't find key DATABASE_URL in Secret shop--production/web-rnew", "fail config_error"),
        (r#"secret "web-rnewnewnewn" not found"#, "fail config_error"),
        ("container has runAsNonRoot and image will run as root", "fail config_error"),
        ("failed to sync secret cache: timed out waiting for the condition", "fine"),
        ("failed to sync configmap cache: timed out waiting for the condition", "fine"),
    ];
    for (message, expected) in rows {
        assert_eq!(verdict(&waiting("CreateContainerConfigError", message)), expected, "{message}");
    }
}

#[test]
fn a_configuration_error_names_the_missing_key() {
    let process =
        waiting("CreateContainerConfigError", "couldn't find key DATABASE_URL in Secret shop--production/web");
    assert_eq!(
        words(&process),
        "the configuration is incomplete: couldn't find key DATABASE_URL in Secret shop--production/web"
    );
}

#[test]
fn a_start_error_that_blames_the_image_or_the_command_fails_at_once() {
    let rows = [
        (r#"exec: "bin/web": executable file not found in $PATH: unknown"#, "fail start_error"),
        (r#"exec: "/nope": stat /nope: no such file or directory: unknown"#, "fail start_error"),
        (r#"exec: "/etc/passwd": permission denied: unknown"#, "fail start_error"),
        (r#"exec: "/etc/passwd/web": stat /etc/passwd/web: not a directory: unknown"#, "fail start_error"),
        ("exec /app/web: exec format error: unknown", "fail start_error"),
        (r#"exec: "/app": is a directory: unknown"#, "fail start_error"),
        ("error during container init: error setting cgroup config: write cpu.max: device busy", "replace start_error"),
        ("can't get final child's PID from pipe: EOF: unknown", "replace start_error"),
        ("context deadline exceeded", "replace start_error"),
    ];
    for (message, expected) in rows {
        let message = format!("{RUNC}{message}");
        assert_eq!(verdict(&waiting("RunContainerError", &message)), expected, "{message}");
        assert_eq!(verdict(&waiting("CreateContainerError", &message)), expected, "{message}");
        let looping = waiting("CrashLoopBackOff", "back-off 10s restarting failed container");
        assert_eq!(
            verdict(&restarted(looping, 1, exit(128, "StartError", &message))),
            expected,
            "last state {message}"
        );
        assert_eq!(verdict(&exited(exit(128, "StartError", &message))), expected, "state {message}");
        assert_eq!(verdict(&exited(exit(128, "ContainerCannotRun", &message))), expected, "older runtime {message}");
    }
}

#[test]
fn a_process_that_runs_after_a_start_error_is_judged_by_its_health() {
    let process = restarted(ready(2), 1, exit(128, "StartError", "context deadline exceeded"));
    assert_eq!(verdict(&process), "fine");
    let process = restarted(ready(2), 2, exit(128, "StartError", "context deadline exceeded"));
    assert_eq!(verdict(&process), "fail crash_loop");
}

#[test]
fn a_process_of_its_own_that_ends_with_128_was_no_start_error() {
    assert_eq!(verdict(&exited(exit(128, "Error", "not found"))), "fine");
}

#[test]
fn what_the_cluster_replaces_by_itself_is_not_counted() {
    for reason in ["Evicted", "Preempting", "NodeLost", "Shutdown", "Terminated"] {
        let process = Process { restarts: 5, last_exit: Some(exit(137, "OOMKilled", "")), ..over(reason) };
        assert_eq!(verdict(&process), "fine", "{reason}");
    }
}

#[test]
fn a_crash_loop_fails() {
    assert_eq!(verdict(&crash_loop()), "fail crash_loop");
    assert_eq!(words(&crash_loop()), "the process ends again and again (exit code 1)");
    let killed = Exit { code: Some(139), signal: Some(11), ..exit(139, "Error", "") };
    assert_eq!(words(&restarted(ready(2), 2, killed)), "the process ends again and again (signal 11)");
}

#[test]
fn two_restarts_above_the_first_count_fail() {
    let rows = [(0, 0, "fine"), (1, 0, "fine"), (2, 0, "fail crash_loop"), (3, 0, "fail crash_loop")];
    let above = [(7, 7, "fine"), (8, 7, "fine"), (9, 7, "fail crash_loop"), (3, 7, "fine")];
    for (restarts, first, expected) in rows.into_iter().chain(above) {
        let memory = ProcessMemory { first_restarts: first, ..ProcessMemory::default() };
        let process = restarted(ready(2), restarts, exit(1, "Error", ""));
        assert_eq!(verdict_of(&process, &memory), expected, "{restarts} restarts, {first} at first");
        let unexplained = Process { last_exit: None, ..process };
        assert_eq!(verdict_of(&unexplained, &memory), expected, "{restarts} restarts, no last state");
    }
}

#[test]
fn an_out_of_memory_kill_fails_wherever_it_is_seen() {
    let killed = exit(137, "OOMKilled", "");
    assert_eq!(verdict(&exited(killed.clone())), "fail out_of_memory");
    assert_eq!(verdict(&restarted(ready(2), 1, killed.clone())), "fail out_of_memory");
    assert_eq!(verdict(&restarted(booting(1), 1, killed.clone())), "fail out_of_memory");
    assert_eq!(verdict(&restarted(waiting("CrashLoopBackOff", ""), 3, killed.clone())), "fail out_of_memory");
    // Its last end lies before the first look.
    let memory = ProcessMemory { first_restarts: 1, ..ProcessMemory::default() };
    assert_eq!(verdict_of(&restarted(ready(2), 1, killed), &memory), "fine");
    assert_eq!(verdict(&exited(exit(137, "Error", ""))), "fine", "killed, and not for its memory");
}

#[test]
fn exit_0_fails_inside_the_bake_and_is_a_restart_after_it() {
    let done = exit(0, "Completed", "");
    let baked = ProcessMemory { told: Told::Verified, ..ProcessMemory::default() };
    let baking = ProcessMemory { told: Told::Ready, ..ProcessMemory::default() };
    for process in [exited(done.clone()), restarted(booting(1), 1, done.clone()), restarted(ready(2), 1, done.clone())]
    {
        assert_eq!(verdict_of(&process, &baking), "fail exited");
        assert_eq!(verdict_of(&process, &baked), "fine");
    }
    assert_eq!(verdict_of(&restarted(ready(2), 2, done), &baked), "fail crash_loop");
    assert_eq!(verdict(&exited(exit(1, "Error", ""))), "fine", "one crash is started again");
}

#[test]
fn health_timeout_is_given_a_second_for_whole_stamps() {
    for (seconds, expected) in [(2, "fine"), (3, "fine"), (4, "fail health_timeout"), (5, "fail health_timeout")] {
        assert_eq!(verdict(&booting(seconds)), expected, "{seconds} s, never ready");
        // Started again after the loss: it has the time to boot once more.
        let process = Process { readiness: lost(seconds + 1).readiness, restarts: 1, ..booting(seconds) };
        assert_eq!(verdict(&process), expected, "{seconds} s after a restart");
    }
}

#[test]
fn a_process_that_does_not_run_yet_has_no_health_timeout() {
    for reason in ["", "ContainerCreating", "PodInitializing"] {
        assert_eq!(verdict(&waiting(reason, "")), "fine");
    }
    assert_eq!(verdict(&Process { stage: Stage::Unscheduled(None), ..homeless() }), "fine");
}

#[test]
fn readiness_lost_for_thirty_seconds_fails() {
    for (seconds, expected) in [(1, "fine"), (29, "fine"), (30, "fail health_timeout"), (31, "fail health_timeout")] {
        assert_eq!(verdict(&lost(seconds)), expected, "{seconds} s");
    }
}

#[test]
fn a_failed_health_check_is_quoted() {
    let error = Some("HTTP probe failed with statuscode: 503".to_owned());
    let process = Process { probe_error: error.clone(), ..booting(9) };
    assert_eq!(words(&process), "did not pass its health check within 3 s: HTTP probe failed with statuscode: 503");
    let process = Process { probe_error: error, ..lost(30) };
    assert_eq!(words(&process), "was ready, and then not for 30 s: HTTP probe failed with statuscode: 503");
}

#[test]
fn a_ready_process_that_is_never_registered_fails() {
    for (seconds, expected) in [(119, "fine"), (120, "fail not_registered"), (121, "fail not_registered")] {
        assert_eq!(verdict(&unlisted(seconds)), expected, "{seconds} s");
        assert_eq!(verdict(&ready(seconds)), "fine", "{seconds} s and registered");
    }
}

#[test]
fn a_process_without_ports_need_not_be_registered() {
    let mut plan = service("worker", Some(1), Some(1));
    plan.ports = false;
    assert_eq!(classify(&unlisted(500), &plan, &ProcessMemory::default(), NOW), Verdict::Fine);
}

#[test]
fn readiness_lost_three_times_inside_the_bake_is_flapping() {
    for (losses, expected) in [(2, "fine"), (3, "fail flapping"), (4, "fail flapping")] {
        let memory = ProcessMemory { lost: losses, ..ProcessMemory::default() };
        assert_eq!(verdict_of(&ready(2), &memory), expected, "{losses} losses");
        assert_eq!(verdict_of(&lost(2), &memory), expected, "{losses} losses, and lost now");
    }
}

#[test]
fn an_init_container_may_fail_once() {
    for (failures, expected) in [(0, "fine"), (1, "fine"), (2, "fail init_failed"), (3, "fail init_failed")] {
        let process = Process { init_failures: failures, ..waiting("PodInitializing", "") };
        assert_eq!(verdict(&process), expected, "{failures} failures");
    }
}

#[test]
fn a_process_without_a_node_waits() {
    assert_eq!(verdict(&homeless()), "wait unschedulable");
    assert_eq!(words(&homeless()), "0/1 nodes are available: 1 Insufficient memory.");
}

#[test]
fn a_failing_process_says_what_it_died_of_before_anything_else() {
    let failed = Process { init_failures: 2, ..crash_loop() };
    assert_eq!(verdict(&failed), "fail init_failed");
    let process = Process { stage: Stage::Running { started_at: ago(1) }, restarts: 2, ..exited(exit(0, "", "")) };
    assert_eq!(verdict(&restarted(process, 2, exit(137, "OOMKilled", ""))), "fail out_of_memory");
    assert_eq!(Cause::OutOfMemory.as_str(), "out_of_memory");
}
