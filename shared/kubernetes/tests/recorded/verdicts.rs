//! Row by row of the failure table: what a recorded status leads to.

use slipway_domain::promotion::Cause;
use slipway_rollout::classify::Verdict;

use super::verdict;

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Fine,
    Waiting,
    SecondTime,
    Doomed,
}

fn judged(file: &str, moment: &str, later_seconds: u64) -> (Kind, Option<Cause>, String) {
    match verdict(file, moment, later_seconds) {
        Verdict::Fine => (Kind::Fine, None, String::new()),
        Verdict::Waiting(cause, words) => (Kind::Waiting, Some(cause), words),
        Verdict::SecondTime(cause, words) => (Kind::SecondTime, Some(cause), words),
        Verdict::Doomed(cause, words) => (Kind::Doomed, Some(cause), words),
        Verdict::Replace(cause, words) => panic!("{file} {moment}: replaced for {cause}: {words}"),
    }
}

/// Case, moment, verdict, cause, and a part of the words that a user reads.
fn assert_rows(rows: &[(&str, &str, Kind, Cause, &str)]) {
    for (case, moment, kind, cause, part) in rows {
        let (seen_kind, seen_cause, words) = judged(case, moment, 0);
        assert_eq!((&seen_kind, seen_cause), (kind, Some(*cause)), "{case} {moment}: {words}");
        assert!(words.contains(part), "{case} {moment}: {words}");
    }
}

#[test]
fn an_image_that_does_not_exist_fails_at_once() {
    let mut rows = Vec::new();
    for case in ["pull-absent", "pull-absent-name", "pull-unknown-manifest", "pull-unknown-name"] {
        for moment in ["refused", "later"] {
            rows.push((case, moment, Kind::Doomed, Cause::ImageNotFound, "the image was not found: "));
        }
    }
    assert_rows(&rows);
}

#[test]
fn a_registry_that_refuses_fails_the_second_time() {
    let words = "the registry refused the image: ";
    let mut rows = Vec::new();
    for case in ["pull-basic", "pull-no-token", "pull-hidden", "pull-expired"] {
        for moment in ["refused", "later"] {
            rows.push((case, moment, Kind::SecondTime, Cause::ImageDenied, words));
        }
    }
    assert_rows(&rows);
}

#[test]
fn a_registry_that_is_busy_broken_or_away_is_waited_for() {
    let mut rows = Vec::new();
    let cases = [
        ("pull-busy", "429 Too Many Requests"),
        ("pull-broken", "500 Internal Server Error"),
        ("pull-unavailable", "503 Service Unavailable"),
        ("pull-nobody-listens", "connection refused"),
        ("pull-no-such-host", "no such host"),
    ];
    for (case, part) in cases {
        for moment in ["refused", "later"] {
            rows.push((case, moment, Kind::Waiting, Cause::ImagePullSlow, part));
        }
    }
    assert_rows(&rows);
}

#[test]
fn an_image_that_cannot_be_used_fails_at_once() {
    let rows = [
        ("image-invalid", "refused", Kind::Doomed, Cause::ImageInvalid, "couldn't parse image name"),
        ("image-never", "refused", Kind::Doomed, Cause::ImageInvalid, "pull policy of Never"),
        ("pull-platform", "refused", Kind::Doomed, Cause::ImageInvalid, "no match for platform"),
        ("pull-platform", "later", Kind::Doomed, Cause::ImageInvalid, "no match for platform"),
        ("init-image-absent", "refused", Kind::Doomed, Cause::ImageNotFound, "not found"),
    ];
    assert_rows(&rows);
}

#[test]
fn an_incomplete_configuration_names_what_is_missing() {
    let rows = [
        ("secret-absent", "refused", Kind::Doomed, Cause::ConfigError, r#"secret "keys" not found"#),
        ("secret-key-absent", "refused", Kind::Doomed, Cause::ConfigError, "couldn't find key B in Secret"),
        ("root-refused", "refused", Kind::Doomed, Cause::ConfigError, "breaks non-root policy"),
    ];
    assert_rows(&rows);
}

#[test]
fn a_command_that_cannot_be_run_fails_at_once() {
    let cases = [
        ("command-absent", "no such file or directory"),
        ("command-not-in-path", "executable file not found in $PATH"),
        ("command-folder", "permission denied"),
        ("command-not-executable", "permission denied"),
        ("command-in-a-file", "not a directory"),
        ("works-nowhere", "not a directory"),
    ];
    for (case, part) in cases {
        let row = |moment| (case, moment, Kind::Doomed, Cause::StartError, part);
        assert_rows(&[row("refused"), row("later")]);
    }
}

#[test]
fn a_process_that_ends_fails_by_the_way_it_ended() {
    let rows = [
        ("crash", "back-off", Kind::Doomed, Cause::CrashLoop, "ends again and again (exit code 3)"),
        ("crash", "twice", Kind::Doomed, Cause::CrashLoop, "(exit code 3)"),
        ("killed", "back-off", Kind::Doomed, Cause::CrashLoop, "(signal 11)"),
        ("command-no-program", "back-off", Kind::Doomed, Cause::CrashLoop, "(exit code 1)"),
        ("out-of-memory", "ended", Kind::Doomed, Cause::OutOfMemory, "more memory"),
        ("out-of-memory", "back-off", Kind::Doomed, Cause::OutOfMemory, "more memory"),
        ("exit-0", "ended", Kind::Doomed, Cause::Exited, "exit code 0"),
        ("exit-0", "back-off", Kind::Doomed, Cause::Exited, "exit code 0"),
    ];
    assert_rows(&rows);
    // Once is no loop.
    assert_eq!(judged("crash", "ended", 0).0, Kind::Fine);
    assert_eq!(judged("killed", "ended", 0).0, Kind::Fine);
}

#[test]
fn an_init_container_may_fail_once() {
    for moment in ["running", "once", "running-again"] {
        assert_eq!(judged("init-fails", moment, 0).0, Kind::Fine, "{moment}");
    }
    assert_eq!(judged("init-absent", "once", 0).0, Kind::Fine);
    assert_rows(&[
        ("init-fails", "twice", Kind::Doomed, Cause::InitFailed, "the init container failed"),
        ("init-absent", "later", Kind::Doomed, Cause::InitFailed, "the init container failed"),
    ]);
    assert_eq!(judged("init-works", "running", 60).0, Kind::Fine);
    assert_eq!(judged("init-works", "ready", 0).0, Kind::Fine);
}

#[test]
fn a_process_that_never_gets_ready_has_its_health_timeout_and_a_second() {
    let (kind, cause, words) = judged("never-ready", "late", 4);
    assert_eq!((kind, cause), (Kind::Doomed, Some(Cause::HealthTimeout)));
    let expected =
        "did not pass its health check within 3 s: Readiness probe failed: HTTP probe failed with statuscode: 503";
    assert_eq!(words, expected);
    assert_eq!(judged("never-ready", "booting", 0).0, Kind::Fine);
    assert_eq!(judged("never-ready", "booting", 4).1, Some(Cause::HealthTimeout));
}

#[test]
fn a_process_that_was_ready_may_be_unready_for_half_a_minute() {
    assert_eq!(judged("flapping", "lost", 0).0, Kind::Fine);
    assert_eq!(judged("flapping", "lost", 28).0, Kind::Fine);
    let (kind, cause, words) = judged("flapping", "lost", 30);
    assert_eq!((kind, cause), (Kind::Doomed, Some(Cause::HealthTimeout)));
    assert!(words.starts_with("was ready, and then not for 30 s: Readiness probe failed"), "{words}");
}

#[test]
fn a_gate_that_stays_closed_fails_at_the_registration_limit() {
    assert_eq!(judged("gated", "closed", 110).0, Kind::Fine);
    let (kind, cause, _) = judged("gated", "closed", 120);
    assert_eq!((kind, cause), (Kind::Doomed, Some(Cause::NotRegistered)));
    assert_eq!(judged("gated", "open", 120).0, Kind::Fine);
}

#[test]
fn what_finds_no_node_is_waited_for() {
    let words = "0/1 nodes are available: 1 Insufficient cpu.";
    assert_rows(&[("unschedulable", "waiting", Kind::Waiting, Cause::Unschedulable, words)]);
}

#[test]
fn what_the_cluster_takes_away_fails_nothing() {
    for (case, moment) in [("evicted-for-space", "over"), ("node-silent", "silent")] {
        assert_eq!(judged(case, moment, 600).0, Kind::Fine, "{case}");
    }
}
