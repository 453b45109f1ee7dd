//! What the events tell of the processes: each thing once, in order.

use slipway_domain::promotion::Phase;
use slipway_rollout::decide::Unseen;
use slipway_rollout::observation::Stranger;

use crate::world::{World, booting, name, ready, stopping, waiting};

fn told(world: &World) -> Vec<String> {
    world.decide().notes.into_iter().map(|note| format!("{}: {}", note.about, note.message)).collect()
}

#[test]
fn the_story_of_a_process_is_told_once() {
    let steps = [
        (waiting("ContainerCreating", ""), vec!["web/new-0: Created process"]),
        (waiting("ContainerCreating", ""), vec![]),
        (booting(1), vec!["web/new-0: Started container main"]),
        (ready(1), vec!["web/new-0: Passed its health check"]),
        (booting(1), vec![]),
        (ready(9), vec!["web/new-0: Verified"]),
        (ready(9), vec![]),
        (stopping(1), vec!["web/new-0: Stopping"]),
        (stopping(1), vec![]),
    ];
    let mut world = World::rolling(1, 1);
    for (process, expected) in steps {
        world = world.fresh(vec![process]);
        assert_eq!(told(&world), expected);
        world = world.later(0);
    }
}

#[test]
fn what_came_between_two_looks_is_told_in_order() {
    let expected = ["Created process", "Started container main", "Passed its health check", "Verified"];
    let expected = expected.map(|line| format!("web/new-0: {line}"));
    assert_eq!(told(&World::rolling(1, 1).fresh(vec![ready(9)])), expected);
    assert_eq!(told(&World::rolling(1, 1).fresh(vec![stopping(9)])), ["web/new-0: Stopping"]);
}

#[test]
fn a_process_without_ports_passes_no_check() {
    let expected = ["Created process", "Started container main", "Runs, without a port to check", "Verified"];
    let expected = expected.map(|line| format!("web/new-0: {line}"));
    let world = World::rolling(1, 1).but(|it| it.plan.services[0].ports = false).fresh(vec![ready(9)]);
    assert_eq!(told(&world), expected);
}

#[test]
fn who_takes_our_requests_is_named_once_before_anything_is_moved() {
    let mut world = World::web(Phase::Preparing, 1, 1).old(vec![ready(99)]);
    world.seen.strangers = vec![Stranger { service: name("web"), process: "nginx-5d8".to_owned() }];
    let words = "nginx-5d8: Gets requests of web and is not Slipway's: take our labels from it, or remove it";
    assert_eq!(told(&world), [words]);
    assert_eq!(told(&world.later(0).but(|it| it.phase = Phase::Rolling)), Vec::<String>::new());
}

#[test]
fn what_ran_before_is_no_news() {
    let world = World::web(Phase::Preparing, 1, 1).old(vec![ready(99)]);
    assert_eq!(told(&world), Vec::<String>::new());
    assert_eq!(told(&world.later(0)), Vec::<String>::new());
    assert_eq!(
        told(&world.later(0).old(vec![stopping(1)]).but(|it| it.phase = Phase::Rolling)),
        ["web/old-0: Stopping"]
    );
    let mut unseen = world.clone().unseen(Unseen::Unreachable("timed out".to_owned())).later(1);
    unseen.unseen = None;
    assert_eq!(told(&unseen), Vec::<String>::new(), "the first look that saw anything");
}
