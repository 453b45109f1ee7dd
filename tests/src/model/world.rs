//! A model for the checker: how large it is, which guard it has, and what must hold in it.

use slipway_domain::promotion::{Outcome, Phase, Status};
use stateright::{Model, Property};

use super::canonical::canonical;
use super::guard::Guard;
use super::records::Frame;
use super::state::{Broken, Move, Object, Records, Release, State, Worker};
use super::step::Step;

/// How large a model is.
#[derive(Clone, Debug)]
pub struct Size {
    /// What each promotion promotes.
    pub to: Vec<Release>,
    /// Workers that are between two calls at the same time.
    pub workers: usize,
    /// Cancels, new executions and expired clocks, all together.
    pub interventions: u8,
    /// Processes of the only service.
    pub processes: u8,
    /// Releases whose processes may crash from the start.
    pub may_crash: Vec<Release>,
    /// Processes follow the count at once.
    pub instant: bool,
    /// The sweep may end a promotion whose clocks are over.
    pub overdue: bool,
}

/// The model.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) guard: Guard,
    pub(super) frame: Frame,
    pub(super) promotions: usize,
    pub(super) processes: u8,
    pub(super) instant: bool,
    pub(super) overdue: bool,
    workers: usize,
    interventions: u8,
    may_crash: Vec<Release>,
}

impl World {
    pub fn new(guard: Guard, size: &Size) -> Self {
        Self {
            guard,
            frame: Frame::new(size.processes, &size.to),
            promotions: size.to.len(),
            processes: size.processes,
            instant: size.instant,
            overdue: size.overdue,
            workers: size.workers,
            interventions: size.interventions,
            may_crash: size.may_crash.clone(),
        }
    }

    fn first(&self, crashes: Option<Release>) -> State {
        let running = Object { replicas: self.processes, running: self.processes, epoch: 1 };
        State {
            records: Records { status: Status::Running, active: Release::A, epoch: 1, rollout: None },
            ended: None,
            started: 0,
            interventions: self.interventions,
            crashes,
            objects: [Some(running), None, None],
            workers: vec![Worker::Idle; self.workers],
            tokens: Vec::new(),
            broken: None,
        }
    }

    /// Nothing is under way: the active release runs, and nothing else.
    fn runs_what_it_says(&self, state: &State) -> bool {
        let Records { status, active, rollout, .. } = &state.records;
        if rollout.is_some() || *status != Status::Running {
            return true;
        }
        Release::ALL.into_iter().all(|release| {
            let wanted = if release == *active { self.processes } else { 0 };
            let object = state.objects[release.place()];
            object.map_or(wanted == 0, |object| object.replicas == wanted && object.running == wanted)
        })
    }

    /// A worker of an older epoch is about to write, and will be refused.
    fn is_about_to_be_refused(&self, state: &State) -> bool {
        state.workers.iter().any(|worker| {
            let Worker::Acting(acting) = worker else { return false };
            let Some(Move::Write { release, age, .. }) = acting.moves.first() else { return false };
            let Some(object) = state.objects[release.place()] else { return false };
            acting.epoch < object.epoch && !self.guard.admits(state, object, acting, *age)
        })
    }
}

/// The rules, as the table names them.
pub const RULES: [&str; 3] = ["rule 7: no write of an older epoch", "rule 6: what it says runs", "rule 8: the commit"];

impl Model for World {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let crashing = self.may_crash.iter().copied().map(Some);
        std::iter::once(None).chain(crashing).map(|crashes| canonical(self.first(crashes)).0).collect()
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        self.steps(state, steps);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        self.take(state, step).map(|state| canonical(state).0)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(RULES[0], |_, state: &State| state.broken != Some(Broken::StaleWrite)),
            Property::always(RULES[1], |world: &World, state| world.runs_what_it_says(state)),
            Property::always(RULES[2], |_, state: &State| state.broken != Some(Broken::WrongCommit)),
            Property::sometimes("the first promotion commits", |_, state| commits(state, 0)),
            Property::sometimes("the second promotion commits", |_, state| commits(state, 1)),
            Property::sometimes("the third promotion commits", |_, state| commits(state, 2)),
            Property::sometimes("a promotion is rolled back", |_, state| ends(state, Outcome::RolledBack)),
            Property::sometimes("a promotion is cancelled", |_, state| ends(state, Outcome::Cancelled)),
            Property::sometimes("a roll-back fails", |_, state| ends(state, Outcome::RollbackFailed)),
            Property::sometimes("a promotion takes over from one that moved something", |_, state: &State| {
                state.records.rollout.as_ref().is_some_and(|rollout| rollout.moved && rollout.phase == Phase::Preparing)
            }),
            Property::sometimes("a stale worker is refused", |world: &World, state| {
                world.is_about_to_be_refused(state)
            }),
        ]
    }
}

fn commits(state: &State, number: u8) -> bool {
    state.ended == Some((number, Outcome::Succeeded))
}

fn ends(state: &State, outcome: Outcome) -> bool {
    state.ended.is_some_and(|(_, ended)| ended == outcome)
}
