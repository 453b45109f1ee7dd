//! A day in the life of an installation whose every variable is a canary.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use slipway_tests::server::client::Client;
use slipway_tests::server::outside::{self, Outside};
use slipway_tests::server::search::{Canary, Folder, Place, folder, items, search};
use slipway_tests::server::shop::{ENVIRONMENT, Shop, text};

const MANIFEST: &str = "
services:
  web:
    command: exec node web.js
    port: 3000
    health:
      path: /healthz
      timeout: 3
      bake: 1
";

/// Tells its variables to its log and to whoever asks, sick or well.
const WEB: &str = "
const http = require('http');
const { API_KEY, CERTIFICATE, FAULT } = process.env;
console.log('starting with ' + API_KEY + ' and ' + CERTIFICATE);
if (FAULT === 'crash') { console.error('cannot log in as ' + API_KEY); process.exit(3); }
http.createServer((request, response) => {
  response.statusCode = FAULT === 'sick' && request.url === '/healthz' ? 500 : 200;
  response.setHeader('x-key', API_KEY);
  response.end(API_KEY + CERTIFICATE);
}).listen(process.env.PORT, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
";

const PRINT: &str = "env; echo $API_KEY >&2; exit 7\n";

/// The values of one run: drawn, so that nothing else can be like them.
struct Values {
    accepted: BTreeMap<&'static str, String>,
    refused: Vec<String>,
    randoms: Vec<String>,
}

impl Values {
    fn draw() -> Self {
        let mut randoms = Vec::new();
        let mut random = || {
            randoms.push(format!("{:024x}", rand::random::<u128>() >> 32));
            randoms.last().unwrap().clone()
        };
        let accepted = BTreeMap::from([
            ("API_KEY", format!("CANARY-{}", random())),
            ("CERTIFICATE", format!("-----BEGIN CANARY-{}\nü/+&=\"{}\"\\ \u{1F511}\n", random(), random())),
            ("SPARE", format!("CANARY-{}", random())),
        ]);
        let refused = (0..12).map(|_| format!("CANARY-{}", random())).collect();
        Self { accepted, refused, randoms }
    }

    /// Whole values, and their random parts alone.
    fn canaries(&self) -> Vec<Canary> {
        let whole = self.accepted.values().chain(&self.refused);
        whole.chain(&self.randoms).map(Canary::new).collect()
    }

    fn with(&self, fault: &str) -> Value {
        let mut variables = json!(self.accepted);
        variables["FAULT"] = json!(fault);
        variables
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_in_no_log_answer_event_payload_or_database() {
    let values = Values::draw();
    let canaries = values.canaries();
    let place = tempfile::tempdir().unwrap();
    let data = outside::data(place.path());
    // Everything is logged, also by the libraries.
    let server = Outside::start(Path::new(env!("CARGO_BIN_EXE_test-server")), place.path(), "trace").await.unwrap();
    let client = server.client().unwrap().taped();
    ship_and_break(&client, &values).await;
    refuse(&client, &values).await;
    read_all(&client).await;

    let live = folder(&data).unwrap();
    let mut places = live.places;
    places.extend(client.tape().into_iter().map(|text| Place::new("answer", text)));
    assert_eq!(search(&places, &canaries), Vec::<String>::new(), "while it runs");
    assert!(places.iter().any(|place| place.name == "slipway.db-wal" && !place.bytes.is_empty()));
    assert!(places.iter().filter(|place| place.name.starts_with("executions/")).count() >= 5);
    the_search_sees(&live.secrets, &live.logs, &canaries);

    drop(server);
    let Folder { mut places, .. } = folder(&data).unwrap();
    places.extend(outside::printed(place.path()).unwrap());
    places.extend(items(&data.join("slipway.db")).await.unwrap());
    assert_eq!(search(&places, &canaries), Vec::<String>::new(), "after it has ended");
    let log = places.iter().find(|place| place.name == "server.log").unwrap();
    assert!(log.bytes.len() > 100_000, "everything was logged");
}

/// The exceptions hold what they are there for, so the search would have seen it elsewhere; and only the owner reads them.
fn the_search_sees(secrets: &[(std::path::PathBuf, Place)], logs: &[Place], canaries: &[Canary]) {
    assert!(!secrets.is_empty());
    for (path, place) in secrets {
        let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
        assert!(
            path.parent()
                .unwrap()
                .ancestors()
                .any(|folder| { std::fs::metadata(folder).unwrap().permissions().mode() & 0o777 == 0o700 })
        );
        assert!(place.name.starts_with("cluster/"), "{}", place.name);
    }
    let templates: Vec<Place> = secrets.iter().map(|(_, place)| place.clone()).collect();
    assert!(!search(&templates, canaries).is_empty(), "variables are delivered through these");
    assert!(!search(logs, canaries).is_empty(), "what a process wrote is kept as it wrote it");
}

/// Good and bad promotions, a run, a reveal, a roll-back, a restart, another formation.
async fn ship_and_break(client: &Client, values: &Values) {
    let shop = Shop(client);
    let first = shop.create(&[("slipway.yml", MANIFEST), ("web.js", WEB), ("print.sh", PRINT)]).await.unwrap();
    assert_eq!(shop.ship(&shop.set(&values.with("none")).await.unwrap()).await.unwrap(), "succeeded");
    for (fault, cause) in [("crash", "crash_loop"), ("sick", "health_timeout")] {
        let release = shop.set(&values.with(fault)).await.unwrap();
        let promotion = shop.promote(&release).await.unwrap();
        let ended = shop.ended(&promotion).await.unwrap();
        assert_eq!(
            (&ended["outcome"], &ended["failure"]["cause"]),
            (&json!("rolled_back"), &json!(cause)),
            "{ended:#}"
        );
        let log = ended["failure"]["log"].to_string();
        assert!(log.contains("starting with *** and ***"), "evidence is kept, masked: {log}");
    }
    let good = shop.set(&values.with("well")).await.unwrap();
    let run = json!({ "service": "web", "command": ["sh", "print.sh"], "release": good });
    let run = text(&client.post(&format!("{ENVIRONMENT}/runs"), &run).await.unwrap()["id"]).unwrap();
    let ended = shop.until(&format!("{ENVIRONMENT}/runs/{run}"), |run| run["ended_at"].is_string()).await.unwrap();
    assert_eq!(ended["exit"]["code"], 7);
    see_what_may_be_seen(client, values, &run).await;

    let restarted = client.post(&format!("{ENVIRONMENT}/restarts"), &json!({})).await.unwrap();
    shop.ended(&text(&restarted["promotion"]["id"]).unwrap()).await.unwrap();
    let scaled = client.post(&format!("{ENVIRONMENT}/scale"), &json!({ "services": { "web": 2 } })).await.unwrap();
    shop.ended(&text(&scaled["promotion"]["id"]).unwrap()).await.unwrap();
    let back = json!({ "release": first, "reason": "a test" });
    let back = client.post(&format!("{ENVIRONMENT}/rollbacks"), &back).await.unwrap();
    let ended = shop.ended(&text(&back["promotion"]["id"]).unwrap()).await.unwrap();
    assert!(ended["outcome"].is_string());
    let unset = json!({ "set": { "API_KEY": values.accepted["SPARE"] }, "unset": ["SPARE"] });
    client.send(Method::PATCH, &format!("{ENVIRONMENT}/variables"), Some(&unset), None).await.unwrap().ok().unwrap();
    assert_eq!(shop.ship("v2").await.unwrap(), "succeeded");
}

/// The three ways to see a value: to reveal it, and to read what a process wrote.
async fn see_what_may_be_seen(client: &Client, values: &Values, run: &str) {
    let revealed = client.untaped(Method::POST, &format!("{ENVIRONMENT}/variables/reveal"), &json!({})).await.unwrap();
    assert_eq!(revealed.ok().unwrap()["variables"], values.with("well"), "bit for bit");
    for path in [format!("{ENVIRONMENT}/logs"), format!("{ENVIRONMENT}/runs/{run}/log")] {
        let log = client.untaped(Method::GET, &path, &Value::Null).await.unwrap();
        log.ok().unwrap();
        assert!(log.body.contains(&values.accepted["API_KEY"]), "{path} shows what the process wrote");
    }
}

/// Requests that are refused for what they are, with values in them.
async fn refuse(client: &Client, values: &Values) {
    let variables = format!("{ENVIRONMENT}/variables");
    let value = |index: usize| values.refused[index].as_str();
    let bodies = [
        (422, json!({ "set": { "1BAD": value(0), "OTHER": value(1) } }).to_string()),
        (422, json!({ "set": { "NUL": format!("{}\0", value(2)) } }).to_string()),
        (422, json!({ "set": { "LONG": value(3).repeat(3000) } }).to_string()),
        (400, json!({ "set": { "LIST": [value(4)] } }).to_string()),
        (400, json!({ "set": value(5) }).to_string()),
        (400, json!({ "set": { "A": "1" }, "then": value(6) }).to_string()),
        (400, format!("{{\"set\":{{\"A\":\"{}\"", value(7))),
        (400, format!("{{\"set\":{{\"A\":\"{}\",\"A\":\"2\"}}}}", value(8))),
        (413, json!({ "set": { "HUGE": value(9).repeat(80_000) } }).to_string()),
        (412, json!({ "set": { "A": value(10) }, "if_base": "RZZZZZZZZZZ" }).to_string()),
    ];
    for (status, body) in bodies {
        let answer = client.raw(Method::PATCH, &variables, Some(body.clone()), None).await.unwrap();
        assert_eq!(answer.status, status, "{} to {:.200}", answer.body, body);
    }
    let body = |value: &str| json!({ "set": { "A": value } });
    let nowhere = "/v1/apps/shop/environments/nowhere/variables";
    let answer = client.send(Method::PATCH, nowhere, Some(&body(value(11))), None).await.unwrap();
    assert_eq!(answer.status, 404);
    let stranger = Client::new(client.url(), "slp_owner_wrong").unwrap();
    let answer = stranger.send(Method::PATCH, &variables, Some(&body(value(11))), None).await.unwrap();
    assert_eq!(answer.status, 401);
}

/// Every operation of the API's own document that only reads, logs of processes aside.
async fn read_all(client: &Client) {
    let document = client.get("/openapi.json").await.unwrap();
    let first = async |path: &str| {
        let page = client.get(path).await.unwrap();
        page["items"].as_array().unwrap().iter().map(|item| text(&item["id"]).unwrap()).collect::<Vec<_>>()
    };
    let ids = [
        ("{build}", first("/v1/apps/shop/builds").await),
        ("{release}", first("/v1/apps/shop/releases?limit=100").await),
        ("{promotion}", first(&format!("{ENVIRONMENT}/promotions")).await),
        ("{run}", first(&format!("{ENVIRONMENT}/runs")).await),
    ];
    let mut read = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        // The installation has a cluster of its own, and no others.
        if path.contains("{cluster}") {
            continue;
        }
        if operations.get("get").is_none() || path.ends_with("/logs") || path.ends_with("/{run}/log") {
            continue;
        }
        let path = path.replace("{app}", "shop").replace("{environment}", "production");
        let path = if path.ends_with("/diff") { format!("{path}?with=v1") } else { path };
        let named = ids.iter().find(|(name, _)| path.contains(name));
        let paths = named
            .map_or_else(|| vec![path.clone()], |(name, ids)| ids.iter().map(|id| path.replace(name, id)).collect());
        for path in paths {
            let answer = client.send(Method::GET, &path, None, None).await.unwrap();
            assert!(answer.ok().is_ok() || answer.status == 409, "{path}: {answer:?}");
            read += 1;
        }
    }
    assert!(read > 40, "{read} reads");
}
