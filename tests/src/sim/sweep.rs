//! Once a minute: what was left behind by workers that died.

use std::sync::Arc;

use slipway_domain::time::Time;
use slipway_rollout::apply::{Sweep, overdue, sweep};
use slipway_service::ports::RolloutInput;
use slipway_service::turn::{Records, RecordsError, clean_up, collect};

use super::full::Full;
use super::mutant::Mutant;
use super::people::take_over;
use super::port::{Port, unavailable};
use super::state::{Life, State, World};
use super::weather::Call;

pub const EVERY_MS: u64 = 60_000;

/// So many sweeps of a full world collect nothing: what is collected costs nothing where it lies.
const COLLECTS_ONE_IN: u64 = 10;

impl State {
    /// A sweep would find nothing at all, and is spared: in a full world it is a dozen requests.
    fn is_idle(&self) -> bool {
        let environment = &self.ledger.environment;
        let due = environment.promotion.is_some() || environment.cleanup_pending;
        !due && !self.collects()
    }

    fn collects(&self) -> bool {
        (self.since_ms() / EVERY_MS).is_multiple_of(COLLECTS_ONE_IN)
    }
}

/// One sweep. Its clock is the trigger's.
pub fn once(world: &World) {
    if world.with(|state| state.has(Mutant::End)) {
        return;
    }
    if world.with(|state| state.full.is_some() && state.is_idle()) {
        return;
    }
    let inner = world.clone();
    let now = world.now();
    world.spawn(
        || "sweep".to_owned(),
        1,
        |task| {
            Box::pin(async move {
                inner.with(|state| state.tasks[task].sweeps = true);
                let port = Port::punctual(inner.clone(), task);
                if let Some(full) = inner.with(|state| state.full.clone()) {
                    return sweep_all(&full, &Arc::new(port), now).await;
                }
                // What failed is tried again a minute later.
                let result = promotions(&port, now).await;
                inner
                    .with(|state| state.rules.swept(now, result.is_ok() && state.tasks[task].harm == 0, &state.ledger));
                let _ = environment(&port, now).await;
                inner.with(|state| state.tasks[task].life = Life::Done);
            })
        },
    );
}

/// The shipped sweep and the shipped collector.
async fn sweep_all(full: &Full, port: &Arc<Port>, now: Time) {
    let slipway = full.slipway(port);
    let swept = Box::pin(slipway.sweep()).await;
    let well = swept.is_ok_and(|swept| swept.errors == 0);
    port.world.with(|state| {
        let unharmed = well && state.tasks[port.task].harm == 0;
        state.rules.swept(now, unharmed, &state.ledger);
    });
    if port.world.with(|state| state.collects()) {
        // What failed is tried again later.
        let _ = Box::pin(slipway.collect()).await;
    }
    port.world.with(|state| state.tasks[port.task].life = Life::Done);
}

async fn promotions(port: &Port, now: Time) -> Result<(), RecordsError> {
    let read =
        |world: &World| world.with(|state| Ok((state.ledger.environment.clone(), state.ledger.running().cloned())));
    let (environment, running) = port.call(Call::Load, read, unavailable).await?;
    let Some(promotion) = running else { return Ok(()) };
    match sweep(&promotion, now) {
        Sweep::Leave => Ok(()),
        Sweep::Restart => take_over(port, &environment, &promotion, None, now).await,
        Sweep::End => {
            let Ok(applied) = overdue(&environment, &promotion, now) else { return Ok(()) };
            let input = port.world.with(|state| RolloutInput::of(&state.namespace.tenant, &promotion));
            Records::save(port, &input, &environment, &promotion, &applied).await
        }
    }
}

async fn environment(port: &Port, now: Time) -> Result<(), slipway_service::turn::CleanupError> {
    let namespace = port.world.with(|state| state.namespace.clone());
    clean_up(port.worker(), &namespace).await?;
    let mut environment = Records::environment(port, &namespace).await?;
    let (mut last, careless) = port.world.with(|state| (state.ledger.last_ended_at(), state.has(Mutant::Kept)));
    if careless {
        // The guard in the engine compares with what it reads again: only the wait and the first question are taken out.
        environment.promotion = None;
        last = Some(Time::from_millis(0));
    }
    if let Some(last) = last {
        collect(port.worker(), &namespace, &environment, last, now).await?;
    }
    Ok(())
}
