//! Every key of every request begins with the caller's tenant, whatever the caller asks for.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::Value;
use slipway_domain::build::{Build, BuildStatus};
use slipway_domain::cluster::Cluster;
use slipway_domain::id::TenantId;
use slipway_domain::promotion::{Environment, Exit, Outcome};
use slipway_domain::release::ReleaseRef;
use slipway_embedded::faults::{Call, Fault, Faults};

use super::world::*;
use crate::Scoped;
use crate::builds::CompleteBuild;
use crate::promotions::{NoopPromotion, SaveTurn};
use crate::records::{DueKind, Page, Role, RunEnd, Tenant, Token};
use crate::token_id::TokenId;
use crate::transaction::ABSENT;

#[derive(Default)]
struct Recorder(Mutex<Vec<(String, Value)>>);

impl Faults for Recorder {
    fn fault(&self, call: &Call<'_>) -> Fault {
        let request = serde_json::from_str(call.request).unwrap();
        self.0.lock().unwrap().push((call.operation.to_owned(), request));
        Fault::Pass
    }
}

/// The partition in a key or an item.
fn partition(key: &Value) -> String {
    key["pk"]["S"].as_str().unwrap_or_else(|| panic!("no partition in {key}")).to_owned()
}

/// The kind of each write with its key or item and its condition.
fn writes(request: &Value) -> Vec<(&str, &Value, &str)> {
    let items = request["TransactItems"].as_array().unwrap();
    let write = |item: &'_ Value| -> (&'static str, &'_ str) {
        match item.as_object().unwrap().keys().next().unwrap().as_str() {
            "Put" => ("Put", "Item"),
            "Update" => ("Update", "Key"),
            "Delete" => ("Delete", "Key"),
            "ConditionCheck" => ("ConditionCheck", "Key"),
            other => panic!("{other} is not looked at here"),
        }
    };
    let read = |item| {
        let (kind, key): (&'static str, &str) = write(item);
        let body: &Value = &item[kind];
        (kind, &body[key], body["ConditionExpression"].as_str().unwrap_or_default())
    };
    items.iter().map(read).collect()
}

/// All partitions that a request names.
fn partitions(operation: &str, request: &Value) -> Vec<String> {
    match operation {
        "GetItem" => vec![partition(&request["Key"])],
        "BatchGetItem" => request["RequestItems"][TABLE]["Keys"].as_array().unwrap().iter().map(partition).collect(),
        "TransactGetItems" => {
            request["TransactItems"].as_array().unwrap().iter().map(|item| partition(&item["Get"]["Key"])).collect()
        }
        "Query" => {
            assert!(request["IndexName"].is_null(), "{request}");
            assert!(request["KeyConditionExpression"].as_str().unwrap().starts_with("#pk = :pk"), "{request}");
            assert_eq!(request["ExpressionAttributeNames"]["#pk"], "pk");
            let start = &request["ExclusiveStartKey"];
            let start = if start.is_null() { None } else { Some(partition(start)) };
            let named = request["ExpressionAttributeValues"][":pk"]["S"].as_str().unwrap().to_owned();
            std::iter::once(named).chain(start).collect()
        }
        "TransactWriteItems" => writes(request).into_iter().map(|(_, key, _)| partition(key)).collect(),
        other => panic!("{other} is not looked at here"),
    }
}

/// Every function of the scope.
async fn everything(scoped: &Scoped, tenant: &TenantId) {
    let (shop, production, page) = (shop(), production(), Page::first(10));
    scoped
        .create_tenant(&change(), &Tenant { id: tenant.clone(), name: "Acme".to_owned(), created_at: at(0) })
        .await
        .unwrap();
    scoped.tenant().await.unwrap();
    scoped.tenant_key().await.unwrap();
    let id = TokenId::from_entropy(tenant, 1);
    let token = Token {
        id: id.clone(),
        name: "ci".to_owned(),
        sha256: String::new(),
        role: Role::Owner,
        created_at: at(0),
        expires_at: at(1),
        revoked_at: None,
    };
    scoped.create_token(&change(), &token).await.unwrap();
    scoped.token(&id).await.unwrap();
    scoped.tokens().await.unwrap();
    scoped.revoke_token(&change(), &id, at(1)).await.unwrap();
    let cluster = cluster();
    scoped.create_cluster(&change(), &cluster).await.unwrap();
    scoped.cluster(&cluster.name).await.unwrap();
    scoped.clusters().await.unwrap();
    scoped.save_cluster(&change(), &Cluster { version: 2, ..cluster.clone() }).await.unwrap();
    scoped.create_app(&keyed("key", "print", "shop"), &app(), &environment()).await.unwrap();
    scoped.app(&shop).await.unwrap();
    scoped.apps(&page).await.unwrap();
    let staging =
        Environment { name: "staging".parse().unwrap(), cluster: Some(cluster.name.clone()), ..environment() };
    scoped.create_environment(&change(), &staging).await.unwrap();
    scoped.environments(&shop).await.unwrap();
    let pending = Environment { cleanup_pending: true, version: 2, ..staging };
    scoped.save_environment(&change(), &pending, 1).await.unwrap();
    scoped.move_environment(&change(), &Environment { version: 3, ..pending.clone() }, 2).await.unwrap();
    scoped.delete_cluster(&change(), &Cluster { version: 2, ..cluster }).await.unwrap();
    scoped.create_build(&change(), &build(1), at(9)).await.unwrap();
    let running = Build { status: BuildStatus::Running, ..build(1) };
    scoped.update_build(&change(), &running, BuildStatus::Created).await.unwrap();
    let build =
        Build { status: BuildStatus::Complete, image: Some(image()), manifest: Some(parsed_manifest()), ..build(1) };
    let mut release = new_release(1);
    release.release.tag = Some("v1.0".parse().unwrap());
    let complete = CompleteBuild { build, expected: BuildStatus::Running, release };
    scoped.complete_build(&change(), &complete).await.unwrap();
    scoped.build(&shop, &build_id(1)).await.unwrap();
    scoped.builds(&shop, &page).await.unwrap();
    scoped.create_release(&change(), &new_release(2)).await.unwrap();
    for reference in [ReleaseRef::Id(release_id(1)), ReleaseRef::Number(1), "v1.0".parse().unwrap()] {
        scoped.release(&shop, &reference).await.unwrap();
    }
    scoped.releases(&shop, None, &page).await.unwrap();
    let first = scoped.releases(&shop, Some(&production), &Page::first(1)).await.unwrap();
    scoped.releases(&shop, Some(&production), &Page { after: first.next, limit: 1 }).await.unwrap();
    scoped.variables(&super::world::release(1)).await.unwrap();
    promote(scoped).await;
    scoped.create_run(&change(), &run(1)).await.unwrap();
    let end = RunEnd { exit: Exit::default(), at: at(1), timed_out: true };
    scoped.finish_run(&run(1), &end).await.unwrap();
    scoped.run(&shop, &run(1).id).await.unwrap();
    scoped.runs(&shop, &production, &page).await.unwrap();
    scoped.record(&change(), "variables").await.unwrap();
    scoped.audit(&page).await.unwrap();
    scoped.delivered(&scoped.notices(&page).await.unwrap().items[0].id).await.unwrap();
    scoped.idempotency("scope", "key", at(0)).await.unwrap();
}

async fn promote(scoped: &Scoped) {
    let (shop, production, page) = (shop(), production(), Page::first(10));
    let read = scoped.environment(&shop, &production).await.unwrap().unwrap();
    scoped.start_promotion(&change(), &start(1, 1, &read)).await.unwrap();
    scoped.load(&shop, &production, &promotion_id(1)).await.unwrap();
    let (promotion, event) = ended(&promotion(1, 1), Outcome::Succeeded, 5);
    let save = SaveTurn {
        promotion,
        expected_version: 1,
        environment: None,
        events: vec![event],
        notices: Vec::new(),
        change: None,
    };
    scoped.save_turn(&save).await.unwrap();
    scoped.promotion(&shop, &promotion_id(1)).await.unwrap();
    scoped.promotions(&shop, &production, &page).await.unwrap();
    scoped.events(&shop, &promotion_id(1), 0, 10).await.unwrap();
    scoped.activations(&shop, &production, Some(at(9)), &page).await.unwrap();
    scoped.history(&shop, &production, &[release_id(1)]).await.unwrap();
    let (mut noop, _) = ended(&super::world::promotion(2, 1), Outcome::Noop, 9);
    (noop.version, noop.events) = (1, 1);
    let version = scoped.environment(&shop, &production).await.unwrap().unwrap().version;
    let noop = NoopPromotion { promotion: noop, event: event_of_noop(), expected_environment_version: version };
    scoped.record_noop(&change(), &noop).await.unwrap();
}

fn event_of_noop() -> slipway_domain::promotion::Event {
    super::world::event(1, Some(Outcome::Noop))
}

/// All requests of one run through every function.
async fn record(tenant: &TenantId) -> Vec<(String, Value)> {
    let recorder = Arc::new(Recorder::default());
    let world = faulty(Some(recorder.clone())).await;
    everything(&world.store.scoped(tenant.clone()), tenant).await;
    let requests = std::mem::take(&mut *recorder.0.lock().unwrap());
    for kind in [DueKind::Promotion, DueKind::Cleanup, DueKind::Build, DueKind::Run, DueKind::Notice] {
        world.store.system().due(kind, at(1_000_000), 10).await.unwrap();
    }
    for (operation, request) in recorder.0.lock().unwrap().iter() {
        assert_eq!((operation.as_str(), request["IndexName"].as_str()), ("Query", Some("due")));
    }
    requests
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]
    #[test]
    fn every_key_of_every_request_begins_with_the_callers_tenant(entropy: u128) {
        let tenant = TenantId::from_entropy(entropy);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let requests = runtime.block_on(record(&tenant));
        prop_assert!(requests.len() > 50);
        let prefix = format!("t#{tenant}#");
        for (operation, request) in &requests {
            let partitions = partitions(operation, request);
            prop_assert!(!partitions.is_empty());
            prop_assert!(partitions.iter().all(|partition| partition.starts_with(&prefix)), "{operation} {request}");
        }
    }
}

#[tokio::test]
async fn what_is_sent_to_a_sealed_key_is_a_put_where_nothing_is_or_the_check_of_that() {
    let mut sealed = 0;
    for (_, request) in record(&tenant(3)).await.iter().filter(|(operation, _)| operation == "TransactWriteItems") {
        for (kind, key, condition) in writes(request) {
            if partition(key).contains("#sealed#") {
                sealed += 1;
                assert!(matches!(kind, "Put" | "ConditionCheck"), "{kind} {key}");
                assert_eq!(condition, ABSENT, "{kind} {key}");
            }
        }
    }
    assert!(sealed > 20);
}

#[tokio::test]
async fn another_tenants_things_are_absent() {
    let world = world().await;
    everything(&world.scoped, &tenant(0)).await;
    let (other, shop, production, page) = (world.store.scoped(tenant(1)), shop(), production(), Page::first(10));
    assert_eq!(other.app(&shop).await, Ok(None));
    assert_eq!(other.apps(&page).await.unwrap().items, []);
    assert_eq!(other.environment(&shop, &production).await, Ok(None));
    assert_eq!(other.build(&shop, &build_id(1)).await, Ok(None));
    assert_eq!(other.release(&shop, &ReleaseRef::Id(release_id(1))).await, Ok(None));
    assert_eq!(other.promotion(&shop, &promotion_id(1)).await, Ok(None));
    assert_eq!(other.events(&shop, &promotion_id(1), 0, 10).await, Ok(Vec::new()));
    assert_eq!(other.run(&shop, &run(1).id).await, Ok(None));
    assert_eq!(other.token(&TokenId::from_entropy(&tenant(0), 1)).await, Ok(None));
    assert_eq!(other.tokens().await, Ok(Vec::new()));
    assert_eq!(other.audit(&page).await.unwrap().items, []);
    assert_eq!(other.notices(&page).await.unwrap().items, []);
    assert_eq!(other.tenant().await, Ok(None));
}
