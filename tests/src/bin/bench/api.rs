//! The API's two central writes, over HTTP: the release that a variable makes, and a promotion that is accepted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use reqwest::Method;
use serde_json::{Value, json};
use slipway_domain::id::ReleaseId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::release::{Release, ReleaseRef};
use slipway_store::Scoped;
use slipway_store::records::Change;
use slipway_store::releases::NewRelease;
use slipway_tests::server::client::Client;
use slipway_tests::server::inside::Inside;
use slipway_tests::server::shop::{Shop, text};
use slipway_tests::server::{Result, failed};

use crate::machine::now;
use crate::numbers::{millis, percentile, seconds};
use crate::table::Table;

/// Nothing runs of it: what is measured is the API and the state machine behind it.
const NONE: &str = "services:\n  worker:\n    command: exec sleep 3600\n    scale: 0\n    health:\n      bake: 0\n";
/// At the same time, each in an app of its own: who writes to one app waits for the others by design.
const CLIENTS: usize = 4;
const RELEASES: usize = 250;
const PROMOTIONS: usize = 50;
const FEW: u64 = 10;
const MANY: u64 = 100_000;

pub async fn measure() -> Result<String> {
    let (server, client) = Inside::start(&crate::server()?).await?;
    let client = Arc::new(client);
    prepare(&client).await?;
    let mut rows = Vec::new();
    let mut filled = Duration::ZERO;
    for stored in [FEW, MANY] {
        let begun = Instant::now();
        fill(&server, stored).await?;
        filled += begun.elapsed();
        rows.push((stored, "release create", all(&client, RELEASES, create).await?));
        rows.push((stored, "promote accepted", all(&client, PROMOTIONS, promote).await?));
    }
    server.end().await?;
    let about = format!(
        "{CLIENTS} clients at a time over HTTP, the database in a file. The stored releases were written one after \
         another by the store's own `create_release`, in {}, before the requests. Requests a second are those of all \
         clients in the time that they waited for answers; promotions move no process, and each is awaited before the \
         next.",
        seconds(filled)
    );
    let mut table = Table::new("API", &about, &["stored releases", "request", "count", "a second", "p50", "p99"]);
    for (stored, what, mut times) in rows {
        let waited: Duration = times.iter().sum();
        let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
        let clients = u32::try_from(CLIENTS).unwrap_or(u32::MAX);
        table.row([
            stored.to_string(),
            what.to_owned(),
            count.to_string(),
            format!("{:.0}", f64::from(count * clients) / waited.as_secs_f64()),
            millis(percentile(&mut times, 50)),
            millis(percentile(&mut times, 99)),
        ]);
    }
    Ok(table.finish())
}

/// Apps with one promoted release each.
async fn prepare(client: &Client) -> Result<()> {
    for number in 0..CLIENTS {
        client.post("/v1/apps", &json!({ "name": name(number) })).await?;
        let release = Shop(client).build_of(&name(number), &[("slipway.yml", NONE)]).await?;
        ended(client, number, &release).await?;
    }
    Ok(())
}

fn name(number: usize) -> String {
    format!("app-{number}")
}

fn environment(number: usize) -> String {
    format!("/v1/apps/{}/environments/production", name(number))
}

/// Writes releases to the apps until there are so many of them in all.
async fn fill(server: &Inside, stored: u64) -> Result<()> {
    let store = server.slipway.store.scoped(server.tenant.clone());
    let each = stored.div_ceil(CLIENTS as u64);
    let chains = (0..CLIENTS).map(|number| chain(&store, number, each));
    try_join_all(chains).await.map(drop)
}

async fn chain(store: &Scoped, number: usize, until: u64) -> Result<()> {
    let production = EnvironmentName::production();
    let name: AppName = name(number).parse().map_err(failed("name the app"))?;
    let read = || failed("read the app");
    let app = store.app(&name).await.map_err(read())?.ok_or("the app is gone")?;
    let environment = store.environment(&name, &production).await.map_err(read())?.ok_or("no environment")?;
    let own = ReleaseRef::Id(environment.newest.clone().ok_or("the app has no release")?);
    let own = store.release(&name, &own).await.map_err(read())?.ok_or("the release is gone")?;
    let variables = store.variables(&own).await.map_err(failed("read the variables"))?;
    let mut newest = environment.newest;
    for count in app.release_count + 1..=until {
        let id = ReleaseId::from_entropy(rand::random());
        let release = Release {
            id: id.clone(),
            number: count,
            original_number: count,
            parent: newest.clone(),
            created_at: now(),
            tag: None,
            ..own.clone()
        };
        let new = NewRelease { release, variables: variables.clone(), expected_newest: newest };
        let change = Change::system(now(), "release.create", "benchmark");
        store.create_release(&change, &new).await.map_err(failed("write a release"))?;
        newest = Some(id);
    }
    Ok(())
}

/// The times of all requests of all clients, who work at the same time.
async fn all<F>(client: &Arc<Client>, count: usize, one: fn(Arc<Client>, usize, usize) -> F) -> Result<Vec<Duration>>
where
    F: Future<Output = Result<Duration>> + Send + 'static,
{
    let tasks = (0..CLIENTS).map(|number| {
        let client = Arc::clone(client);
        tokio::spawn(async move {
            let mut times = Vec::new();
            for request in 0..count {
                times.push(one(Arc::clone(&client), number, request).await?);
            }
            Ok::<_, String>(times)
        })
    });
    let times = try_join_all(tasks).await.map_err(failed("work at the same time"))?;
    Ok(times.into_iter().collect::<Result<Vec<_>>>()?.concat())
}

async fn create(client: Arc<Client>, number: usize, _: usize) -> Result<Duration> {
    set(&client, number).await.map(|(took, _)| took)
}

/// Sets a variable to something new. Returns how long it took, and the release.
async fn set(client: &Client, number: usize) -> Result<(Duration, String)> {
    let body = json!({ "set": { "NUMBER": format!("{:x}", rand::random::<u64>()) } });
    let path = format!("{}/variables", environment(number));
    let (took, answer) = timed(client, Method::PATCH, &path, &body).await?;
    Ok((took, text(&answer["release"])?))
}

async fn promote(client: Arc<Client>, number: usize, _: usize) -> Result<Duration> {
    let (_, release) = set(&client, number).await?;
    ended(&client, number, &release).await
}

/// Promotes, and waits for the end. Returns how long it took until it was accepted.
async fn ended(client: &Client, number: usize, release: &str) -> Result<Duration> {
    let path = format!("{}/promotions", environment(number));
    let (took, promotion) = timed(client, Method::POST, &path, &json!({ "release": release })).await?;
    let path = format!("{path}/{}", text(&promotion["id"])?);
    let promotion = Shop(client).until(&path, |promotion| promotion["outcome"].is_string()).await?;
    match promotion["outcome"].as_str() {
        Some("succeeded") => Ok(took),
        outcome => Err(format!("the promotion ended as {outcome:?}")),
    }
}

async fn timed(client: &Client, method: Method, path: &str, body: &Value) -> Result<(Duration, Value)> {
    let begun = Instant::now();
    let answer = client.send(method, path, Some(body), None).await?;
    let took = begun.elapsed();
    Ok((took, answer.ok()?))
}
