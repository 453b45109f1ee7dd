//! The router with real servers behind it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{SERVER, until_async};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use slipway_local::router::client::Client;
use slipway_local::router::table::{Check, Service, Table, Target, View};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ID: &str = "shop--production/web";

type Http = HttpClient<HttpConnector, Full<Bytes>>;

/// A router and its servers, all ended with the test.
struct World {
    dir: tempfile::TempDir,
    client: Client,
    http: Http,
    router: Child,
    servers: Vec<(Child, Target)>,
}

impl World {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let router = launch(dir.path());
        let client = Client::new(dir.path(), "/no/such/helper");
        let http = HttpClient::builder(TokioExecutor::new()).build(HttpConnector::new());
        let world = Self { dir, client, http, router, servers: Vec::new() };
        world.up().await;
        world
    }

    async fn up(&self) {
        until_async("the router", || async { self.client.look().await.ok() }).await;
    }

    fn server(&mut self, name: &str, path: Option<&str>) -> Target {
        let port = common::free_port();
        let child = Command::new("node")
            .args(["-e", SERVER])
            .env("PORT", port.to_string())
            .env("NAME", name)
            .env("KEEP_ALIVE_MS", "1")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let check = Check { path: path.map(str::to_owned), interval_ms: 200, timeout_ms: 1000, failures: 1 };
        let target = Target { uid: name.to_owned(), run: 0, port, check_port: port, check, draining: false };
        self.servers.push((child, target.clone()));
        target
    }

    async fn put(&self, targets: &[Target]) -> View {
        let service = Service { id: ID.to_owned(), targets: targets.to_vec() };
        self.client.put(Table { services: vec![service] }).await.unwrap()
    }

    async fn until(&self, what: &str, holds: impl Fn(&View) -> bool) -> View {
        let mut view = self.client.look().await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(15);
        while !holds(&view) {
            assert!(Instant::now() < deadline, "waited in vain for: {what}; {view:?}");
            view = self.client.watch(&view, Duration::from_secs(5)).await.unwrap();
        }
        view
    }

    async fn ready(&self, count: usize) -> u16 {
        let ready = |view: &View| view.targets.values().filter(|target| target.ready_since.is_some()).count();
        let view = self.until("readiness", |view| ready(view) == count).await;
        view.ports[ID].clone().unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for child in self.servers.iter_mut().map(|(child, _)| child).chain([&mut self.router]) {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

fn launch(dir: &std::path::Path) -> Child {
    Command::new(common::helper()).arg("router").arg(dir).spawn().unwrap()
}

async fn get(http: &Http, port: u16, path: &str) -> (StatusCode, String) {
    send(http, Method::GET, port, path, "").await
}

async fn send(http: &Http, method: Method, port: u16, path: &str, body: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(format!("http://127.0.0.1:{port}{path}"));
    let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
    let response = http.request(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn only_what_is_ready_is_asked() {
    let mut world = World::start().await;
    let good = world.server("good", Some("/"));
    let bad = world.server("bad", Some("/fail"));
    let port = common::free_port();
    let silent = Target { uid: "silent".to_owned(), port, check_port: port, ..good.clone() };
    let port = world.put(&[good, bad.clone(), silent.clone()]).await.ports[ID].clone().unwrap();
    let view = world
        .until("all three judged", |view| {
            view.targets["good"].ready_since.is_some()
                && view.targets["bad"].error.as_deref() == Some("GET /fail answered 500")
        })
        .await;
    assert_eq!(view.targets["bad"].ready_since, None);
    let refused = format!("dial tcp 127.0.0.1:{}: connection refused", silent.port);
    assert_eq!(view.targets["silent"].error, Some(refused));
    for _ in 0..20 {
        assert_eq!(get(&world.http, port, "/").await, (StatusCode::OK, "good".to_owned()));
    }
    world.put(&[bad]).await;
    let nobody = (StatusCode::SERVICE_UNAVAILABLE, "no process of this service is ready\n".to_owned());
    assert_eq!(get(&world.http, port, "/").await, nobody);
}

#[tokio::test]
async fn a_slow_request_is_finished_while_its_target_drains() {
    let mut world = World::start().await;
    let target = world.server("old", Some("/"));
    world.put(std::slice::from_ref(&target)).await;
    let port = world.ready(1).await;
    let http = world.http.clone();
    let slow = tokio::spawn(async move { get(&http, port, "/slow").await });
    until_async("the request", || async {
        (world.client.look().await.unwrap().targets["old"].in_flight == 1).then_some(())
    })
    .await;
    let view = world.put(&[Target { draining: true, ..target }]).await;
    assert_eq!(view.targets["old"].in_flight, 1);
    assert_eq!(get(&world.http, port, "/").await.0, StatusCode::SERVICE_UNAVAILABLE);
    world.until("the end of the request", |view| view.targets["old"].in_flight == 0).await;
    assert_eq!(slow.await.unwrap(), (StatusCode::OK, "slow old".to_owned()));
}

#[tokio::test]
async fn upgrades_and_streams_pass_through() {
    let mut world = World::start().await;
    let target = world.server("web", None);
    world.put(&[target]).await;
    let port = world.ready(1).await;

    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n").await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    for text in [b"first", b"again"] {
        stream.write_all(text).await.unwrap();
        let mut back = [0; 5];
        stream.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, text);
    }
    assert_eq!(world.client.look().await.unwrap().targets["web"].in_flight, 1);

    let request = Request::get(format!("http://127.0.0.1:{port}/stream")).body(Full::default()).unwrap();
    let mut response = world.http.request(request).await.unwrap();
    let mut arrivals = Vec::new();
    while let Some(frame) = response.frame().await {
        arrivals.push((Instant::now(), frame.unwrap().into_data().unwrap()));
    }
    let texts: Vec<_> = arrivals.iter().map(|(_, data)| data.clone()).collect();
    assert_eq!(texts, ["chunk 0\n", "chunk 1\n", "chunk 2\n"]);
    assert!(arrivals[2].0 - arrivals[0].0 > Duration::from_millis(100), "the chunks were held back");

    // A body is echoed while it is still being sent.
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream
        .write_all(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        .await
        .unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"hello\r\n") {
        seen.push(stream.read_u8().await.unwrap());
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut end = [0; 5];
    stream.read_exact(&mut end).await.unwrap();
    assert_eq!(&end, b"0\r\n\r\n");
}

#[tokio::test]
async fn the_process_learns_who_asked() {
    let mut world = World::start().await;
    let target = world.server("web", None);
    world.put(&[target]).await;
    let port = world.ready(1).await;
    let request = Request::get(format!("http://127.0.0.1:{port}/headers"))
        .header("host", "shop.test")
        .header("x-forwarded-for", "10.0.0.9")
        .header("connection", "x-private")
        .header("x-private", "1")
        .body(Full::default())
        .unwrap();
    let body = world.http.request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    let headers: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let expected = serde_json::json!({
        "host": "shop.test",
        "x-forwarded-for": "10.0.0.9, 127.0.0.1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "shop.test",
        "connection": "keep-alive",
    });
    let without_defaults: serde_json::Map<_, _> =
        headers.as_object().unwrap().clone().into_iter().filter(|(name, _)| name != "content-length").collect();
    let mut wanted = expected.as_object().unwrap().clone();
    if !without_defaults.contains_key("connection") {
        wanted.remove("connection");
    }
    let sorted = |map: &serde_json::Map<String, serde_json::Value>| {
        map.iter().map(|(name, value)| (name.clone(), value.to_string())).collect::<BTreeSet<_>>()
    };
    assert_eq!(sorted(&without_defaults), sorted(&wanted));
}

#[tokio::test]
async fn a_router_that_starts_again_goes_on_at_the_same_port() {
    let mut world = World::start().await;
    let target = world.server("web", None);
    world.put(&[target]).await;
    let port = world.ready(1).await;
    world.router.kill().unwrap();
    world.router.wait().unwrap();
    world.router = launch(world.dir.path());
    world.up().await;
    assert_eq!(world.ready(1).await, port);
    assert_eq!(get(&world.http, port, "/").await, (StatusCode::OK, "web".to_owned()));
    let mut second = launch(world.dir.path());
    assert!(second.wait().unwrap().success(), "a second router for the folder ends by itself");
}

#[tokio::test]
async fn a_process_that_dies_with_requests_loses_none_that_can_be_repeated() {
    let mut world = World::start().await;
    let targets = [world.server("a", None), world.server("b", None)];
    world.put(&targets).await;
    let port = world.ready(2).await;
    let slow: Vec<_> = (0..8)
        .map(|_| {
            let http = world.http.clone();
            tokio::spawn(async move { get(&http, port, "/slow").await })
        })
        .collect();
    until_async("four on each", || async {
        world.client.look().await.unwrap().targets.values().all(|target| target.in_flight == 4).then_some(())
    })
    .await;
    world.servers[0].0.kill().unwrap();
    for answer in slow {
        assert_eq!(answer.await.unwrap().0, StatusCode::OK);
    }
}

/// Requests of both kinds, by several clients, until told to stop. Answers sent and failed.
async fn traffic(http: Http, port: u16, stop: Arc<AtomicBool>, sent: Arc<AtomicU64>) -> Vec<String> {
    let mut failures = Vec::new();
    let mut number = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let (method, path, body) =
            if number.is_multiple_of(4) { (Method::POST, "/echo", "hello") } else { (Method::GET, "/", "") };
        let (status, text) = send(&http, method, port, path, body).await;
        sent.fetch_add(1, Ordering::Relaxed);
        if status != StatusCode::OK {
            failures.push(format!("{status} {text}"));
        }
    }
    failures
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_while_targets_come_and_go() {
    let mut world = World::start().await;
    let all: Vec<Target> = ["a", "b", "c"].iter().map(|name| world.server(name, Some("/"))).collect();
    world.put(&all).await;
    let port = world.ready(3).await;
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> =
        (0..8).map(|_| tokio::spawn(traffic(world.http.clone(), port, Arc::clone(&stop), Arc::clone(&sent)))).collect();
    let began = Instant::now();
    let mut round = 0;
    while sent.load(Ordering::Relaxed) < 3000 {
        round += 1;
        // One drains, leaves when it is free, and comes back as another.
        let mut targets = all.clone();
        targets[round % 3].draining = true;
        let uid = targets[round % 3].uid.clone();
        world.put(&targets).await;
        world.until("drained", |view| view.targets[&uid].in_flight == 0).await;
        targets.remove(round % 3);
        world.put(&targets).await;
        world.put(&all).await;
        world.ready(3).await;
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        assert_eq!(client.await.unwrap(), Vec::<String>::new());
    }
    let rate = f64::from(u32::try_from(sent.load(Ordering::Relaxed)).unwrap()) / began.elapsed().as_secs_f64();
    println!("{rate:.0} requests a second");
}
