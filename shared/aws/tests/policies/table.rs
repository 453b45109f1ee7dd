//! The second wall between tenants.

use std::collections::BTreeSet;

use slipway_aws::arn::{KeyArn, TableArn};
use slipway_aws::policy::{self, MAX_LENGTH};
use slipway_domain::cluster::place::Region;
use slipway_domain::id::TenantId;

use crate::evaluator::{Request, allows};
use crate::requests::requests;

const TABLE: &str = "arn:aws:dynamodb:eu-central-1:123456789012:table/slipway";
const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/0d1f2a3b-4c5d-6e7f-8091-a2b3c4d5e6f7";
const OWN: &str = "t#TBCDEFGHIJK#";

fn tenant() -> TenantId {
    "TBCDEFGHIJK".parse().unwrap()
}

fn policy() -> String {
    policy_of(&tenant())
}

fn policy_of(tenant: &TenantId) -> String {
    policy::tenant(&TABLE.parse().unwrap(), &KEY.parse().unwrap(), tenant)
}

fn ask(action: &str, keys: &[&str]) -> bool {
    allows(&policy(), &Request::new(&format!("dynamodb:{action}"), TABLE).keys(keys))
}

/// Names that are words of the layout, too, are as good as any.
#[tokio::test]
async fn the_store_is_allowed_all_that_it_does_whatever_things_are_called() {
    let names =
        [("shop", "production"), ("sealed", "sealed"), ("env", "sealed"), ("sealed", "history"), ("app", "env")];
    for (app, environment) in names {
        let seen = requests(TABLE, &tenant(), &app.parse().unwrap(), &environment.parse().unwrap()).await;
        let actions: BTreeSet<&str> = seen.scoped.iter().map(|request| request.action.as_str()).collect();
        let expected = [
            "dynamodb:BatchGetItem",
            "dynamodb:ConditionCheckItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
            "dynamodb:UpdateItem",
        ];
        assert_eq!(actions, BTreeSet::from(expected));
        for request in &seen.scoped {
            assert!(allows(&policy(), request), "{request:?}");
            let foreign = policy_of(&TenantId::from_entropy(7));
            assert!(!allows(&foreign, request), "{request:?}");
        }
        for request in &seen.system {
            assert!(request.resource.ends_with("/index/due") && !allows(&policy(), request), "{request:?}");
        }
    }
}

/// All that the store seals is written once: what changes it is denied, wherever it is.
#[tokio::test]
async fn what_is_sealed_is_neither_updated_nor_deleted() {
    for (app, environment) in [("shop", "production"), ("sealed", "sealed"), ("env", "sealed"), ("app", "env")] {
        let seen = requests(TABLE, &tenant(), &app.parse().unwrap(), &environment.parse().unwrap()).await;
        let keys: BTreeSet<&String> =
            seen.scoped.iter().flat_map(|request| request.leading_keys.iter().flatten()).collect();
        let (prefixes, mut sealed) = (
            [
                format!("{OWN}sealed#"),
                format!("{OWN}app#{app}#sealed#"),
                format!("{OWN}app#{app}#env#{environment}#sealed#"),
            ],
            0,
        );
        for key in keys {
            let is_sealed = prefixes.iter().any(|prefix| key.starts_with(prefix));
            sealed += usize::from(is_sealed);
            for action in ["UpdateItem", "DeleteItem"] {
                assert_eq!(ask(action, &[key]), !is_sealed, "{action} {key}");
            }
            assert!(ask("GetItem", &[key]) && ask("PutItem", &[key]), "{key}");
        }
        assert!(sealed >= 10, "{sealed} in {app}");
    }
    // One sealed key among others is enough.
    assert!(!ask("UpdateItem", &["t#TBCDEFGHIJK#apps", "t#TBCDEFGHIJK#sealed#audit"]));
    assert!(!ask("DeleteItem", &["t#TBCDEFGHIJK#app#a#env#sealed#history", "t#TBCDEFGHIJK#app#a#sealed#tags"]));
}

#[test]
fn keys_that_are_not_the_tenants_are_denied() {
    let own = ["t#TBCDEFGHIJK#apps", "t#TBCDEFGHIJK#app#shop#environments"];
    let foreign = [
        "t#TBCDEFGHIJL#apps",
        "t#TBCDEFGHIJ#apps",
        "t#TBCDEFGHIJKL#apps",
        "t#TBCDEFGHIJK",
        "t#tbcdefghijk#apps",
        "xt#TBCDEFGHIJK#apps",
        "TBCDEFGHIJK#apps",
        "due#promotion#0",
        "due#promotion#t#TBCDEFGHIJK#",
        "*",
        "t#*",
        "",
    ];
    for action in ["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem"] {
        assert!(ask(action, &own), "{action}");
        for key in foreign {
            assert!(!ask(action, &[key]), "{action} {key}");
            assert!(!ask(action, &[own[0], key]), "{action} {key} beside an own one");
        }
        assert!(!allows(&policy(), &Request::new(&format!("dynamodb:{action}"), TABLE)), "{action} without keys");
    }
}

#[test]
fn other_actions_and_other_places_are_denied() {
    let key = ["t#TBCDEFGHIJK#apps"];
    let denied = [
        "Scan",
        "PartiQLSelect",
        "PartiQLInsert",
        "PartiQLUpdate",
        "PartiQLDelete",
        "BatchWriteItem",
        "DescribeTable",
        "UpdateTable",
        "DeleteTable",
        "ExportTableToPointInTime",
        "GetRecords",
        "RestoreTableToPointInTime",
        "UpdateTimeToLive",
    ];
    for action in denied {
        assert!(!ask(action, &key), "{action}");
        assert!(!allows(&policy(), &Request::new(&format!("dynamodb:{action}"), TABLE)), "{action}");
    }
    let places = [
        "arn:aws:dynamodb:eu-central-1:123456789012:table/slipway-2",
        "arn:aws:dynamodb:eu-central-1:123456789012:table/slipwa",
        "arn:aws:dynamodb:eu-central-1:123456789012:table/slipway/index/due",
        "arn:aws:dynamodb:eu-central-1:123456789012:table/slipway/stream/2026-01-15T14:30:49.000",
        "arn:aws:dynamodb:eu-central-1:210987654321:table/slipway",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/slipway",
        "*",
    ];
    for place in places {
        for action in ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"] {
            assert!(!allows(&policy(), &Request::new(action, place).keys(&key)), "{action} {place}");
        }
    }
    assert!(!allows(&policy(), &Request::new("s3:GetObject", TABLE).keys(&key)));
}

#[test]
fn data_keys_are_the_tenants_own_and_the_tables_key_is_used_through_the_table() {
    let ask = |action: &str, context: &[(&str, &str)]| allows(&policy(), &Request::new(action, KEY).context(context));
    let (own, foreign) = ("TBCDEFGHIJK", "TBCDEFGHIJL");
    for action in ["kms:Decrypt", "kms:GenerateDataKey"] {
        assert!(ask(action, &[("kms:EncryptionContext:tenant", own)]));
        assert!(!ask(action, &[("kms:EncryptionContext:tenant", foreign)]));
        assert!(!ask(action, &[]));
        assert!(ask(action, &[("kms:ViaService", "dynamodb.eu-central-1.amazonaws.com")]));
        assert!(!ask(action, &[("kms:ViaService", "s3.eu-central-1.amazonaws.com")]));
    }
    for action in ["kms:Encrypt", "kms:ReEncryptFrom", "kms:CreateGrant", "kms:ScheduleKeyDeletion", "kms:PutKeyPolicy"]
    {
        assert!(!ask(action, &[("kms:EncryptionContext:tenant", own)]), "{action}");
    }
    let other = Request::new("kms:Decrypt", &KEY.replace("0d1f", "0d1e"));
    assert!(!allows(&policy(), &other.context(&[("kms:EncryptionContext:tenant", own)])));
}

#[test]
fn the_longest_names_fit() {
    let region: Region = format!("us-gov-{}-1", "a".repeat(Region::MAX_LENGTH - 9)).parse().unwrap();
    let table = format!("arn:aws-us-gov:dynamodb:{region}:123456789012:table/{}", "a".repeat(255));
    let key = format!("arn:aws-us-gov:kms:{region}:123456789012:key/mrk-{}", "a".repeat(32));
    let (table, key): (TableArn, KeyArn) = (table.parse().unwrap(), key.parse().unwrap());
    let policy = policy::tenant(&table, &key, &tenant());
    assert!(policy.len() <= MAX_LENGTH, "{}", policy.len());
}
