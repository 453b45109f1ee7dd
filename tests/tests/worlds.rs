//! Random worlds: what must always hold does, whatever goes wrong.

use slipway_tests::sim::many::{explain, worlds};
use slipway_tests::sim::random;
use slipway_tests::sim::runner::run;
use slipway_tests::sim::setup::Level;

/// How many worlds one test run tries.
const WORLDS: u64 = 10_000;

fn asked_for() -> u64 {
    std::env::var("WORLDS").ok().and_then(|count| count.parse().ok()).unwrap_or(WORLDS)
}

#[test]
fn no_world_breaks_a_rule() {
    let tally = worlds(0, asked_for(), Level::Protocol);
    println!("{tally}");
    if let Some((seed, _)) = tally.first_broken {
        panic!("{}", explain(&random::setup(seed)));
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in 0..50 {
        let (first, second) = (run(&random::setup(seed)), run(&random::setup(seed)));
        assert_eq!((first.steps, first.calls, first.endings), (second.steps, second.calls, second.endings));
    }
}

/// Worlds that broke a rule once.
#[test]
fn a_look_that_is_older_than_the_one_before_it_moves_nothing() {
    assert_eq!(run(&random::setup(296_021)).broken, None);
}

/// The check was wrong, not the world: the removal had been decided before a promotion that ended in `preparing`.
#[test]
fn a_promotion_that_moved_nothing_needs_no_object_of_its_release() {
    assert_eq!(run(&random::setup(929_734)).broken, None);
}

#[test]
fn a_process_that_is_replaced_leaves_no_room_for_another_at_once() {
    assert_eq!(run(&random::setup(744_714)).broken, None);
}

/// The check was wrong, not the world: the first sweep after all clocks, itself delayed, was about to end it.
#[test]
fn a_promotion_ends_by_a_sweep_that_is_delayed_itself() {
    assert_eq!(run(&random::setup(305_800)).broken, None);
}

#[test]
fn a_collector_that_slept_leaves_what_was_promoted_meanwhile() {
    assert_eq!(run(&random::setup(3_318)).broken, None);
}
