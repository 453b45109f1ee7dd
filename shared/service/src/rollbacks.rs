//! Rolling back by hand: a promotion of a fresh copy of a release that was good.

use std::collections::BTreeMap;

use slipway_domain::error::Result;
use slipway_domain::id::PromotionId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::promotion::{Kind, Promotion};
use slipway_domain::release::{Diff, ReleaseRef, diff};

use crate::caller::{Caller, Right};
use crate::draft::own;
use crate::promotions::checks::Wish;
use crate::promotions::situation::Target;
use crate::promotions::{OnConflict, find_promotion};
use crate::releases::{ReleaseView, view};
use crate::request::{Idempotency, Posted, stored_id};
use crate::slipway::Slipway;

/// How a rollback was asked for.
#[derive(Clone, Debug, Default)]
pub struct RollbackOptions {
    /// None: the last good release before the active one; while a promotion runs or when the environment is `failed`,
    /// the active one.
    pub release: Option<ReleaseRef>,
    /// At most 500 characters; kept.
    pub reason: Option<String>,
    pub if_match: Option<u64>,
}

/// A rollback that was started.
#[derive(Clone, Debug)]
pub struct RolledBack {
    pub promotion: Promotion,
    /// The fresh copy; `release.copied_from` names its original.
    pub release: ReleaseView,
    /// What it brings relative to the active release: which variables it reverts, by key.
    pub reverts: Option<Diff>,
}

impl Slipway {
    /// Takes over from a running promotion. Right: deploy. Errors: those of promoting, except `environment_busy` and
    /// `release_older`; `nothing_to_roll_back_to` (409).
    pub async fn roll_back(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        options: &RollbackOptions,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<RolledBack>> {
        caller.needs(Right::Deploy)?;
        let wish = Wish {
            kind: Kind::Rollback,
            target: options.release.clone().map_or(Target::LastGood, Target::Named),
            on_conflict: OnConflict::Supersede,
            if_match: options.if_match,
            reason: options.reason.clone(),
            total_seconds: None,
            scale: BTreeMap::new(),
        }
        .checked()?;
        let attempt = Box::pin(self.launch(caller, app, environment, &wish, idempotency));
        let made = self.once(caller, idempotency, attempt, stored_id::<PromotionId>).await?;
        let store = self.of(caller);
        let promotion = find_promotion(&store, app, environment, &made.value).await?;
        let copy = own(&store, app, &promotion.to).await?;
        let reverts = match &promotion.from {
            Some(active) => Some(diff(&own(&store, app, active).await?, &copy)),
            None => None,
        };
        Ok(made.with(RolledBack { promotion, release: view(&store, copy).await?, reverts }))
    }
}
