//! How soon a bad status is acted on: from the moment at which a watch tells of it to the decision to turn back.

mod kinds;
mod sight;

use std::time::Duration;

use serde_json::{Value, json};
use slipway_domain::promotion::ServicePlan;
use slipway_domain::time::Time;
use slipway_tests::product::installed::Product;
use slipway_tests::product::owner::until;
use slipway_tests::product::stage::Stage;
use slipway_tests::server::{Result, failed};

use self::kinds::Kind;
use crate::journal::Journal;
use crate::machine::now;
use crate::numbers::{millis, percentile};
use crate::table::Table;

/// Of each kind: 50 promotions in all.
const REPEATS: usize = 5;
const POLL: Duration = Duration::from_millis(5);
/// The longest that anything is doomed within.
const PATIENCE: Duration = Duration::from_mins(2);

pub async fn measure() -> Result<String> {
    let about = format!(
        "On the real cluster, {REPEATS} promotions of each kind, one at a time: from the time at which a watch of our own \
         told of the status that dooms the release, by the tables of the product, until the API shows the promotion \
         as `restoring` to whoever asks every {} ms. The goal is a p99 of at most 1 s.",
        POLL.as_millis()
    );
    let columns = ["the release has", "cause", "count", "p50", "p99"];
    let mut table = Table::new("Bad status visible in the cluster → roll-back decided", &about, &columns);
    let product = Product::start(&crate::server()?).await?;
    let mut all = Vec::new();
    for kind in Kind::ALL {
        let mut times = several(&product, kind).await?;
        let (words, cause) = kind.told();
        all.extend_from_slice(&times);
        table.row(row(words, cause, &mut times));
    }
    table.row(row("all of them", "", &mut all));
    Ok(table.finish())
}

fn row(words: &str, cause: &str, times: &mut [Duration]) -> [String; 5] {
    let (half, most) = (percentile(times, 50), percentile(times, 99));
    [words.to_owned(), cause.to_owned(), times.len().to_string(), millis(half), millis(most)]
}

async fn several(product: &Product, kind: Kind) -> Result<Vec<Duration>> {
    let name = format!("doomed-{}", kind.told().1.replace('_', "-"));
    let stage = Stage::new(product, &name).await?;
    let good = stage.first(&kind.good()).await?;
    let bad = kind.release(&stage).await?;
    let mut times = Vec::new();
    for _ in 0..REPEATS {
        alone(&stage).await?;
        times.push(once(&stage, kind, &bad).await.map_err(|error| format!("{kind:?}: {error}"))?);
        stage.runs(&good, &[("web", 1)]).await?;
    }
    Ok(times)
}

async fn once(stage: &Stage<'_>, kind: Kind, bad: &str) -> Result<Duration> {
    let journal = Journal::open(&stage.product.owner.client, &stage.namespace).await?;
    let promotion = stage.promote(bad).await?;
    let decided = decided(stage, &promotion).await?;
    let promotion = stage.ended(&promotion).await?;
    let cause = kind.told().1;
    if promotion["outcome"] != json!("rolled_back") || promotion["failure"]["cause"] != json!(cause) {
        return Err(format!("expected a roll-back because of {cause}, and not {promotion:#}"));
    }
    let visible = sight::doomed(&journal.entries(), bad, &plan()?).ok_or("the status was never told")?;
    Ok(decided.since(visible))
}

/// When the API first showed that it turned back.
async fn decided(stage: &Stage<'_>, promotion: &str) -> Result<Time> {
    let path = format!("{}/promotions/{promotion}", stage.environment());
    let begun = now();
    while now().since(begun) < PATIENCE {
        let found = stage.product.client.get(&path).await?;
        if found["restoring_at"] != Value::Null || found["outcome"] != Value::Null {
            return Ok(now());
        }
        tokio::time::sleep(POLL).await;
    }
    Err("it did not turn back".to_owned())
}

/// Returns when nothing is stopping any more.
async fn alone(stage: &Stage<'_>) -> Result<()> {
    until("only the good release is there", async || {
        Ok((stage.product.owner.pods(&stage.namespace).await?.len() == 1).then_some(()))
    })
    .await
}

/// What a process may do, as far as a status is judged by it. No clock is to run out.
fn plan() -> Result<ServicePlan> {
    let long = 600_000;
    Ok(ServicePlan {
        name: "web".parse().map_err(failed("name the service"))?,
        before: Some(1),
        after: Some(1),
        ports: true,
        health_timeout_ms: long,
        registration_ms: long,
        bake_ms: 1000,
        minimum_percent: 100,
        stopping_ms: long,
    })
}
