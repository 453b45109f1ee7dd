//! The four state types that the definition uses.

use std::time::Duration;

use serde_json::{Map, Value};

use super::definition::{Language, Refused};
use super::fields::Fields;
use super::query::{Queries, Template};
use super::retry::{ErrorNames, Retrier, parse_retriers};

/// The one integration that is executed.
const LAMBDA_INVOKE: &str = "arn:aws:states:::lambda:invoke";

/// Step Functions' own default, about three years.
const DEFAULT_TASK_TIMEOUT: Duration = Duration::from_secs(99_999_999);

#[derive(Clone, Debug)]
pub(super) enum State {
    Task(TaskState),
    Choice(ChoiceState),
    Succeed { output: Option<Template> },
    Fail { error: Option<Template>, cause: Option<Template> },
}

#[derive(Clone, Debug)]
pub(super) struct TaskState {
    pub function: String,
    pub payload: Template,
    pub timeout: Duration,
    pub retriers: Vec<Retrier>,
    pub catchers: Vec<Catcher>,
    pub data: Data,
    /// None for the end of the execution.
    pub next: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct ChoiceState {
    pub rules: Vec<Rule>,
    pub default: Option<Rule>,
}

/// A way out of a Choice state. The default's condition always holds.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub condition: Template,
    pub data: Data,
    pub next: String,
}

#[derive(Clone, Debug)]
pub(super) struct Catcher {
    pub errors: ErrorNames,
    pub data: Data,
    pub next: String,
}

/// What leaving a state does to variables and output.
#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    pub assign: Vec<(String, Template)>,
    pub output: Option<Template>,
}

impl State {
    pub fn parse(mut fields: Fields, queries: &mut Queries) -> Result<Self, Refused> {
        require_jsonata(&mut fields, Language::Inherited)?;
        let kind = fields.required_text("Type")?;
        let state = match kind.as_str() {
            "Task" => Self::Task(TaskState::parse(&mut fields, queries)?),
            "Choice" => Self::Choice(ChoiceState::parse(&mut fields, queries)?),
            "Succeed" => Self::Succeed { output: queries.optional(&mut fields, "Output")? },
            "Fail" => Self::Fail {
                error: queries.optional_text(&mut fields, "Error")?,
                cause: queries.optional_text(&mut fields, "Cause")?,
            },
            other => return Err(fields.refuse("Type", &format!("{other} is not supported by the local runner"))),
        };
        fields.finish()?;
        Ok(state)
    }

    /// Where this state may lead: the field, for a refusal, and the state that it names.
    pub fn targets(&self) -> Vec<(String, &str)> {
        match self {
            Self::Task(task) => {
                let next = task.next.iter().map(|next| ("Next".to_owned(), next.as_str()));
                let catches = task.catchers.iter().enumerate();
                next.chain(catches.map(|(index, one)| (format!("Catch[{index}].Next"), one.next.as_str()))).collect()
            }
            Self::Choice(choice) => {
                let rules = choice.rules.iter().enumerate();
                let rules = rules.map(|(index, rule)| (format!("Choices[{index}].Next"), rule.next.as_str()));
                rules.chain(choice.default.iter().map(|rule| ("Default".to_owned(), rule.next.as_str()))).collect()
            }
            Self::Succeed { .. } | Self::Fail { .. } => Vec::new(),
        }
    }
}

/// Refuses `JSONPath`, which is what a definition without the field means.
pub(super) fn require_jsonata(fields: &mut Fields, language: Language) -> Result<(), Refused> {
    match fields.text("QueryLanguage")?.as_deref() {
        Some("JSONata") => Ok(()),
        None if language == Language::Inherited => Ok(()),
        _ => Err(fields.refuse("QueryLanguage", "must be JSONata for the local runner")),
    }
}

impl TaskState {
    fn parse(fields: &mut Fields, queries: &mut Queries) -> Result<Self, Refused> {
        let resource = fields.required_text("Resource")?;
        if resource != LAMBDA_INVOKE {
            return Err(fields.refuse("Resource", &format!("{resource} is not supported by the local runner")));
        }
        let (function, payload) = parse_arguments(fields, queries)?;
        Ok(Self {
            function,
            payload,
            timeout: fields.whole("TimeoutSeconds", 1)?.map_or(DEFAULT_TASK_TIMEOUT, Duration::from_secs),
            retriers: parse_retriers(fields)?,
            catchers: parse_catchers(fields, queries)?,
            data: Data::parse(fields, queries)?,
            next: parse_next(fields)?,
        })
    }
}

fn parse_arguments(fields: &mut Fields, queries: &mut Queries) -> Result<(String, Template), Refused> {
    let path = fields.path_of("Arguments");
    let mut arguments = Fields::of(&path, fields.required("Arguments")?)?;
    let function = arguments.required_text("FunctionName")?;
    if function.starts_with("{%") {
        return Err(arguments.refuse("FunctionName", "must be a literal for the local runner"));
    }
    let payload = match queries.optional(&mut arguments, "Payload")? {
        Some(payload) => payload,
        None => Template::literal(Value::Object(Map::new())),
    };
    arguments.finish()?;
    Ok((function, payload))
}

fn parse_next(fields: &mut Fields) -> Result<Option<String>, Refused> {
    match (fields.text("Next")?, fields.take("End")) {
        (Some(next), None) => Ok(Some(next)),
        (None, Some(Value::Bool(true))) => Ok(None),
        _ => Err(fields.refuse("Next", "or End: true must be given, and not both")),
    }
}

fn parse_catchers(fields: &mut Fields, queries: &mut Queries) -> Result<Vec<Catcher>, Refused> {
    let items = fields.objects("Catch")?;
    let last = items.len().saturating_sub(1);
    items
        .into_iter()
        .enumerate()
        .map(|(index, mut item)| {
            let errors = ErrorNames::parse(&mut item, index == last)?;
            let data = Data::parse(&mut item, queries)?;
            let next = item.required_text("Next")?;
            item.finish()?;
            Ok(Catcher { errors, data, next })
        })
        .collect()
}

impl ChoiceState {
    fn parse(fields: &mut Fields, queries: &mut Queries) -> Result<Self, Refused> {
        let items = fields.objects("Choices")?;
        if items.is_empty() {
            return Err(fields.refuse("Choices", "must have at least one rule"));
        }
        let rules = items.into_iter().map(|item| Rule::parse(item, queries)).collect::<Result<_, _>>()?;
        let data = Data::parse(fields, queries)?;
        let always = Template::literal(Value::Bool(true));
        let default = fields.text("Default")?.map(|next| Rule { condition: always, data, next });
        Ok(Self { rules, default })
    }
}

impl Rule {
    fn parse(mut fields: Fields, queries: &mut Queries) -> Result<Self, Refused> {
        let Some(condition) = queries.optional(&mut fields, "Condition")? else {
            return Err(fields.refuse("Condition", "is missing"));
        };
        let data = Data::parse(&mut fields, queries)?;
        let next = fields.required_text("Next")?;
        fields.finish()?;
        Ok(Self { condition, data, next })
    }
}

impl Data {
    fn parse(fields: &mut Fields, queries: &mut Queries) -> Result<Self, Refused> {
        let mut assign = Vec::new();
        let path = fields.path_of("Assign");
        if let Some(value) = fields.take("Assign") {
            let Value::Object(variables) = value else { return Err(Refused::at(&path, "must be an object")) };
            for (name, value) in variables {
                let template = queries.template(&format!("{path}.{name}"), value)?;
                queries.assigned(&path, &name)?;
                assign.push((name, template));
            }
        }
        Ok(Self { assign, output: queries.optional(fields, "Output")? })
    }
}
