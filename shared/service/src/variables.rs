//! Variables: read keys, reveal values, and change them, which makes a release.

use std::collections::BTreeSet;

use slipway_domain::error::{Error, Kind, Result};
use slipway_domain::id::ReleaseId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::promotion::Environment;
use slipway_domain::release::{Fingerprint, Release, Tag};
use slipway_domain::secret::Secret;
use slipway_domain::variables::{Change, VariableKey, Variables};
use slipway_store::Scoped;

use crate::caller::{Caller, Right};
use crate::draft::{ATTEMPTS, Code, Draft, base, lost_a_race, own, refused, too_busy};
use crate::releases::{Base, BaseChoice, ReleaseView, base_of, view};
use crate::request::{Idempotency, MAX_TEXT, Posted, check_text, stored_id};
use crate::slipway::{Slipway, find_environment, not_found};

/// A variable without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableView {
    pub key: VariableKey,
    /// HMAC of the value under a key of the tenant, bound to the variable's key.
    pub fingerprint: Fingerprint,
}

/// The variables of one release, by key.
#[derive(Clone, Debug)]
pub struct VariablesView {
    /// None: the environment has no release and so no variables.
    pub release: Option<ReleaseId>,
    pub variables: Vec<VariableView>,
}

/// The values of one release.
#[derive(Clone, Debug)]
pub struct Revealed {
    pub release: ReleaseId,
    pub variables: Variables,
}

/// What is to become of the variables. Keys and values are checked by the use case, so that every bad one is told.
#[derive(Clone, Debug)]
pub enum VariableChange {
    /// A value sets, none unsets; keys that are not named stay as they are.
    Patch(Vec<(String, Option<Secret>)>),
    /// These and no others.
    Replace(Vec<(String, Secret)>),
}

/// How a change of variables was asked for.
#[derive(Clone, Debug)]
pub struct ChangeVariables {
    pub change: VariableChange,
    pub base: BaseChoice,
    /// Only if the base is still this release.
    pub if_base: Option<ReleaseId>,
    /// At most 500 characters. None: `env add:… change:… remove:…`.
    pub description: Option<String>,
    /// Unique in the app.
    pub tag: Option<Tag>,
}

/// What came of a change of variables.
#[derive(Clone, Debug)]
pub enum VariablesChanged {
    /// Everything was so already: no release was made.
    Unchanged { release: ReleaseId },
    Released {
        release: Box<ReleaseView>,
        base: Box<Base>,
        /// Of the keys that were set, those that no service of the release declares or gets all the same.
        unused: Vec<VariableKey>,
    },
}

enum Written {
    Unchanged(ReleaseId),
    Released(ReleaseId),
}

impl Slipway {
    /// Keys and fingerprints of the newest release, or of another. Right: read. Errors: `app_not_found`,
    /// `environment_not_found`, `release_not_found` (404), `no_active_release`, `wrong_environment` (409).
    pub async fn variables(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        of: &BaseChoice,
    ) -> Result<VariablesView> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        let environment = find_environment(&store, app, environment).await?;
        let Some(release) = base(&store, &environment, of).await? else {
            return Ok(VariablesView { release: None, variables: Vec::new() });
        };
        let variables = release.fingerprints.into_iter();
        let variables = variables.map(|(key, fingerprint)| VariableView { key, fingerprint }).collect();
        Ok(VariablesView { release: Some(release.id), variables })
    }

    /// The values of the newest release, or of another, after an audit row was written. Right: reveal. Errors:
    /// `app_not_found`, `environment_not_found`, `release_not_found` (404), `no_active_release`, `wrong_environment`
    /// (409).
    pub async fn reveal_variables(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        of: &BaseChoice,
    ) -> Result<Revealed> {
        caller.needs(Right::Reveal)?;
        let store = self.of(caller);
        let environment = find_environment(&store, app, environment).await?;
        let release = base(&store, &environment, of).await?;
        let release = release
            .ok_or_else(|| not_found("release_not_found", format!("a release of {app} in {}", environment.name)))?;
        let change = self.change(caller, "variables.reveal");
        store.record(&change, &format!("apps/{app}/releases/{}/variables", release.id)).await?;
        let variables = store.variables(&release).await?;
        Ok(Revealed { release: release.id, variables })
    }

    /// Right: deploy. Errors: `app_not_found`, `environment_not_found`, `release_not_found` (404); `no_release` (build
    /// first), `no_active_release`, `wrong_environment`, `tag_taken` (409); `base_changed` (412); `invalid_variables`
    /// (422, a field per variable), `invalid_release` (422).
    pub async fn change_variables(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        change: ChangeVariables,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<VariablesChanged>> {
        caller.needs(Right::Deploy)?;
        check_text("invalid_release", "/description", change.description.as_deref(), MAX_TEXT)?;
        let store = self.of(caller);
        let attempt = Box::pin(self.write_variables(caller, app, environment, &change, idempotency));
        let replay = |id: &str| Ok(Written::Released(stored_id(id)?));
        let written = self.once(caller, idempotency, attempt, replay).await?;
        let changed = match &written.value {
            Written::Unchanged(release) => VariablesChanged::Unchanged { release: release.clone() },
            Written::Released(id) => released(&store, own(&store, app, id).await?, &change.change).await?,
        };
        Ok(written.with(changed))
    }

    async fn write_variables(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        asked: &ChangeVariables,
        idempotency: Option<&Idempotency>,
    ) -> Result<Written> {
        let store = self.of(caller);
        for _ in 0..ATTEMPTS {
            let environment = find_environment(&store, app, environment).await?;
            let base = checked_base(&store, &environment, asked).await?;
            let current = store.variables(&base).await?;
            let (variables, summary) = change_of(&asked.change, &current)?.apply(&current)?;
            if summary.is_empty() {
                return Ok(Written::Unchanged(base.id));
            }
            let draft = Draft {
                code: Code::of_release(&base),
                variables,
                parent: Some(base.id),
                copied_from: None,
                age: None,
                description: asked.description.clone().unwrap_or_else(|| summary.to_string()),
                tag: asked.tag.clone(),
                reason: None,
            };
            let id = ReleaseId::from_entropy(self.entropy.draw());
            let change = self.change_once(caller, "variables.change", idempotency, 201, &id);
            let numbered = draft.number(&store, &environment, id.clone(), caller.actor(), change.now).await?;
            match store.create_release(&change, &numbered).await {
                Ok(()) => return Ok(Written::Released(id)),
                Err(error) if lost_a_race(&error) => self.pause().await,
                Err(error) => return Err(refused(error, asked.tag.as_ref())),
            }
        }
        Err(too_busy())
    }
}

async fn released(store: &Scoped, release: Release, change: &VariableChange) -> Result<VariablesChanged> {
    let base = base_of(store, &release).await?;
    let base = base.ok_or_else(|| Error::internal(format!("the release {} lost its base", release.id)))?;
    let mut unused = keys_set(change);
    unused.retain(|key| !release.manifest.uses(key));
    Ok(VariablesChanged::Released { release: Box::new(view(store, release).await?), base: Box::new(base), unused })
}

/// In order, each once.
fn keys_set(change: &VariableChange) -> Vec<VariableKey> {
    let names: BTreeSet<&String> = match change {
        VariableChange::Patch(entries) => {
            entries.iter().filter(|(_, value)| value.is_some()).map(|(key, _)| key).collect()
        }
        VariableChange::Replace(entries) => entries.iter().map(|(key, _)| key).collect(),
    };
    names.into_iter().filter_map(|name| name.parse().ok()).collect()
}

/// The base, if it is the one that the caller has seen.
async fn checked_base(store: &Scoped, environment: &Environment, asked: &ChangeVariables) -> Result<Release> {
    let base = base(store, environment, &asked.base).await?.ok_or_else(|| {
        let message = format!("{} has no release yet whose variables could be set: build first", environment.name);
        Error::conflict("no_release", message)
    })?;
    match &asked.if_base {
        Some(seen) if *seen != base.id => {
            let message = format!("the base is {} by now and not {seen}: read the variables again", base.id);
            Err(Error::new(Kind::Stale, "base_changed", message).detail("base", &base.id))
        }
        _ => Ok(base),
    }
}

fn change_of(change: &VariableChange, current: &Variables) -> Result<Change> {
    match change {
        VariableChange::Patch(entries) => Change::from_entries(entries.iter().cloned()),
        VariableChange::Replace(entries) => {
            let entries = entries.iter().map(|(key, value)| (key.clone(), Some(value.clone())));
            let (target, _) = Change::from_entries(entries)?.apply(&Variables::default())?;
            Ok(Change::replacing(current, target))
        }
    }
}
