//! How two releases differ: image, commit, variables by key, services and settings. Never a value of a variable.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ImageDigest, Release};
use crate::build::Commit;
use crate::manifest::{Manifest, Service};
use crate::name::ServiceName;
use crate::variables::VariableKey;

/// The differences on the way from one release to another. Empty when both run the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diff {
    pub image: Option<Changed<ImageDigest>>,
    pub commit: Option<Changed<Option<Commit>>>,
    pub variables: VariablesDiff,
    pub services: ServicesDiff,
    /// Settings of the manifest as a whole.
    pub settings: Vec<SettingChange>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed<T> {
    pub from: T,
    pub to: T,
}

/// By key, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariablesDiff {
    pub added: Vec<VariableKey>,
    pub removed: Vec<VariableKey>,
    pub changed: Vec<VariableKey>,
}

/// In the order of the manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicesDiff {
    pub added: Vec<ServiceName>,
    pub removed: Vec<ServiceName>,
    pub changed: Vec<ServiceChange>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceChange {
    pub service: ServiceName,
    pub settings: Vec<SettingChange>,
}

/// One setting of the manifest, such as `health.timeout_seconds`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    pub setting: String,
    /// Null: not set. A declared variable is `required` or has a `default`, which is compared and not shown.
    pub from: Value,
    pub to: Value,
}

impl Diff {
    /// Both run the same image with the same variables and settings.
    pub fn is_empty(&self) -> bool {
        let variables = &self.variables;
        let services = &self.services;
        self.image.is_none()
            && self.commit.is_none()
            && variables.added.is_empty()
            && variables.removed.is_empty()
            && variables.changed.is_empty()
            && services.added.is_empty()
            && services.removed.is_empty()
            && services.changed.is_empty()
            && self.settings.is_empty()
    }
}

/// What changes on the way from `from` to `to`.
pub fn diff(from: &Release, to: &Release) -> Diff {
    Diff {
        image: changed(&from.image, &to.image),
        commit: changed(&from.commit, &to.commit),
        variables: variables(from, to),
        services: services(&from.manifest, &to.manifest),
        settings: compare(&top_settings(&from.manifest), &top_settings(&to.manifest)),
    }
}

fn changed<T: Clone + PartialEq>(from: &T, to: &T) -> Option<Changed<T>> {
    (from != to).then(|| Changed { from: from.clone(), to: to.clone() })
}

fn variables(from: &Release, to: &Release) -> VariablesDiff {
    let (old, new) = (&from.fingerprints, &to.fingerprints);
    let lacking = |these: &BTreeMap<VariableKey, _>, those: &BTreeMap<VariableKey, _>| {
        these.keys().filter(|key| !those.contains_key(*key)).cloned().collect()
    };
    let changed = old.iter().filter(|(key, fingerprint)| new.get(*key).is_some_and(|other| other != *fingerprint));
    VariablesDiff {
        added: lacking(new, old),
        removed: lacking(old, new),
        changed: changed.map(|(key, _)| key.clone()).collect(),
    }
}

fn services(from: &Manifest, to: &Manifest) -> ServicesDiff {
    let lacking = |these: &Manifest, those: &Manifest| {
        let names = these.services.iter().map(|service| &service.name);
        names.filter(|name| those.service(name).is_none()).cloned().collect()
    };
    let changed = to.services.iter().filter_map(|service| {
        let settings = compare(&service_settings(from.service(&service.name)?), &service_settings(service));
        (!settings.is_empty()).then(|| ServiceChange { service: service.name.clone(), settings })
    });
    ServicesDiff { added: lacking(to, from), removed: lacking(from, to), changed: changed.collect() }
}

type Settings = BTreeMap<String, Setting>;

/// What is compared, and what is shown of it.
struct Setting {
    real: Value,
    shown: Value,
}

fn service_settings(service: &Service) -> Settings {
    let mut settings = flatten(service);
    settings.remove("name");
    settings
}

fn top_settings(manifest: &Manifest) -> Settings {
    let mut settings = flatten(manifest);
    settings.retain(|name, _| name != "services" && name != "warnings");
    settings
}

/// Structs become dotted names; lists stay whole, but each declaration is a setting of its own, whose default is not
/// shown: it may well be a password.
fn flatten(value: &impl Serialize) -> Settings {
    let json = serde_json::to_value(value).expect("manifests hold only strings, numbers, lists and structs");
    let mut settings = Settings::new();
    walk(String::new(), json, &mut settings);
    settings
}

fn walk(name: String, value: Value, settings: &mut Settings) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let name = if name.is_empty() { key } else { format!("{name}.{key}") };
                walk(name, member, settings);
            }
        }
        Value::Array(items) if name == "environment" => {
            for item in items {
                let key = item.get("key").and_then(Value::as_str).unwrap_or_default().to_owned();
                let required = item.get("default").is_none_or(Value::is_null);
                let shown = Value::from(if required { "required" } else { "default" });
                settings.insert(format!("environment.{key}"), Setting { real: item, shown });
            }
        }
        Value::Null => {}
        other => drop(settings.insert(name, Setting { shown: other.clone(), real: other })),
    }
}

fn compare(from: &Settings, to: &Settings) -> Vec<SettingChange> {
    let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let changes = names.into_iter().filter_map(|name| {
        let (old, new) = (from.get(name), to.get(name));
        if old.map(|setting| &setting.real) == new.map(|setting| &setting.real) {
            return None;
        }
        let shown = |setting: Option<&Setting>| setting.map_or(Value::Null, |setting| setting.shown.clone());
        let (from, to) = (shown(old), shown(new));
        let to = if from == to { Value::from("another default") } else { to };
        Some(SettingChange { setting: name.clone(), from, to })
    });
    changes.collect()
}
