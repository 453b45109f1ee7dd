use std::collections::BTreeMap;

use slipway_domain::id::ReleaseId;
use slipway_domain::promotion::{Environment, Event, Outcome, Phase, Promotion, Status};

use super::world::*;
use crate::error::{StoreError, Subject};
use crate::promotions::{NoopPromotion, SaveTurn, Superseded};
use crate::records::{Activation, Change, NoticeKind, Page, ReleaseHistory};

fn turn(promotion: Promotion, events: Vec<Event>) -> SaveTurn {
    let expected_version = promotion.version - 1;
    SaveTurn { promotion, expected_version, environment: None, events, notices: Vec::new(), change: None }
}

async fn started() -> World {
    let world = world().await.with_releases().await;
    world.scoped.start_promotion(&change(), &start(1, 1, &world.environment().await)).await.unwrap();
    world
}

/// Ends the promotion and frees the environment.
async fn end(world: &World, promotion: &Promotion, outcome: Outcome, seconds: u64) -> Promotion {
    let (promotion, event) = ended(promotion, outcome, seconds);
    let read = world.environment().await;
    let active = if outcome == Outcome::Succeeded { Some(promotion.to.clone()) } else { read.active.clone() };
    let after =
        Environment { status: Status::Running, active, promotion: None, version: read.version + 1, ..read.clone() };
    let save = SaveTurn { environment: Some((after, read.version)), ..turn(promotion.clone(), vec![event]) };
    world.scoped.save_turn(&save).await.unwrap();
    promotion
}

async fn kinds(world: &World) -> Vec<NoticeKind> {
    let notices = world.scoped.notices(&Page::first(100)).await.unwrap().items;
    notices.iter().filter(|notice| notice.promotion.is_some()).map(|notice| notice.kind).collect()
}

#[tokio::test]
async fn a_promotion_takes_the_environment_and_begins_its_story() {
    let world = world().await.with_releases().await;
    let start = start(1, 1, &world.environment().await);
    world.scoped.start_promotion(&change(), &start).await.unwrap();
    let loaded = world.scoped.load(&shop(), &production(), &promotion_id(1)).await.unwrap();
    assert_eq!(loaded, Some((start.environment.clone(), start.promotion.clone())));
    assert_eq!(world.scoped.promotion(&shop(), &promotion_id(1)).await, Ok(Some(start.promotion.clone())));
    assert_eq!(world.scoped.events(&shop(), &promotion_id(1), 0, 10).await, Ok(vec![start.event.clone()]));
    assert_eq!(kinds(&world).await, [NoticeKind::PromotionStarted]);
    assert_eq!(world.scoped.load(&shop(), &production(), &promotion_id(2)).await, Ok(None));
    assert_eq!(world.scoped.start_promotion(&change(), &start).await, Err(StoreError::Stale(Subject::Environment)));
}

#[tokio::test]
async fn an_id_that_is_taken_is_told_from_an_environment_that_is_not_as_read() {
    let world = started().await;
    let again = start(1, 2, &world.environment().await);
    assert_eq!(world.scoped.start_promotion(&change(), &again).await, Err(StoreError::Exists(Subject::Promotion)));
}

#[tokio::test]
async fn a_turn_is_saved_only_over_the_version_that_was_loaded() {
    let world = started().await;
    let mut next = promotion(1, 1);
    next.version = 2;
    next.phase = Phase::Rolling;
    next.events = 3;
    let events = vec![event(2, None), event(3, None)];
    world.scoped.save_turn(&turn(next.clone(), events.clone())).await.unwrap();
    assert_eq!(world.scoped.promotion(&shop(), &promotion_id(1)).await, Ok(Some(next.clone())));
    let stale = world.scoped.save_turn(&turn(next.clone(), events)).await;
    assert_eq!(stale, Err(StoreError::Stale(Subject::Promotion)));
    next.version = 3;
    let read = world.environment().await;
    let elsewhere = Environment { version: read.version + 1, ..read.clone() };
    world.scoped.save_environment(&change(), &elsewhere, read.version).await.unwrap();
    let save = SaveTurn { environment: Some((elsewhere, read.version)), ..turn(next, Vec::new()) };
    assert_eq!(world.scoped.save_turn(&save).await, Err(StoreError::Stale(Subject::Environment)));
    assert_eq!(world.scoped.events(&shop(), &promotion_id(1), 0, 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn events_are_read_on_from_any_number_without_a_gap() {
    let world = started().await;
    let mut promotion = promotion(1, 1);
    for (version, events) in [(2, 2..=2), (3, 3..=130), (4, 131..=133)] {
        promotion.version = version;
        promotion.events = *events.end();
        let events = events.map(|number| event(number, None)).collect();
        world.scoped.save_turn(&turn(promotion.clone(), events)).await.unwrap();
    }
    for after in [0, 1, 2, 17, 41, 42, 43, 129, 130, 132, 133, 500] {
        for limit in [1, 7, 1000] {
            let read = world.scoped.events(&shop(), &promotion_id(1), after, limit).await.unwrap();
            let numbers: Vec<u64> = read.iter().map(|event| event.number).collect();
            let expected: Vec<u64> = (after + 1..=133).take(limit).collect();
            assert_eq!(numbers, expected, "after {after}, at most {limit}");
        }
    }
}

#[tokio::test]
async fn what_breaks_the_rules_of_a_record_is_not_sent() {
    let world = started().await;
    let mut good = promotion(1, 1);
    good.version = 2;
    good.events = 2;
    let mut jumped = turn(good.clone(), vec![event(2, None)]);
    jumped.promotion.version = 3;
    let gap = turn(Promotion { events: 3, ..good.clone() }, vec![event(3, None), event(2, None)]);
    let short = turn(Promotion { events: 3, ..good.clone() }, vec![event(2, None)]);
    let early = turn(good.clone(), vec![event(2, Some(Outcome::Failed))]);
    let silent = turn(ended(&promotion(1, 1), Outcome::Failed, 9).0, vec![event(2, None)]);
    let mute = turn(ended(&promotion(1, 1), Outcome::Failed, 9).0, Vec::new());
    let elsewhere = Environment { name: "staging".parse().unwrap(), version: 2, ..environment() };
    let stray = SaveTurn { environment: Some((elsewhere, 1)), ..turn(good.clone(), vec![event(2, None)]) };
    for save in [jumped, gap, short, early, silent, mute, stray] {
        let refused = world.scoped.save_turn(&save).await;
        assert!(matches!(refused, Err(StoreError::Misuse(_))), "{refused:?}");
    }
    world.scoped.save_turn(&turn(good, vec![event(2, None)])).await.unwrap();
}

#[tokio::test]
async fn the_end_of_a_promotion_leaves_its_line_its_notice_and_its_audit_row() {
    let world = started().await;
    let ended = end(&world, &promotion(1, 1), Outcome::Succeeded, 30).await;
    let line = Activation::of(&ended).unwrap();
    let listed = world.scoped.activations(&shop(), &production(), None, &Page::first(10)).await.unwrap();
    assert_eq!(listed.items, std::slice::from_ref(&line));
    let ids = [release_id(1), release_id(2), release_id(1)];
    let history = world.scoped.history(&shop(), &production(), &ids).await.unwrap();
    assert_eq!(history, BTreeMap::from([(release_id(1), ReleaseHistory { was_active: true, last: line })]));
    assert_eq!(kinds(&world).await, [NoticeKind::PromotionStarted, NoticeKind::PromotionSucceeded]);
    let audit = world.scoped.audit(&Page::first(1)).await.unwrap().items;
    assert_eq!((audit[0].action.as_str(), audit[0].at), ("promotion.end", at(30)));
    assert_eq!(audit[0].request_id, ended.execution_name());
    let event = world.scoped.events(&shop(), &promotion_id(1), 1, 10).await.unwrap();
    assert_eq!(event.iter().map(|event| event.outcome).collect::<Vec<_>>(), [Some(Outcome::Succeeded)]);
}

#[tokio::test]
async fn a_release_that_was_active_once_stays_so_whatever_its_last_promotion_came_to() {
    let world = started().await;
    end(&world, &promotion(1, 1), Outcome::Succeeded, 30).await;
    world.scoped.start_promotion(&change(), &start(2, 1, &world.environment().await)).await.unwrap();
    let last = end(&world, &promotion(2, 1), Outcome::RolledBack, 60).await;
    let history = world.scoped.history(&shop(), &production(), &[release_id(1)]).await.unwrap();
    let expected = ReleaseHistory { was_active: true, last: Activation::of(&last).unwrap() };
    assert_eq!(history, BTreeMap::from([(release_id(1), expected)]));
    world.scoped.start_promotion(&change(), &start(3, 2, &world.environment().await)).await.unwrap();
    end(&world, &promotion(3, 2), Outcome::Failed, 90).await;
    let history = world.scoped.history(&shop(), &production(), &[release_id(2)]).await.unwrap();
    assert!(!history[&release_id(2)].was_active);
}

#[tokio::test]
async fn the_history_tells_what_was_running_at_a_time() {
    let world = started().await;
    end(&world, &promotion(1, 1), Outcome::Succeeded, 30).await;
    world.scoped.start_promotion(&change(), &start(2, 2, &world.environment().await)).await.unwrap();
    end(&world, &promotion(2, 2), Outcome::RolledBack, 60).await;
    world.scoped.start_promotion(&change(), &start(3, 2, &world.environment().await)).await.unwrap();
    end(&world, &promotion(3, 2), Outcome::Succeeded, 90).await;
    let running = async |seconds| -> Option<ReleaseId> {
        let until = Some(at(seconds));
        let listed = world.scoped.activations(&shop(), &production(), until, &Page::first(10)).await.unwrap();
        listed.items.into_iter().find(Activation::activated).map(|line| line.release)
    };
    assert_eq!(running(29).await, None);
    assert_eq!(running(30).await, Some(release_id(1)));
    assert_eq!(running(89).await, Some(release_id(1)));
    assert_eq!(running(90).await, Some(release_id(2)));
    let first = world.scoped.activations(&shop(), &production(), None, &Page::first(2)).await.unwrap();
    let rest = Page { after: first.next, limit: 2 };
    let rest = world.scoped.activations(&shop(), &production(), Some(at(89)), &rest).await.unwrap();
    let promotions = first.items.iter().chain(&rest.items).map(|line| &line.promotion).collect::<Vec<_>>();
    assert_eq!(promotions, [&promotion_id(3), &promotion_id(2), &promotion_id(1)]);
}

#[tokio::test]
async fn taking_over_ends_the_one_before_in_the_same_transaction() {
    let world = started().await;
    let (mut before, last) = ended(&promotion(1, 1), Outcome::Superseded, 20);
    before.superseded_by = Some(promotion_id(2));
    let mut successor = start(2, 2, &world.environment().await);
    successor.superseded = Some(Superseded { promotion: before.clone(), expected_version: 7, event: last.clone() });
    let refused = world.scoped.start_promotion(&change(), &successor).await;
    assert!(matches!(refused, Err(StoreError::Misuse(_))), "{refused:?}");
    let late = Promotion { version: 8, ..before.clone() };
    successor.superseded = Some(Superseded { promotion: late, expected_version: 7, event: last.clone() });
    assert_eq!(world.scoped.start_promotion(&change(), &successor).await, Err(StoreError::Stale(Subject::Promotion)));
    assert_eq!(world.scoped.promotion(&shop(), &promotion_id(2)).await, Ok(None));
    successor.superseded = Some(Superseded { promotion: before.clone(), expected_version: 1, event: last.clone() });
    world.scoped.start_promotion(&change(), &successor).await.unwrap();
    assert_eq!(world.scoped.promotion(&shop(), &promotion_id(1)).await, Ok(Some(before)));
    assert_eq!(world.scoped.events(&shop(), &promotion_id(1), 1, 10).await, Ok(vec![last]));
    let mut kinds = kinds(&world).await;
    kinds.sort();
    assert_eq!(kinds, [NoticeKind::PromotionStarted, NoticeKind::PromotionStarted, NoticeKind::PromotionSuperseded]);
}

#[tokio::test]
async fn a_roll_back_writes_its_copy_with_itself() {
    let world = world().await.with_releases().await;
    let mut start = start(1, 3, &world.environment().await);
    let mut copy = new_release(3);
    copy.release.copied_from = Some(release_id(1));
    start.release = Some(copy.clone());
    start.environment.newest = Some(release_id(3));
    let mut late = start.clone();
    late.release = Some(crate::releases::NewRelease { expected_newest: Some(release_id(1)), ..copy.clone() });
    assert_eq!(world.scoped.start_promotion(&change(), &late).await, Err(StoreError::Stale(Subject::Newest)));
    world.scoped.start_promotion(&change(), &start).await.unwrap();
    assert_eq!(world.environment().await, start.environment);
    let number = slipway_domain::release::ReleaseRef::Number(3);
    assert_eq!(world.scoped.release(&shop(), &number).await, Ok(Some(copy.release.clone())));
    assert_eq!(world.scoped.variables(&copy.release).await, Ok(copy.variables));
}

#[tokio::test]
async fn a_noop_leaves_a_row_in_the_history_and_tells_nobody() {
    let world = world().await.with_releases().await;
    let mut noop = promotion(1, 1);
    noop.phase = Phase::Ended;
    noop.outcome = Some(Outcome::Noop);
    noop.ended_at = Some(at(1));
    let noop = NoopPromotion { promotion: noop, event: event(1, Some(Outcome::Noop)), expected_environment_version: 1 };
    let late = NoopPromotion { expected_environment_version: 2, ..noop.clone() };
    assert_eq!(world.scoped.record_noop(&change(), &late).await, Err(StoreError::Stale(Subject::Environment)));
    world.scoped.record_noop(&change(), &noop).await.unwrap();
    assert_eq!(world.environment().await.version, 1);
    let listed = world.scoped.promotions(&shop(), &production(), &Page::first(10)).await.unwrap();
    assert_eq!(listed.items, std::slice::from_ref(&noop.promotion));
    assert_eq!(kinds(&world).await, []);
    assert_eq!(world.scoped.record_noop(&change(), &noop).await, Err(StoreError::Exists(Subject::Promotion)));
}

#[tokio::test]
async fn promotions_are_listed_newest_first() {
    let world = started().await;
    end(&world, &promotion(1, 1), Outcome::Succeeded, 30).await;
    for number in 2..=4 {
        world.scoped.start_promotion(&change(), &start(number, 2, &world.environment().await)).await.unwrap();
        end(&world, &promotion(number, 2), Outcome::Failed, 30 * number).await;
    }
    let first = world.scoped.promotions(&shop(), &production(), &Page::first(3)).await.unwrap();
    let rest = Page { after: first.next, limit: 3 };
    let rest = world.scoped.promotions(&shop(), &production(), &rest).await.unwrap();
    assert_eq!(rest.next, None);
    let ids: Vec<_> = first.items.iter().chain(&rest.items).map(|promotion| promotion.id.clone()).collect();
    assert_eq!(ids, [4, 3, 2, 1].map(promotion_id));
}

#[tokio::test]
async fn a_cancel_is_a_turn_with_a_person_behind_it() {
    let world = started().await;
    let mut cancelled = promotion(1, 1);
    cancelled.version = 2;
    cancelled.cancel = Some("ben".to_owned());
    let mut save = turn(cancelled.clone(), Vec::new());
    save.change = Some(Change { now: at(1), ..keyed("key", "print", promotion_id(1).as_str()) });
    save.notices = vec![NoticeKind::PromotionRollingBack];
    world.scoped.save_turn(&save).await.unwrap();
    assert_eq!(kinds(&world).await, [NoticeKind::PromotionStarted, NoticeKind::PromotionRollingBack]);
    save.promotion.version = 3;
    save.expected_version = 2;
    let replay = world.scoped.save_turn(&save).await;
    assert!(matches!(replay, Err(StoreError::Replay(_))), "{replay:?}");
    assert_eq!(world.scoped.promotion(&shop(), &promotion_id(1)).await, Ok(Some(cancelled)));
}
