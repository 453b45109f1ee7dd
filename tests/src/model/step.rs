//! What may happen next: requests, the sweep, the cluster, and one call of one worker.

use slipway_domain::promotion::{Environment, Kind, Outcome, Phase};
use slipway_domain::time::Time;
use slipway_rollout::apply::{self, Applied};
use slipway_rollout::decide::{Action, Decision, Mode, decide};
use slipway_rollout::start::{Start, start};

use super::canonical::age;
use super::guard::Guard;
use super::records::{LATE, NOW, age as age_of, promotion_id, small};
use super::state::{Acting, Broken, Decided, Move, Object, Objects, Records, Release, State, Worker};
use super::world::World;

/// One step. Workers are named by their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The next promotion is asked for; it takes over from the one that runs.
    Start,
    Cancel,
    /// The sweep starts another execution.
    Restart,
    /// The sweep ends a promotion whose clocks are over.
    End,
    /// The cluster brings the processes of a release to the count that was asked for.
    Reconcile(Release),
    Load(usize),
    /// Observes and decides.
    Look(usize),
    /// The same after the clock of the phase is over.
    LookLate(usize),
    /// The same by a list that lacks a Deployment; only a weaker guard reads one.
    LookWithout(usize, Release),
    Save(usize),
    /// Carries out one action.
    Act(usize),
    /// Never goes on.
    Die(usize),
}

impl World {
    /// All steps that are possible.
    pub(super) fn steps(&self, state: &State, steps: &mut Vec<Step>) {
        if state.broken.is_some() {
            return;
        }
        if usize::from(state.started) < self.promotions {
            steps.push(Step::Start);
        }
        self.interventions(state, steps);
        for release in Release::ALL {
            if state.objects[release.place()].is_some_and(|object| object.running != object.replicas) {
                steps.push(Step::Reconcile(release));
            }
        }
        let mut idle = state.records.rollout.is_some();
        for (place, worker) in state.workers.iter().enumerate() {
            match worker {
                // One of those that are alike is enough.
                Worker::Idle if idle => {
                    steps.push(Step::Load(place));
                    idle = false;
                    continue;
                }
                Worker::Idle => continue,
                Worker::Loaded => self.looks(state, place, steps),
                Worker::Decided(_) => steps.push(Step::Save(place)),
                Worker::Acting(_) => steps.push(Step::Act(place)),
            }
            steps.push(Step::Die(place));
        }
    }

    fn looks(&self, state: &State, place: usize, steps: &mut Vec<Step>) {
        steps.push(Step::Look(place));
        if state.interventions > 0 {
            steps.push(Step::LookLate(place));
        }
        if self.guard == Guard::ListFromCache {
            let there = Release::ALL.into_iter().filter(|release| state.objects[release.place()].is_some());
            steps.extend(there.map(|release| Step::LookWithout(place, release)));
        }
    }

    fn interventions(&self, state: &State, steps: &mut Vec<Step>) {
        let Some(rollout) = state.records.rollout.as_ref().filter(|_| state.interventions > 0) else { return };
        if !rollout.cancelled && rollout.phase != Phase::Restoring {
            steps.push(Step::Cancel);
        }
        steps.push(Step::Restart);
        if self.overdue {
            steps.push(Step::End);
        }
    }

    /// The state after a step, with the workers where they stood. None: nothing changes.
    pub(super) fn take(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        match step {
            Step::Start => self.start(&mut next),
            Step::Cancel => self.take_over(&mut next, Some("owner")),
            Step::Restart => self.take_over(&mut next, None),
            Step::End => self.end(&mut next),
            Step::Reconcile(release) => {
                let object = next.objects[release.place()].as_mut()?;
                object.running = object.replicas;
            }
            Step::Load(worker) => next.workers[worker] = Worker::Loaded,
            Step::Look(worker) => next.workers[worker] = self.look(state, state.objects, NOW)?,
            Step::LookLate(worker) => {
                next.interventions -= 1;
                next.workers[worker] = self.look(state, state.objects, LATE)?;
            }
            Step::LookWithout(worker, release) => {
                let mut objects = state.objects;
                objects[release.place()] = None;
                next.workers[worker] = self.look(state, objects, NOW)?;
            }
            Step::Save(worker) => self.save(&mut next, worker),
            Step::Act(worker) => self.act(&mut next, worker),
            Step::Die(worker) => next.workers[worker] = Worker::Idle,
        }
        Some(next)
    }

    fn start(&self, state: &mut State) {
        let environment = self.frame.environment(&state.records);
        let running = self.frame.promotion(&state.records);
        let to = self.frame.target(state.started);
        let asked = Start {
            id: promotion_id(state.started),
            kind: Kind::Promote,
            actor: "owner".to_owned(),
            reason: None,
            to: self.frame.id(to).clone(),
            plan: self.frame.plan().clone(),
        };
        let started = start(&environment, running.as_ref(), asked, NOW).expect("an open promotion can be superseded");
        state.ended = None;
        self.replace(state, self.frame.records(&started.environment, &started.promotion));
        state.started += 1;
        if self.guard.begins_token(running.is_some()) {
            state.tokens.push(state.records.epoch);
        }
    }

    fn take_over(&self, state: &mut State, cancelled_by: Option<&str>) {
        let environment = self.frame.environment(&state.records);
        let promotion = self.frame.promotion(&state.records).expect("only what runs is taken over");
        let applied = apply::new_execution(&environment, &promotion, cancelled_by, NOW);
        let (records, _) = self.stored(&environment, &applied);
        state.interventions -= 1;
        self.replace(state, records);
    }

    fn end(&self, state: &mut State) {
        let environment = self.frame.environment(&state.records);
        let promotion = self.frame.promotion(&state.records).expect("only what runs is ended");
        let applied = apply::overdue(&environment, &promotion, NOW).expect("an open promotion can be ended");
        let (records, outcome) = self.stored(&environment, &applied);
        state.interventions -= 1;
        state.ended = state.records.rollout.as_ref().map(|rollout| rollout.number).zip(outcome);
        self.replace(state, records);
    }

    fn stored(&self, environment: &Environment, applied: &Applied) -> (Records, Option<Outcome>) {
        let environment = applied.environment.as_ref().unwrap_or(environment);
        (self.frame.records(environment, &applied.promotion), applied.promotion.outcome)
    }

    /// New records. What workers hold of the old ones will be refused, and they load afresh: the same as dying here.
    fn replace(&self, state: &mut State, records: Records) {
        state.records = records;
        for worker in &mut state.workers {
            let outdated = match worker {
                Worker::Loaded => true,
                Worker::Decided(_) => self.guard != Guard::SavedUnconditionally,
                Worker::Idle | Worker::Acting(_) => false,
            };
            if outdated {
                *worker = Worker::Idle;
            }
        }
    }

    /// Observes, and decides by the shipped rules.
    fn look(&self, state: &State, objects: Objects, now: Time) -> Option<Worker> {
        let environment = self.frame.environment(&state.records);
        let mut promotion = self.frame.promotion(&state.records)?;
        self.guard.forget(&mut promotion);
        let stamp = |stamp| self.guard.seen_stamp(state, stamp);
        let seen = self.frame.observation(&objects, state.crashes, stamp);
        let mut decision = decide(&promotion, Ok(&seen), Mode::Advance, now);
        self.guard.decide_otherwise(&promotion, &seen, &mut decision);
        let applied =
            apply::turn(&environment, &promotion, &decision, Some(&seen), now).expect("a decision fits its phase");
        let (next, outcome) = self.stored(&environment, &applied);
        let moves = if outcome.is_some() { Vec::new() } else { self.moves(&decision) };
        Some(if moves.is_empty() && next == state.records {
            Worker::Idle
        } else {
            Worker::Decided(Box::new(Decided { next, outcome, moves }))
        })
    }

    /// Creates come alone: a fresh load follows.
    fn moves(&self, decision: &Decision) -> Vec<Move> {
        let moves = decision.actions.iter().filter_map(|action| match action {
            Action::Create(key) => Some(Move::Create(self.frame.release(&key.release))),
            Action::Write { key, resource_version, replicas, .. } => Some(Move::Write {
                release: self.frame.release(&key.release),
                age: age_of(resource_version),
                replicas: replicas.map(small),
            }),
            Action::Replace { .. } => None,
        });
        let moves: Vec<Move> = moves.collect();
        let creates: Vec<Move> = moves.iter().copied().filter(|step| matches!(step, Move::Create(_))).collect();
        if creates.is_empty() { moves } else { creates }
    }

    fn save(&self, state: &mut State, place: usize) {
        let Worker::Decided(decided) = std::mem::replace(&mut state.workers[place], Worker::Idle) else { return };
        let Decided { next, outcome, moves } = *decided;
        if let (Some(outcome), Some(rollout)) = (outcome, &state.records.rollout) {
            state.ended = Some((rollout.number, outcome));
        }
        let commits = outcome == Some(Outcome::Succeeded);
        if (commits && !self.runs(state, next.active)) || (!commits && next.active != state.records.active) {
            state.broken = Some(Broken::WrongCommit);
        }
        let epoch = next.epoch;
        self.replace(state, next);
        if !moves.is_empty() {
            state.workers[place] = Worker::Acting(Acting { epoch, checked: false, moves });
        }
    }

    fn runs(&self, state: &State, release: Release) -> bool {
        let running = state.objects[release.place()].map_or(0, |object| object.running);
        running == self.processes && state.crashes != Some(release)
    }

    /// The next call of a worker that has saved. A refusal ends its turn.
    fn act(&self, state: &mut State, place: usize) {
        let lands = self.lands(state, place);
        let Worker::Acting(mut acting) = std::mem::replace(&mut state.workers[place], Worker::Idle) else { return };
        if !lands {
            return;
        }
        if self.reads_first(&acting) {
            acting.checked = true;
        } else {
            acting.checked = false;
            match acting.moves.remove(0) {
                Move::Create(release) => self.create(state, release, acting.epoch),
                Move::Write { release, replicas, .. } => self.write(state, acting.epoch, release, replicas),
            }
        }
        if !acting.moves.is_empty() {
            state.workers[place] = Worker::Acting(acting);
        }
    }

    /// Whether the next call of a worker does what it is meant to do.
    pub(super) fn lands(&self, state: &State, place: usize) -> bool {
        let Worker::Acting(acting) = &state.workers[place] else { return false };
        match acting.moves.first() {
            None => false,
            Some(_) if self.reads_first(acting) => acting.epoch == state.records.epoch,
            Some(Move::Create(_)) => true,
            Some(Move::Write { release, age, .. }) => {
                state.objects[release.place()].is_some_and(|object| self.guard.admits(state, object, acting, *age))
            }
        }
    }

    /// The next call reads the record's epoch, for a guard that trusts in that.
    fn reads_first(&self, acting: &Acting) -> bool {
        let writes = matches!(acting.moves.first(), Some(Move::Write { .. }));
        self.guard == Guard::EpochInDatabaseOnly && writes && !acting.checked
    }

    /// What exists already is as good as created.
    fn create(&self, state: &mut State, release: Release, epoch: u8) {
        let wanted = state.records.rollout.as_ref().map(|rollout| self.frame.target(rollout.number));
        let replicas = match self.guard {
            Guard::CreatedAtCount if wanted.is_none_or(|wanted| wanted == release) => self.processes,
            _ => 0,
        };
        let running = if self.instant { replicas } else { 0 };
        state.objects[release.place()].get_or_insert(Object { replicas, running, epoch });
    }

    fn write(&self, state: &mut State, epoch: u8, release: Release, replicas: Option<u8>) {
        let Some(object) = &mut state.objects[release.place()] else { return };
        if epoch < object.epoch {
            state.broken = Some(Broken::StaleWrite);
        }
        object.epoch = epoch;
        object.replicas = replicas.unwrap_or(object.replicas);
        if self.instant {
            object.running = object.replicas;
        }
        age(state, release);
    }
}
