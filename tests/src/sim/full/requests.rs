//! What people ask for, through the shipped use cases, with an idempotency key and a second try.

use std::collections::BTreeMap;
use std::sync::Arc;

use slipway_domain::error::{Kind, Result};
use slipway_domain::release::ReleaseRef;
use slipway_domain::secret::Secret;
use slipway_service::promotions::{OnConflict, PromoteOptions};
use slipway_service::releases::BaseChoice;
use slipway_service::request::Idempotency;
use slipway_service::rollbacks::RollbackOptions;
use slipway_service::scale::{RestartOptions, ScaleOptions};
use slipway_service::slipway::Slipway;
use slipway_service::variables::{ChangeVariables, VariableChange};

use super::Full;
use crate::sim::port::Port;
use crate::sim::setup::{self, Act, service_name};

/// How often a request is sent.
const TRIES: u32 = 3;

/// Asks until there is an answer that another attempt would not change.
pub async fn carry_out(full: &Full, port: &Arc<Port>, act: &Act) -> Result<()> {
    let slipway = full.slipway(port);
    let key = format!("task-{}", port.task);
    let idempotency = Idempotency::new(&key, "POST /world", format!("{act:?}").as_bytes())?;
    let mut tries = 0;
    loop {
        tries += 1;
        match Box::pin(ask(full, &slipway, port, act, &idempotency)).await {
            Err(error) if error.kind == Kind::Unavailable && tries < TRIES => port.world.sleep(port.task, 1_000).await,
            other => return other,
        }
    }
}

async fn ask(full: &Full, slipway: &Slipway, port: &Arc<Port>, act: &Act, idempotency: &Idempotency) -> Result<()> {
    let (owner, app, place) = (&full.owner, &full.app, &full.environment);
    let key = Some(idempotency);
    match act {
        Act::Promote { release, on_conflict } => {
            let Some(id) = port.world.with(|state| state.cast.releases.get(*release).cloned()) else { return Ok(()) };
            let options = PromoteOptions { on_conflict: of(*on_conflict), ..PromoteOptions::default() };
            slipway.promote(owner, app, place, &ReleaseRef::Id(id), &options, key).await.map(drop)
        }
        Act::Rollback => slipway.roll_back(owner, app, place, &RollbackOptions::default(), key).await.map(drop),
        Act::Restart => slipway.restart(owner, app, place, &RestartOptions::default(), key).await.map(drop),
        Act::Scale { service, count } => {
            let formation = BTreeMap::from([(service_name(service), *count)]);
            let options = ScaleOptions { formation, ..ScaleOptions::default() };
            slipway.scale(owner, app, place, &options, key).await.map(drop)
        }
        Act::Cancel => {
            let Some(running) = slipway.environment(owner, app, place).await?.promotion else { return Ok(()) };
            slipway.cancel_promotion(owner, app, place, &running.id).await.map(drop)
        }
        Act::SetVariables => {
            let change = variables(port);
            slipway.change_variables(owner, app, place, change, key).await.map(drop)
        }
        Act::Meddle { release, service, with } => {
            port.world.with(|state| state.meddle(*release, service, *with));
            Ok(())
        }
    }
}

fn variables(port: &Arc<Port>) -> ChangeVariables {
    let value = Secret::new(format!("value {}", port.task));
    ChangeVariables {
        change: VariableChange::Patch([("GREETING".to_owned(), Some(value))].into()),
        base: BaseChoice::Newest,
        if_base: None,
        description: None,
        tag: None,
    }
}

fn of(on_conflict: setup::OnConflict) -> OnConflict {
    match on_conflict {
        setup::OnConflict::Refuse => OnConflict::Refuse,
        setup::OnConflict::Supersede => OnConflict::Supersede,
    }
}
