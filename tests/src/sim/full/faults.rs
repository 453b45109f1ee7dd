//! The weather between the SDK and the engine: every request is a yield point.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use slipway_domain::time::Time;
use slipway_embedded::faults::{Call, Fault, Faults, Refusal};
use slipway_store::retry::Sleep;

use crate::sim::state::{Distant, Task, World};
use crate::sim::weather::{self, End, Moment};

const REFUSALS: [Refusal; 3] = [Refusal::Throttled, Refusal::Conflict, Refusal::Internal];

/// The workers' way to the database: whoever is at work in a step makes the calls of that step.
pub struct Weathered {
    pub world: Distant,
}

impl Faults for Weathered {
    fn fault(&self, call: &Call<'_>) -> Fault {
        let writes = matches!(call.operation, "TransactWriteItems" | "PutItem" | "UpdateItem" | "DeleteItem");
        let kind = if writes { weather::Call::Save } else { weather::Call::Load };
        let world = self.world.world();
        let task = world.with(|state| state.polled);
        if world.with(|state| state.tasks[task].doomed) {
            return Fault::Hold(Box::pin(die(world, task)));
        }
        let fate = world.with(|state| state.fate(task, kind));
        match fate.end {
            End::Dies(Moment::BeforeEffect) => return Fault::Hold(Box::pin(die(world, task))),
            End::Fails(_) => {
                let refusal = world.with(|state| state.rng.pick(&REFUSALS).copied());
                return Fault::FailBefore(refusal.unwrap_or(Refusal::Throttled));
            }
            End::AnswerLost => {
                note(&world, task, writes);
                return Fault::FailAfter;
            }
            End::Dies(Moment::AfterEffect) => world.with(|state| state.tasks[task].doomed = true),
            End::Answered | End::Late(_) => {}
        }
        Fault::Hold(Box::pin(async move {
            nap(&world, task, fate.delay_ms + fate.nap_ms).await;
            note(&world, task, writes);
        }))
    }
}

/// The engine is asked in this very step; what it changed is read back after it.
fn note(world: &World, task: Task, writes: bool) {
    if writes {
        world.with(|state| state.written_by = Some(task));
    }
}

async fn die(world: World, task: Task) {
    match world.die(task).await {}
}

/// Waits between the store's own attempts take the world's time, and as long as the world's dice say.
pub fn sleep(world: Distant) -> Sleep {
    Arc::new(move |most| {
        let world = world.world();
        Box::pin(async move {
            let task = world.with(|state| state.polled);
            let most = u64::try_from(most.as_millis()).unwrap_or(0);
            let ms = world.with(|state| state.rng.below(most + 1));
            nap(&world, task, ms).await;
        })
    })
}

/// A sleep of which a task may have several at once.
fn nap(world: &World, task: Task, ms: u64) -> Nap {
    let until = world.now().plus(Duration::from_millis(ms));
    Nap { world: world.clone(), task, until, armed: false }
}

struct Nap {
    world: World,
    task: Task,
    until: Time,
    armed: bool,
}

impl Future for Nap {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.armed && self.world.now() >= self.until {
            return Poll::Ready(());
        }
        if !self.armed {
            self.armed = true;
            let (task, until) = (self.task, self.until);
            self.world.with(|state| state.wake_at(task, until));
        }
        Poll::Pending
    }
}
