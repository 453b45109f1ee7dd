//! A state machine, parsed from the Amazon States Language and checked as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::fields::Fields;
use super::query::Queries;
use super::states::{State, require_jsonata};

/// A definition that the runner can execute completely.
#[derive(Clone, Debug)]
pub struct Definition {
    pub(super) start_at: String,
    pub(super) states: BTreeMap<String, State>,
    /// How long one execution may take.
    pub(super) timeout: Option<Duration>,
}

/// Why a definition is not executed: where, as in `States.Advance.Foo`, and what about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} {problem}")]
pub struct Refused {
    path: String,
    problem: String,
}

impl Refused {
    pub(super) fn at(path: &str, problem: &str) -> Self {
        Self { path: path.to_owned(), problem: problem.to_owned() }
    }
}

impl Definition {
    /// Parses `json` and refuses the first thing that the runner would not execute as Step Functions does.
    pub fn parse(json: &str) -> Result<Self, Refused> {
        let value: Value = serde_json::from_str(json)
            .map_err(|error| Refused::at("the definition", &format!("is no JSON document: {error}")))?;
        let mut fields = Fields::of("", value)?;
        require_jsonata(&mut fields, Language::Declared)?;
        if let Some(version) = fields.text("Version")?
            && version != "1.0"
        {
            return Err(fields.refuse("Version", "must be 1.0"));
        }
        let start_at = fields.required_text("StartAt")?;
        let timeout = fields.whole("TimeoutSeconds", 1)?.map(Duration::from_secs);
        let states = fields.required("States")?;
        fields.finish()?;

        let mut queries = Queries::default();
        let definition = Self { start_at, states: parse_states(states, &mut queries)?, timeout };
        queries.check()?;
        definition.check_targets()?;
        definition.check_reachable()?;
        Ok(definition)
    }

    fn check_targets(&self) -> Result<(), Refused> {
        self.check_target("StartAt", &self.start_at)?;
        for (name, state) in &self.states {
            for (field, target) in state.targets() {
                self.check_target(&format!("States.{name}.{field}"), target)?;
            }
        }
        Ok(())
    }

    fn check_target(&self, path: &str, target: &str) -> Result<(), Refused> {
        if self.states.contains_key(target) {
            return Ok(());
        }
        Err(Refused::at(path, &format!("names {target}, which is no state")))
    }

    fn check_reachable(&self) -> Result<(), Refused> {
        let mut seen = BTreeSet::new();
        let mut open = vec![self.start_at.as_str()];
        while let Some(name) = open.pop() {
            if let Some(state) = self.states.get(name)
                && seen.insert(name)
            {
                open.extend(state.targets().into_iter().map(|(_, target)| target));
            }
        }
        match self.states.keys().find(|name| !seen.contains(name.as_str())) {
            None => Ok(()),
            Some(name) => Err(Refused::at(&format!("States.{name}"), "cannot be reached from StartAt")),
        }
    }
}

/// Whether `QueryLanguage` has to be named here or is inherited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Declared,
    Inherited,
}

fn parse_states(value: Value, queries: &mut Queries) -> Result<BTreeMap<String, State>, Refused> {
    let Value::Object(states) = value else { return Err(Refused::at("States", "must be an object")) };
    states
        .into_iter()
        .map(|(name, state)| {
            let fields = Fields::of(&format!("States.{name}"), state)?;
            Ok((name, State::parse(fields, queries)?))
        })
        .collect()
}
