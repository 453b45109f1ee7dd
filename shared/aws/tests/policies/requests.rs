//! What the store sends, as the requests that IAM sees: a transaction is one request per item and kind.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use slipway_domain::id::TenantId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_embedded::embedded::Embedded;
use slipway_embedded::faults::{Call, Fault, Faults};
use slipway_store::Store;
use slipway_store::keys::file::FileKeys;
use slipway_store::records::DueKind;

use crate::evaluator::Request;
use crate::records::{at, everything};

const TABLE: &str = "slipway";

#[derive(Default)]
struct Recorder(Mutex<Vec<(String, Value)>>);

impl Faults for Recorder {
    fn fault(&self, call: &Call<'_>) -> Fault {
        let request = serde_json::from_str(call.request).unwrap();
        self.0.lock().unwrap().push((call.operation.to_owned(), request));
        Fault::Pass
    }
}

/// What the store asks of the table with this ARN.
pub struct Requests {
    /// In a tenant's scope.
    pub scoped: Vec<Request>,
    /// Across tenants.
    pub system: Vec<Request>,
}

/// All that the store asks for an app of this name with an environment of that name.
pub async fn requests(arn: &str, tenant: &TenantId, app: &AppName, environment: &EnvironmentName) -> Requests {
    let folder = tempfile::tempdir().unwrap();
    let keys = Arc::new(FileKeys::open(&folder.path().join("key")).unwrap());
    let embedded = Embedded::memory().unwrap();
    Store::new(embedded.client(), TABLE, keys.clone()).ensure_table().await.unwrap();
    let recorder = Arc::new(Recorder::default());
    let store = Store::new(embedded.with_faults(recorder.clone()).client(), TABLE, keys);
    everything(&store.scoped(tenant.clone()), tenant, app, environment).await;
    let take = || std::mem::take(&mut *recorder.0.lock().unwrap());
    let read = |calls: Vec<(String, Value)>| {
        calls.iter().flat_map(|(operation, request)| read(arn, operation, request)).collect()
    };
    let scoped = read(take());
    store.system().due(DueKind::Promotion, at(9), 10).await.unwrap();
    Requests { scoped, system: read(take()) }
}

fn read(arn: &str, operation: &str, request: &Value) -> Vec<Request> {
    let named = |action: &str, keys: &[&Value]| {
        let keys: Vec<&str> = keys.iter().map(|key| key["pk"]["S"].as_str().unwrap()).collect();
        Request::new(&format!("dynamodb:{action}"), arn).keys(&keys)
    };
    match operation {
        "GetItem" => vec![named(operation, &[&request["Key"]])],
        "BatchGetItem" => {
            let keys: Vec<&Value> = request["RequestItems"][TABLE]["Keys"].as_array().unwrap().iter().collect();
            vec![named(operation, &keys)]
        }
        "Query" => {
            let values = request["ExpressionAttributeValues"].as_object().unwrap();
            let partition = values.get(":pk").or_else(|| values.get(":in")).unwrap()["S"].as_str().unwrap();
            let index = request["IndexName"].as_str().map(|index| format!("{arn}/index/{index}"));
            vec![Request::new("dynamodb:Query", index.as_deref().unwrap_or(arn)).keys(&[partition])]
        }
        "TransactGetItems" | "TransactWriteItems" => {
            request["TransactItems"].as_array().unwrap().iter().map(|item| part(item, &named)).collect()
        }
        other => panic!("{other} is not looked at here"),
    }
}

fn part(item: &Value, named: &impl Fn(&str, &[&Value]) -> Request) -> Request {
    let (kind, body) = item.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "Get" => named("GetItem", &[&body["Key"]]),
        "Put" => named("PutItem", &[&body["Item"]]),
        "Update" => named("UpdateItem", &[&body["Key"]]),
        "Delete" => named("DeleteItem", &[&body["Key"]]),
        "ConditionCheck" => named("ConditionCheckItem", &[&body["Key"]]),
        other => panic!("{other} is not looked at here"),
    }
}
