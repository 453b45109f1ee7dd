//! Worlds at the full level: the shipped use cases and the shipped store on the embedded database, every request of
//! which may be slow, refused, answered to nobody, or the last of its worker.

use slipway_domain::promotion::Outcome;
use slipway_tests::sim::many::{explain, worlds};
use slipway_tests::sim::random;
use slipway_tests::sim::runner::{run, tell};
use slipway_tests::sim::setup::{Act, Level, ReleaseSpec, ServiceSpec, Setup};
use slipway_tests::sim::weather::{Moment, Strike, Weather};

/// How many worlds one test run tries: each takes as long as a hundred of the protocol level.
const WORLDS: u64 = 500;

fn asked_for() -> u64 {
    std::env::var("FULL_WORLDS").ok().and_then(|count| count.parse().ok()).unwrap_or(WORLDS)
}

#[test]
fn no_world_breaks_a_rule_at_the_full_level() {
    let tally = worlds(0, asked_for(), Level::Full);
    println!("{tally}");
    if let Some((seed, _)) = tally.first_broken {
        panic!("{}", explain(&Setup { level: Level::Full, ..random::setup(seed) }));
    }
}

#[test]
fn the_same_seed_is_the_same_world_at_the_full_level() {
    for seed in 0..3 {
        let setup = Setup { level: Level::Full, ..random::setup(seed) };
        let (first, second) = (run(&setup), run(&setup));
        assert_eq!((first.steps, first.calls, first.endings), (second.steps, second.calls, second.endings));
    }
}

fn promoting() -> Setup {
    let release = || ReleaseSpec::of([ServiceSpec::new("web", 1)]);
    Setup { level: Level::Full, ..Setup::new(vec![release(), release()]).promote(1_000, 1) }
}

#[test]
fn a_worker_may_die_at_any_request_to_the_database() {
    let setup = promoting().then(7_000, Act::Cancel);
    let calls = run(&setup).calls;
    let mut points = 0;
    for (call, moment) in (1..=calls).flat_map(|call| [(call, Moment::BeforeEffect), (call, Moment::AfterEffect)]) {
        let weather = Weather { strike: Some(Strike { call, moment }), ..Weather::default() };
        let setup = Setup { seed: call, weather, ..setup.clone() };
        let report = run(&setup);
        let open = report.endings.iter().any(|ending| ending.outcome.is_none());
        let whole = report.broken.is_none() && !open;
        assert!(whole, "killed {moment:?} of call {call}: {:?}\n{}", report.broken, tell(&setup).story.join("\n"));
        points += 1;
    }
    println!("{points} kill points");
}

#[test]
fn a_good_release_is_promoted_by_the_shipped_use_cases() {
    let outcomes: Vec<_> = run(&promoting()).endings.iter().map(|ending| ending.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Succeeded), Some(Outcome::Succeeded)]);
}
