//! What is not executed is refused, by name and path.

use serde_json::{Value, json};
use slipway_local::workflow::definition::Definition;

use crate::world::{machine, task};

fn refusal(definition: &Value) -> String {
    Definition::parse(&definition.to_string()).expect_err("it must be refused").to_string()
}

fn with(pointer: &str, key: &str, value: Value) -> Value {
    let mut definition = full();
    definition.pointer_mut(pointer).unwrap()[key] = value;
    definition
}

/// Uses every field that is known, once.
fn full() -> Value {
    let mut definition = task(json!({
        "Comment": "c", "QueryLanguage": "JSONata", "TimeoutSeconds": 5, "Output": "{% $v %}", "Assign": { "v": 1 },
        "Retry": [{ "Comment": "c", "ErrorEquals": ["E"], "IntervalSeconds": 1, "BackoffRate": 1.5, "MaxAttempts": 0,
                    "MaxDelaySeconds": 9, "JitterStrategy": "NONE" }],
        "Catch": [{ "Comment": "c", "ErrorEquals": ["States.ALL"], "Next": "C", "Assign": { "v": 2 }, "Output": 1 }],
    }));
    definition["Version"] = json!("1.0");
    definition["Comment"] = json!("c");
    definition["TimeoutSeconds"] = json!(9);
    definition["States"]["C"] = json!({
        "Type": "Choice", "Default": "F", "Assign": { "v": 1 }, "Output": 1,
        "Choices": [{ "Comment": "c", "Condition": true, "Next": "Z", "Assign": { "v": 1 }, "Output": 1 }],
    });
    definition["States"]["F"] = json!({ "Type": "Fail", "Error": "E", "Cause": "c" });
    definition
}

#[test]
fn every_known_field_is_accepted() {
    assert!(Definition::parse(&full().to_string()).is_ok());
}

#[test]
fn an_unknown_field_is_refused_at_its_path() {
    for (pointer, path) in [
        ("", "Foo"),
        ("/States/A", "States.A.Foo"),
        ("/States/A/Arguments", "States.A.Arguments.Foo"),
        ("/States/A/Retry/0", "States.A.Retry[0].Foo"),
        ("/States/A/Catch/0", "States.A.Catch[0].Foo"),
        ("/States/C", "States.C.Foo"),
        ("/States/C/Choices/0", "States.C.Choices[0].Foo"),
        ("/States/Z", "States.Z.Foo"),
        ("/States/F", "States.F.Foo"),
    ] {
        let refused = refusal(&with(pointer, "Foo", json!(1)));
        assert_eq!(refused, format!("{path} is not supported by the local runner"));
    }
}

#[test]
fn every_field_that_means_something_else_is_refused() {
    let unsupported = "is not supported by the local runner";
    let number = "must be a whole number from 1 to 99999999";
    let cases = [
        ("", "QueryLanguage", json!("JSONPath"), "QueryLanguage must be JSONata for the local runner".to_owned()),
        ("", "Version", json!("2.0"), "Version must be 1.0".to_owned()),
        ("", "StartAt", json!("Nowhere"), "StartAt names Nowhere, which is no state".to_owned()),
        ("", "TimeoutSeconds", json!(0), format!("TimeoutSeconds {number}")),
        ("", "States", json!([]), "States must be an object".to_owned()),
        ("/States", "A", json!(1), "States.A must be an object".to_owned()),
        ("/States/A", "Type", json!("Map"), format!("States.A.Type Map {unsupported}")),
        (
            "/States/A",
            "QueryLanguage",
            json!("JSONPath"),
            "States.A.QueryLanguage must be JSONata for the local runner".to_owned(),
        ),
        ("/States/A", "Resource", json!("arn:x"), format!("States.A.Resource arn:x {unsupported}")),
        ("/States/A", "TimeoutSeconds", json!("{% 5 %}"), format!("States.A.TimeoutSeconds {number}")),
        ("/States/A", "Next", json!("Y"), "States.A.Next names Y, which is no state".to_owned()),
        ("/States/A", "End", json!(true), "States.A.Next or End: true must be given, and not both".to_owned()),
        ("/States/A", "Retry", json!(1), "States.A.Retry must be a list".to_owned()),
        ("/States/A", "Assign", json!(1), "States.A.Assign must be an object".to_owned()),
        ("/States/A", "Assign", json!({ "states": 1 }), "States.A.Assign.states is no name for a variable".to_owned()),
        (
            "/States/A/Arguments",
            "FunctionName",
            json!("{% 'f' %}"),
            "States.A.Arguments.FunctionName must be a literal for the local runner".to_owned(),
        ),
    ];
    check(cases);
}

#[test]
fn every_rule_that_means_something_else_is_refused() {
    let unsupported = "is not supported by the local runner";
    let cases = [
        (
            "/States/A/Retry/0",
            "JitterStrategy",
            json!("HALF"),
            "States.A.Retry[0].JitterStrategy must be FULL or NONE".to_owned(),
        ),
        (
            "/States/A/Retry/0",
            "BackoffRate",
            json!(0.5),
            "States.A.Retry[0].BackoffRate must be a number of at least 1".to_owned(),
        ),
        (
            "/States/A/Retry/0",
            "ErrorEquals",
            json!([]),
            "States.A.Retry[0].ErrorEquals must list at least one name, all of them strings".to_owned(),
        ),
        (
            "/States/A/Retry/0",
            "ErrorEquals",
            json!(["States.Runtime"]),
            format!("States.A.Retry[0].ErrorEquals States.Runtime {unsupported}"),
        ),
        (
            "/States/A/Retry/0",
            "ErrorEquals",
            json!(["States.ALL", "E"]),
            "States.A.Retry[0].ErrorEquals must name States.ALL alone and last".to_owned(),
        ),
        ("/States/A/Catch/0", "Next", json!("Y"), "States.A.Catch[0].Next names Y, which is no state".to_owned()),
        ("/States/C", "Choices", json!([]), "States.C.Choices must have at least one rule".to_owned()),
        ("/States/C", "Default", json!("Y"), "States.C.Default names Y, which is no state".to_owned()),
        ("/States/C", "Default", json!("A"), "States.F cannot be reached from StartAt".to_owned()),
        ("/States/C/Choices/0", "Next", json!("Y"), "States.C.Choices[0].Next names Y, which is no state".to_owned()),
    ];
    check(cases);
}

/// Each case puts a value at a pointer and a key, and names the refusal.
fn check<const N: usize>(cases: [(&str, &str, Value, String); N]) {
    for (pointer, key, value, expected) in cases {
        assert_eq!(refusal(&with(pointer, key, value)), expected);
    }
}

#[test]
fn what_is_missing_is_named() {
    for (pointer, key, expected) in [
        ("", "QueryLanguage", "QueryLanguage must be JSONata for the local runner"),
        ("", "StartAt", "StartAt is missing"),
        ("", "States", "States is missing"),
        ("/States/A", "Type", "States.A.Type is missing"),
        ("/States/A", "Resource", "States.A.Resource is missing"),
        ("/States/A", "Arguments", "States.A.Arguments is missing"),
        ("/States/A", "Next", "States.A.Next or End: true must be given, and not both"),
        ("/States/A/Retry/0", "ErrorEquals", "States.A.Retry[0].ErrorEquals is missing"),
        ("/States/A/Catch/0", "Next", "States.A.Catch[0].Next is missing"),
        ("/States/C/Choices/0", "Condition", "States.C.Choices[0].Condition is missing"),
    ] {
        let mut definition = full();
        definition.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key);
        assert_eq!(refusal(&definition), expected);
    }
}

#[test]
fn expressions_that_would_not_mean_the_same_are_refused() {
    for (expression, problem) in [
        ("{% $eval('1') %}", "uses $eval, which is not supported by the local runner"),
        ("{% $now() %}", "uses $now, which is not supported by the local runner"),
        ("{% $uuid() %}", "uses $uuid, which is not supported by the local runner"),
        ("{% $nobody %}", "uses $nobody, which is not supported by the local runner"),
        ("{% $$.a %}", "uses $$, which is not supported by the local runner"),
        ("{% function($states){1} %}", "uses function, which is not supported by the local runner"),
        ("{% 1", "opens or closes an expression alone"),
    ] {
        let refused = refusal(&with("/States/A", "Output", json!({ "a": [expression] })));
        assert_eq!(refused, format!("States.A.Output.a[0] {problem}"));
    }
    let refused = refusal(&with("/States/A", "Output", json!("{% 1 + %}")));
    assert!(refused.starts_with("States.A.Output is no JSONata: "), "{refused}");
}

#[test]
fn text_that_is_no_definition_is_refused() {
    assert!(Definition::parse("{").expect_err("no JSON").to_string().starts_with("the definition is no JSON document"));
    assert_eq!(refusal(&machine(&json!({}))), "StartAt names A, which is no state");
}
