use slipway_domain::build::{Build, BuildStatus};
use slipway_domain::promotion::{Environment, Exit, Outcome};
use slipway_domain::time::Time;

use super::world::*;
use crate::promotions::SaveTurn;
use crate::records::{Due, DueKind, RunEnd};

const ALWAYS: Time = Time::from_millis(i64::MAX);

async fn due(world: &World, kind: DueKind, until: Time) -> Vec<Due> {
    world.store.system().due(kind, until, 100).await.unwrap()
}

#[tokio::test]
async fn an_open_promotion_is_due_at_its_next_turn_and_an_ended_one_never() {
    let world = world().await.with_releases().await;
    world.scoped.start_promotion(&change(), &start(1, 1, &world.environment().await)).await.unwrap();
    assert_eq!(due(&world, DueKind::Promotion, at(60)).await, []);
    let found = due(&world, DueKind::Promotion, at(61)).await;
    let [first] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((first.at, &first.tenant, &first.promotion), (at(61), &tenant(0), &Some(promotion_id(1))));
    let (promotion, event) = ended(&promotion(1, 1), Outcome::Failed, 9);
    let save = SaveTurn {
        promotion,
        expected_version: 1,
        environment: None,
        events: vec![event],
        notices: Vec::new(),
        change: None,
    };
    world.scoped.save_turn(&save).await.unwrap();
    assert_eq!(due(&world, DueKind::Promotion, ALWAYS).await, []);
}

#[tokio::test]
async fn an_environment_is_due_while_its_cleanup_is_pending() {
    let world = world().await.with_app().await;
    assert_eq!(due(&world, DueKind::Cleanup, ALWAYS).await, []);
    let pending = Environment { cleanup_pending: true, version: 2, ..environment() };
    world.scoped.save_environment(&change(), &pending, 1).await.unwrap();
    let found = due(&world, DueKind::Cleanup, ALWAYS).await;
    assert_eq!(found.iter().map(|due| (&due.app, &due.environment)).collect::<Vec<_>>(), [(&shop(), &production())]);
    let clean = Environment { cleanup_pending: false, version: 3, ..environment() };
    world.scoped.save_environment(&change(), &clean, 2).await.unwrap();
    assert_eq!(due(&world, DueKind::Cleanup, ALWAYS).await, []);
}

#[tokio::test]
async fn builds_and_runs_are_due_when_their_time_is_over_until_they_end() {
    let world = world().await.with_app().await;
    world.scoped.create_build(&change(), &build(1), at(3600)).await.unwrap();
    world.scoped.create_run(&change(), &run(1)).await.unwrap();
    assert_eq!(due(&world, DueKind::Build, at(3599)).await, []);
    assert_eq!(due(&world, DueKind::Build, at(3600)).await[0].build, Some(build_id(1)));
    assert_eq!(due(&world, DueKind::Run, at(60)).await, []);
    assert_eq!(due(&world, DueKind::Run, at(61)).await[0].run, Some(run(1).id));
    let running = Build { status: BuildStatus::Running, ..build(1) };
    world.scoped.update_build(&change(), &running, BuildStatus::Created).await.unwrap();
    assert_eq!(due(&world, DueKind::Build, ALWAYS).await.len(), 1);
    let failed = Build { status: BuildStatus::Failed, ..build(1) };
    world.scoped.update_build(&change(), &failed, BuildStatus::Running).await.unwrap();
    let end = RunEnd { exit: Exit::default(), at: at(9), timed_out: false };
    world.scoped.finish_run(&run(1), &end).await.unwrap();
    assert_eq!(due(&world, DueKind::Build, ALWAYS).await, []);
    assert_eq!(due(&world, DueKind::Run, ALWAYS).await, []);
}

#[tokio::test]
async fn what_is_due_comes_from_all_tenants_the_longest_due_first() {
    let world = world().await;
    for number in 0..20 {
        let scoped = world.store.scoped(tenant(number));
        scoped.create_app(&change(), &app(), &environment()).await.unwrap();
        let number = u64::try_from(number).unwrap();
        scoped.create_build(&change(), &build(number), at(1000 - number)).await.unwrap();
    }
    let found = world.store.system().due(DueKind::Build, at(995), 7).await.unwrap();
    let times: Vec<Time> = found.iter().map(|due| due.at).collect();
    assert_eq!(times, (981..988).map(at).collect::<Vec<_>>());
}

#[tokio::test]
async fn undelivered_notices_are_due() {
    let world = world().await.with_releases().await;
    let found = due(&world, DueKind::Notice, ALWAYS).await;
    assert_eq!(found.iter().map(|due| &due.tenant).collect::<Vec<_>>(), [&tenant(0), &tenant(0)]);
}

#[tokio::test]
async fn what_ended_leaves_a_note_until_it_is_collected() {
    let world = world().await;
    let found = async || due(&world, DueKind::Collect, ALWAYS).await;
    world.scoped.create_run(&change(), &run(1)).await.unwrap();
    assert_eq!(found().await, []);
    let end = |seconds| RunEnd { exit: Exit::default(), at: at(seconds), timed_out: false };
    world.scoped.finish_run(&run(1), &end(9)).await.unwrap();
    let [first] = found().await.try_into().unwrap();
    assert_eq!((first.at, &first.environment), (at(9), &run(1).environment));

    // Something else ended meanwhile: its note stays.
    world.scoped.create_run(&change(), &run(2)).await.unwrap();
    world.scoped.finish_run(&run(2), &end(20)).await.unwrap();
    world.scoped.collected(&first, None).await.unwrap();
    let [second] = found().await.try_into().unwrap();
    assert_eq!(second.at, at(20));

    world.scoped.collected(&second, Some(at(90))).await.unwrap();
    let [later] = found().await.try_into().unwrap();
    assert_eq!(later.at, at(90));
    world.scoped.collected(&later, None).await.unwrap();
    world.scoped.collected(&later, None).await.unwrap();
    assert_eq!(found().await, []);
}
