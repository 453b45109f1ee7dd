//! `JSONata` in a definition: checked when it is parsed, evaluated under bounds when it is run.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;

use jsonata_core::evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions};
use jsonata_core::parser::{self, Lexer, Token};
use jsonata_core::value::JValue;
use serde_json::{Map, Number, Value};

use super::definition::Refused;
use super::fields::Fields;

/// Functions that mean the same here and in Step Functions. `$eval` does not exist there, `$now`, `$millis`,
/// `$random` and `$shuffle` would give another result after a restart, and those that only Step Functions has are
/// not built.
const FUNCTIONS: [&str; 37] = [
    "abs",
    "append",
    "average",
    "boolean",
    "ceil",
    "contains",
    "count",
    "distinct",
    "exists",
    "floor",
    "fromMillis",
    "join",
    "keys",
    "length",
    "lookup",
    "lowercase",
    "max",
    "merge",
    "min",
    "not",
    "number",
    "pad",
    "power",
    "reverse",
    "round",
    "split",
    "spread",
    "sqrt",
    "string",
    "substring",
    "substringAfter",
    "substringBefore",
    "sum",
    "toMillis",
    "trim",
    "type",
    "uppercase",
];

/// The bounds of one evaluation; Step Functions stops after a second, too.
const TIMEOUT_MS: u64 = 1000;
const STACK_DEPTH: usize = 200;
const SEQUENCE_LENGTH: usize = 10_000;

/// Integers beyond this are not exact in JSON numbers as `JSONata` has them: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A JSON value whose strings `{% … %}` are expressions; all of them parse and name only what exists.
#[derive(Clone, Debug)]
pub(super) struct Template(Value);

/// What expressions may read: `$states`, and the variables of the execution.
pub(super) struct Scope<'a> {
    pub states: Value,
    pub variables: &'a Map<String, Value>,
}

/// An expression failed, gave nothing, or gave what JSON cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{expression}: {problem}")]
pub(super) struct QueryError {
    expression: String,
    problem: String,
}

impl Template {
    pub fn literal(value: Value) -> Self {
        Self(value)
    }

    pub fn render(&self, scope: &Scope<'_>) -> Result<Value, QueryError> {
        render(&self.0, scope)
    }

    /// Renders what has to be `true` or `false`.
    pub fn holds(&self, scope: &Scope<'_>) -> Result<bool, QueryError> {
        self.render(scope)?.as_bool().ok_or_else(|| self.must_be("a boolean"))
    }

    pub fn text(&self, scope: &Scope<'_>) -> Result<String, QueryError> {
        self.render(scope)?.as_str().map(str::to_owned).ok_or_else(|| self.must_be("a string"))
    }

    fn must_be(&self, what: &str) -> QueryError {
        QueryError { expression: self.0.to_string(), problem: format!("must give {what}") }
    }
}

/// The expressions of a definition while it is parsed: what they read, and which variables are assigned anywhere.
#[derive(Default)]
pub(super) struct Queries {
    read: Vec<(String, String)>,
    assigned: BTreeSet<String>,
}

impl Queries {
    pub fn template(&mut self, path: &str, value: Value) -> Result<Template, Refused> {
        self.visit(path, &value)?;
        Ok(Template(value))
    }

    pub fn optional(&mut self, fields: &mut Fields, key: &str) -> Result<Option<Template>, Refused> {
        fields.take(key).map(|value| self.template(&fields.path_of(key), value)).transpose()
    }

    pub fn optional_text(&mut self, fields: &mut Fields, key: &str) -> Result<Option<Template>, Refused> {
        let Some(text) = fields.text(key)? else { return Ok(None) };
        self.template(&fields.path_of(key), Value::String(text)).map(Some)
    }

    /// Notes that `name` is a variable from now on.
    pub fn assigned(&mut self, path: &str, name: &str) -> Result<(), Refused> {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !plain || name.is_empty() || name == "states" {
            return Err(Refused::at(&format!("{path}.{name}"), "is no name for a variable"));
        }
        self.assigned.insert(name.to_owned());
        Ok(())
    }

    /// Refuses an expression that reads what is neither a known function nor a variable that some state assigns.
    pub fn check(self) -> Result<(), Refused> {
        for (path, name) in &self.read {
            let known = name == "states" || FUNCTIONS.contains(&name.as_str()) || self.assigned.contains(name);
            if !known {
                return Err(Refused::at(path, &format!("uses ${name}, which is not supported by the local runner")));
            }
        }
        Ok(())
    }

    fn visit(&mut self, path: &str, value: &Value) -> Result<(), Refused> {
        match value {
            Value::String(text) => self.visit_text(path, text),
            Value::Array(items) => {
                items.iter().enumerate().try_for_each(|(index, item)| self.visit(&format!("{path}[{index}]"), item))
            }
            Value::Object(fields) => {
                fields.iter().try_for_each(|(key, field)| self.visit(&format!("{path}.{key}"), field))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    fn visit_text(&mut self, path: &str, text: &str) -> Result<(), Refused> {
        let Some(expression) = expression_of(text) else {
            let half = text.starts_with("{%") || text.ends_with("%}");
            return if half { Err(Refused::at(path, "opens or closes an expression alone")) } else { Ok(()) };
        };
        let unreadable = |error: parser::ParserError| Refused::at(path, &format!("is no JSONata: {error}"));
        parser::parse(expression).map_err(unreadable)?;
        let mut lexer = Lexer::new(expression.to_owned());
        loop {
            match lexer.next_token().map_err(unreadable)? {
                Token::Eof => return Ok(()),
                Token::Variable(name) => self.read.push((path.to_owned(), name)),
                Token::ParentVariable(_) => self.read.push((path.to_owned(), "$".to_owned())),
                Token::Function(name) => {
                    return Err(Refused::at(path, &format!("uses {name}, which is not supported by the local runner")));
                }
                _ => {}
            }
        }
    }
}

/// The expression in `{% … %}`.
fn expression_of(text: &str) -> Option<&str> {
    text.strip_prefix("{%")?.strip_suffix("%}").map(str::trim)
}

fn render(value: &Value, scope: &Scope<'_>) -> Result<Value, QueryError> {
    match value {
        Value::String(text) => match expression_of(text) {
            Some(expression) => contained(expression, scope),
            None => Ok(value.clone()),
        },
        Value::Array(items) => items.iter().map(|item| render(item, scope)).collect(),
        Value::Object(fields) => fields.iter().map(|(key, field)| Ok((key.clone(), render(field, scope)?))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
    }
}

/// A mistake of the evaluator that panics costs this expression and nothing else.
fn contained(expression: &str, scope: &Scope<'_>) -> Result<Value, QueryError> {
    let evaluated = std::panic::catch_unwind(AssertUnwindSafe(|| evaluate(expression, scope)));
    let broken = QueryError { expression: expression.to_owned(), problem: "the evaluator panicked".to_owned() };
    evaluated.unwrap_or(Err(broken))
}

/// Evaluates in a plain function, because the evaluator's values must not live across a wait.
fn evaluate(expression: &str, scope: &Scope<'_>) -> Result<Value, QueryError> {
    let failed = |problem: String| QueryError { expression: expression.to_owned(), problem };
    let tree = parser::parse(expression).map_err(|error| failed(error.to_string()))?;
    let mut context = Context::new();
    for (name, value) in scope.variables {
        context.bind(name.clone(), JValue::from(value.clone()));
    }
    context.bind("states".to_owned(), JValue::from(scope.states.clone()));
    let options = EvaluatorOptions {
        timeout_ms: Some(TIMEOUT_MS),
        max_stack_depth: Some(STACK_DEPTH),
        max_sequence_length: Some(SEQUENCE_LENGTH),
        ..EvaluatorOptions::default()
    };
    let mut evaluator = Evaluator::with_options(context, options);
    evaluator.register_fn_override("eval", no_eval).map_err(|error| failed(error.to_string()))?;
    let value = evaluator.evaluate(&tree, &JValue::Undefined).map_err(|error| failed(error.to_string()))?;
    to_json(&value).ok_or_else(|| failed("gives nothing that JSON can hold".to_owned()))
}

fn no_eval(_arguments: &[JValue]) -> Result<JValue, EvaluatorError> {
    Err(EvaluatorError::EvaluationError("$eval does not exist in a state machine".to_owned()))
}

/// None for what is undefined, a function, or no finite number. Whole numbers stay whole: `1`, not `1.0`.
fn to_json(value: &JValue) -> Option<Value> {
    match value {
        JValue::Null => Some(Value::Null),
        JValue::Bool(value) => Some(Value::Bool(*value)),
        JValue::Number(number) => to_number(*number).map(Value::Number),
        JValue::String(text) => Some(Value::String(text.to_string())),
        JValue::Array(items) => items.iter().map(to_json).collect::<Option<_>>().map(Value::Array),
        JValue::Object(fields) => fields
            .iter()
            .map(|(key, field)| Some((key.clone(), to_json(field)?)))
            .collect::<Option<_>>()
            .map(Value::Object),
        JValue::Undefined | JValue::Lambda(_) | JValue::Builtin { .. } | JValue::Regex { .. } => None,
    }
}

fn to_number(number: f64) -> Option<Number> {
    if number.fract() == 0.0 && number.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 2^53 fits")]
        return Some(Number::from(number as i64));
    }
    Number::from_f64(number)
}
