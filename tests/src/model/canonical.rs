//! Renames what only grows, and orders what is alike.
//!
//! - **Epochs** are compared and nothing else is done with them, besides drawing one above all: any renaming that keeps
//!   their order keeps every behaviour. They become 1, 2, … in the order of those that are still held somewhere.
//! - **Resource versions** are compared for equality only. The stored one is 0; the others that somebody holds of the
//!   same object become 1, 2, … from the younger to the older. One that nobody holds is forgotten.
//! - **Workers** have no names in the protocol: worlds that differ in the order of their workers behave alike.

use super::state::{Age, Move, Records, Release, Sight, State, Worker};

/// The state in its canonical form, and where each of its workers stood before.
pub fn canonical(mut state: State) -> (State, Vec<usize>) {
    forget_tokens(&mut state);
    rename(&mut state, each_epoch, 1);
    for release in Release::ALL {
        rename(&mut state, |state, visit| each_age(state, release, visit), 0);
    }
    let mut order: Vec<usize> = (0..state.workers.len()).collect();
    order.sort_by(|left, right| state.workers[*left].cmp(&state.workers[*right]));
    state.workers = order.iter().map(|place| state.workers[*place].clone()).collect();
    (state, order)
}

/// One more write to the object: what anybody holds of it is one version older.
pub fn age(state: &mut State, release: Release) {
    each_age(state, release, &mut |age| *age += 1);
}

/// Renames all numbers that `each` visits to `first`, `first + 1`, … in their order. Ages keep the 0 of the stored
/// version even if nobody holds it.
fn rename(state: &mut State, each: impl Fn(&mut State, &mut dyn FnMut(&mut u8)), first: u8) {
    let mut known = [false; 256];
    known[0] = first == 0;
    each(state, &mut |number| known[usize::from(*number)] = true);
    let mut names = [0; 256];
    let held = (0..names.len()).filter(|number| known[*number]);
    for (name, number) in (first..).zip(held) {
        names[number] = name;
    }
    each(state, &mut |number| *number = names[usize::from(*number)]);
}

/// A token's first epoch matters as long as an epoch below it is held.
fn forget_tokens(state: &mut State) {
    let tokens = std::mem::take(&mut state.tokens);
    if tokens.is_empty() {
        return;
    }
    let mut held = Vec::new();
    each_epoch(state, &mut |epoch| held.push(*epoch));
    let token = |epoch: u8| tokens.iter().filter(|first| **first <= epoch).count();
    let mut lowest: Vec<Option<u8>> = vec![None; tokens.len() + 1];
    for epoch in held {
        let entry = &mut lowest[token(epoch)];
        *entry = Some(entry.map_or(epoch, |lowest| lowest.min(epoch)));
    }
    state.tokens = lowest.into_iter().flatten().collect();
}

fn each_epoch(state: &mut State, visit: &mut dyn FnMut(&mut u8)) {
    visit(&mut state.records.epoch);
    for object in state.objects.iter_mut().flatten() {
        visit(&mut object.epoch);
    }
    for worker in &mut state.workers {
        match worker {
            Worker::Idle | Worker::Loaded => {}
            Worker::Decided(decided) => visit(&mut decided.next.epoch),
            Worker::Acting(acting) => visit(&mut acting.epoch),
        }
    }
    state.tokens.iter_mut().for_each(visit);
}

fn each_age(state: &mut State, release: Release, visit: &mut dyn FnMut(&mut Age)) {
    each_age_of_records(&mut state.records, release, visit);
    for worker in &mut state.workers {
        let moves = match worker {
            Worker::Idle | Worker::Loaded => continue,
            Worker::Decided(decided) => {
                each_age_of_records(&mut decided.next, release, visit);
                &mut decided.moves
            }
            Worker::Acting(acting) => &mut acting.moves,
        };
        for step in moves {
            if let Move::Write { release: written, age, .. } = step
                && *written == release
            {
                visit(age);
            }
        }
    }
}

fn each_age_of_records(records: &mut Records, release: Release, visit: &mut dyn FnMut(&mut Age)) {
    let Some(rollout) = &mut records.rollout else { return };
    if let Some(saved) = &mut rollout.saved[release.place()] {
        visit(&mut saved.age);
    }
    if let Some(Sight::Changed(changed, age)) = &mut rollout.drifted
        && *changed == release
    {
        visit(age);
    }
}
