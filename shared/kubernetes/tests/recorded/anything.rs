//! Whatever is missing, the look is taken: fields of recorded objects are removed or replaced at random.

use proptest::prelude::*;
use serde_json::{Value, json};
use slipway_domain::promotion::ProcessMemory;
use slipway_kubernetes::read::{Listed, observation};
use slipway_rollout::classify::classify;

use super::{listed, plan};

const CASES: [(&str, &str); 8] = [
    ("ready", "registered"),
    ("crash", "back-off"),
    ("init-fails", "twice"),
    ("gated", "closed"),
    ("never-ready", "late"),
    ("quota", "refused"),
    ("stopping", "stopping"),
    ("evicted-for-space", "over"),
];

/// Every place in a value, as a path.
fn places(value: &Value, path: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.replace('~', "~0").replace('/', "~1"), field)).collect()
        }
        Value::Array(items) => items.iter().enumerate().map(|(place, item)| (place.to_string(), item)).collect(),
        _ => Vec::new(),
    };
    for (name, child) in children {
        let path = format!("{path}/{name}");
        places(child, &path, found);
        found.push(path);
    }
}

fn remove(value: &mut Value, path: &str) {
    let Some((parent, name)) = path.rsplit_once('/') else { return };
    match value.pointer_mut(parent) {
        Some(Value::Object(fields)) => {
            fields.remove(&name.replace("~1", "/").replace("~0", "~"));
        }
        Some(Value::Array(items)) => {
            if let Ok(place) = name.parse::<usize>()
                && place < items.len()
            {
                items.remove(place);
            }
        }
        _ => {}
    }
}

/// Another value of the same type, at the edge of what the API allows.
fn strange(value: &Value) -> Value {
    match value {
        Value::String(text) if text.ends_with('Z') => json!("0001-01-01T00:00:00Z"),
        Value::String(_) => json!(""),
        Value::Number(_) => json!(i32::MIN),
        Value::Bool(told) => json!(!told),
        Value::Array(_) => json!([]),
        Value::Object(_) | Value::Null => Value::Null,
    }
}

fn changed<T: serde::Serialize + serde::de::DeserializeOwned>(
    objects: Vec<T>,
    picks: &[(prop::sample::Index, bool)],
) -> Vec<T> {
    objects.into_iter().map(|object| change(object, picks)).collect()
}

/// The object with some places removed or made strange; as it is where that is no object of its kind any more.
fn change<T: serde::Serialize + serde::de::DeserializeOwned>(object: T, picks: &[(prop::sample::Index, bool)]) -> T {
    let mut object = serde_json::to_value(object).unwrap();
    for (pick, removes) in picks {
        let mut found = Vec::new();
        places(&object, "", &mut found);
        if found.is_empty() {
            break;
        }
        let path = pick.get(&found);
        let mut next = object.clone();
        match next.pointer_mut(path) {
            Some(place) if !removes => *place = strange(place),
            _ => remove(&mut next, path),
        }
        if serde_json::from_value::<T>(next.clone()).is_ok() {
            object = next;
        }
    }
    serde_json::from_value(object).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_that_is_missing_or_strange_stops_a_look(
        case in prop::sample::select(CASES.to_vec()),
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..12),
    ) {
        let Listed { at, deployments, replica_sets, pods, slices, events } = listed(case.0, case.1);
        let listed = Listed {
            at,
            deployments,
            replica_sets: changed(replica_sets, &picks),
            pods: changed(pods, &picks),
            slices: changed(slices, &picks),
            events: changed(events, &picks),
        };
        let seen = observation(&listed);
        prop_assert_eq!(seen.deployments.len(), 1);
        let strange = Listed { deployments: changed(listed.deployments.clone(), &picks), ..listed };
        for deployment in seen.deployments.into_iter().chain(observation(&strange).deployments) {
            for process in &deployment.processes {
                classify(process, &plan(), &ProcessMemory::default(), at);
            }
        }
    }
}
