//! IAM's rules: what no statement allows is denied, and a statement that denies outweighs all that allow.

use std::collections::BTreeMap;

use serde_json::Value;
use slipway_domain::time::Time;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    pub action: String,
    pub resource: String,
    /// The partitions that it names; none where the request has no such key.
    pub leading_keys: Option<Vec<String>>,
    /// Who asks, for policies of a resource.
    pub principal: Option<String>,
    /// The role that who asks has taken on, and when it did.
    pub role: Option<String>,
    pub session_began: Option<Time>,
    /// What else the request tells, by the names that conditions have for it.
    pub context: BTreeMap<String, String>,
}

impl Request {
    pub fn new(action: &str, resource: &str) -> Self {
        Self {
            action: action.to_owned(),
            resource: resource.to_owned(),
            leading_keys: None,
            principal: None,
            role: None,
            session_began: None,
            context: BTreeMap::new(),
        }
    }

    pub fn keys(self, keys: &[&str]) -> Self {
        Self { leading_keys: Some(keys.iter().map(|key| (*key).to_owned()).collect()), ..self }
    }

    pub fn context(self, context: &[(&str, &str)]) -> Self {
        let context = context.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { context, ..self }
    }

    pub fn by(self, principal: &str) -> Self {
        Self { principal: Some(principal.to_owned()), ..self }
    }

    /// A session of a role, which tells when it began or does not.
    pub fn session(self, role: &str, began: Option<Time>) -> Self {
        Self { role: Some(role.to_owned()), session_began: began, ..self }
    }
}

/// Whether the policy allows the request.
pub fn allows(policy: &str, request: &Request) -> bool {
    !denies(policy, request) && says(policy, request, "Allow")
}

/// Whether the policy denies the request, whatever other ones allow.
pub fn denies(policy: &str, request: &Request) -> bool {
    says(policy, request, "Deny")
}

fn says(policy: &str, request: &Request, effect: &str) -> bool {
    let policy: Value = serde_json::from_str(policy).unwrap();
    assert_eq!(policy["Version"], "2012-10-17");
    assert_eq!(policy.as_object().unwrap().len(), 2, "{policy}");
    let statements = policy["Statement"].as_array().unwrap();
    assert!(statements.iter().all(|statement| statement["Effect"] == "Allow" || statement["Effect"] == "Deny"));
    statements.iter().any(|statement| statement["Effect"] == effect && applies(statement, request))
}

fn applies(statement: &Value, request: &Request) -> bool {
    statement.as_object().unwrap().iter().all(|(element, value)| match element.as_str() {
        "Effect" | "Sid" => true,
        "Action" => any(value, &request.action.to_lowercase(), str::to_lowercase),
        "Resource" => any(value, &request.resource, str::to_owned),
        "Principal" if value == "*" => true,
        "Principal" => {
            let named = value["AWS"].as_array().unwrap();
            named.iter().any(|named| request.principal.as_deref() == named.as_str())
        }
        "Condition" => value.as_object().unwrap().iter().all(|(operator, keys)| {
            keys.as_object().unwrap().iter().all(|(key, patterns)| holds(operator, key, patterns, request))
        }),
        other => panic!("the evaluator does not know {other}"),
    })
}

fn holds(operator: &str, key: &str, patterns: &Value, request: &Request) -> bool {
    match key {
        "dynamodb:LeadingKeys" => keys_hold(operator, patterns, request.leading_keys.as_deref()),
        "aws:PrincipalArn" if operator == "ArnEquals" => request.role.as_deref() == patterns.as_str(),
        // True of a key that is not there.
        "aws:TokenIssueTime" if operator == "DateLessThanIfExists" => {
            let limit: Time = patterns.as_str().unwrap().parse().unwrap();
            request.session_began.is_none_or(|began| began < limit)
        }
        key if key.starts_with("kms:") && matches!(operator, "StringEquals" | "StringLike") => {
            request.context.get(key).is_some_and(|value| match operator {
                "StringEquals" => patterns.as_str() == Some(value),
                _ => any(patterns, value, str::to_owned),
            })
        }
        other => panic!("the evaluator does not know {operator} of {other}"),
    }
}

fn keys_hold(operator: &str, patterns: &Value, values: Option<&[String]>) -> bool {
    let matches = |value: &String| any(patterns, value, str::to_owned);
    match operator {
        "Null" => values.is_none() == (patterns == "true"),
        // True of a key that is not there, as of one without values.
        "ForAllValues:StringLike" => values.unwrap_or_default().iter().all(matches),
        // False of a key that is not there, whatever is asked of its values.
        "ForAnyValue:StringLike" => values.unwrap_or_default().iter().any(matches),
        "ForAnyValue:StringNotLike" => values.unwrap_or_default().iter().any(|value| !matches(value)),
        other => panic!("the evaluator does not know {other}"),
    }
}

fn any(patterns: &Value, value: &str, form: impl Fn(&str) -> String) -> bool {
    let matches = |pattern: &Value| like(form(pattern.as_str().unwrap()).as_bytes(), value.as_bytes());
    patterns.as_array().map_or_else(|| matches(patterns), |patterns| patterns.iter().any(matches))
}

/// `*` stands for any characters or none, `?` for one.
fn like(pattern: &[u8], value: &[u8]) -> bool {
    match (pattern, value) {
        ([], rest) => rest.is_empty(),
        ([b'*', after @ ..], rest) => (0..=rest.len()).any(|skipped| like(after, &rest[skipped..])),
        ([b'?', after @ ..], [_, rest @ ..]) => like(after, rest),
        ([first, after @ ..], [same, rest @ ..]) => first == same && like(after, rest),
        (_, []) => false,
    }
}

#[test]
fn patterns_match_as_iam_says() {
    let table = [
        ("t#A#*", "t#A#", true),
        ("t#A#*", "t#A#app#shop#x", true),
        ("t#A#*", "t#AB#x", false),
        ("t#A#*", "xt#A#x", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("a*c*e", "abcde", true),
        ("a*c*e", "abcd", false),
        ("", "", true),
    ];
    for (pattern, value, expected) in table {
        assert_eq!(like(pattern.as_bytes(), value.as_bytes()), expected, "{pattern} {value}");
    }
}

#[test]
fn a_denial_outweighs_and_a_key_that_is_missing_satisfies_all_values() {
    let allow = |condition: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"dynamodb:*","Resource":"*",
            "Condition":{{{condition}}}}},{{"Effect":"Deny","Action":"dynamodb:Scan","Resource":"*"}}]}}"#
        )
    };
    let get = Request::new("dynamodb:GetItem", "table");
    let all = r#""ForAllValues:StringLike":{"dynamodb:LeadingKeys":["a*"]}"#;
    let present = r#""Null":{"dynamodb:LeadingKeys":"false"}"#;
    assert!(allows(&allow(all), &get));
    assert!(!allows(&allow(&format!("{all},{present}")), &get));
    assert!(allows(&allow(&format!("{all},{present}")), &get.clone().keys(&["a", "ab"])));
    assert!(!allows(&allow(&format!("{all},{present}")), &get.keys(&["a", "b"])));
    assert!(!allows(&allow(""), &Request::new("dynamodb:Scan", "table")));
}
