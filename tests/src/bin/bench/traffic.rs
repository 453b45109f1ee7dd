//! Requests at a steady rate while releases are promoted one after another. A request that fails is never sent again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use slipway_tests::server::outside::Outside;
use slipway_tests::server::shop::{ENVIRONMENT, Shop, text};
use slipway_tests::server::{Result, failed};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::numbers::{millis, percentile};
use crate::rollout::{WEB, manifest};
use crate::table::Table;

const PROMOTIONS: usize = 20;
/// 50 senders × 20 a second: 1,000 requests a second.
const SENDERS: u32 = 50;
const EVERY: Duration = Duration::from_millis(50);
const LIMIT: Duration = Duration::from_secs(10);

type Http = Client<HttpConnector, Empty<Bytes>>;

#[derive(Default)]
struct Tally {
    over: AtomicBool,
    times: Mutex<Vec<Duration>>,
    lost: Mutex<Vec<String>>,
}

pub async fn measure() -> Result<String> {
    let about = format!(
        "1,000 requests a second over {SENDERS} keep-alive connections through {PROMOTIONS} promotions of two Node \
         processes with a bake of 1 s. Latency counts from the time at which a request was due. Lost is what was not \
         answered with 200 and the whole body."
    );
    let folder = crate::folder()?;
    let server = Outside::start(&crate::server()?, folder.path(), "info").await?;
    let client = server.client()?;
    let shop = Shop(&client);
    let first = shop.create(&[("slipway.yml", &manifest(2, 1)), ("web.js", WEB)]).await?;
    shop.ship(&first).await?;
    let address = text(&client.get(ENVIRONMENT).await?["addresses"][0]["url"])?;
    let (tally, mut senders) = start(&address);
    let begun = Instant::now();
    let promoted = promote(&shop).await;
    let took = begun.elapsed();
    tally.over.store(true, Ordering::Relaxed);
    while senders.join_next().await.is_some() {}
    promoted?;
    Ok(shown(&about, &tally, took))
}

async fn promote(shop: &Shop<'_>) -> Result<()> {
    for number in 0..PROMOTIONS {
        let release = shop.set(&json!({ "NUMBER": number.to_string() })).await?;
        let outcome = shop.ship(&release).await?;
        if outcome != "succeeded" {
            return Err(format!("promotion {number} ended as {outcome}"));
        }
    }
    Ok(())
}

fn shown(about: &str, tally: &Tally, took: Duration) -> String {
    let columns = ["promotions", "time", "answered", "a second", "lost", "p50", "p99", "longest"];
    let mut table = Table::new("Traffic", about, &columns);
    let mut times = tally.times.lock().unwrap_or_else(PoisonError::into_inner);
    let lost = tally.lost.lock().unwrap_or_else(PoisonError::into_inner);
    let count = u32::try_from(times.len()).map_or(f64::NAN, f64::from);
    table.row([
        PROMOTIONS.to_string(),
        format!("{:.0} s", took.as_secs_f64()),
        times.len().to_string(),
        format!("{:.0}", count / took.as_secs_f64()),
        lost.len().to_string(),
        millis(percentile(&mut times, 50)),
        millis(percentile(&mut times, 99)),
        millis(percentile(&mut times, 100)),
    ]);
    let told = lost.iter().take(5).map(|why| format!("\n- lost: {why}")).collect::<Vec<_>>().concat();
    table.finish() + &told
}

fn start(address: &str) -> (Arc<Tally>, JoinSet<()>) {
    let tally = Arc::new(Tally::default());
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        let (tally, address) = (Arc::clone(&tally), address.to_owned());
        senders.spawn(async move {
            tokio::time::sleep(EVERY * number / SENDERS).await;
            // By default, a request that meets a closed connection is sent again: here it is lost.
            let http: Http = Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build_http();
            send(&http, &address, &tally).await;
        });
    }
    (tally, senders)
}

async fn send(http: &Http, address: &str, tally: &Tally) {
    let mut ticks = interval(EVERY);
    // A tick that was missed is made up for: the load does not ease off while the other side is slow.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while !tally.over.load(Ordering::Relaxed) {
        let due = ticks.tick().await;
        match timeout(LIMIT, ask(http, address)).await.unwrap_or_else(|_| Err("no answer in 10 s".to_owned())) {
            Ok(()) => tally.times.lock().unwrap_or_else(PoisonError::into_inner).push(due.elapsed()),
            Err(error) => tally.lost.lock().unwrap_or_else(PoisonError::into_inner).push(error),
        }
    }
}

async fn ask(http: &Http, address: &str) -> Result<()> {
    let request = Request::get(address).body(Empty::new()).map_err(failed("make a request"))?;
    let answer = http.request(request).await.map_err(|error| format!("{error:?}"))?;
    let status = answer.status();
    let body = answer.into_body().collect().await.map_err(|error| format!("{error:?}"))?.to_bytes();
    if status.as_u16() == 200 && body.starts_with(b"ok R") { Ok(()) } else { Err(format!("answered {status}")) }
}
