use std::net::TcpListener;

use super::*;

fn kubeconfig(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: here\n  cluster: {{server: \"{server}\"}}\nusers:\n- name: ci\n  \
         user: {{token: abc}}\ncontexts:\n- name: one\n  context: {{cluster: here, user: ci}}\n- name: two\n  context: \
         {{cluster: elsewhere, user: ci}}\n"
    )
}

/// What is said of a kubeconfig with this text.
async fn refused(text: &str, context: Option<&str>) -> (ConnectError, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    std::fs::write(&file, text).unwrap();
    let source = Source { file: file.clone(), context: context.map(str::to_owned) };
    (connect(&source).await.err().unwrap(), file)
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let source = Source { file: "/nowhere/config".into(), context: None };
    let error = connect(&source).await.err().unwrap();
    assert!(matches!(error, ConnectError::Unreadable(..)));
    assert!(error.to_string().contains("/nowhere/config"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_kubeconfig_is_said_to_be_none() {
    for text in ["", "a: b: c", "{}", "services:\n  web:\n    port: 3000\n", "\u{1}\u{2}"] {
        let (error, file) = refused(text, None).await;
        assert!(matches!(error, ConnectError::Malformed { .. }), "{text:?}: {error:?}");
        assert!(error.to_string().contains(&file.display().to_string()), "{error}");
    }
}

#[tokio::test]
async fn the_context_is_named_or_chosen_from_those_that_are_there() {
    let text = kubeconfig("https://127.0.0.1:1");
    let (error, _) = refused(&text, None).await;
    assert!(matches!(error, ConnectError::NoContext(..)), "{error:?}");
    assert!(error.to_string().contains("(one, two)"), "{error}");
    let (error, _) = refused(&text, Some("three")).await;
    assert!(matches!(error, ConnectError::UnknownContext { .. }), "{error:?}");
    assert!(error.to_string().contains("no context three: it has one, two"), "{error}");
    let (error, _) = refused(&text, Some("two")).await;
    assert!(matches!(error, ConnectError::Incomplete { .. }), "{error:?}");
    assert!(error.to_string().contains("elsewhere"), "{error}");
}

#[tokio::test]
async fn a_certificate_that_is_not_there_is_named_where_the_kubeconfig_means_it() {
    let text =
        kubeconfig("https://127.0.0.1:1").replace("token: abc", "client-certificate: ci.crt, client-key: ci.key");
    let (error, file) = refused(&text, Some("one")).await;
    assert!(matches!(error, ConnectError::Incomplete { .. }), "{error:?}");
    assert!(error.to_string().contains(&file.with_file_name("ci.crt").display().to_string()), "{error}");
}

#[tokio::test]
async fn a_cluster_that_nobody_answers_for_is_named_by_its_address() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (error, _) = refused(&kubeconfig(&format!("https://{closed}")), Some("one")).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&closed.to_string()), "{error}");
}

/// A server that says the same to whatever it is told.
fn saying(answer: &'static [u8]) -> String {
    use std::io::{Read, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
        }
    });
    address.to_string()
}

#[tokio::test]
async fn an_answer_that_is_not_tls_is_no_silence() {
    let address = saying(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
    let (error, _) = refused(&kubeconfig(&format!("https://{address}")), Some("one")).await;
    assert!(matches!(error, ConnectError::Tls { .. }), "{error:?}");
}

#[tokio::test]
async fn a_credential_that_is_not_accepted_is_told_from_a_stranger_that_is_no_cluster() {
    let body = br#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#;
    let head = format!("HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    let answer: &'static [u8] = Vec::leak([head.as_bytes(), body].concat());
    let (error, _) = refused(&kubeconfig(&format!("http://{}", saying(answer))), Some("one")).await;
    assert!(matches!(error, ConnectError::Unauthenticated { .. }), "{error:?}");
    let page = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 6\r\n\r\n<html>";
    let (error, _) = refused(&kubeconfig(&format!("http://{}", saying(page))), Some("one")).await;
    assert!(matches!(error, ConnectError::Stranger { .. }), "{error:?}");
}

#[test]
fn versions_are_compared_by_their_numbers() {
    for (major, minor, supported) in
        [("1", "36", true), ("1", "30+", true), ("1", "29", false), ("1", "9", false), ("2", "0", true), ("", "", true)]
    {
        let version = Info { major: major.to_owned(), minor: minor.to_owned(), ..Info::default() };
        assert_eq!(is_supported(&version), supported, "{major}.{minor}");
    }
}
