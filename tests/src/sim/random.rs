//! Worlds from a seed.

use super::cluster::{Character, Ending, Image, Life, Meddling, Node, Script, Start, Traits};
use super::rng::Rng;
use super::setup::{Act, Beginning, Level, OnConflict, ReleaseSpec, Scene, ServiceSpec, Setup};
use super::weather::{Away, Outage, Weather};

const NAMES: [&str; 3] = ["web", "worker", "api"];

/// Draws a world. The same seed is the same world.
pub fn setup(seed: u64) -> Setup {
    let rng = &mut Rng::new(seed ^ 0x5117_0A75_EED5_0F0F);
    let shape = Shape::draw(rng);
    let count = rng.within(2..=4);
    let releases: Vec<_> = (0..count).map(|index| release(rng, &shape, index == 0)).collect();
    let plot = plot(rng, releases.len());
    let last_ms = plot.last().map_or(0, |scene| scene.at_ms);
    Setup {
        seed,
        level: Level::Protocol,
        beginning: if rng.chance(750) { Beginning::Running } else { Beginning::Empty },
        releases,
        plot,
        weather: weather(rng, last_ms),
        cluster: traits(rng),
        mutant: None,
    }
}

/// What all releases of one app have in common.
struct Shape {
    services: u64,
    largest: u32,
    batch: Option<u32>,
    strict: bool,
    minimum_percent: u32,
    bake_seconds: u32,
    total_seconds: u32,
}

impl Shape {
    fn draw(rng: &mut Rng) -> Self {
        Self {
            services: if rng.chance(600) { 1 } else { rng.within(1..=3) },
            largest: rng.small(1..=5),
            batch: (!rng.chance(150)).then(|| rng.small(1..=3)),
            strict: rng.chance(200),
            minimum_percent: *rng.pick(&[100, 100, 100, 50, 75, 0]).unwrap_or(&100),
            bake_seconds: *rng.pick(&[5, 5, 1, 0, 10]).unwrap_or(&5),
            total_seconds: *rng.pick(&[600, 600, 120, 60]).unwrap_or(&600),
        }
    }
}

fn release(rng: &mut Rng, shape: &Shape, first: bool) -> ReleaseSpec {
    let mut services = Vec::new();
    for name in NAMES.iter().take(usize::try_from(shape.services).unwrap_or(1)) {
        let dropped = !services.is_empty() && rng.chance(200);
        if !dropped {
            services.push(service(rng, shape, name, first));
        }
    }
    ReleaseSpec { services }
}

fn service(rng: &mut Rng, shape: &Shape, name: &'static str, first: bool) -> ServiceSpec {
    let bad = if first { 100 } else { 350 };
    ServiceSpec {
        ports: name != "worker",
        batch: shape.batch,
        strict: shape.strict,
        minimum_percent: shape.minimum_percent,
        bake_seconds: shape.bake_seconds,
        total_seconds: shape.total_seconds,
        grace_seconds: *rng.pick(&[30, 5, 0]).unwrap_or(&30),
        character: character(rng, bad),
        ..ServiceSpec::new(name, rng.small(u32::from(first)..=shape.largest))
    }
}

fn character(rng: &mut Rng, bad: u32) -> Character {
    let usual = if rng.chance(bad) { bad_script(rng) } else { good_script(rng) };
    let mut character = Character::of(usual);
    if rng.chance(200) {
        character.odd.push((rng.small(0..=4), bad_script(rng)));
    }
    character.refused = rng.chance(bad / 20);
    character.unwelcome = rng.chance(bad / 30);
    character
}

fn good_script(rng: &mut Rng) -> Script {
    let registers_ms = if rng.chance(100) { 20_000 } else { 1_500 };
    Script {
        node: Node::After(rng.within(5..=500)),
        image: Image::After(rng.within(20..=3_000)),
        boot_ms: Some(if rng.chance(100) { 2_900 } else { rng.within(50..=2_000) }),
        registers_ms: Some(rng.within(10..=registers_ms)),
        stop_ms: stop_ms(rng),
        ..Script::default()
    }
}

fn stop_ms(rng: &mut Rng) -> u64 {
    match rng.below(10) {
        0 => rng.within(60_000..=240_000),
        1..=3 => rng.within(5_000..=40_000),
        _ => rng.within(100..=5_000),
    }
}

fn bad_script(rng: &mut Rng) -> Script {
    let mut script = good_script(rng);
    match rng.below(19) {
        0 => script.boot_ms = None,
        1 => script.boot_ms = Some(rng.within(2_500..=8_000)),
        2 | 3 => script.life = ends(rng, 10..=1_500, None),
        4 => script.life = ends(rng, 1_000..=60_000, None),
        5 => script.life = ends(rng, 10..=9_000, Some(1)),
        6 => script.life = Life::Flaps { up_ms: rng.within(200..=8_000), down_ms: rng.within(200..=4_000) },
        7 => script.registers_ms = None,
        8 => script.image = Image::NotFound,
        9 => script.image = *rng.pick(&[Image::Denied, Image::DeniedFor(2_000)]).unwrap_or(&Image::Denied),
        10 => script.image = Image::Slow((!rng.chance(300)).then(|| rng.within(1_000..=90_000))),
        11 => script.image = Image::Invalid,
        12 => script.start = Start::KeyMissing,
        13 => script.start = Start::CacheSyncs(rng.within(500..=10_000)),
        14 => script.start = *rng.pick(&[Start::CommandMissing, Start::NodeFault]).unwrap_or(&Start::NodeFault),
        15 => script.init_failures = rng.small(1..=3),
        16 => script.node = Node::None((!rng.chance(300)).then(|| rng.within(1_000..=120_000))),
        17 => script.life = Life::Darkens { after_ms: rng.within(100..=90_000), for_ms: blip(rng) },
        _ => script.evicted_ms = Some(rng.within(500..=120_000)),
    }
    script
}

fn ends(rng: &mut Rng, after_ms: std::ops::RangeInclusive<u64>, times: Option<u32>) -> Life {
    let how = *rng.pick(&Ending::ALL).unwrap_or(&Ending::Code(1));
    Life::Ends { after_ms: rng.within(after_ms), how, times }
}

fn blip(rng: &mut Rng) -> Option<u64> {
    (!rng.chance(300)).then(|| rng.within(500..=60_000))
}

fn plot(rng: &mut Rng, releases: usize) -> Vec<Scene> {
    let count = rng.within(1..=5);
    let mut at_ms = 1_000;
    let mut plot = vec![Scene { at_ms, act: promote(rng, releases) }];
    for _ in 0..count {
        // Now and then after all is over, otherwise at any moment of what runs.
        at_ms += if rng.chance(400) { rng.within(200_000..=1_500_000) } else { rng.within(50..=90_000) };
        plot.push(Scene { at_ms, act: act(rng, releases) });
    }
    plot
}

fn act(rng: &mut Rng, releases: usize) -> Act {
    let service = *rng.pick(&NAMES).unwrap_or(&"web");
    match rng.below(20) {
        0..=8 => promote(rng, releases),
        9..=11 => Act::Cancel,
        12 | 13 => Act::Rollback,
        14 => Act::Restart,
        15 | 16 => Act::Scale { service: if rng.chance(700) { "web" } else { service }, count: rng.small(0..=6) },
        17 | 18 => Act::SetVariables,
        _ => {
            let with = [Meddling::Count(rng.small(0..=6)), Meddling::Template, Meddling::Stamp];
            let with = *rng.pick(&with).unwrap_or(&Meddling::Template);
            Act::Meddle { release: index(rng, releases), service: "web", with }
        }
    }
}

fn promote(rng: &mut Rng, releases: usize) -> Act {
    let on_conflict = if rng.chance(500) { OnConflict::Supersede } else { OnConflict::Refuse };
    Act::Promote { release: index(rng, releases), on_conflict }
}

fn index(rng: &mut Rng, releases: usize) -> usize {
    usize::try_from(rng.below(releases as u64)).unwrap_or(0)
}

fn weather(rng: &mut Rng, last_ms: u64) -> Weather {
    let mut weather = Weather::default();
    if rng.chance(200) {
        return weather;
    }
    // One to three kinds of weather at once, each light or heavy.
    for _ in 0..rng.within(1..=3) {
        let heavy = rng.chance(300);
        let chance = if heavy { rng.small(20..=80) } else { rng.small(1..=15) };
        match rng.below(12) {
            0 => weather.naps = chance,
            1 => weather.sleeps = chance / 3 + 1,
            2 => weather.deaths = chance,
            3 => weather.lost_answers = chance,
            4 => weather.failures = chance,
            5 => weather.late_writes = chance,
            6 => weather.stale_looks = chance * 3,
            7 => weather.bad_watches = chance * 3,
            8 => weather.doubled_calls = chance * 4,
            9 => weather.lost_executions = chance,
            10 => weather.doubled_executions = chance * 4,
            _ => weather.outages.push(outage(rng, last_ms)),
        }
    }
    if rng.chance(300) {
        weather.skew_ms = rng.within(1..=300_000);
    }
    weather
}

fn outage(rng: &mut Rng, last_ms: u64) -> Outage {
    let from_ms = rng.below(last_ms + 120_000);
    let long = rng.chance(300);
    let to_ms = from_ms + if long { rng.within(60_000..=900_000) } else { rng.within(500..=60_000) };
    let away = *rng.pick(&[Away::Cluster, Away::Store, Away::Access]).unwrap_or(&Away::Cluster);
    Outage { away, from_ms, to_ms }
}

fn traits(rng: &mut Rng) -> Traits {
    let slow = rng.chance(150);
    Traits {
        whole_seconds: rng.chance(400),
        status_is_version: rng.chance(400),
        controller_ms: if slow { (500, 20_000) } else { (5, 400) },
        skew_ms: if rng.chance(200) { i64::try_from(rng.below(600_000)).unwrap_or(0) - 300_000 } else { 0 },
        quota: rng.chance(100).then(|| rng.small(3..=12)),
    }
}
