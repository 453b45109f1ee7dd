//! The rules of the reconciler, case by case.

use super::*;
use crate::router::table::Check;

const NOW: Time = Time::from_millis(1_000_000);
const LIMITS: Limits = Limits { pause: Duration::from_secs(5), processes: 10 };

fn row(replicas: u32) -> Row {
    let image = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
    let key = slipway_domain::promotion::DeploymentKey {
        service: "web".parse().unwrap(),
        release: "RAAAAAAAAAA".parse().unwrap(),
    };
    Row {
        namespace: "n".to_owned(),
        key,
        uid: "row".to_owned(),
        version: 1,
        epoch: slipway_domain::promotion::Epoch(1),
        turn: 0,
        replicas,
        image,
        served: true,
        template: String::new(),
    }
}

fn process(uid: &str, created_at: i64) -> Process {
    let check = Check { path: None, interval_ms: 1000, timeout_ms: 1000, failures: 1 };
    Process {
        name: format!("web-{uid}"),
        uid: uid.to_owned(),
        row: "row".to_owned(),
        namespace: "n".to_owned(),
        service: "web".parse().unwrap(),
        image: row(0).image,
        ports: vec![1],
        check: Some((1, check)),
        grace_ms: 10_000,
        created_at: Time::from_millis(created_at),
        stopping_since: None,
        terminated_at: None,
        over: None,
    }
}

fn status() -> Status {
    Status {
        keeper: spec::Identity { pid: 1, start_ticks: 1 },
        group: None,
        stage: spec::Stage::Running { started_at: Time::from_millis(1) },
        since: Time::from_millis(1),
        started_at: Some(Time::from_millis(1)),
        restarts: 0,
        init_failures: 0,
        last_exit: None,
        stopping_since: None,
        timed_out: false,
    }
}

/// A process that runs; ready or not.
fn running(ready: bool) -> Fact {
    let target = TargetView { ready_since: ready.then_some(Time::from_millis(1)), ..TargetView::default() };
    Fact { kept: true, starting: false, status: Some(status()), target: Some(target) }
}

fn draining(in_flight: u32) -> Fact {
    let target = TargetView { draining: true, in_flight, ..TargetView::default() };
    Fact { target: Some(target), ..running(true) }
}

fn state(replicas: u32, processes: Vec<Process>) -> State {
    State { counter: 1, rows: vec![row(replicas)], processes }
}

fn plan(state: &State, facts: &[(&str, Fact)]) -> Plan {
    let facts = facts.iter().map(|(uid, fact)| ((*uid).to_owned(), fact.clone())).collect();
    reconcile(state, &facts, LIMITS, NOW)
}

fn steps(state: &State, facts: &[(&str, Fact)]) -> Vec<Step> {
    plan(state, facts).steps
}

fn uid(text: &str) -> String {
    text.to_owned()
}

#[test]
fn what_is_missing_is_created_and_what_is_there_is_left_alone() {
    let create = Step::Create { row: uid("row") };
    assert_eq!(steps(&state(2, vec![]), &[]), [create.clone(), create.clone()]);
    assert_eq!(steps(&state(2, vec![process("a", 1)]), &[("a", running(false))]), [create]);
    assert_eq!(plan(&state(1, vec![process("a", 1)]), &[("a", running(false))]), Plan::default());
}

#[test]
fn those_that_are_not_ready_go_first_and_then_the_youngest() {
    let three = state(1, vec![process("old", 1), process("young", 3), process("sick", 2)]);
    let facts = [("old", running(true)), ("young", running(true)), ("sick", running(false))];
    assert_eq!(steps(&three, &facts), [Step::Drain { uid: uid("sick") }, Step::Drain { uid: uid("young") }]);
}

#[test]
fn one_that_was_written_down_and_never_began_is_started() {
    assert_eq!(steps(&state(1, vec![process("a", 1)]), &[]), [Step::Launch { uid: uid("a") }]);
    let starting = Fact { starting: true, ..Fact::default() };
    assert_eq!(steps(&state(1, vec![process("a", 1)]), &[("a", starting)]), []);
}

#[test]
fn one_whose_keeper_vanished_is_given_up_and_replaced() {
    let gone = Fact { kept: false, ..running(true) };
    let expected = [
        Step::GiveUp { uid: uid("a"), reason: "what kept it was killed, or the machine was started again".to_owned() },
        Step::Create { row: uid("row") },
    ];
    assert_eq!(steps(&state(1, vec![process("a", 1)]), &[("a", gone)]), expected);
}

#[test]
fn stopping_waits_for_the_last_request_or_the_pause() {
    let stopping =
        |ago: i64| Process { stopping_since: Some(Time::from_millis(NOW.as_millis() - ago)), ..process("a", 1) };
    let terminate = [Step::Terminate { uid: uid("a") }];
    let due = |ago: i64| Some(Time::from_millis(NOW.as_millis() - ago + 5000));
    let waits = |ago: i64| Plan { due: due(ago), ..Plan::default() };
    // The router has not heard of it yet.
    assert_eq!(plan(&state(0, vec![stopping(10)]), &[("a", running(true))]), waits(10));
    assert_eq!(plan(&state(0, vec![stopping(10)]), &[("a", draining(1))]), waits(10));
    assert_eq!(steps(&state(0, vec![stopping(10)]), &[("a", draining(0))]), terminate);
    assert_eq!(steps(&state(0, vec![stopping(5000)]), &[("a", draining(1))]), terminate);
    let worker = Process { ports: vec![], check: None, ..stopping(0) };
    assert_eq!(steps(&state(0, vec![worker]), &[("a", running(true))]), terminate);
}

#[test]
fn one_that_does_not_end_is_killed_and_one_that_did_is_forgotten() {
    let terminated = |ago: i64| Process {
        stopping_since: Some(Time::default()),
        terminated_at: Some(Time::from_millis(NOW.as_millis() - ago)),
        ..process("a", 1)
    };
    let wait = Plan { due: Some(Time::from_millis(NOW.as_millis() + 15_000)), ..Plan::default() };
    assert_eq!(plan(&state(0, vec![terminated(0)]), &[("a", draining(0))]), wait);
    assert_eq!(steps(&state(0, vec![terminated(15_000)]), &[("a", draining(0))]), [Step::Kill { uid: uid("a") }]);
    let ended = Fact { kept: false, ..draining(0) };
    assert_eq!(steps(&state(0, vec![terminated(1)]), &[("a", ended)]), [Step::Forget { uid: uid("a") }]);
}

#[test]
fn stopping_ones_do_not_count() {
    let stopping = Process { stopping_since: Some(NOW), ..process("a", 1) };
    let expected = [Step::Create { row: uid("row") }];
    assert_eq!(steps(&state(1, vec![stopping]), &[("a", draining(1))]), expected);
}

#[test]
fn processes_of_a_row_that_is_gone_end() {
    let orphans = State { counter: 1, rows: vec![], processes: vec![process("a", 1)] };
    assert_eq!(steps(&orphans, &[("a", running(true))]), [Step::Drain { uid: uid("a") }]);
}

#[test]
fn no_more_than_the_bound_are_created() {
    let plan = plan(&state(12, vec![process("a", 1)]), &[("a", running(true))]);
    assert_eq!(plan.steps.len(), 9);
    assert_eq!(plan.over_quota, ["row"]);
}

#[test]
fn only_the_newest_of_those_that_are_over_stay_in_sight() {
    let over = |name: &str, at: i64| Process { over: Some("gone".to_owned()), ..process(name, at) };
    let all = |replicas| {
        let list = vec![over("a", 1), over("b", 2), over("c", 3), over("d", 4), process("e", 5)];
        state(replicas, list)
    };
    assert_eq!(steps(&all(1), &[("e", running(true))]), [Step::Forget { uid: uid("a") }]);
    let forgotten = steps(&all(0), &[("e", running(true))]);
    let expected = ["a", "b", "c", "d"].map(|name| Step::Forget { uid: uid(name) });
    assert_eq!(forgotten[..4], expected, "of a release that runs nowhere none stays in sight");
    assert_eq!(forgotten[4..], [Step::Drain { uid: uid("e") }]);
}
