//! Setups that the scenarios share, and how they are read.

use slipway_domain::promotion::{Cause, Outcome};
use slipway_tests::sim::cluster::{Character, Script};
use slipway_tests::sim::runner::{Report, run, tell};
use slipway_tests::sim::setup::{Beginning, ReleaseSpec, ServiceSpec, Setup};

/// Three of `web` behind the load balancer, one `worker`.
pub fn app() -> ReleaseSpec {
    ReleaseSpec::of([ServiceSpec::new("web", 3), ServiceSpec { ports: false, ..ServiceSpec::new("worker", 1) }])
}

/// The same app whose `web` behaves so, and whose rollout may take a minute and a half.
pub fn with_web(script: Script) -> ReleaseSpec {
    let mut release = app();
    release.services[0].character = Character::of(script);
    for service in &mut release.services {
        service.total_seconds = 90;
        service.registration_seconds = 10;
    }
    release
}

/// The good app is active; this release is promoted a second later.
pub fn promoting(release: ReleaseSpec) -> Setup {
    Setup::new(vec![app(), release]).promote(1_000, 1)
}

/// Nothing is active; this release is the first.
pub fn first(release: ReleaseSpec) -> Setup {
    Setup { beginning: Beginning::Empty, ..Setup::new(vec![release]).promote(1_000, 0) }
}

/// Runs a world in which no rule may break.
pub fn play(setup: &Setup) -> Report {
    let report = run(setup);
    if let Some(broken) = &report.broken {
        panic!("rule {} broke: {}\n{}", broken.rule, broken.what, tell(setup).story.join("\n"));
    }
    report
}

/// How its promotions ended, in the order of their starts.
pub fn endings(setup: &Setup) -> Vec<(Outcome, Option<Cause>)> {
    let report = play(setup);
    report.endings.iter().map(|ending| (ending.outcome.expect("every promotion ends"), ending.cause)).collect()
}

/// How many processes of each service run at the end, and the index of the release that they are of.
pub fn running(setup: &Setup) -> Vec<(String, usize, u32)> {
    play(setup).running
}
