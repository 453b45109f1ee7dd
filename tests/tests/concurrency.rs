//! Many callers at once, over HTTP: a real listener, the shipped router, use cases and rollouts, the database in a file.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use slipway_domain::time::Time;
use slipway_store::records::{Change, Role};
use slipway_tests::server::client::{Answer, Client};
use slipway_tests::server::inside::Inside;
use slipway_tests::server::shop::{ENVIRONMENT, Shop};

/// A process that is verified only after five minutes: its promotion is still running when all have been answered.
const SLOW: &str = "
services:
  worker:
    command: exec sleep 3600
    health:
      bake: 300
";

/// A server with `shop` and its first release.
async fn start() -> (Inside, Arc<Client>, String) {
    let (server, client) = Inside::start(Path::new(env!("CARGO_BIN_EXE_test-server"))).await.unwrap();
    let release = Shop(&client).create(&[("slipway.yml", SLOW)]).await.unwrap();
    (server, Arc::new(client), release)
}

/// Sends all of them at once, each from a task of its own.
async fn at_once(client: &Arc<Client>, requests: Vec<(Method, String, Value, Option<String>)>) -> Vec<Answer> {
    let all = requests.into_iter().map(|(method, path, body, key)| {
        let client = Arc::clone(client);
        tokio::spawn(async move { client.send(method, &path, Some(&body), key.as_deref()).await.unwrap() })
    });
    join_all(all).await.into_iter().map(Result::unwrap).collect()
}

fn promotions() -> String {
    format!("{ENVIRONMENT}/promotions")
}

fn with_status(answers: &[Answer], status: u16) -> Vec<&Answer> {
    answers.iter().filter(|answer| answer.status == status).collect()
}

/// Answers by status and code, to be shown when they are not as expected.
fn told(answers: &[Answer]) -> BTreeMap<String, usize> {
    answers.iter().fold(BTreeMap::new(), |mut told, answer| {
        *told.entry(format!("{} {}", answer.status, answer.code())).or_default() += 1;
        told
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn of_32_promotions_at_once_one_runs_and_the_others_are_told_which() {
    let (server, client, release) = start().await;
    let request = || (Method::POST, promotions(), json!({ "release": release }), None);
    let answers = at_once(&client, (0..32).map(|_| request()).collect()).await;
    let started = with_status(&answers, 202);
    let refused = with_status(&answers, 409);
    assert_eq!((started.len(), refused.len()), (1, 31), "{:?}", told(&answers));
    let running = started[0].json()["id"].clone();
    for answer in refused {
        let problem = answer.json();
        assert_eq!((answer.code().as_str(), &problem["promotion"]), ("environment_busy", &running), "{problem}");
        assert!(problem["actor"].is_string() && problem["phase"].is_string(), "{problem}");
    }
    let listed = client.get(&promotions()).await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    server.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_requests_with_one_key_are_one_promotion_and_one_answer() {
    let (server, client, release) = start().await;
    let key = Some("one-key-for-all".to_owned());
    let request = || (Method::POST, promotions(), json!({ "release": release }), key.clone());
    let answers = at_once(&client, (0..100).map(|_| request()).collect()).await;
    assert_eq!(with_status(&answers, 202).len(), 100, "{:?}", told(&answers));
    let ids: BTreeSet<String> = answers.iter().map(|answer| answer.json()["id"].to_string()).collect();
    let places: BTreeSet<&str> = answers.iter().filter_map(|answer| answer.header("location")).collect();
    assert_eq!((ids.len(), places.len()), (1, 1), "{ids:?} {places:?}");
    let replays = answers.iter().filter(|answer| answer.header("idempotency-replayed") == Some("true"));
    assert_eq!(replays.count(), 99, "all but the one that started it say so");
    let listed = client.get(&promotions()).await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let other = json!({ "release": release, "reason": "another body" });
    let reused = client.send(Method::POST, &promotions(), Some(&other), key.as_deref()).await.unwrap();
    assert_eq!((reused.status, reused.code().as_str()), (422, "idempotency_key_reused"));
    server.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_sixteen_that_take_over_from_one_another_one_is_left() {
    let (server, client, release) = start().await;
    let body = json!({ "release": release, "on_conflict": "supersede" });
    let answers = at_once(&client, (0..16).map(|_| (Method::POST, promotions(), body.clone(), None)).collect()).await;
    assert_eq!(with_status(&answers, 202).len(), 16, "{:?}", told(&answers));
    let listed = client.get(&promotions()).await.unwrap();
    let outcomes: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_null()).count(), 1, "{listed:#}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == "superseded").count(), 15, "{outcomes:?}");
    let running = client.get(ENVIRONMENT).await.unwrap()["promotion"].clone();
    assert_eq!(listed["items"][0]["id"], running, "the newest is the one that runs");
    server.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_settings_of_different_keys_at_once_none_is_lost() {
    let (server, client, _) = start().await;
    let tasks = (0..50).map(|number| {
        let client = Arc::clone(&client);
        tokio::spawn(async move { set_until_taken(&client, number).await })
    });
    let releases: BTreeSet<String> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(releases.len(), 50, "each setting made a release of its own");
    let revealed = client.untaped(Method::POST, &format!("{ENVIRONMENT}/variables/reveal"), &json!({})).await.unwrap();
    let revealed = revealed.ok().unwrap();
    let expected: BTreeMap<String, String> = (0..50).map(|number| (key(number), number.to_string())).collect();
    assert_eq!(revealed["variables"], json!(expected), "the newest release has them all");
    let listed = client.get("/v1/apps/shop/releases?limit=100").await.unwrap();
    let numbers: Vec<u64> =
        listed["items"].as_array().unwrap().iter().map(|one| one["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=51).rev().collect::<Vec<u64>>(), "numbers without a gap");
    assert_eq!(listed["items"][0]["id"], revealed["release"]);
    server.end().await.unwrap();
}

fn key(number: u32) -> String {
    format!("KEY_{number:02}")
}

/// As a client does: the one refusal that says "try again" is tried again. Returns the release.
async fn set_until_taken(client: &Client, number: u32) -> String {
    let path = format!("{ENVIRONMENT}/variables");
    let body = json!({ "set": { key(number): number.to_string() } });
    loop {
        let answer = client.send(Method::PATCH, &path, Some(&body), None).await.unwrap();
        match (answer.status, answer.code().as_str()) {
            (201, _) => return answer.json()["release"].as_str().unwrap().to_owned(),
            (503, "too_busy") => {
                let seconds = answer.header("retry-after").unwrap().parse().unwrap();
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            _ => panic!("{answer:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_serves_a_hundred_at_once_until_it_is_revoked() {
    let (server, owner, _) = start().await;
    let caller = server.slipway.authenticate(owner.token(), "test").await.unwrap();
    let (token, secret) = server.slipway.create_token(&caller, "ci", Role::Deployer).await.unwrap();
    let client = Arc::new(Client::new(server.url(), secret.reveal()).unwrap());
    let reads = |client: &Arc<Client>| {
        let client = Arc::clone(client);
        async move {
            at_once(&client, (0..100).map(|_| (Method::GET, "/v1/apps".to_owned(), Value::Null, None)).collect()).await
        }
    };
    let answers = reads(&client).await;
    assert_eq!(with_status(&answers, 200).len(), 100, "{:?}", told(&answers));

    let during = tokio::spawn(reads(&client));
    let now = Time::from_millis(i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap());
    let change = Change::system(now, "token.revoke", "test");
    server.slipway.store.scoped(server.tenant.clone()).revoke_token(&change, &token.id, now).await.unwrap();
    let revoked = Instant::now();
    let answers = during.await.unwrap();
    assert_eq!(with_status(&answers, 200).len() + with_status(&answers, 401).len(), 100, "{:?}", told(&answers));
    loop {
        let answer = client.send(Method::GET, "/v1/apps", None, None).await.unwrap();
        if answer.status == 401 {
            break;
        }
        assert!(revoked.elapsed() < Duration::from_secs(5), "still served: {answer:?}");
    }
    let answers = reads(&client).await;
    assert_eq!(with_status(&answers, 401).len(), 100, "{:?}", told(&answers));
    assert_eq!(with_status(&reads(&owner).await, 200).len(), 100, "another token is not touched");
    server.end().await.unwrap();
}
