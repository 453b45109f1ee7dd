//! Checks the model of each guard, and tells what was found.

use stateright::{Checker, HasDiscoveries, Model};

use super::guard::Guard;
use super::state::{Release, State};
use super::step::Step;
use super::story::tell;
use super::world::{RULES, Size, World};

impl Default for Size {
    /// The model in which every guard is checked.
    fn default() -> Self {
        Self {
            to: vec![Release::B, Release::C, Release::B],
            workers: 2,
            interventions: 1,
            processes: 2,
            may_crash: vec![Release::C],
            instant: true,
            overdue: true,
        }
    }
}

/// What the checker says of one guard.
#[derive(Debug)]
pub struct Verdict {
    pub guard: Guard,
    /// Different worlds that were visited.
    pub states: usize,
    /// The shortest way to a broken rule.
    pub broken: Option<Counterexample>,
    /// What should be possible and was not seen; complete only where nothing is broken.
    pub unseen: Vec<&'static str>,
}

/// How a rule is broken.
#[derive(Debug)]
pub struct Counterexample {
    pub rule: &'static str,
    pub way: Vec<(State, Option<Step>)>,
}

impl Verdict {
    /// The rules hold or break as they should, and nothing that should be possible is missing.
    pub fn is_as_expected(&self) -> bool {
        if self.guard.is_sufficient() { self.broken.is_none() && self.unseen.is_empty() } else { self.broken.is_some() }
    }

    /// The row of the table.
    pub fn row(&self) -> String {
        let result = match &self.broken {
            None => "holds".to_owned(),
            Some(broken) => format!("broken after {} steps ({})", broken.steps(), broken.rule),
        };
        format!("{:<24} {:>9} worlds  {result}", format!("{:?}", self.guard), self.states)
    }

    /// The shortest way to the broken rule, a line for each step.
    pub fn story(&self, size: &Size) -> Vec<String> {
        let Some(broken) = &self.broken else { return Vec::new() };
        let world = World::new(self.guard, size);
        let lines = tell(&world, &broken.way).into_iter().enumerate();
        lines.map(|(number, line)| format!("{:>4}  {line}", number + 1)).collect()
    }
}

impl Counterexample {
    pub fn steps(&self) -> usize {
        self.way.len() - 1
    }
}

/// Visits every world that can be reached, breadth first, or until a rule is broken.
pub fn check(guard: Guard, size: &Size) -> Verdict {
    check_until(guard, size, &RULES, HasDiscoveries::AnyFailures)
}

/// The same until this rule is broken, whatever becomes of the others.
pub fn check_rule(guard: Guard, size: &Size, rule: &'static str) -> Verdict {
    check_until(guard, size, &[rule], HasDiscoveries::AnyOf([rule].into()))
}

fn check_until(guard: Guard, size: &Size, rules: &[&'static str], finish: HasDiscoveries) -> Verdict {
    let world = World::new(guard, size);
    let checker = world.clone().checker().threads(1).finish_when(finish).spawn_bfs().join();
    let mut found = checker.discoveries();
    let broken = rules.iter().find_map(|rule| Some(Counterexample { rule, way: found.remove(rule)?.into_vec() }));
    let wanted = world.properties().into_iter().map(|property| property.name).filter(|name| !RULES.contains(name));
    Verdict {
        guard,
        states: checker.unique_state_count(),
        broken,
        unseen: wanted.filter(|name| !found.contains_key(name)).collect(),
    }
}
