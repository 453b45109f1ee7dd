//! The shipped fence holds in every world of the model, and no weaker one does.

use slipway_tests::model::check::{Verdict, check, check_rule};
use slipway_tests::model::guard::Guard;
use slipway_tests::model::state::Release;
use slipway_tests::model::world::{RULES, Size};

fn told(verdict: &Verdict, size: &Size) -> String {
    std::iter::once(verdict.row()).chain(verdict.story(size)).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_shipped_fence_holds_and_each_weaker_one_is_broken() {
    let size = Size::default();
    let verdicts: Vec<Verdict> = Guard::ALL.into_iter().map(|guard| check(guard, &size)).collect();
    for verdict in &verdicts {
        println!("{}\n", told(verdict, &size));
    }
    println!("{}", verdicts.iter().map(Verdict::row).collect::<Vec<_>>().join("\n"));
    for verdict in &verdicts {
        assert!(verdict.is_as_expected(), "{}\nnot seen: {:?}", told(verdict, &size), verdict.unseen);
    }
}

#[test]
fn the_shipped_fence_holds_while_processes_follow_late() {
    let size = Size { processes: 1, instant: false, ..Size::default() };
    let verdict = check(Guard::Shipped, &size);
    println!("{}", verdict.row());
    assert!(verdict.is_as_expected(), "{}\nnot seen: {:?}", told(&verdict, &size), verdict.unseen);
}

#[test]
fn the_shipped_fence_holds_on_the_way_back_to_the_first_release() {
    let size = Size { processes: 1, to: vec![Release::B, Release::C, Release::A], ..Size::default() };
    let verdict = check(Guard::Shipped, &size);
    println!("{}", verdict.row());
    assert!(verdict.is_as_expected(), "{}\nnot seen: {:?}", told(&verdict, &size), verdict.unseen);
}

#[test]
fn the_shipped_fence_holds_with_two_sleepers_beside_the_worker() {
    let size = Size { processes: 1, workers: 3, interventions: 0, ..Size::default() };
    let verdict = check(Guard::Shipped, &size);
    println!("{}", verdict.row());
    assert!(verdict.broken.is_none(), "{}", told(&verdict, &size));
}

#[test]
fn no_rule_is_without_a_fence_that_breaks_it() {
    let size = Size { processes: 1, ..Size::default() };
    let guards = [Guard::EpochInDatabaseOnly, Guard::OneTokenPerRollout, Guard::SavedUnconditionally];
    for (guard, rule) in guards.into_iter().zip(RULES) {
        let verdict = check_rule(guard, &size, rule);
        println!("{}\n", told(&verdict, &size));
        assert!(verdict.broken.is_some(), "{rule} holds with {guard:?}");
    }
}
