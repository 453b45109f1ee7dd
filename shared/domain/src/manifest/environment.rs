//! Declared variables, and what each service gets of those that are set.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Problem;
use super::field::{Field, quoted};
use super::{Declaration, Manifest, Service, Warning};
use crate::name::ServiceName;
use crate::secret::Secret;
use crate::variables::{MAX_VALUE_BYTES, MAX_VARIABLES, PORT, VariableKey, Variables};

/// An `environment` section.
#[derive(Clone, Debug, Default)]
pub(super) struct Environment {
    pub declarations: Vec<Declaration>,
    /// `*` was among them.
    pub all: bool,
}

const SHAPE: &str = "a list of `KEY` (required) and `KEY=default`, or a mapping of keys to defaults";

/// Reads a section. In the formats of others a reserved key is a warning: their files often declare what their own
/// platform sets.
pub(super) fn read(field: &Field<'_>, lenient: bool, warnings: &mut Vec<Warning>) -> Result<Environment, Problem> {
    let mut environment = Environment::default();
    if field.is_null() {
        return Ok(environment);
    }
    if field.is_map() {
        for entry in field.entries()? {
            let default = match (entry.is_null(), entry.scalar()) {
                (true, _) => None,
                (false, Some(text)) => Some(text.to_owned()),
                (false, None) => return Err(entry.expected("a default as text, or empty where it is required")),
            };
            declare(&mut environment, &entry, entry.key, default, lenient, warnings)?;
        }
        return Ok(environment);
    }
    list(&mut environment, field, lenient, warnings)?;
    Ok(environment)
}

/// Lists may hold lists, which is what aliases to shared lists become.
fn list(
    environment: &mut Environment,
    field: &Field<'_>,
    lenient: bool,
    warnings: &mut Vec<Warning>,
) -> Result<(), Problem> {
    for item in field.items(SHAPE)? {
        if item.is_list() {
            list(environment, &item, lenient, warnings)?;
            continue;
        }
        let text = item.scalar().ok_or_else(|| item.expected("`KEY` or `KEY=default`"))?;
        if text == "*" {
            environment.all = true;
            continue;
        }
        let (key, default) = match text.split_once('=') {
            Some((key, default)) => (key, Some(default.to_owned())),
            None => (text, None),
        };
        declare(environment, &item, key, default, lenient, warnings)?;
    }
    Ok(())
}

fn declare(
    environment: &mut Environment,
    field: &Field<'_>,
    key: &str,
    default: Option<String>,
    lenient: bool,
    warnings: &mut Vec<Warning>,
) -> Result<(), Problem> {
    let at_key = |message: String| Problem::new(field.key_position, &field.path, message);
    let key: VariableKey = key.parse().map_err(|reason| at_key(format!("declares {}, which {reason}", quoted(key))))?;
    if key.is_reserved() {
        let message = format!("declares {key}, which Slipway sets for every process");
        if lenient {
            warnings.push(field.warning(&format!("{message}: the declaration has no effect")));
            return Ok(());
        }
        return Err(at_key(format!("{message}: choose another name")));
    }
    if default.as_ref().is_some_and(|default| default.len() > MAX_VALUE_BYTES || default.contains('\0')) {
        return Err(at_key(format!(
            "has a default that is longer than {MAX_VALUE_BYTES} bytes or holds NUL: shorten it"
        )));
    }
    if environment.declarations.iter().any(|declared| declared.key == key) {
        return Err(at_key(format!("declares {key} a second time: keep one of the two")));
    }
    if environment.declarations.len() == MAX_VARIABLES {
        return Err(at_key(format!("is beyond the {MAX_VARIABLES} variables that may be declared: remove some")));
    }
    environment.declarations.push(Declaration { key, default });
    Ok(())
}

impl Manifest {
    /// What is declared for the service: for all services, and for it alone, which wins.
    fn declared<'a>(&'a self, service: &'a Service) -> BTreeMap<&'a VariableKey, Option<&'a str>> {
        let declarations = self.environment.iter().chain(&service.environment);
        declarations.map(|declaration| (&declaration.key, declaration.default.as_deref())).collect()
    }

    /// The variables without which the service is not promoted. `PORT` is not among them where the service has ports:
    /// it is set for it.
    pub fn required(&self, service: &Service) -> BTreeSet<VariableKey> {
        let given = |key: &VariableKey| key.as_str() == PORT && !service.ports.is_empty();
        let declared = self.declared(service).into_iter();
        declared.filter(|(key, default)| default.is_none() && !given(key)).map(|(key, _)| key.clone()).collect()
    }

    /// Required variables that are not set, each with the services that need it. `present` says which ones are.
    pub fn missing(&self, present: impl Fn(&VariableKey) -> bool) -> BTreeMap<VariableKey, Vec<ServiceName>> {
        let mut missing: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for service in &self.services {
            for key in self.required(service).into_iter().filter(|key| !present(key)) {
                missing.entry(key).or_default().push(service.name.clone());
            }
        }
        missing
    }

    /// What the processes of the service get: the variables that are declared for it, with defaults where none is set;
    /// or all of them when nothing is declared, or `*` is. What Slipway sets itself comes on top of it and wins.
    pub fn environment_for(&self, service: &Service, variables: &Variables) -> BTreeMap<VariableKey, Secret> {
        let declared = self.declared(service);
        let all = declared.is_empty() || service.all_variables;
        let set = variables.iter().filter(|(key, _)| all || declared.contains_key(key));
        let mut environment: BTreeMap<_, _> = set.map(|(key, value)| (key.clone(), value.clone())).collect();
        for (key, default) in declared {
            if let Some(default) = default {
                environment.entry(key.clone()).or_insert_with(|| Secret::from(default));
            }
        }
        environment
    }

    /// Whether a variable of this key, once it is set, comes to anything: a service gets it, or a host name refers to it.
    pub fn uses(&self, key: &VariableKey) -> bool {
        let reference = format!("${{{key}}}");
        self.services.iter().any(|service| {
            let declared = self.declared(service);
            let gets = declared.is_empty() || service.all_variables || declared.contains_key(key);
            gets || service.domains.iter().any(|domain| domain.contains(&reference))
        })
    }

    /// The host names of the service, with references such as `${HOST}` replaced by what is set or declared as their
    /// default. A name with a reference to nothing is left out.
    pub fn domains_for(&self, service: &Service, variables: &Variables) -> Vec<String> {
        let declared = self.declared(service);
        let value = |name: &str| {
            let key: VariableKey = name.parse().ok()?;
            let set = variables.get(&key).map(|value| value.reveal().to_owned());
            set.or_else(|| declared.get(&key).and_then(|default| default.map(str::to_owned)))
        };
        let expanded = service.domains.iter().filter_map(|domain| expand(domain, value));
        let names = expanded.flat_map(|names| names.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>());
        names.filter(|name| !name.is_empty()).collect()
    }
}

/// The text with every `${NAME}` replaced; none when one of them has no value.
fn expand(text: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}')?;
        expanded.push_str(before);
        expanded.push_str(&value(name)?);
        rest = behind;
    }
    expanded.push_str(rest);
    Some(expanded)
}
