//! One-off processes, and logs.

use std::time::Duration;

use slipway_domain::id::RunId;
use slipway_domain::promotion::Exit;
use slipway_service::ports::{ClusterError, LogQuery, NewRun, Processes, RunState};

use super::World;
use crate::common::until_async;

fn run(world: &World, id: &str, line: &str) -> NewRun {
    NewRun {
        id: id.parse().unwrap(),
        template: world.template("RAAAAAAAAAA", "exec node server.js"),
        command: ["/bin/sh", "-c", line].map(str::to_owned).to_vec(),
        time_limit: Duration::from_mins(1),
    }
}

async fn end(world: &World, id: &RunId) -> (Exit, bool) {
    until_async("the end of the run", || async {
        match world.cluster().run(&world.namespace, id).await.unwrap() {
            RunState::Ended { exit, timed_out, .. } => Some((exit, timed_out)),
            RunState::Running => None,
            RunState::Half | RunState::Unknown => unreachable!("it was started"),
        }
    })
    .await
}

async fn lines(world: &World, id: &RunId, after: u64) -> Vec<String> {
    let log = world.cluster().run_log(&world.namespace, id, after).await.unwrap();
    log.lines.into_iter().map(|line| line.text).collect()
}

#[tokio::test]
async fn a_run_has_the_variables_of_its_release_an_exit_code_and_a_log() {
    let mut world = World::start().await;
    let new = run(&world, "JAAAAAAAAAA", "echo \"$CANARY\"; echo \"$PROCESS ${PORT:-none}\"; exit 4");
    world.cluster().start(&world.namespace, &new).await.unwrap();
    world.cluster().start(&world.namespace, &new).await.unwrap();
    let (exit, timed_out) = end(&world, &new.id).await;
    assert_eq!((exit.code, timed_out), (Some(4), false));
    assert_eq!(lines(&world, &new.id, 0).await, ["CANARY-a'b\"c $X", "JAAAAAAAAAA none"]);
    assert_eq!(lines(&world, &new.id, 1).await, ["JAAAAAAAAAA none"]);
    // It is the same run for the next server, and is not run twice.
    world.reopen().await;
    world.cluster().start(&world.namespace, &new).await.unwrap();
    assert_eq!(end(&world, &new.id).await.0.code, Some(4));
    assert_eq!(lines(&world, &new.id, 0).await.len(), 2);
    let stranger = "JBBBBBBBBBB".parse().unwrap();
    assert_eq!(world.cluster().run(&world.namespace, &stranger).await.unwrap(), RunState::Unknown);
}

#[tokio::test]
async fn a_run_ends_when_its_time_is_over() {
    let world = World::start().await;
    let new = NewRun { time_limit: Duration::from_millis(200), ..run(&world, "JAAAAAAAAAA", "exec sleep 600") };
    world.cluster().start(&world.namespace, &new).await.unwrap();
    let (exit, timed_out) = end(&world, &new.id).await;
    assert_eq!((exit.signal, timed_out), (Some(15), true));
}

#[tokio::test]
async fn a_run_of_an_image_that_is_not_here_is_refused() {
    let world = World::start().await;
    let mut new = run(&world, "JAAAAAAAAAA", "true");
    new.template.image = format!("sha256:{}", "cd".repeat(32)).parse().unwrap();
    let refused = world.cluster().start(&world.namespace, &new).await;
    let text = format!("image sha256:{} not found on this machine", "cd".repeat(32));
    assert_eq!(refused, Err(ClusterError::Refused(text)));
}

#[tokio::test]
async fn logs_of_all_processes_are_merged_by_time() {
    let world = World::start().await;
    let line = "for i in 1 2 3; do echo \"line $i\"; sleep 0.1; done; exec sleep 600";
    let key = world.create(world.worker("RAAAAAAAAAA", line)).await;
    world.scale(&key, 2).await;
    let all = LogQuery { limit: 100, ..LogQuery::default() };
    let found = until_async("six lines", || async {
        let found = world.cluster().logs(&world.namespace, &all).await.unwrap();
        (found.len() == 6).then_some(found)
    })
    .await;
    assert!(found.is_sorted_by_key(|line| line.at));
    let process = found[5].process.clone();
    let query = LogQuery {
        process: Some(process.clone()),
        contains: Some("line 3".to_owned()),
        service: Some("web".parse().unwrap()),
        limit: 5,
        ..LogQuery::default()
    };
    assert_eq!(world.cluster().logs(&world.namespace, &query).await.unwrap(), [found[5].clone()]);
    let newest = LogQuery { limit: 2, ..LogQuery::default() };
    assert_eq!(world.cluster().logs(&world.namespace, &newest).await.unwrap(), found[4..]);
    let since = LogQuery { since: Some(found[3].at), limit: 100, ..LogQuery::default() };
    let late = world.cluster().logs(&world.namespace, &since).await.unwrap();
    assert!(!late.is_empty() && late.iter().all(|line| line.at >= found[3].at));
    let other = LogQuery { service: Some("other".parse().unwrap()), limit: 100, ..LogQuery::default() };
    assert!(world.cluster().logs(&world.namespace, &other).await.unwrap().is_empty());
}
