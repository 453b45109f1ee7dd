//! The API as it is deployed, in the emulator, against the local server: the same requests, one after another.

use std::time::{Duration, Instant};

use serde_json::json;
use slipway_tests::end_to_end::aws::Aws;
use slipway_tests::server::Result;
use slipway_tests::server::client::Client;
use slipway_tests::server::outside::Outside;

use crate::numbers::{millis, percentile};
use crate::table::Table;

const REQUESTS: usize = 300;

pub async fn measure() -> Result<String> {
    let about = format!(
        "{REQUESTS} requests one after another to the deployed API (gateway, function and table of an emulator, the \
         tenant's session through a stand-in for STS) and to the local server. The emulator is no AWS: what differs is \
         the price of its own layers, and what the function adds to them."
    );
    let mut table = Table::new("API as deployed", &about, &["where", "request", "p50", "p99"]);
    let folder = crate::folder()?;
    let server = Outside::start(&crate::server()?, folder.path(), "info").await?;
    let aws = Aws::start().await?;
    let tenant = aws.tenant("bench", 0).await?;
    let local = server.client()?;
    for (place, client) in [("emulator", &tenant.client), ("local", &local)] {
        let [read, written] = ask(client).await?;
        for (request, mut times) in [("GET /v1/apps/{app}", read), ("POST /v1/apps", written)] {
            let row = [percentile(&mut times, 50), percentile(&mut times, 99)].map(millis);
            table.row([place.to_owned(), request.to_owned()].into_iter().chain(row));
        }
    }
    Ok(table.finish())
}

/// How long each read and each write took.
async fn ask(client: &Client) -> Result<[Vec<Duration>; 2]> {
    let (mut read, mut written) = (Vec::new(), Vec::new());
    client.post("/v1/apps", &json!({ "name": "bench" })).await?;
    for number in 0..REQUESTS {
        let begun = Instant::now();
        client.get("/v1/apps/bench").await?;
        read.push(begun.elapsed());
        let begun = Instant::now();
        client.post("/v1/apps", &json!({ "name": format!("app-{number}") })).await?;
        written.push(begun.elapsed());
    }
    Ok([read, written])
}
