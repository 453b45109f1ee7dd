//! A worker dies at every call that a promotion makes, before and after the call takes effect.

use std::collections::BTreeMap;

use slipway_domain::promotion::Outcome;
use slipway_tests::sim::cluster::{Character, Ending, Life, Script};
use slipway_tests::sim::runner::{Report, run, tell};
use slipway_tests::sim::setup::{Act, OnConflict, ReleaseSpec, ServiceSpec, Setup};
use slipway_tests::sim::weather::{Moment, Strike, Weather};

fn app(web: Script) -> ReleaseSpec {
    let web = ServiceSpec { character: Character::of(web), ..ServiceSpec::new("web", 2) };
    ReleaseSpec::of([web, ServiceSpec { ports: false, ..ServiceSpec::new("worker", 1) }])
}

fn good() -> ReleaseSpec {
    app(Script::default())
}

fn bad() -> ReleaseSpec {
    app(Script { life: Life::Ends { after_ms: 300, how: Ending::Code(3), times: None }, ..Script::default() })
}

fn promoting(release: ReleaseSpec) -> Setup {
    Setup::new(vec![good(), release, good()]).promote(1_000, 1)
}

fn superseded() -> Setup {
    promoting(good()).then(9_000, Act::Promote { release: 2, on_conflict: OnConflict::Supersede })
}

/// The first story, and the seeds with which the deaths show themselves differently.
fn stories() -> [(&'static str, Setup); 6] {
    let service_removed = ReleaseSpec::of([ServiceSpec::new("web", 2)]);
    [
        ("good", promoting(good())),
        ("bad", promoting(bad())),
        ("cancelled", promoting(good()).then(9_000, Act::Cancel)),
        ("superseded", superseded()),
        ("removing a service", promoting(service_removed)),
        ("scaled", Setup::new(vec![good()]).then(1_000, Act::Scale { service: "web", count: 4 })),
    ]
}

/// A death is told by the name of an error, or not at all: the seed says which.
const SEEDS: u64 = 4;

fn strike(setup: &Setup, seed: u64, call: u64, moment: Moment) -> Report {
    let weather = Weather { strike: Some(Strike { call, moment }), ..Weather::default() };
    let setup = Setup { seed, weather, ..setup.clone() };
    let report = run(&setup);
    if let Some(broken) = &report.broken {
        let story = tell(&setup).story.join("\n");
        panic!("killed {moment:?} of call {call} with seed {seed}: {broken:?}\n{story}");
    }
    report
}

#[test]
fn a_worker_may_die_at_any_call() {
    let mut points = 0;
    for (name, setup) in stories() {
        let calls = run(&setup).calls;
        let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
        for call in 1..=calls {
            for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
                for seed in 1..=SEEDS {
                    for ending in strike(&setup, seed, call, moment).endings {
                        *outcomes.entry(ending.outcome.map_or("open", Outcome::as_str)).or_default() += 1;
                    }
                }
            }
        }
        points += 2 * calls;
        println!("{name}: {calls} calls, {} kill points, outcomes {outcomes:?}", 2 * calls);
        assert_eq!(outcomes.get("open"), None, "{name}");
    }
    println!("{points} kill points, each with {SEEDS} seeds");
}

/// The second worker may die, too: the one that takes up what the first left.
#[test]
fn the_next_worker_may_die_as_well() {
    let setup = superseded();
    let calls = run(&setup).calls;
    for call in 1..=calls {
        let strike = Strike { call, moment: Moment::AfterEffect };
        let weather = Weather { strike: Some(strike), deaths: 60, ..Weather::default() };
        let report = run(&Setup { seed: call, weather, ..setup.clone() });
        assert_eq!(report.broken, None, "killed at call {call}");
    }
}
