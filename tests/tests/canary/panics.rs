//! A panic says where it happened, and shows no value.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use slipway_domain::secret::Secret;
use slipway_domain::variables::Variables;
use slipway_service::ports::Entropy;
use slipway_service::releases::BaseChoice;
use slipway_service::slipway::Slipway;
use slipway_service::variables::{ChangeVariables, VariableChange};
use slipway_tests::server::client::Client;
use slipway_tests::server::inside::Inside;
use slipway_tests::server::search::{Canary, Place, search};
use slipway_tests::server::shop::{ENVIRONMENT, Shop};

const VALUE: &str = "CANARY-of-a-panic-8d1c";
const WORKER: &str = "services:\n  worker:\n    command: exec sleep 3600\n";

/// What panics said since the first call.
fn said() -> &'static Mutex<Vec<String>> {
    static SAID: OnceLock<Mutex<Vec<String>>> = OnceLock::new();
    SAID.get_or_init(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let trace = std::backtrace::Backtrace::force_capture();
            said().lock().unwrap().push(format!("{info}\n{trace}"));
            usual(info);
        }));
        Mutex::default()
    })
}

fn panics_about(words: &str) -> Vec<Place> {
    let said = said().lock().unwrap();
    said.iter().filter(|text| text.contains(words)).map(|text| Place::new("panic", text.as_bytes())).collect()
}

/// Draws nothing any more, in the middle of a request.
struct Exhausted;

impl Entropy for Exhausted {
    fn draw(&self) -> u128 {
        panic!("the source of randomness is exhausted")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_with_values_in_its_hands_tells_none() {
    said();
    let (server, client) = Inside::start(Path::new(env!("CARGO_BIN_EXE_test-server"))).await.unwrap();
    Shop(&client).create(&[("slipway.yml", WORKER)]).await.unwrap();
    let broken = Slipway { entropy: Arc::new(Exhausted), ..(*server.slipway).clone() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = slipway_web::router(Arc::new(broken));
    let beside = tokio::spawn(axum::serve(listener, router).into_future());
    let broken = Client::new(&url, client.token()).unwrap();
    let body = json!({ "set": { "API_KEY": VALUE } });
    let answer = broken.send(Method::PATCH, &format!("{ENVIRONMENT}/variables"), Some(&body), None).await.unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (500, "internal"), "{answer:?}");
    let mut places = panics_about("the source of randomness is exhausted");
    assert!(!places.is_empty(), "it did panic");
    places.push(Place::new("answer", format!("{}{}", answer.headers, answer.body)));
    assert_eq!(search(&places, &[Canary::new(VALUE)]), Vec::<String>::new());
    beside.abort();
    server.end().await.unwrap();
}

#[test]
fn whatever_carries_values_shows_none_when_it_is_printed() {
    said();
    let secret = || Secret::from(VALUE);
    let variables = Variables::new([("API_KEY".parse().unwrap(), secret())].into()).unwrap();
    let change = ChangeVariables {
        change: VariableChange::Patch(vec![("API_KEY".to_owned(), Some(secret()))]),
        base: BaseChoice::Newest,
        if_base: None,
        description: None,
        tag: None,
    };
    let replace = VariableChange::Replace(vec![("API_KEY".to_owned(), secret())]);
    let refused = Variables::new([("API_KEY".parse().unwrap(), Secret::from(format!("{VALUE}\0")))].into());
    let printed = [
        format!("{:?}", secret()),
        format!("{variables:?}"),
        format!("{change:#?}"),
        format!("{replace:?}"),
        format!("{:?}", refused.unwrap_err()),
        format!("{:?}", template(secret())),
    ];
    for text in printed {
        assert!(text.contains("API_KEY") || text == "***", "{text}");
        let words = format!("unexpected: {text}");
        let caught = panic::catch_unwind(AssertUnwindSafe(|| panic!("{words}")));
        assert!(caught.is_err());
    }
    let places = panics_about("unexpected: ");
    assert_eq!(places.len(), 6);
    assert_eq!(search(&places, &[Canary::new(VALUE)]), Vec::<String>::new());
}

fn template(value: Secret) -> slipway_service::ports::NewDeployment {
    let manifest = slipway_domain::manifest::parse("slipway.yml", WORKER).unwrap();
    let service = manifest.services[0].clone();
    let release: slipway_domain::id::ReleaseId = "RAAAAAAAAAA".parse().unwrap();
    slipway_service::ports::NewDeployment {
        key: slipway_domain::promotion::DeploymentKey { service: service.name.clone(), release: release.clone() },
        epoch: slipway_domain::promotion::Epoch(1),
        template: slipway_service::ports::Template {
            release,
            build: "BAAAAAAAAAA".parse().unwrap(),
            service: service.name,
            image: slipway_domain::release::ImageDigest::from_sha256(&[1; 32]),
            command: service.command,
            init_container: None,
            ports: service.ports,
            health: service.health,
            domains: Vec::new(),
            resources: service.resources,
            init: false,
            writable: false,
            pause: Duration::ZERO,
            grace: Duration::from_secs(1),
            variables: vec![("API_KEY".to_owned(), value)],
        },
    }
}
