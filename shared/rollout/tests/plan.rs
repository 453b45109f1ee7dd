//! Plans: what moves, how many at once, how long it takes, and when it is too much.

#![allow(clippy::unwrap_used, reason = "the helpers are part of the tests, which end at a broken expectation")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use slipway_domain::manifest::{Manifest, parse};
use slipway_domain::name::ServiceName;
use slipway_rollout::plan::{FormationTooLarge, Outlook, Planned, TURN_CAP, plan};

type Counts = BTreeMap<ServiceName, u32>;

fn manifest(text: &str) -> Manifest {
    parse("slipway.yml", text).unwrap()
}

fn counts(of: &[(&str, u32)]) -> Counts {
    of.iter().map(|(name, count)| (name.parse().unwrap(), *count)).collect()
}

fn first(text: &str) -> Result<Outlook, FormationTooLarge> {
    let none = Counts::new();
    plan(&Planned {
        from: None,
        to: &manifest(text),
        same_release: false,
        formation: &none,
        scale: &none,
        total_seconds: None,
    })
}

/// Name, before, after.
fn moves(outlook: &Outlook) -> Vec<(&str, Option<u32>, Option<u32>)> {
    outlook.plan.services.iter().map(|service| (service.name.as_str(), service.before, service.after)).collect()
}

#[test]
fn services_are_those_of_the_new_release_in_its_order_and_then_those_it_lacks() {
    let from = manifest("services:\n  old:\n    scale: 4\n  web:\n    scale: 1\n");
    let to = manifest("services:\n  worker:\n    scale: 3\n  web:\n    scale: 9\n");
    let formation = counts(&[("web", 2), ("gone-long-ago", 7)]);
    let none = Counts::new();
    let planned = Planned {
        from: Some(&from),
        to: &to,
        same_release: false,
        formation: &formation,
        scale: &none,
        total_seconds: None,
    };
    let outlook = plan(&planned).unwrap();
    // A new service starts with its manifest's scale; one that ran keeps its count; one without a count had its scale.
    assert_eq!(moves(&outlook), [("worker", None, Some(3)), ("web", Some(2), Some(2)), ("old", Some(4), None)]);
}

#[test]
fn scaling_moves_the_difference_alone() {
    let web = manifest("services:\n  web:\n    port: 3000\n  worker: {}\n");
    let formation = counts(&[("web", 10), ("worker", 1)]);
    let scale = counts(&[("web", 13)]);
    let planned = Planned {
        from: Some(&web),
        to: &web,
        same_release: true,
        formation: &formation,
        scale: &scale,
        total_seconds: None,
    };
    let outlook = plan(&planned).unwrap();
    assert_eq!(moves(&outlook), [("web", Some(10), Some(13)), ("worker", Some(1), Some(1))]);
    let step = first("services:\n  web:\n    port: 3000\n    scale: 1\n").unwrap().estimate;
    assert_eq!(outlook.estimate, 3 * step);
}

/// A service with this many processes; times in seconds.
fn timed(scale: u32, boot: u32, bake: u32, grace: u32, more: &str) -> String {
    let mut text = format!("services:\n  job:\n    scale: {scale}\n    termination:\n      grace: {grace}\n");
    writeln!(text, "    health:\n      timeout: {boot}\n      bake: {bake}").unwrap();
    text.push_str(more);
    text
}

#[test]
fn the_batch_is_one_or_the_smallest_that_fits_the_deadline() {
    let strict = "    deployment:\n      strict: true\n";
    let fixed = "    deployment:\n      batch: 7\n";
    // scale, boot, bake, grace, further settings → batch, estimate in seconds, fits
    let table = [
        (0, 3, 5, 0, "", 1, 0, true),
        (1, 3, 5, 0, "", 1, 8, true),
        (75, 3, 5, 0, "", 1, 600, true),
        (76, 3, 5, 0, "", 2, 304, true),
        (150, 3, 5, 0, "", 2, 600, true),
        (151, 3, 5, 0, "", 3, 408, true),
        // An old process stops while the next one starts, so the longer of the two counts; both when strict.
        (20, 3, 5, 30, "", 1, 600, true),
        (21, 3, 5, 30, "", 2, 330, true),
        (20, 3, 5, 30, strict, 2, 380, true),
        (21, 3, 5, 30, fixed, 7, 90, true),
        // No batch fits: the one with the shortest estimate.
        (4, 500, 101, 0, "", 4, 601, false),
    ];
    for (scale, boot, bake, grace, more, batch, seconds, fits) in table {
        let outlook = first(&timed(scale, boot, bake, grace, more)).unwrap();
        let got = (outlook.plan.batch, outlook.estimate, outlook.fits);
        assert_eq!(got, (batch, Duration::from_secs(seconds), fits), "{scale} {boot} {bake} {grace} {more}");
    }
}

#[test]
fn a_fixed_batch_may_miss_the_deadline_and_says_so() {
    let outlook = first(&timed(100, 3, 5, 0, "    deployment:\n      batch: 1\n")).unwrap();
    assert_eq!((outlook.plan.batch, outlook.fits), (1, false));
}

#[test]
fn a_shorter_deadline_counts_and_a_longer_one_does_not() {
    let text = timed(10, 3, 5, 0, "    deployment:\n      deadline: 300\n");
    let to = manifest(&text);
    let none = Counts::new();
    let asked = |total_seconds| {
        let planned =
            Planned { from: None, to: &to, same_release: false, formation: &none, scale: &none, total_seconds };
        let outlook = plan(&planned).unwrap();
        (outlook.plan.total_ms, outlook.plan.batch)
    };
    assert_eq!(asked(None), (300_000, 1));
    assert_eq!(asked(Some(600)), (300_000, 1));
    assert_eq!(asked(Some(40)), (40_000, 2));
    assert_eq!(asked(Some(0)), (1_000, 10));
}

#[test]
fn a_service_with_ports_has_a_pause_for_the_load_balancer() {
    let text = "services:\n  web:\n    port: 3000\n    termination: {grace: 10}\n  job:\n    termination: {grace: 10}\n  \
                shop:\n    port: 3000\n    domain: shop.example.com\n    termination: {grace: 10}\n";
    let plan = first(text).unwrap().plan;
    let stopping: Vec<_> = plan.services.iter().map(|service| (service.ports, service.stopping_ms)).collect();
    assert_eq!(stopping, [(true, 15_000), (false, 10_000), (true, 30_000)]);
}

#[test]
fn a_formation_that_could_outlast_one_execution_is_refused() {
    let large = |web: u32, worker: u32| {
        first(&format!("services:\n  web:\n    scale: {web}\n  worker:\n    scale: {worker}\n"))
    };
    let refused = large(1000, 1000).unwrap_err();
    assert_eq!(refused.processes, 2000);
    let most = u32::try_from(refused.limit).unwrap();
    assert!(large(1000, most - 1000).is_ok());
    assert_eq!(large(1000, most - 999).unwrap_err().processes, refused.limit + 1);
    // There and back in turns of their own, in the windows besides: within the turns of an execution, and those within
    // its 25,000 history events.
    assert!(2 * refused.limit + (60 + 600 + 600) / 50 + 6 <= TURN_CAP);
    const { assert!(TURN_CAP * 7 < 25_000) };
}

#[test]
fn what_goes_back_counts_in_the_size_too() {
    let from = manifest("services:\n  web:\n    scale: 1000\n  worker:\n    scale: 900\n");
    let to = manifest("services:\n  web:\n    scale: 1\n  worker:\n    scale: 1\n");
    let formation = counts(&[("web", 1000), ("worker", 900)]);
    let scale = counts(&[("web", 1), ("worker", 1)]);
    let planned = Planned {
        from: Some(&from),
        to: &to,
        same_release: false,
        formation: &formation,
        scale: &scale,
        total_seconds: None,
    };
    assert_eq!(plan(&planned).unwrap_err().processes, 1900);
}
