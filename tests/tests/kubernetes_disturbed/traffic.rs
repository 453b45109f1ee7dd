//! Requests without a pause through good and bad promotions and roll-backs, whose steps are killed in the middle.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use slipway_tests::kubernetes::balancer::Balancer;
use slipway_tests::load::Requests;
use slipway_tests::load::Traffic;
use slipway_tests::product::stage::{Stage, only, web, with};
use slipway_tests::server::Result;
use slipway_tests::server::shop::text;

use crate::alone;

const PROMOTIONS: usize = 30;
const PROCESSES: usize = 3;
/// Every so many promotions the server, and the step that it is at, are killed.
const KILLED_EVERY: usize = 3;

/// Quick requests: `CONNECTIONS` / `EVERY` = 250 a second.
const CONNECTIONS: u32 = 25;
const EVERY: Duration = Duration::from_millis(100);
/// Long ones: some are under way whenever a process is told to stop, each for longer than the load balancer lags behind.
const LONG_CONNECTIONS: u32 = 6;
const LONG_MS: u64 = 3000;

/// What is promoted. A bad one never becomes ready: what a process cuts that served and then died is its own doing, and
/// nobody who replaces it later can bring it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Good,
    Sick,
    CrashesAtStart,
    NeverListens,
    CannotStart,
    RollBack,
}

/// In this order, again and again. Its length and `KILLED_EVERY` have no common divisor: every kind is killed.
const STORY: [What; 10] = [
    What::Good,
    What::Sick,
    What::Good,
    What::CrashesAtStart,
    What::RollBack,
    What::Good,
    What::CannotStart,
    What::Good,
    What::NeverListens,
    What::RollBack,
];

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_lost_through_good_and_bad_promotions_whose_steps_are_killed() {
    let (_alone, product) = alone().await;
    let stage = Stage::new(&product, "traffic").await.unwrap();
    let mut active = stage.first(&manifest()).await.unwrap();
    let balancer = Balancer::start(product.owner.client.clone(), &stage.namespace, "web").await.unwrap();
    balancer.until(PROCESSES).await.unwrap();
    let begun = Instant::now();
    let traffic = Traffic::start(&balancer.address(), &requests());
    let mut good = vec![active.clone()];
    for number in 0..PROMOTIONS {
        let what = STORY[number % STORY.len()];
        let played = play(&stage, what, number, &active).await;
        let (release, line) =
            played.unwrap_or_else(|error| panic!("{number} {what:?}: {error}\n{}", product.log_tail()));
        if matches!(what, What::Good | What::RollBack) {
            good.push(release.clone());
            active = release;
        }
        let counts = traffic.tally().counts();
        say(&format!("{:>4.0} s {line}, lost {} of {}", begun.elapsed().as_secs_f64(), counts.failed, counts.sent()));
        assert_eq!(counts.failures, Vec::<String>::new(), "during {number} {what:?}");
    }
    let counts = traffic.stop().await;
    say(&format!(
        "{} requests, {:.0} a second over {} connections: {} failed, {} cut",
        counts.sent(),
        counts.rate(),
        counts.connections,
        counts.failed,
        counts.cut
    ));
    assert_eq!((counts.failed, counts.cut), (0, 0), "{:#?}", counts.failures);
    assert!(counts.rate() >= 200.0, "{} requests a second", counts.rate());
    let strangers: Vec<&String> = counts.releases.keys().filter(|release| !good.contains(release)).collect();
    assert!(strangers.is_empty(), "releases that were turned back answered: {strangers:?}");
}

fn manifest() -> Value {
    // The grace outlasts the longest request.
    let own = json!({ "health": { "timeout": 4 }, "scale": { "count": PROCESSES }, "termination": { "grace": 10 } });
    only(with(web(), own))
}

/// Promotes, kills the server meanwhile if it is its turn, and compares the end with what was to be expected. Returns the
/// release that was promoted, and what happened in words.
async fn play(stage: &Stage<'_>, what: What, number: usize, active: &str) -> Result<(String, String)> {
    let (promotion, release) = begin(stage, what, number).await?;
    let killed = number.is_multiple_of(KILLED_EVERY);
    if killed {
        stage.appears(&release).await?;
        // At another place of the step each time.
        tokio::time::sleep(Duration::from_millis(150) * u32::try_from(number).unwrap_or_default()).await;
        stage.product.restart().await?;
    }
    let ended = stage.ended(&promotion).await?;
    let outcome = text(&ended["outcome"])?;
    let (expected, runs) = match what {
        What::Good | What::RollBack => ("succeeded", release.as_str()),
        _ => ("rolled_back", active),
    };
    if outcome != expected {
        return Err(format!("it ended as {ended:#}\n{}", stage.story(&promotion).await?));
    }
    stage.runs(runs, &[("web", PROCESSES)]).await?;
    let cause = ended["failure"]["cause"].as_str().unwrap_or("-");
    let meanwhile = if killed { ", the server was killed" } else { "" };
    Ok((release.clone(), format!("{number} {what:?} {release}: {outcome}, {cause}{meanwhile}")))
}

/// Starts a promotion. Returns its id, and the release that it brings.
async fn begin(stage: &Stage<'_>, what: What, number: usize) -> Result<(String, String)> {
    if what == What::RollBack {
        let path = format!("{}/rollbacks", stage.environment());
        let made = stage.product.client.post(&path, &json!({ "reason": "the other one was nicer" })).await?;
        return Ok((text(&made["promotion"]["id"])?, text(&made["promotion"]["to"])?));
    }
    let release = if what == What::CannotStart {
        stage.build("wrong-entrypoint", &manifest()).await?
    } else {
        let (health, boot, crash) = match what {
            What::Sick => ("fail", "0", ""),
            What::CrashesAtStart => ("ok", "60000", "300"),
            What::NeverListens => ("ok", "60000", ""),
            _ => ("ok", "200", ""),
        };
        let all = json!({
            "NUMBER": number.to_string(), "HEALTH": health, "BOOT_MS": boot, "CRASH_AFTER_MS": crash,
        });
        stage.set_on("active", &all).await?
    };
    Ok((stage.promote(&release).await?, release))
}

fn requests() -> [Requests; 2] {
    let kind = |path: String, connections, every, is_quick| Requests { path, connections, every, is_quick, release };
    [
        kind("/".to_owned(), CONNECTIONS, EVERY, true),
        kind(format!("/slow?ms={LONG_MS}"), LONG_CONNECTIONS, Duration::from_millis(LONG_MS), false),
    ]
}

/// Who answered.
fn release(body: &[u8]) -> std::result::Result<String, String> {
    let page: Value = serde_json::from_slice(body).map_err(|error| format!("the answer is not whole: {error}"))?;
    text(&page["release"])
}

/// Straight to the terminal: the harness of tests keeps what `print` writes to itself.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
