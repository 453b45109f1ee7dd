//! Each check can fail: with its guard taken out, the worlds of one test run find it.

use slipway_tests::sim::mutant::Mutant;
use slipway_tests::sim::random;
use slipway_tests::sim::runner::run;
use slipway_tests::sim::setup::{Level, Setup};

/// As many worlds as one test run tries.
const WORLDS: u64 = 10_000;

/// The check of this rule goes red in some world, and that world is whole with the guard in its place.
fn is_found(mutant: Mutant, rule: u8) {
    is_found_in(Level::Protocol, WORLDS, mutant, rule);
}

#[expect(clippy::print_stdout, reason = "which world it was is shown by `--nocapture`")]
fn is_found_in(level: Level, worlds: u64, mutant: Mutant, rule: u8) {
    let broken = |setup: &Setup| run(setup).broken;
    let red = (0..worlds).map(|seed| Setup { level, ..random::setup(seed) }).find_map(|setup| {
        let without_guard = Setup { mutant: Some(mutant), ..setup.clone() };
        let found = broken(&without_guard).filter(|broken| broken.rule == rule)?;
        Some((setup, found))
    });
    let (setup, found) = red.unwrap_or_else(|| panic!("{mutant:?} was not found in {worlds} worlds"));
    println!("{mutant:?}: rule {rule} breaks in world {}: {}", setup.seed, found.what);
    assert_eq!(broken(&setup), None);
}

#[test]
fn rule_1_needs_the_minimum() {
    is_found(Mutant::Minimum, 1);
}

#[test]
fn rule_2_needs_the_bound() {
    is_found(Mutant::Bound, 2);
}

#[test]
fn rule_3_needs_the_sweep() {
    is_found(Mutant::End, 3);
}

#[test]
fn rule_4_needs_every_deployment_to_be_counted() {
    is_found(Mutant::OneRelease, 4);
}

#[test]
fn rule_5_needs_the_version_of_the_records() {
    is_found(Mutant::OneOutcome, 5);
}

#[test]
fn rule_6_needs_the_first_stamps() {
    is_found(Mutant::AtRest, 6);
}

#[test]
fn rule_7_needs_the_fence() {
    is_found(Mutant::Fence, 7);
}

#[test]
fn rule_8_needs_the_bake() {
    is_found(Mutant::Verified, 8);
}

#[test]
fn rule_9_needs_the_collector_to_wait() {
    is_found(Mutant::Kept, 9);
}

#[test]
fn the_batch_needs_the_saved_actions() {
    is_found(Mutant::Saved, 2);
}

/// The checks of the full level are the same, and see as much.
#[test]
fn the_full_level_misses_its_guards_as_well() {
    for (mutant, rule) in [(Mutant::Minimum, 1), (Mutant::OneRelease, 4), (Mutant::Fence, 7)] {
        is_found_in(Level::Full, 60, mutant, rule);
    }
}
