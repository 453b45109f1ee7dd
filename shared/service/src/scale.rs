//! Scale and restart: promotions of what is active.

use std::collections::BTreeMap;

use slipway_domain::error::{Error, Kind as ErrorKind, Result};
use slipway_domain::id::PromotionId;
use slipway_domain::name::{AppName, EnvironmentName, ServiceName};
use slipway_domain::promotion::{Environment, Kind, Promotion};
use slipway_domain::release::Release;

use crate::caller::{Caller, Right};
use crate::draft::{no_active_release, own};
use crate::promotions::checks::Wish;
use crate::promotions::situation::Target;
use crate::promotions::{OnConflict, find_promotion};
use crate::releases::{ReleaseView, view};
use crate::request::{Idempotency, Posted, stored_id};
use crate::slipway::{Slipway, find_environment};

/// How many processes of one service an environment may be asked to run.
pub const MAX_PROCESSES: u32 = 1000;

/// Another formation.
#[derive(Clone, Debug, Default)]
pub struct ScaleOptions {
    /// Processes per service, 0 to [`MAX_PROCESSES`]; services that are not named stay as they are.
    pub formation: BTreeMap<ServiceName, u32>,
    pub reason: Option<String>,
    pub if_match: Option<u64>,
}

/// What came of scaling.
#[derive(Clone, Debug)]
pub enum Scaled {
    /// The formation was so already.
    Unchanged(Environment),
    Started(Box<Promotion>),
}

/// A restart that was started.
#[derive(Clone, Debug)]
pub struct Restarted {
    pub promotion: Promotion,
    /// The fresh copy of the active release.
    pub release: ReleaseView,
}

/// How a restart was asked for.
#[derive(Clone, Debug, Default)]
pub struct RestartOptions {
    pub reason: Option<String>,
    pub if_match: Option<u64>,
}

enum Made {
    Unchanged(Environment),
    Started(PromotionId),
}

impl Slipway {
    /// Right: deploy. Errors: `app_not_found`, `environment_not_found` (404), `environment_busy`, `no_active_release`
    /// (409), `service_not_found`, `invalid_scale`, `formation_too_large` (422), `stale_version` (412),
    /// `cluster_unreachable` (503).
    pub async fn scale(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        options: &ScaleOptions,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<Scaled>> {
        caller.needs(Right::Deploy)?;
        check(options)?;
        let wish = Wish {
            scale: options.formation.clone(),
            ..active(Kind::Scale, options.if_match, options.reason.as_deref())?
        };
        let attempt = Box::pin(self.launch_scale(caller, app, environment, &wish, idempotency));
        let replay = |id: &str| Ok(Made::Started(stored_id(id)?));
        let made = self.once(caller, idempotency, attempt, replay).await?;
        let scaled = match &made.value {
            Made::Unchanged(environment) => Scaled::Unchanged(environment.clone()),
            Made::Started(id) => {
                Scaled::Started(Box::new(find_promotion(&self.of(caller), app, environment, id).await?))
            }
        };
        Ok(made.with(scaled))
    }

    async fn launch_scale(
        &self,
        caller: &Caller,
        app: &AppName,
        name: &EnvironmentName,
        wish: &Wish,
        idempotency: Option<&Idempotency>,
    ) -> Result<Made> {
        let store = self.of(caller);
        let environment = find_environment(&store, app, name).await?;
        let active = environment.active.as_ref().ok_or_else(|| no_active_release(&environment))?;
        let active = own(&store, app, active).await?;
        check_services(wish, &active)?;
        let current = |wish_if_match: Option<u64>| wish_if_match.is_none_or(|seen| seen == environment.version);
        let idle = environment.promotion.is_none() && current(wish.if_match);
        if idle && wish.scale.iter().all(|(service, count)| runs(&environment, &active, service) == Some(*count)) {
            return Ok(Made::Unchanged(environment));
        }
        Ok(Made::Started(self.launch(caller, app, name, wish, idempotency).await?))
    }

    /// Right: deploy. Errors: those of promoting; `no_active_release` (409).
    pub async fn restart(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        options: &RestartOptions,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<Restarted>> {
        caller.needs(Right::Deploy)?;
        let wish = active(Kind::Restart, options.if_match, options.reason.as_deref())?;
        let attempt = Box::pin(self.launch(caller, app, environment, &wish, idempotency));
        let made = self.once(caller, idempotency, attempt, stored_id::<PromotionId>).await?;
        let store = self.of(caller);
        let promotion = find_promotion(&store, app, environment, &made.value).await?;
        let release = view(&store, own(&store, app, &promotion.to).await?).await?;
        Ok(made.with(Restarted { promotion, release }))
    }
}

fn active(kind: Kind, if_match: Option<u64>, reason: Option<&str>) -> Result<Wish> {
    Wish {
        kind,
        target: Target::Active,
        on_conflict: OnConflict::Refuse,
        if_match,
        reason: reason.map(str::to_owned),
        total_seconds: None,
        scale: BTreeMap::new(),
    }
    .checked()
}

/// What runs of a service, as far as the records say.
fn runs(environment: &Environment, active: &Release, service: &ServiceName) -> Option<u32> {
    let by_manifest = active.manifest.service(service)?.scale;
    Some(environment.formation.get(service).copied().unwrap_or(by_manifest))
}

fn check(options: &ScaleOptions) -> Result<()> {
    if options.formation.is_empty() {
        return Err(Error::invalid(
            "invalid_scale",
            "/formation",
            "name at least one service and its count of processes",
        ));
    }
    let beyond: Vec<_> = options.formation.iter().filter(|(_, count)| **count > MAX_PROCESSES).collect();
    if beyond.is_empty() {
        return Ok(());
    }
    let message = format!("a service runs 0 to {MAX_PROCESSES} processes");
    let error = Error::new(ErrorKind::Unprocessable, "invalid_scale", &message);
    Err(beyond.into_iter().fold(error, |error, (service, count)| {
        error.field(format!("/formation/{service}"), format!("must be 0 to {MAX_PROCESSES}, not {count}"))
    }))
}

fn check_services(wish: &Wish, active: &Release) -> Result<()> {
    let unknown: Vec<_> = wish.scale.keys().filter(|service| active.manifest.service(service).is_none()).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let known = active.manifest.services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>().join(", ");
    let message = format!("the active release {} has the services {known}", active.id);
    let error = Error::new(ErrorKind::Unprocessable, "service_not_found", &message);
    Err(unknown.into_iter().fold(error, |error, service| {
        error.field(format!("/formation/{service}"), format!("is none of the services {known}"))
    }))
}
