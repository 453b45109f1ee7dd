//! The same pods rolled out by Slipway and by a Deployment of the cluster's own, on a real cluster, one after the other.

mod steps;
mod twin;

use std::time::Duration;

use serde_json::{Value, json};
use slipway_domain::time::Time;
use slipway_tests::product::installed::Product;
use slipway_tests::product::owner::until;
use slipway_tests::product::stage::{Stage, only};
use slipway_tests::server::Result;
use slipway_tests::server::shop::text;

use self::steps::{Moments, Steps};
use self::twin::Twin;
use crate::journal::{Entry, Journal, Object};
use crate::machine::now;
use crate::numbers::{ratio, seconds};
use crate::rollout::{events, time};
use crate::table::Table;

/// `health.bake`, and the native `minReadySeconds`.
const BAKE: Duration = Duration::from_secs(5);
const SECOND: Duration = Duration::from_secs(1);

/// What is rolled out, and how often.
#[derive(Clone, Copy)]
struct Shape {
    processes: usize,
    /// As well as the native `maxSurge`.
    batch: usize,
    runs: u32,
}

const SHAPES: [Shape; 4] = [
    Shape { processes: 1, batch: 1, runs: 8 },
    Shape { processes: 3, batch: 1, runs: 3 },
    Shape { processes: 10, batch: 1, runs: 1 },
    Shape { processes: 20, batch: 5, runs: 2 },
];

/// One rollout by one of the two.
struct Run {
    /// Until all processes are new and baked, and the last old one is told to stop.
    same: Duration,
    commit: Option<Duration>,
    steps: Steps,
}

/// All rollouts of one shape.
struct Measured {
    shape: Shape,
    native: Vec<Run>,
    slipway: Vec<Run>,
}

pub async fn measure() -> Result<String> {
    let product = Product::start(&crate::server()?).await?;
    let mut measured = Vec::new();
    for shape in SHAPES {
        measured.push(one(&product, shape).await?);
    }
    Ok(format!("{}\n{}", walls(&measured), parts(&measured)))
}

async fn one(product: &Product, shape: Shape) -> Result<Measured> {
    let stage = Stage::new(product, &format!("native-{}", shape.processes)).await?;
    let quick = json!({ "health": { "bake": 0 }, "deployment": { "batch": shape.processes } });
    let first = stage.first(&manifest(shape, quick)).await?;
    let twin = Twin::beside(&stage, &first, shape).await?;
    let mut measured = Measured { shape, native: Vec::new(), slipway: Vec::new() };
    for run in 0..shape.runs {
        let release = if run == 0 {
            stage.build("1", &manifest(shape, json!({}))).await?
        } else {
            stage.set(&json!({ "RUN": run.to_string() })).await?
        };
        let offset = SECOND * run / shape.runs;
        measured.slipway.push(promoted(&stage, &release, shape, offset).await?);
        measured.native.push(twin.roll(&release, offset).await?);
    }
    let namespaces = [stage.namespace.clone(), twin.namespace.clone()];
    drop(twin);
    drop(stage);
    gone(product, &namespaces).await?;
    Ok(measured)
}

fn manifest(shape: Shape, settings: Value) -> Value {
    let service = json!({
        "port": 8080,
        "health": { "path": "/health", "timeout": 10, "bake": BAKE.as_secs() },
        "scale": { "count": shape.processes },
        "deployment": { "batch": shape.batch },
        "termination": { "grace": 5 },
    });
    only(slipway_tests::product::stage::with(service, settings))
}

/// Promotes, until the commit.
async fn promoted(stage: &Stage<'_>, release: &str, shape: Shape, offset: Duration) -> Result<Run> {
    let journal = Journal::open(&stage.product.owner.client, &stage.namespace).await?;
    into_second(offset).await;
    let begun = now();
    let promotion = stage.promote(release).await?;
    let ended = stage.ended(&promotion).await?;
    if ended["outcome"] != json!("succeeded") {
        return Err(format!("the promotion ended otherwise: {ended:#}\n{}", stage.story(&promotion).await?));
    }
    let verified = verified(stage, &promotion, shape).await?;
    let moments = Moments::of(&journal.entries(), begun);
    let old = deployment(&text(&ended["from"])?);
    let counted = journal.first(|entry| entry.at >= begun && is_emptied(entry, &old));
    let counted = counted.ok_or("the old Deployment was not seen without processes")?;
    let same = verified.max(counted).max(moments.last_told_to_stop().unwrap_or(begun));
    let steps = moments.steps(shape.processes, shape.batch, begun, same)?;
    Ok(Run { same: same.since(begun), commit: Some(time(&ended["ended_at"])?.since(begun)), steps })
}

/// When the last process was.
async fn verified(stage: &Stage<'_>, promotion: &str, shape: Shape) -> Result<Time> {
    let events = events(&stage.product.client, &stage.environment(), promotion).await?;
    let times = events.iter().filter(|event| event["message"] == json!("Verified")).map(|event| time(&event["at"]));
    let times = times.collect::<Result<Vec<_>>>()?;
    match times.iter().max() {
        Some(last) if times.len() == shape.processes => Ok(*last),
        _ => Err(format!("{} of {} processes were verified", times.len(), shape.processes)),
    }
}

/// The Deployment was told that it has no process left, and says so.
fn is_emptied(entry: &Entry, name: &str) -> bool {
    let Object::Deployment(deployment) = &entry.object else { return false };
    let asked = deployment.spec.as_ref().and_then(|spec| spec.replicas);
    let status = deployment.status.as_ref();
    let observed = status.and_then(|status| status.observed_generation);
    deployment.metadata.name.as_deref() == Some(name)
        && asked == Some(0)
        && observed >= deployment.metadata.generation
        && status.and_then(|status| status.replicas).unwrap_or(0) == 0
}

/// As the one service of a release is called in the cluster.
fn deployment(release: &str) -> String {
    format!("web-{}", release.to_lowercase())
}

/// Sleeps until so far into the next second. Stamps of the cluster are whole seconds: where in one a rollout begins is
/// worth up to one.
async fn into_second(offset: Duration) {
    let passed = Duration::from_millis(now().as_millis().rem_euclid(1000).unsigned_abs());
    tokio::time::sleep((SECOND + offset).saturating_sub(passed)).await;
}

/// Returns when nothing of these namespaces runs any more, to disturb what comes next.
async fn gone(product: &Product, namespaces: &[String]) -> Result<()> {
    until("what was measured is gone", async || {
        for namespace in namespaces {
            if !product.owner.pods(namespace).await?.is_empty() {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await
}

fn walls(measured: &[Measured]) -> String {
    let about = format!(
        "The same pods on the same cluster, rolled out in turns by a promotion and by a Deployment that bears a copy of \
         the pod template that Slipway wrote: variables, check, pause before the stop and all; bake and \
         `minReadySeconds` {} s, batch and `maxSurge` as told, `maxUnavailable` 0. Native: from the patch of the \
         template until what `kubectl rollout status` waits for holds. Slipway: from the request until the same state, \
         which is every process new and verified and the last old one told to stop; and until the commit, before \
         which it bakes all of them once more: something that the native rollout does not promise, and no part of \
         the ratio. Means of several runs that begin at evenly spread moments of a second.",
        BAKE.as_secs()
    );
    let columns = ["N", "batch", "runs", "native", "Slipway", "ratio (goal 1.03)", "Slipway to the commit", "ratio"];
    let mut table = Table::new("Rollout against a native one", &about, &columns);
    for Measured { shape, native, slipway } in measured {
        let (theirs, ours) = (mean(native, |run| run.same), mean(slipway, |run| run.same));
        let commit = mean(slipway, |run| run.commit.unwrap_or_default());
        table.row([
            shape.processes.to_string(),
            shape.batch.to_string(),
            shape.runs.to_string(),
            seconds(theirs),
            seconds(ours),
            ratio(ours, theirs),
            seconds(commit),
            ratio(commit, theirs),
        ]);
    }
    table.finish()
}

fn parts(measured: &[Measured]) -> String {
    let about = "The same rollouts taken apart, as a watch on the pods saw them: means per process, but for the first \
                 and the last column, which are once per rollout. Asked → first created is what Slipway checks, writes \
                 down and puts up before it moves anything: image, records, Deployment, variables, stamps. Stamps of \
                 the cluster are whole seconds, so that a bake that counts from one is up to a second shorter than \
                 asked for. Both end it at that very moment. Ready → told \
                 is longer by Slipway where the process before still stops: no more than a batch may be stopping, so \
                 that a step lasts as long as its pause and its end where those outlast the bake; the native rollout \
                 lets any number stop. Told → next created: one decision with two writes, the second of which is sent \
                 once the first has landed.";
    let columns = [
        "N",
        "by",
        "asked → first created",
        "created → started",
        "started → ready",
        "ready → old one told to stop",
        "told → next created",
        "last told → end",
    ];
    let mut table = Table::new("Taken apart", about, &columns);
    for Measured { shape, native, slipway } in measured {
        for (by, runs) in [("native", native), ("Slipway", slipway)] {
            let part = |of: fn(&Steps) -> Duration| seconds(mean(runs, |run| of(&run.steps)));
            let next = if shape.processes > shape.batch { part(|steps| steps.stopped) } else { String::new() };
            table.row([
                shape.processes.to_string(),
                by.to_owned(),
                part(|steps| steps.asked),
                part(|steps| steps.created),
                part(|steps| steps.started),
                part(|steps| steps.baked),
                next,
                part(|steps| steps.ended),
            ]);
        }
    }
    table.finish()
}

fn mean(runs: &[Run], of: impl Fn(&Run) -> Duration) -> Duration {
    runs.iter().map(of).sum::<Duration>() / u32::try_from(runs.len()).unwrap_or(1).max(1)
}
