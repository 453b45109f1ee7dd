//! Makes a world that breaks a rule as small as it can while it still breaks the same rule.

use super::cluster::{Character, Traits};
use super::runner::run;
use super::setup::{ReleaseSpec, Setup};
use super::weather::Weather;

/// Worlds that are tried at the most.
const TRIES: u32 = 2_000;

/// A smaller world that breaks the same rule.
pub fn shrink(setup: &Setup) -> Setup {
    let Some(rule) = run(setup).broken.map(|broken| broken.rule) else { return setup.clone() };
    let mut best = setup.clone();
    let mut tries = 0;
    loop {
        let smaller = candidates(&best).into_iter().filter(|candidate| *candidate != best).find(|candidate| {
            tries += 1;
            run(candidate).broken.is_some_and(|broken| broken.rule == rule)
        });
        match smaller {
            Some(smaller) if tries < TRIES => best = smaller,
            _ => return best,
        }
    }
}

/// Every world that is one step smaller.
fn candidates(setup: &Setup) -> Vec<Setup> {
    let mut all = Vec::new();
    for index in 0..setup.plot.len() {
        let mut smaller = setup.clone();
        smaller.plot.remove(index);
        all.push(smaller);
    }
    all.extend(calmer(&setup.weather).into_iter().map(|weather| Setup { weather, ..setup.clone() }));
    all.push(Setup { cluster: Traits::default(), ..setup.clone() });
    for index in 0..setup.releases.len() {
        for release in simpler(&setup.releases[index]) {
            let mut smaller = setup.clone();
            smaller.releases[index] = release;
            all.push(smaller);
        }
    }
    all
}

fn calmer(weather: &Weather) -> Vec<Weather> {
    let mut all = vec![Weather { outages: Vec::new(), ..weather.clone() }, Weather { skew_ms: 0, ..weather.clone() }];
    let parts: [fn(&mut Weather) -> &mut u32; 11] = [
        |weather| &mut weather.naps,
        |weather| &mut weather.sleeps,
        |weather| &mut weather.deaths,
        |weather| &mut weather.lost_answers,
        |weather| &mut weather.failures,
        |weather| &mut weather.late_writes,
        |weather| &mut weather.stale_looks,
        |weather| &mut weather.bad_watches,
        |weather| &mut weather.doubled_calls,
        |weather| &mut weather.lost_executions,
        |weather| &mut weather.doubled_executions,
    ];
    for part in parts {
        for divisor in [1_000, 2] {
            let mut calmer = weather.clone();
            *part(&mut calmer) /= divisor;
            all.push(calmer);
        }
    }
    all
}

fn simpler(release: &ReleaseSpec) -> Vec<ReleaseSpec> {
    let mut all = Vec::new();
    for index in 0..release.services.len() {
        if release.services.len() > 1 {
            let mut simpler = release.clone();
            simpler.services.remove(index);
            all.push(simpler);
        }
        let mut smaller = release.clone();
        smaller.services[index].scale = smaller.services[index].scale.saturating_sub(1);
        all.push(smaller);
        let mut good = release.clone();
        good.services[index].character = Character::default();
        all.push(good);
        let mut usual = release.clone();
        usual.services[index].character.odd.clear();
        all.push(usual);
    }
    all
}
