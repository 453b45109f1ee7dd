//! Tells a way through a model in words. Epochs and workers get the names that the checker does without.

use slipway_domain::promotion::Phase;

use super::canonical::canonical;
use super::state::{Acting, Decided, Move, Release, State, Worker};
use super::step::Step;
use super::world::World;

/// A worker of the story.
#[derive(Clone, Copy, Default)]
struct Actor {
    name: usize,
    /// The one that it saved for.
    epoch: usize,
}

/// One line for each step, and one for the world in which it ends.
pub fn tell(world: &World, way: &[(State, Option<Step>)]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut epoch = 1;
    let mut names = 0;
    let mut actors: Vec<Actor> = Vec::new();
    for (state, step) in way {
        actors.resize(state.workers.len(), Actor::default());
        let Some(next) = step.and_then(|step| world.take(state, step)) else {
            lines.push(format!("now: {} is active, {}; running: {}", active(state), under_way(state), objects(state)));
            continue;
        };
        let Some(step) = *step else { continue };
        if next.records.epoch > state.records.epoch {
            epoch += 1;
        }
        if let Step::Load(place) = step {
            names += 1;
            actors[place].name = names;
        }
        if let Step::Save(place) = step {
            actors[place].epoch = epoch;
        }
        lines.push(describe(world, state, &next, step, &actors, epoch));
        let (_, order) = canonical(next);
        actors = order.into_iter().map(|place| actors[place]).collect();
    }
    lines
}

fn describe(world: &World, state: &State, next: &State, step: Step, actors: &[Actor], epoch: usize) -> String {
    let rollout = |state: &State| state.records.rollout.as_ref().map_or(0, |rollout| rollout.number + 1);
    match step {
        Step::Start => {
            let to = world.frame.target(state.started);
            let over = match rollout(state) {
                0 => String::new(),
                running => format!(" and takes over from promotion {running}"),
            };
            format!("promotion {} to {to:?} starts{over} (epoch {epoch})", next.started)
        }
        Step::Cancel => format!("promotion {} is cancelled: another execution (epoch {epoch})", rollout(state)),
        Step::Restart => format!("the sweep starts another execution of promotion {} (epoch {epoch})", rollout(state)),
        Step::End => format!("the sweep ends promotion {}, whose clocks are over", rollout(state)),
        Step::Reconcile(release) => format!("the cluster brings the processes of {release:?} to their count"),
        Step::Load(place) => format!("worker {} loads promotion {}", actors[place].name, rollout(state)),
        Step::Look(place) => {
            format!("worker {} sees {}, and decides{}", actors[place].name, objects(state), plan(next, place))
        }
        Step::LookWithout(place, missing) => {
            let who = actors[place].name;
            format!("worker {who} reads a list without {missing:?}, and decides{}", plan(next, place))
        }
        Step::LookLate(place) => {
            format!("worker {} finds the clock of the phase over, and decides{}", actors[place].name, plan(next, place))
        }
        Step::Save(place) => format!("worker {} saves{}", actors[place].name, saved(state, next, epoch)),
        Step::Act(place) => act(world, state, next, place, actors[place]),
        Step::Die(place) => format!("worker {} dies", actors[place].name),
    }
}

/// What was decided.
fn plan(next: &State, place: usize) -> String {
    let Worker::Decided(decided) = &next.workers[place] else { return " that there is nothing to do".to_owned() };
    let Decided { next: records, outcome, moves } = decided.as_ref();
    let phase = records.rollout.as_ref().map(|rollout| rollout.phase);
    let before = next.records.rollout.as_ref().map(|rollout| rollout.phase);
    let mut parts: Vec<String> = moves.iter().map(|step| words(*step)).collect();
    match (outcome, phase) {
        (Some(outcome), _) => parts.push(format!("to end as {outcome}")),
        (None, Some(phase)) if Some(phase) != before => parts.push(format!("to go on to {phase}")),
        (None, _) => {}
    }
    if parts.is_empty() { " to remember what it saw".to_owned() } else { format!(" {}", parts.join(", ")) }
}

fn words(step: Move) -> String {
    match step {
        Move::Create(release) => format!("to create {release:?}"),
        Move::Write { release, replicas: Some(count), .. } => format!("to set {release:?} to {count}"),
        Move::Write { release, replicas: None, .. } => format!("to stamp {release:?}"),
    }
}

fn saved(state: &State, next: &State, epoch: usize) -> String {
    let phase = |state: &State| state.records.rollout.as_ref().map(|rollout| rollout.phase);
    match (&next.records.rollout, next.ended) {
        (None, Some((number, outcome))) => format!(": promotion {} has ended as {outcome}", number + 1),
        (Some(rollout), _) if rollout.phase == Phase::Restoring && phase(state) != phase(next) => {
            format!(": it turns back (epoch {epoch})")
        }
        _ => String::new(),
    }
}

fn act(world: &World, state: &State, next: &State, place: usize, actor: Actor) -> String {
    let who = format!("worker {} of epoch {}", actor.name, actor.epoch);
    let Worker::Acting(Acting { checked, moves, .. }) = &state.workers[place] else { return who };
    let Some(step) = moves.first() else { return who };
    let deed = words(*step);
    let deed = deed.trim_start_matches("to ");
    match &next.workers[place] {
        Worker::Acting(after) if after.checked && !checked => {
            format!("{who} finds its epoch in the record, and sleeps")
        }
        _ if world.lands(state, place) => format!("{who} carries out: {deed}"),
        _ => format!("{who} is refused: {deed}"),
    }
}

fn objects(state: &State) -> String {
    list(|release| state.objects[release.place()].map(|object| object.replicas))
}

fn list(count: impl Fn(Release) -> Option<u8>) -> String {
    let parts = Release::ALL.into_iter().filter_map(|release| Some(format!("{release:?} {}", count(release)?)));
    parts.collect::<Vec<_>>().join(" ")
}

fn active(state: &State) -> String {
    format!("{:?}", state.records.active)
}

fn under_way(state: &State) -> String {
    match &state.records.rollout {
        Some(rollout) => format!("promotion {} is {}", rollout.number + 1, rollout.phase),
        None => "nothing is under way".to_owned(),
    }
}
