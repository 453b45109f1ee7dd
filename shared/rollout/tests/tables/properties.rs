//! What must hold of every decision, over random promotions and looks. The counting here is the tests' own.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use slipway_domain::promotion::{Epoch, Phase, SavedAction};
use slipway_domain::time::Time;
use slipway_rollout::apply;
use slipway_rollout::decide::{Action, Decision, Mode, Unseen};
use slipway_rollout::fence::{Stamp, admits};
use slipway_rollout::observation::{Deployment, Process, Readiness, Refusal, Stage, Visibility};
use slipway_rollout::phase::Trigger;

use crate::records::environment;
use crate::world::{
    EPOCH, NOW, SEEN_TURN, World, booting, crash_loop, exit, exited, homeless, key, lost, over, ready, service,
    stopping, unlisted, waiting,
};

const SERVICES: [&str; 2] = ["web", "worker"];

fn process() -> impl Strategy<Value = Process> {
    prop_oneof![
        6 => (0u64..20).prop_map(ready),
        1 => (0u64..200).prop_map(unlisted),
        2 => (0u64..6).prop_map(booting),
        2 => (0u64..60).prop_map(lost),
        1 => (0u64..60).prop_map(stopping),
        1 => Just(homeless()),
        1 => Just(crash_loop()),
        1 => Just(waiting("RunContainerError", "device busy")),
        1 => Just(waiting("ErrImagePull", "403 Forbidden")),
        1 => (0i32..2).prop_map(|code| exited(exit(code, "Error", ""))),
        1 => Just(over("Evicted")),
    ]
}

/// Healthy for the most part, so that decisions to move are not lost among failures.
fn calm() -> impl Strategy<Value = Process> {
    prop_oneof![5 => (0u64..20).prop_map(ready), 1 => (0u64..3).prop_map(booting), 1 => (0u64..29).prop_map(lost)]
}

fn visibility() -> impl Strategy<Value = Visibility> {
    prop_oneof![
        8 => Just(Visibility::Visible),
        1 => Just(Visibility::Pending),
        1 => Just(Visibility::Refused(Refusal::Quota("pods".to_owned()))),
        1 => Just(Visibility::Refused(Refusal::Other("later".to_owned()))),
    ]
}

#[derive(Clone, Debug)]
struct Seen {
    processes: Vec<Process>,
    surplus: u32,
    visibility: Visibility,
    stamped: bool,
    saved: Option<u32>,
}

fn seen(of: impl Strategy<Value = Process>) -> impl Strategy<Value = Seen> {
    let stamped = prop::bool::weighted(0.95);
    (
        vec(of, 0..5),
        prop_oneof![4 => Just(0u32), 1 => 1u32..3],
        visibility(),
        stamped,
        prop::option::weighted(0.05, 0u32..5),
    )
        .prop_map(|(processes, surplus, visibility, stamped, saved)| Seen {
            processes,
            surplus,
            visibility,
            stamped,
            saved,
        })
}

fn put(world: World, service: &str, of: &str, seen: Seen) -> World {
    let world = world.with(service, of, seen.processes).see(service, of, |deployment| {
        deployment.replicas += seen.surplus;
        deployment.visibility = seen.visibility;
        if !seen.stamped {
            deployment.epoch = Epoch(EPOCH.0 - 1);
        }
    });
    world.but(|promotion| {
        promotion.actions.extend(seen.saved.map(|replicas| SavedAction {
            deployment: key(service, of),
            resource_version: "10".to_owned(),
            replicas,
            turn: SEEN_TURN + 1,
        }));
    })
}

prop_compose! {
    fn world()(
        phase in prop::sample::select(vec![Phase::Preparing, Phase::Rolling, Phase::Settling, Phase::Restoring]),
        world in worlds(),
    ) -> World {
        let mut world = world;
        world.promotion.phase = phase;
        if phase == Phase::Restoring {
            world.promotion.restoring_at = Some(NOW);
        }
        world
    }
}

prop_compose! {
    /// In `rolling`; two services of which either release may lack one.
    fn worlds()(
        formation in vec((prop::option::weighted(0.9, 0u32..5), prop::option::weighted(0.9, 0u32..5)), 2),
        batch in 1u32..4,
        strict in any::<bool>(),
        minimum in prop::sample::select(vec![0u32, 50, 75, 100]),
        new in vec(seen(calm()), 2),
        old in vec(seen(process()), 2),
        other in vec(prop::option::weighted(0.3, seen(process())), 2),
        has_from in prop::bool::weighted(0.9),
        cancel in prop::bool::weighted(0.03),
        restore in prop::bool::weighted(0.03),
        late in prop::bool::weighted(0.03),
        unreachable in prop::bool::weighted(0.03),
    ) -> World {
        let services = SERVICES.iter().zip(formation).map(|(name, (before, after))| service(name, before, after)).collect();
        let mut world = World::of(Phase::Rolling, services).batch(batch).minimum(minimum);
        world.promotion.plan.strict = strict;
        let sights = world.promotion.plan.services.clone().into_iter().zip(new.into_iter().zip(old).zip(other));
        for (plan, ((new, old), other)) in sights {
            let of = [("new", plan.after.map(|_| new)), ("old", plan.before.map(|_| old)), ("other", other)];
            for (of, seen) in of {
                if let Some(seen) = seen {
                    world = put(world, plan.name.as_str(), of, seen);
                }
            }
        }
        if !has_from {
            world.promotion.from = None;
        }
        world.promotion.cancel = cancel.then(|| "ada".to_owned());
        world.mode = if restore { Mode::Restore } else { Mode::Advance };
        world.now = Time::from_millis(NOW.as_millis() + if late { 600_000 } else { 0 });
        world.unseen = unreachable.then(|| Unseen::Unreachable("timed out".to_owned()));
        world
    }
}

/// The counts that the decision asks for; what it does not touch stays.
fn asked(world: &World, decision: &Decision) -> BTreeMap<String, (Deployment, u32)> {
    let count = |deployment: &Deployment| {
        decision.actions.iter().find_map(|action| match action {
            Action::Write { key, replicas: Some(count), .. } if *key == deployment.key => Some(*count),
            _ => None,
        })
    };
    let deployments = world.seen.deployments.iter();
    deployments.map(|it| (it.key.to_string(), (it.clone(), count(it).unwrap_or(it.replicas)))).collect()
}

fn of<'a>(
    asked: &'a BTreeMap<String, (Deployment, u32)>,
    service: &'a str,
) -> impl Iterator<Item = &'a (Deployment, u32)> {
    asked.values().filter(move |(deployment, _)| deployment.key.service.as_str() == service)
}

/// No count of the service is raised before another one falls.
fn falls_come_first(world: &World, decision: &Decision, service: &str) -> bool {
    let raises = decision.actions.iter().filter_map(|action| match action {
        Action::Write { key, replicas: Some(count), .. } if key.service.as_str() == service => {
            Some(*count > world.seen.deployment(key).unwrap().replicas)
        }
        _ => None,
    });
    raises.is_sorted()
}

fn is_serving(process: &Process) -> bool {
    let ready = matches!(process.readiness, Readiness::Ready { .. }) && process.registered;
    process.is_live() && ready && matches!(process.stage, Stage::Running { .. })
}

fn is_baked(process: &Process) -> bool {
    matches!(process.readiness, Readiness::Ready { since } if NOW.since(since).as_secs() >= 5) && process.restarts < 2
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap()
}

/// Healthy processes that are sure to be left when `count` of a Deployment are: what is neither healthy nor blinking
/// goes first.
fn healthy_left(deployment: &Deployment, count: u32, is_healthy: impl Fn(&Process) -> bool) -> u32 {
    let healthy = number(deployment.live().filter(|process| is_healthy(process)).count()).min(deployment.replicas);
    let held = |process: &&Process| {
        let blinks = matches!(process.readiness, Readiness::Lost { since } if NOW.since(since).as_secs() < 30);
        let in_loop = matches!(&process.stage, Stage::Waiting { reason, .. } if reason == "CrashLoopBackOff");
        let unlisted = matches!(process.readiness, Readiness::Ready { .. }) && !process.registered;
        (blinks && !in_loop) || (unlisted && matches!(process.stage, Stage::Running { .. }))
    };
    let blinking = number(deployment.live().filter(held).count()).min(deployment.replicas - healthy);
    let free = deployment.replicas - healthy - blinking;
    healthy - deployment.replicas.saturating_sub(count).saturating_sub(free).min(healthy)
}

fn is_new(world: &World, deployment: &Deployment) -> bool {
    deployment.key.release == world.promotion.to
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_decision_can_be_recorded_and_is_made_again_the_same(world in world()) {
        let decision = world.decide();
        prop_assert_eq!(&decision, &world.decide());
        let seen = world.unseen.is_none().then_some(&world.seen);
        let before = environment(&world.promotion);
        let applied = apply::turn(&before, &world.promotion, &decision, seen, world.now).unwrap();
        let numbers: Vec<u64> = applied.events.iter().map(|event| event.number).collect();
        let expected: Vec<u64> = (4..).take(numbers.len()).collect();
        prop_assert_eq!(numbers, expected);
        prop_assert_eq!(applied.promotion.events, 3 + applied.events.len() as u64);
        let terminal: Vec<usize> =
            applied.events.iter().enumerate().filter(|(_, event)| event.outcome.is_some()).map(|(at, _)| at).collect();
        let ended = applied.promotion.outcome.is_some();
        prop_assert_eq!(terminal, if ended { vec![applied.events.len() - 1] } else { vec![] });
        prop_assert_eq!(applied.promotion.version, world.promotion.version + 1);
        if let Some(after) = applied.environment {
            prop_assert_eq!(after.version, before.version + 1);
            let committed = decision.trigger == Some(Trigger::Settled);
            prop_assert_eq!(after.active == before.active, !committed || before.active.as_ref() == Some(&world.promotion.to));
        }
    }

    #[test]
    fn no_service_is_raised_above_its_bound(world in worlds()) {
        let decision = world.decide();
        let asked = asked(&world, &decision);
        for plan in &world.promotion.plan.services {
            prop_assert!(falls_come_first(&world, &decision, plan.name.as_str()), "what goes down makes room first");
            let counts: Vec<_> = of(&asked, plan.name.as_str()).collect();
            let raised = counts.iter().any(|(deployment, count)| *count > deployment.replicas);
            let most: u32 = counts.iter().map(|(deployment, count)| deployment.replicas.max(*count)).sum();
            let gone_after = plan.stopping_ms / 1000 + 30;
            let is_stopping = |process: &&Process| process.stopping_since.is_some_and(|it| NOW.since(it).as_secs() < gone_after);
            let stopping = number(counts.iter().flat_map(|(it, _)| &it.processes).filter(is_stopping).count());
            let after: u32 = counts.iter().map(|(_, count)| *count).sum();
            let counted = if world.promotion.plan.strict { most + stopping } else { after };
            prop_assert!(!raised || counted <= plan.after.unwrap() + world.promotion.plan.batch);
            let fewer: u32 = counts.iter().map(|(it, count)| it.replicas.saturating_sub(*count)).sum();
            prop_assert!(fewer == 0 || fewer + stopping <= world.promotion.plan.batch, "more than a batch is stopping");
        }
    }

    #[test]
    fn no_more_than_a_batch_is_in_flight_by_our_own_action(world in worlds()) {
        let asked = asked(&world, &world.decide());
        let new = || asked.values().filter(|(deployment, _)| is_new(&world, deployment));
        let raised: u32 = new().map(|(it, count)| count.saturating_sub(it.replicas)).sum();
        let verified = |it: &Deployment| number(it.live().filter(|process| is_serving(process) && is_baked(process)).count());
        let flying: u32 = new().map(|(it, _)| it.replicas - verified(it).min(it.replicas)).sum();
        prop_assert!(raised == 0 || raised + flying <= world.promotion.plan.batch);
    }

    #[test]
    fn what_is_healthy_never_falls_below_the_minimum_by_our_own_action(world in worlds()) {
        let asked = asked(&world, &world.decide());
        for plan in world.promotion.plan.services.iter().filter(|plan| plan.after.is_some()) {
            let healthy = |after: bool| -> u32 {
                of(&asked, plan.name.as_str())
                    .map(|(it, count)| {
                        let left = if after { *count } else { it.replicas };
                        let new = is_new(&world, it);
                        healthy_left(it, left, |process| is_serving(process) && (!new || is_baked(process)))
                    })
                    .sum()
            };
            let minimum = (plan.after.unwrap() * plan.minimum_percent).div_ceil(100);
            prop_assert!(healthy(true) >= healthy(false).min(minimum), "{} → {}", healthy(false), healthy(true));
        }
    }

    #[test]
    fn only_what_is_visible_is_moved(world in world()) {
        let pending: Vec<&str> = SERVICES.into_iter().filter(|name| {
            world.seen.deployments.iter().any(|it| it.key.service.as_str() == *name && it.visibility == Visibility::Pending)
        }).collect();
        for action in world.decide().actions {
            match action {
                Action::Create(_) | Action::Write { replicas: None, .. } => {}
                // What the old release lacks goes to 0 at once.
                Action::Write { replicas: Some(0), .. } if world.promotion.phase == Phase::Restoring => {}
                Action::Write { key, .. } => prop_assert!(!pending.contains(&key.service.as_str())),
                Action::Replace { name, .. } => prop_assert!(!pending.contains(&name.split('/').next().unwrap())),
            }
        }
    }

    #[test]
    fn while_a_stamp_is_missing_or_a_write_is_on_its_way_no_count_changes(world in world()) {
        let decision = world.decide();
        let unstamped = world.seen.deployments.iter().any(|it| it.epoch != EPOCH);
        let moves = decision.actions.iter().any(|it| matches!(it, Action::Write { replicas: Some(_), .. } | Action::Replace { .. }));
        prop_assert!(!(unstamped && moves));
        let ends = matches!(decision.trigger, Some(Trigger::Settled | Trigger::Restored | Trigger::Emptied));
        let open = world.promotion.actions.iter().any(|saved| {
            world.seen.deployment(&saved.deployment).is_some_and(|it| it.replicas != saved.replicas)
        });
        prop_assert!(!(ends && (unstamped || open)));
    }

    #[test]
    fn it_commits_only_what_is_verified_throughout(world in worlds()) {
        let mut world = world;
        world.promotion.phase = Phase::Settling;
        world.promotion.memory.complete_since = Some(crate::world::ago(50));
        if world.decide().trigger == Some(Trigger::Settled) {
            for plan in &world.promotion.plan.services {
                let Some(wanted) = plan.after else { continue };
                for it in world.seen.deployments.iter().filter(|it| it.key.service == plan.name) {
                    let good = number(it.live().filter(|process| is_serving(process) && is_baked(process)).count());
                    prop_assert_eq!((it.replicas, good), if is_new(&world, it) { (wanted, wanted) } else { (0, good) });
                    prop_assert!(is_new(&world, it) || it.live().next().is_none());
                }
            }
        }
    }

    #[test]
    fn a_write_is_admitted_on_the_very_object_and_never_over_a_newer_epoch(
        uids in (0u8..2, 0u8..2), versions in (0u8..3, 0u8..3), epochs in (0u64..4, 0u64..4),
    ) {
        let texts = [uids.0, uids.1, versions.0, versions.1].map(|it| it.to_string());
        let current = Stamp { uid: &texts[0], resource_version: &texts[2], epoch: Epoch(epochs.0) };
        let observed = Stamp { uid: &texts[1], resource_version: &texts[3], epoch: Epoch(epochs.1) };
        let expected = uids.0 == uids.1 && versions.0 == versions.1 && epochs.0 <= epochs.1;
        prop_assert_eq!(admits(current, observed), expected);
    }
}
