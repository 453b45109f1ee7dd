//! The state machine as it is deployed, for worlds: retries, time limits and routes are read from the definition; what
//! a step does is the shipped step.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde_json::Value;
use slipway_domain::promotion::Outcome;
use slipway_domain::time::Time;
use slipway_rollout::decide::Mode;
use slipway_service::ports::RolloutInput;
use slipway_service::turn::{Answer, Route, Step, turn};

use super::port::Port;
use super::state::{Life, State, Task, World};

/// Where the answer of a step is put: by its name when it is an error. The first one stays.
pub type Slot = Arc<Mutex<Option<Result<Answer, &'static str>>>>;

/// The errors with which a worker's death shows itself.
const DEATHS: [Option<&str>; 4] =
    [Some("Lambda.Unknown"), Some("Lambda.ServiceException"), Some("Lambda.SdkClientException"), None];

struct Machine {
    advance: TaskRules,
    restore: TaskRules,
    limit: Duration,
}

struct TaskRules {
    limit: Duration,
    retriers: Vec<Retrier>,
}

struct Retrier {
    errors: Vec<String>,
    interval_ms: u64,
    rate: f64,
    attempts: u32,
    longest_ms: u64,
}

impl Machine {
    fn deployed() -> &'static Self {
        static MACHINE: OnceLock<Machine> = OnceLock::new();
        MACHINE.get_or_init(|| {
            let text = include_str!("../../../infra/rollout.asl.json");
            let definition: Value = serde_json::from_str(text).expect("the deployed definition is JSON");
            let task = |name: &str| TaskRules::read(&definition["States"][name]);
            Self { advance: task("Advance"), restore: task("Restore"), limit: seconds(&definition["TimeoutSeconds"]) }
        })
    }

    fn rules(&self, mode: Mode) -> &TaskRules {
        match mode {
            Mode::Advance => &self.advance,
            Mode::Restore => &self.restore,
        }
    }
}

impl TaskRules {
    fn read(state: &Value) -> Self {
        let retriers = state["Retry"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self { limit: seconds(&state["TimeoutSeconds"]), retriers: retriers.iter().map(Retrier::read).collect() }
    }

    /// How long to wait before the next attempt; `used` counts per retrier.
    fn again(&self, error: &str, used: &mut [u32]) -> Option<u64> {
        let index = self.retriers.iter().position(|retrier| retrier.matches(error))?;
        let retrier = &self.retriers[index];
        let before = used[index];
        if before >= retrier.attempts {
            return None;
        }
        used[index] += 1;
        Some(retrier.delay_ms(before))
    }
}

impl Retrier {
    fn read(retrier: &Value) -> Self {
        let errors = retrier["ErrorEquals"].as_array().map(Vec::as_slice).unwrap_or_default();
        let whole = |field: &str, default: u64| retrier[field].as_u64().unwrap_or(default);
        Self {
            errors: errors.iter().filter_map(|error| error.as_str().map(str::to_owned)).collect(),
            interval_ms: whole("IntervalSeconds", 1) * 1000,
            rate: retrier["BackoffRate"].as_f64().unwrap_or(2.0),
            attempts: u32::try_from(whole("MaxAttempts", 3)).unwrap_or(3),
            longest_ms: whole("MaxDelaySeconds", 86_400) * 1000,
        }
    }

    fn matches(&self, error: &str) -> bool {
        self.errors.iter().any(|name| name == error || name == "States.ALL")
    }

    fn delay_ms(&self, used: u32) -> u64 {
        let factor = Duration::from_millis(self.interval_ms).mul_f64(self.rate.powi(used.try_into().unwrap_or(30)));
        u64::try_from(factor.as_millis()).unwrap_or(self.longest_ms).min(self.longest_ms)
    }
}

fn seconds(value: &Value) -> Duration {
    Duration::from_secs(value.as_u64().expect("every task and the machine have a time limit"))
}

/// Starts an execution, unless one of its name was started before.
pub fn start(world: &World, input: &RolloutInput) {
    let name = format!("{}-{}", input.promotion, input.execution);
    let times = world.with(|state| {
        let doubled = state.setup.weather.doubled_executions;
        if !state.executions.insert(name.clone()) {
            return 0;
        }
        if state.rng.chance(doubled) { 2 } else { 1 }
    });
    for _ in 0..times {
        let (inner, input) = (world.clone(), input.clone());
        world.spawn(|| format!("execution {name}"), 5, |task| Box::pin(execute(inner, task, input)));
    }
}

async fn execute(world: World, me: Task, input: RolloutInput) {
    let began = world.now();
    let mut mode = Mode::Advance;
    loop {
        if world.with(State::loses_execution) {
            break;
        }
        let answer = attempt(&world, me, &input, mode, began).await;
        if world.now().since(began) >= Machine::deployed().limit {
            break;
        }
        let Some(next) = route(mode, answer, world.now()) else { break };
        mode = next;
    }
    world.with(|state| state.tasks[me].life = Life::Done);
}

/// One state of the machine with its retries. None: they did not help.
async fn attempt(world: &World, me: Task, input: &RolloutInput, mode: Mode, began: Time) -> Option<Answer> {
    let machine = Machine::deployed();
    let rules = machine.rules(mode);
    let step = Step { input: input.clone(), entered_at: world.now(), mode };
    let mut used = vec![0; rules.retriers.len()];
    loop {
        let left = machine.limit.saturating_sub(world.now().since(began));
        let error = match invoke(world, me, &step, rules.limit.min(left)).await {
            Ok(answer) => return Some(answer),
            Err(error) => error,
        };
        world.with(|state| {
            let name = &state.tasks[me].name;
            state.story.tell(state.now, || format!("{name}: {mode:?} failed: {error}"));
        });
        let longest = rules.again(error, &mut used)?;
        let ms = world.with(|state| state.rng.below(longest + 1));
        world.sleep(me, ms).await;
    }
}

async fn invoke(world: &World, me: Task, step: &Step, limit: Duration) -> Result<Answer, &'static str> {
    let slot = Slot::default();
    let times = if world.with(|state| state.rng.chance(state.setup.weather.doubled_calls)) { 2 } else { 1 };
    for _ in 0..times {
        call_step(world, me, step, &slot);
    }
    let until = world.now().plus(limit);
    loop {
        if let Some(answer) = take(&slot) {
            return answer;
        }
        if world.now() >= until {
            return Err("States.Timeout");
        }
        world.park(me, until).await;
    }
}

fn call_step(world: &World, me: Task, step: &Step, slot: &Slot) {
    let (inner, filled) = (world.clone(), slot.clone());
    let name = || format!("worker of {}-{} {:?}", step.input.promotion, step.input.execution, step.mode);
    let after_ms = world.with(|state| state.rng.within(2..=40));
    let task = world.spawn(name, after_ms, |task| {
        let step = step.clone();
        Box::pin(async move {
            let port = Port::new(inner.clone(), task);
            let result = turn(port.worker(), &step).await;
            fill(&filled, result.map_err(|error| error.name()));
            inner.with(|state| {
                state.tasks[task].life = Life::Done;
                state.wake(me, 1);
            });
        })
    });
    world.with(|state| state.tasks[task].caller = Some((me, slot.clone())));
}

impl State {
    fn loses_execution(&mut self) -> bool {
        let over = self.setup.weather.lost_after_ms.is_some_and(|from| self.since_ms() >= from);
        over || self.rng.chance(self.setup.weather.lost_executions)
    }

    /// A worker died: its caller is told by the name of an error, or has to wait for the time limit.
    pub fn tell_of_death(&mut self, task: Task) {
        let Some((caller, slot)) = self.tasks[task].caller.clone() else { return };
        if let Some(Some(error)) = self.rng.pick(&DEATHS) {
            fill(&slot, Err(error));
            self.wake(caller, 1);
        }
    }
}

fn fill(slot: &Slot, answer: Result<Answer, &'static str>) {
    slot.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(answer);
}

fn take(slot: &Slot) -> Option<Result<Answer, &'static str>> {
    *slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The states `Route` and `RouteRestore`. None: the end.
fn route(mode: Mode, answer: Option<Answer>, now: Time) -> Option<Mode> {
    let Some(answer) = answer else {
        return (mode == Mode::Advance).then_some(Mode::Restore);
    };
    match (mode, answer.route) {
        (_, Route::Ended) | (Mode::Restore, Route::Advance) => None,
        (Mode::Advance, _) if answer.deadline_ms.is_some_and(|deadline| now.as_millis() > deadline) => {
            Some(Mode::Restore)
        }
        (Mode::Advance, Route::Advance) => Some(Mode::Advance),
        (_, Route::Restore) => Some(Mode::Restore),
    }
}

/// Whether a promotion with this outcome shows its caller a success.
pub fn is_success(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Succeeded | Outcome::Noop)
}
