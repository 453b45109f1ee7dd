//! One-off processes, and what is running.

use std::time::Duration;

use slipway_domain::promotion::{Exit, Outcome};
use slipway_domain::time::Time;
use slipway_service::ports::{ClusterError, LogLine, LogQuery, RunState};
use slipway_service::processes::ProcessState;
use slipway_service::runs::{NewRunRequest, RUN_DEFAULT, RUN_LIMIT};

use crate::world::{WEB, World, by_id, service};

fn migrate() -> NewRunRequest {
    let command = vec!["bin/migrate".to_owned(), "--all".to_owned()];
    NewRunRequest { service: service("web"), command, release: None, time_limit: None }
}

#[tokio::test]
async fn a_migration_runs_with_an_unpromoted_release() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, active) = world.build(1, WEB).await;
    assert_eq!(world.ship(&active).await, Outcome::Succeeded);
    let newest = world.set(&[("DATABASE_URL", "postgres://db")]).await;
    let run = slipway.create_run(owner, app, production, &migrate(), None).await.unwrap().value;
    assert_eq!((&run.release, run.time_limit_ms), (&newest.id, 600_000), "it says which release it took");
    let started = world.processes.runs.lock().unwrap()[&run.id].0.clone();
    assert_eq!((started.command, started.time_limit), (migrate().command, RUN_DEFAULT));
    let given = |name: &str| {
        let found = started.template.variables.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.reveal().to_owned())
    };
    assert_eq!(given("DATABASE_URL").as_deref(), Some("postgres://db"));
    assert_eq!(given("RELEASE"), Some(newest.id.to_string()));

    assert_eq!(slipway.run(owner, app, production, &run.id, Duration::from_secs(1)).await.unwrap().ended, None);
    let exit = Exit { code: Some(3), ..Exit::default() };
    let at = Time::from_millis(1);
    world.processes.runs.lock().unwrap().get_mut(&run.id).unwrap().1 =
        RunState::Ended { exit: exit.clone(), at, timed_out: false };
    let ended = slipway.run(owner, app, production, &run.id, Duration::from_secs(1)).await.unwrap().ended.unwrap();
    assert_eq!((ended.exit, ended.at, ended.timed_out), (exit, at, false));
}

#[tokio::test]
async fn a_run_may_name_any_release_of_its_environment() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, first) = world.build(1, WEB).await;
    world.build(2, WEB).await;
    let named = NewRunRequest { release: Some(by_id(&first.id)), ..migrate() };
    assert_eq!(slipway.create_run(owner, app, production, &named, None).await.unwrap().value.release, first.id);
}

#[tokio::test]
async fn bad_runs_are_refused_and_start_nothing() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let error = world.refused(slipway.create_run(owner, app, production, &migrate(), None)).await;
    assert_eq!(error.code, "no_release");
    world.build(1, WEB).await;
    let staging = world.staging().await;
    let (_, elsewhere) = world.build_in(&staging, 1, WEB).await;
    let command = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let cases = [
        (NewRunRequest { command: vec![], ..migrate() }, "invalid_run"),
        (NewRunRequest { command: command(&["", "x"]), ..migrate() }, "invalid_run"),
        (NewRunRequest { command: command(&["a\0b"]), ..migrate() }, "invalid_run"),
        (NewRunRequest { command: vec!["x".to_owned(); 65], ..migrate() }, "invalid_run"),
        (NewRunRequest { command: vec!["x".repeat(9000)], ..migrate() }, "invalid_run"),
        (NewRunRequest { time_limit: Some(Duration::ZERO), ..migrate() }, "invalid_run"),
        (NewRunRequest { time_limit: Some(RUN_LIMIT * 2), ..migrate() }, "invalid_run"),
        (NewRunRequest { service: service("worker"), ..migrate() }, "service_not_found"),
        (NewRunRequest { release: Some("v9".parse().unwrap()), ..migrate() }, "release_not_found"),
        (NewRunRequest { release: Some(by_id(&elsewhere.id)), ..migrate() }, "wrong_environment"),
    ];
    for (new, code) in cases {
        let error = world.refused(slipway.create_run(owner, app, production, &new, None)).await;
        assert_eq!(error.code, code, "{new:?}");
    }
    assert!(world.processes.runs.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_run_that_the_cluster_refuses_ends_and_one_that_it_missed_is_started_again() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    world.build(1, WEB).await;
    *world.processes.refuses.lock().unwrap() = Some(ClusterError::Refused("quota".to_owned()));
    let refused = slipway.create_run(owner, app, production, &migrate(), None).await.unwrap().value;
    assert_eq!(refused.ended.unwrap().exit.reason, "StartError");

    *world.processes.refuses.lock().unwrap() = Some(ClusterError::Unreachable("timeout".to_owned()));
    let missed = slipway.create_run(owner, app, production, &migrate(), None).await.unwrap().value;
    *world.processes.refuses.lock().unwrap() = None;
    assert_eq!(slipway.sweep().await.unwrap().errors, 0);
    assert!(world.processes.runs.lock().unwrap().contains_key(&missed.id));
}

#[tokio::test]
async fn a_run_that_nobody_knows_of_is_over_when_its_time_is() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    world.build(1, WEB).await;
    *world.processes.refuses.lock().unwrap() = Some(ClusterError::Unreachable("timeout".to_owned()));
    let run = slipway.create_run(owner, app, production, &migrate(), None).await.unwrap().value;
    world.wait(RUN_DEFAULT);
    assert_eq!(slipway.sweep().await.unwrap().runs, 1);
    let ended = slipway.run(owner, app, production, &run.id, Duration::ZERO).await.unwrap().ended.unwrap();
    assert!(ended.timed_out);
    assert_eq!(slipway.sweep().await.unwrap().runs, 0);
}

#[tokio::test]
async fn a_run_that_was_removed_is_over_and_never_started_a_second_time() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    world.build(1, WEB).await;
    let run = slipway.create_run(owner, app, production, &migrate(), None).await.unwrap().value;
    assert!(run.begun);
    world.processes.runs.lock().unwrap().clear();
    let ended = slipway.run(owner, app, production, &run.id, Duration::ZERO).await.unwrap().ended.unwrap();
    assert_eq!((ended.exit.reason.as_str(), ended.timed_out), ("Lost", false));
    assert!(world.processes.runs.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_run_that_was_started_by_half_is_started_once_more() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    world.build(1, WEB).await;
    let run = slipway.create_run(owner, app, production, &migrate(), None).await.unwrap().value;
    world.processes.runs.lock().unwrap().get_mut(&run.id).unwrap().1 = RunState::Half;
    *world.processes.refuses.lock().unwrap() = Some(ClusterError::Refused("asked again".to_owned()));
    let told = slipway.run(owner, app, production, &run.id, Duration::ZERO).await.unwrap();
    assert!(told.ended.unwrap().exit.message.contains("asked again"));
}

#[tokio::test]
async fn a_run_is_removed_an_hour_after_an_end_that_was_recorded() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    world.build(1, WEB).await;
    let run = slipway.create_run(owner, app, production, &migrate(), None).await.unwrap().value;
    let end = |at: Time| {
        world.processes.runs.lock().unwrap().get_mut(&run.id).unwrap().1 =
            RunState::Ended { exit: Exit::default(), at, timed_out: false };
    };
    let now = || slipway_service::ports::Clock::now(world.clock.as_ref());
    assert_eq!(slipway.collect().await.unwrap(), 0, "it runs");
    end(now());
    world.wait(Duration::from_mins(70));
    assert_eq!(slipway.collect().await.unwrap(), 0, "nobody recorded its end");
    assert_eq!(slipway.sweep().await.unwrap().runs, 1);
    assert_eq!(slipway.collect().await.unwrap(), 1);
    assert!(world.processes.runs.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_log_of_a_run_is_followed_to_its_end() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    world.build(1, WEB).await;
    let run = slipway.create_run(owner, app, production, &migrate(), None).await.unwrap().value;
    let line = |text: &str| LogLine { at: Time::from_millis(0), process: "run".to_owned(), text: text.to_owned() };
    world.processes.lines.lock().unwrap().push(line("migrating"));
    let wait = Duration::from_secs(2);
    let page = slipway.run_log(owner, app, production, &run.id, 0, wait).await.unwrap();
    assert_eq!((page.lines.len(), page.next, page.finished), (1, 1, false));
    world.processes.runs.lock().unwrap().get_mut(&run.id).unwrap().1 =
        RunState::Ended { exit: Exit::default(), at: Time::from_millis(1), timed_out: false };
    let page = slipway.run_log(owner, app, production, &run.id, 1, wait).await.unwrap();
    assert_eq!((page.lines.len(), page.next, page.finished), (0, 1, true));
}

#[tokio::test]
async fn lines_of_a_run_that_are_no_longer_kept_are_counted_and_told() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    world.build(1, WEB).await;
    let run = slipway.create_run(owner, app, production, &migrate(), None).await.unwrap().value;
    let line = |number: u32| LogLine { at: Time::from_millis(0), process: "run".to_owned(), text: number.to_string() };
    *world.processes.lines.lock().unwrap() = (0..10).map(line).collect();
    *world.processes.dropped.lock().unwrap() = 7;
    let page = slipway.run_log(owner, app, production, &run.id, 2, Duration::ZERO).await.unwrap();
    let texts: Vec<_> = page.lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["[5 lines are missing here: a log keeps its newest ones]", "7", "8", "9"]);
    assert_eq!(page.next, 10, "what follows is neither repeated nor lost");
    let page = slipway.run_log(owner, app, production, &run.id, 9, Duration::ZERO).await.unwrap();
    assert_eq!((page.lines.len(), page.next), (1, 10));
}

#[tokio::test]
async fn processes_and_logs_are_those_of_the_cluster() {
    let world = World::new().await;
    let World { slipway, owner, app, production, .. } = &world;
    let (_, release) = world.build(1, WEB).await;
    assert_eq!(world.ship(&release).await, Outcome::Succeeded);
    let processes = slipway.processes(owner, app, production).await.unwrap();
    assert_eq!(processes.len(), 2);
    for process in &processes {
        assert_eq!((&process.release, process.state, process.ready), (&release.id, ProcessState::Running, true));
        assert!(process.started_at.is_some());
    }
    let line = |number: u32| LogLine { at: Time::from_millis(0), process: "p".to_owned(), text: number.to_string() };
    world.processes.lines.lock().unwrap().extend((0..5).map(line));
    let query = LogQuery { limit: 2, ..LogQuery::default() };
    let lines = slipway.logs(owner, app, production, &query).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["3", "4"]);
    *world.cluster.away.lock().unwrap() = Some(ClusterError::Unreachable("timeout".to_owned()));
    assert_eq!(slipway.processes(owner, app, production).await.unwrap_err().code, "cluster_unreachable");
    // Reads of the records go on.
    assert_eq!(slipway.environment(owner, app, production).await.unwrap().environment.active, Some(release.id));
}
