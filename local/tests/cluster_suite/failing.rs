//! Processes that fail, each in its way.

use slipway_domain::manifest::{Command, Health};
use slipway_rollout::observation::{Deployment, Process, Readiness, Refusal, Stage, Visibility};

use super::World;

/// Starts one process of the template and waits until it looks as wanted.
async fn one(
    world: &World,
    template: slipway_service::ports::Template,
    holds: impl Fn(&Process) -> bool,
) -> (Deployment, Process) {
    let key = world.create(template).await;
    world.scale(&key, 1).await;
    let seen = world.until("the failure", &key, |seen| seen.processes.iter().any(&holds)).await;
    let process = seen.processes.iter().find(|process| holds(process)).unwrap().clone();
    (seen, process)
}

fn waits_for(reason: &'static str) -> impl Fn(&Process) -> bool {
    move |process| matches!(&process.stage, Stage::Waiting { reason: found, .. } if found == reason)
}

#[tokio::test]
async fn a_crash_at_start_is_a_crash_loop_with_its_last_words() {
    let world = World::start().await;
    let template = world.template("RAAAAAAAAAA", "echo 'no database' >&2; exit 3");
    let (_, process) = one(&world, template, waits_for("CrashLoopBackOff")).await;
    let exit = process.last_exit.clone().unwrap();
    assert_eq!((exit.code, exit.reason.as_str(), process.restarts), (Some(3), "Error", 1));
    assert_eq!(process.readiness, Readiness::Never);
    assert_eq!(world.tail(&process.name).await, ["no database"]);
}

#[tokio::test]
async fn one_that_never_listens_says_why() {
    let world = World::start().await;
    let template = world.template("RAAAAAAAAAA", "exec sleep 600");
    let asked = |process: &Process| super::is_running(process) && process.probe_error.is_some();
    let (_, process) = one(&world, template, asked).await;
    assert!(process.probe_error.unwrap().ends_with(": connection refused"));
    assert_eq!((process.readiness, process.registered), (Readiness::Never, false));
}

#[tokio::test]
async fn one_that_answers_500_is_not_ready() {
    let world = World::start().await;
    let mut template = world.template("RAAAAAAAAAA", "exec node server.js");
    template.health = Health { path: Some("/fail".to_owned()), ..Health::default() };
    let answered = |process: &Process| process.probe_error.as_deref() == Some("GET /fail answered 500");
    let (_, process) = one(&world, template, answered).await;
    assert_eq!((process.readiness, process.registered), (Readiness::Never, false));
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_a_start_error() {
    let world = World::start().await;
    let mut template = world.worker("RAAAAAAAAAA", "");
    template.command = Some(Command::Exec(vec!["bin/absent".to_owned()]));
    let (_, process) = one(&world, template, waits_for("RunContainerError")).await;
    let exit = process.last_exit.unwrap();
    assert_eq!((exit.code, exit.reason.as_str()), (Some(128), "StartError"));
    assert_eq!(exit.message, "exec \"bin/absent\": no such file or directory");
}

#[tokio::test]
async fn beyond_the_bound_of_the_machine_the_rest_is_refused() {
    let mut world = World::start().await;
    world.bound = 2;
    world.reopen().await;
    let key = world.create(world.worker("RAAAAAAAAAA", "exec sleep 600")).await;
    world.scale(&key, 3).await;
    let refused = |seen: &Deployment| matches!(seen.visibility, Visibility::Refused(_));
    let seen = world.until("the refusal", &key, refused).await;
    let text = "this machine runs at most 2 processes".to_owned();
    assert_eq!(seen.visibility, Visibility::Refused(Refusal::Quota(text)));
    assert_eq!(seen.processes.len(), 2);
    world.scale(&key, 2).await;
    world.until("what there is room for", &key, |seen| seen.visibility == Visibility::Visible).await;
}

#[tokio::test]
async fn an_image_that_is_not_here_is_waited_for() {
    let world = World::start().await;
    let mut template = world.worker("RAAAAAAAAAA", "exec sleep 600");
    template.image = format!("sha256:{}", "cd".repeat(32)).parse().unwrap();
    let tree = world.path(&format!("images/sha256-{}", template.image.hex()));
    let (seen, process) = one(&world, template, waits_for("ErrImagePull")).await;
    let Stage::Waiting { message, .. } = process.stage else { unreachable!("it waits") };
    assert_eq!(message, format!("image sha256:{} not found on this machine", "cd".repeat(32)));
    std::fs::create_dir_all(tree).unwrap();
    world.until("running", &seen.key, |seen| seen.processes.iter().any(super::is_running)).await;
}

#[tokio::test]
async fn one_that_crashes_later_loses_its_readiness_and_gets_it_back() {
    let world = World::start().await;
    let key = world.serve(world.template("RAAAAAAAAAA", "exec node server.js"), 1).await;
    let before = world.deployment(&key).await.processes[0].clone();
    let Readiness::Ready { since: first } = before.readiness else { unreachable!("it is ready") };
    let address = world.address().await;
    assert_eq!(super::get(&format!("{address}/die")).await.0, 502);
    let ready_again = |process: &Process| {
        process.restarts > 0 && matches!(process.readiness, Readiness::Ready { since } if since > first)
    };
    // The repeated request may have ended it twice: then it waits in its back-off.
    let after = world
        .until("its return or its back-off", &key, |seen| {
            seen.processes.iter().any(|process| ready_again(process) || waits_for("CrashLoopBackOff")(process))
        })
        .await;
    let process = &after.processes[0];
    assert_eq!(process.uid, before.uid);
    assert_eq!(process.last_exit.as_ref().unwrap().code, Some(3));
    if !ready_again(process) {
        assert!(matches!(process.readiness, Readiness::Lost { .. }), "{process:?}");
    }
}
