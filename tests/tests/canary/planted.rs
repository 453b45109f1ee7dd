//! The search finds what it is for: in each place, in each form.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::Router;
use axum::http::HeaderValue;
use axum::response::IntoResponse;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use slipway_embedded::embedded::Embedded;
use slipway_tests::server::client::Client;
use slipway_tests::server::outside;
use slipway_tests::server::search::{Canary, Folder, Place, folder, forms, items, search};

const VALUE: &str = "CANARY-5tYq0 \"ü/+?\"\\\n\u{1F511}end";

fn is_found(place: &Place) -> bool {
    !search(std::slice::from_ref(place), &[Canary::new(VALUE)]).is_empty()
}

#[test]
fn every_form_is_found_whatever_surrounds_it() {
    let escaped = utf8_percent_encode(VALUE, NON_ALPHANUMERIC).to_string();
    let document = json!({ "a": [VALUE] });
    let mut texts = vec![VALUE.to_owned(), hex::encode(VALUE), hex::encode_upper(VALUE), escaped, document.to_string()];
    texts.push(serde_json::to_string_pretty(&document).unwrap());
    texts.push(VALUE.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat());
    texts.push(VALUE.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat());
    for before in 0..7 {
        for after in 0..4 {
            let text = format!("{}{VALUE}{}", "x".repeat(before), "y".repeat(after));
            texts.extend([STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].map(|engine| engine.encode(&text)));
            texts.push(hex::encode(&text));
        }
    }
    for text in texts {
        assert!(is_found(&Place::new("a log", format!("before {text} after"))), "{text}");
    }
    for text in ["CANARY-5tYq1 \"ü/+?\"\\\n\u{1F511}end", "CANARY-", "nothing", ""] {
        assert!(!is_found(&Place::new("a log", text)), "{text}");
    }
}

#[test]
fn a_value_is_found_in_every_file_that_is_no_exception() {
    let data = tempfile::tempdir().unwrap();
    let places = [
        "server.log",
        "slipway.db",
        "slipway.db-wal",
        "executions/P-1.json",
        "cluster/cluster.json",
        "tenant",
        "cluster/processes/web-1/status.json",
        "cluster/processes/web-1/keeper.log",
        "router/table.json",
    ];
    for name in places {
        for (form, text) in forms(VALUE) {
            let file = data.path().join(name);
            append(&file, b"some other text ");
            let found = |folder: Folder| search(&folder.places, &[Canary::new(VALUE)]);
            assert_eq!(found(folder(data.path()).unwrap()), Vec::<String>::new(), "{name} before it is planted");
            append(&file, &text);
            let hits = found(folder(data.path()).unwrap());
            assert!(hits.len() == 1 && hits[0].starts_with(name), "{form} in {name}: {hits:?}");
            fs::remove_file(file).unwrap();
        }
    }
    for name in ["cluster/templates/1.json", "cluster/processes/web-1/variables.json", "cluster/runs/1/variables.json"]
    {
        append(&data.path().join(name), VALUE.as_bytes());
    }
    for name in ["cluster/processes/web-1/log", "cluster/runs/1/log.1"] {
        append(&data.path().join(name), VALUE.as_bytes());
    }
    let Folder { places, secrets, logs } = folder(data.path()).unwrap();
    assert_eq!((search(&places, &[Canary::new(VALUE)]).len(), secrets.len(), logs.len()), (0, 3, 2));
    assert!(secrets.iter().map(|(_, place)| place).chain(&logs).all(is_found), "exceptions are told apart, not unread");
}

#[test]
fn a_value_is_found_in_what_the_server_prints() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["stdout", "stderr"] {
        append(&folder.path().join(name), VALUE.as_bytes());
    }
    let printed = outside::printed(folder.path()).unwrap();
    assert_eq!(printed.len(), 2);
    assert!(printed.iter().all(is_found));
}

#[tokio::test]
async fn a_value_is_found_in_the_body_and_in_the_headers_of_an_answer() {
    let escaped = utf8_percent_encode(VALUE, NON_ALPHANUMERIC).to_string();
    let header = move || async move { [("location", HeaderValue::from_str(&escaped).unwrap())].into_response() };
    let app = Router::new()
        .route("/body", get(async || axum::Json(json!({ "a": VALUE }))))
        .route("/header", get(header))
        .route("/none", get(async || "nothing"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(axum::serve(listener, app).into_future());
    let client = Client::new(&url, "token").unwrap().taped();
    for path in ["/body", "/header", "/none"] {
        client.get(path).await.unwrap();
    }
    let found: Vec<bool> = client.tape().into_iter().map(|text| is_found(&Place::new("answer", text))).collect();
    assert_eq!(found, [true, true, false]);
    server.abort();
}

#[tokio::test]
async fn a_value_is_found_in_the_database_as_text_as_bytes_and_deep_inside() {
    let nested = AttributeValue::L(vec![AttributeValue::M([("a".to_owned(), text(VALUE))].into())]);
    let values = [text(VALUE), AttributeValue::B(Blob::new(VALUE)), nested];
    for value in values {
        let data = tempfile::tempdir().unwrap();
        let file = data.path().join("slipway.db");
        let canary = [Canary::new(VALUE)];
        let database = Embedded::file(&file).unwrap();
        slipway_store::Store::new(database.client(), "slipway", keys(data.path())).ensure_table().await.unwrap();
        assert_eq!(search(&folder(data.path()).unwrap().places, &canary), Vec::<String>::new());
        let put = database.client().put_item().table_name("slipway").item("pk", text("p")).item("sk", text("s"));
        put.item("body", value.clone()).send().await.unwrap();
        let open = search(&folder(data.path()).unwrap().places, &canary);
        assert!(!open.is_empty(), "in the file or beside it while it is open: {value:?}");
        drop(database);
        let closed = search(&folder(data.path()).unwrap().places, &canary);
        assert!(!closed.is_empty(), "in the file when it was closed: {value:?}");
        let shown = search(&items(&file).await.unwrap(), &canary);
        assert_eq!(shown.len(), 1, "through the protocol: {value:?}");
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn keys(folder: &Path) -> std::sync::Arc<slipway_store::keys::file::FileKeys> {
    std::sync::Arc::new(slipway_store::keys::file::FileKeys::open(&folder.join("key")).unwrap())
}

fn append(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(bytes).unwrap();
}
