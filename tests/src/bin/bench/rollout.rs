//! Real rollouts on this machine against their floor: every process one after the other, each for its boot and its bake.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use slipway_domain::time::Time;
use slipway_rollout::decide::WINDOW;
use slipway_tests::server::client::Client;
use slipway_tests::server::inside::Inside;
use slipway_tests::server::shop::{ENVIRONMENT, Shop, text};
use slipway_tests::server::{Result, failed};

use crate::numbers::{ratio, seconds};
use crate::table::Table;

/// The default of a manifest.
const BAKE: Duration = Duration::from_secs(5);

pub const WEB: &str = "
const http = require('http');
const server = http.createServer((request, response) => response.end('ok ' + process.env.RELEASE));
server.keepAliveTimeout = 60000;
process.on('SIGTERM', () => { server.close(() => process.exit(0)); server.closeIdleConnections(); });
server.listen(process.env.PORT, '127.0.0.1');
";

pub fn manifest(scale: u32, bake: u64) -> String {
    format!(
        "services:\n  web:\n    command: exec node web.js\n    port: 3000\n    scale: {scale}\n    health:\n      \
         path: /\n      timeout: 10\n      bake: {bake}\n    termination:\n      grace: 5\n"
    )
}

pub async fn measure() -> Result<String> {
    let about = "A Node process with a port and a health check, batch 1, bake 5 s: the second release of an app, from \
                 the start of its promotion to the commit. Boot is measured per process, from its start to its passed \
                 check, by the promotion's own events. The commit is preceded by one more bake over all of them \
                 (settling), which the second ratio counts as part of the floor. Transitions are those that Step \
                 Functions would charge for.";
    let columns = [
        "N",
        "wall",
        "boot (mean)",
        "floor N × (boot + bake)",
        "ratio",
        "floor + settle bake",
        "ratio",
        "transitions",
        "formula 2 × (N + windows) + 6",
    ];
    let mut table = Table::new("Rollout", about, &columns);
    for processes in [1, 3, 10] {
        table.row(one(processes).await?);
    }
    Ok(table.finish())
}

async fn one(processes: u32) -> Result<Vec<String>> {
    let (server, client) = Inside::start(&crate::server()?).await?;
    let shop = Shop(&client);
    let first = shop.create(&[("slipway.yml", &manifest(processes, 0)), ("web.js", WEB)]).await?;
    succeeded(&shop.ship(&first).await?)?;
    let second = shop.build(&[("slipway.yml", &manifest(processes, BAKE.as_secs())), ("web.js", WEB)]).await?;
    let promotion = shop.promote(&second).await?;
    let ended = shop.ended(&promotion).await?;
    succeeded(&text(&ended["outcome"])?)?;
    let wall = time(&ended["ended_at"])?.since(time(&ended["started_at"])?);
    let boots = boots(&client, &promotion).await?;
    let transitions = transitions(&server, &promotion);
    server.end().await?;

    let boot: Duration = boots.iter().sum();
    if boots.len() != processes as usize {
        return Err(format!("{} of {processes} processes were told of", boots.len()));
    }
    let floor = boot + BAKE * processes;
    let windows = wall.as_secs().div_ceil(WINDOW.as_secs());
    Ok(vec![
        processes.to_string(),
        seconds(wall),
        seconds(boot / processes),
        seconds(floor),
        ratio(wall, floor),
        seconds(floor + BAKE),
        ratio(wall, floor + BAKE),
        transitions.to_string(),
        (2 * (u64::from(processes) + windows) + 6).to_string(),
    ])
}

fn succeeded(outcome: &str) -> Result<()> {
    if outcome == "succeeded" { Ok(()) } else { Err(format!("the promotion ended as {outcome}")) }
}

/// How long each process took from its start to its passed check.
async fn boots(client: &Client, promotion: &str) -> Result<Vec<Duration>> {
    let mut started: BTreeMap<String, Time> = BTreeMap::new();
    let mut boots = Vec::new();
    for event in events(client, ENVIRONMENT, promotion).await? {
        let (source, at) = (text(&event["source"])?, time(&event["at"])?);
        match event["message"].as_str() {
            Some("Created process" | "Started container main") => {
                started.entry(source).or_insert(at);
            }
            Some("Passed its health check") => {
                boots.push(at.since(started.get(&source).copied().unwrap_or(at)));
            }
            _ => {}
        }
    }
    Ok(boots)
}

/// All events of an ended promotion.
pub async fn events(client: &Client, environment: &str, promotion: &str) -> Result<Vec<Value>> {
    let mut events: Vec<Value> = Vec::new();
    loop {
        let path = format!("{environment}/promotions/{promotion}/events?after={}", events.len());
        let page = client.get(&path).await?;
        let found = page["events"].as_array().ok_or("a page of events was expected")?;
        events.extend(found.iter().cloned());
        if found.is_empty() || page["finished"] == json!(true) {
            return Ok(events);
        }
    }
}

fn transitions(server: &Inside, promotion: &str) -> u64 {
    let executions = server.runner.list();
    let own = executions.iter().filter(|execution| execution.input["promotion"] == json!(promotion));
    own.map(|execution| execution.transitions).sum()
}

pub fn time(value: &Value) -> Result<Time> {
    text(value)?.parse().map_err(failed("read a time"))
}
