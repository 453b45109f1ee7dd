//! Whatever a function answers and whatever a definition holds, the runner does not fall over.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use slipway_local::workflow::definition::Definition;
use slipway_local::workflow::rollout_definition;

use crate::world::{Act, World};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("{% $states.input %}")),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn any_answer() -> impl Strategy<Value = Value> {
    let routes = prop_oneof![Just(json!("advance")), Just(json!("restore")), Just(json!("ended")), any_json(),];
    let answer = (routes, any_json(), any_json());
    prop_oneof![
        any_json(),
        answer.prop_map(|(route, deadline_ms, outcome)| {
            json!({ "route": route, "deadline_ms": deadline_ms, "outcome": outcome })
        }),
    ]
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => any_answer().prop_map(Act::Answer),
        1 => prop::sample::select(vec!["Transient", "States.Timeout", "States.Runtime", "Odd"]).prop_map(Act::Fail),
        1 => Just(Act::Panic),
        1 => Just(Act::Hang),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_answers_lead_to_an_end(acts in prop::collection::vec(any_act(), 0..12), input in any_json()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let last = json!({ "route": "ended", "deadline_ms": null, "outcome": "succeeded" });
            let world = World::new(rollout_definition(), acts.into_iter().chain([Act::Answer(last)]));
            let input = json!({ "tenant": "T", "app": "a", "environment": "e", "promotion": input, "execution": 1 });
            let execution = world.run(input).await;
            assert!(["Succeeded", "RolledBack", "Failed", "Advance", "Restore"].contains(&execution.state.as_str()));
            assert_eq!(Some(&execution), world.runner.list().first());
        });
    }

    #[test]
    fn any_change_of_the_definition_is_accepted_or_refused(value in any_json(), place in 0_usize..10_000) {
        let mut definition: Value = serde_json::from_str(include_str!("../../../infra/rollout.asl.json")).unwrap();
        let mut pointers = Vec::new();
        collect(&definition, "", &mut pointers);
        *definition.pointer_mut(&pointers[place % pointers.len()]).unwrap() = value;
        if let Err(refused) = Definition::parse(&definition.to_string()) {
            assert!(!refused.to_string().is_empty());
        }
    }
}

/// The pointers to every value inside `value`.
fn collect(value: &Value, path: &str, pointers: &mut Vec<String>) {
    pointers.push(path.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, field)| collect(field, &format!("{path}/{key}"), pointers));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| collect(item, &format!("{path}/{index}"), pointers));
        }
        _ => {}
    }
}
