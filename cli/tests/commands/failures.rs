//! What is refused or fails ends with a code that says so, and with what to do.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::server::Server;
use crate::told::story;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_does_not_get_well_is_told_with_its_evidence() {
    let server = Server::new().await;
    let driver = server.carry_out();
    server.slipway(&["deploy"]).await;
    let second = server.slipway(&["build"]).await;
    server.world.cluster.broken.lock().unwrap().insert(server.world.image(2));
    let promote = server.slipway(&["releases", "promote", &second.value("Release")]).await;
    assert_eq!(promote.code, 3);
    let list = server.slipway(&["releases"]).await;
    let json = server.slipway(&["releases", "promote", &second.value("Release"), "--json"]).await;
    assert_eq!((json.code, json.stderr.as_str()), (3, ""));
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(document["failure"]["cause"], "health_timeout");
    driver.abort();
    insta::assert_snapshot!(story(&[promote, list]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_cluster_has_to_grant_is_printed_as_it_is_applied() {
    let server = Server::new().await;
    *server.world.access.missing.lock().unwrap() = vec!["create secrets".to_owned()];
    let printed = server.slipway(&["clusters", "access", "shop", "production"]).await;
    let tenant = server.world.owner.tenant().clone();
    assert_eq!(printed.stdout, format!("kind: Namespace # shop--production of {tenant}\n"));
    assert_eq!((printed.code, printed.stderr.as_str()), (0, "missing so far: create secrets\n"));
    let by_option = server.slipway(&["clusters", "access", "-a", "shop"]).await;
    assert_eq!(by_option.stdout, printed.stdout);
    assert_eq!(server.slipway(&["clusters", "access", "nowhere"]).await.code, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_say_why_and_where() {
    let server = Server::new().await;
    *server.builds.fails.lock().unwrap() = Some("slipway.yml:3:5: services.web.port must be a number".to_owned());
    let mut told = Vec::new();
    for arguments in [
        &["build"][..],
        &["releases", "promote", "v9"],
        &["releases", "rollback"],
        &["env", "set", "1BAD=x"],
        &["env", "set", "NOVALUE"],
        &["scale", "web"],
        &["scale", "web=2"],
        &["apps", "create", "My App"],
        &["apps", "create", "shop"],
        &["apps", "info", "--app", "nothing"],
        &["apps", "info", "--app", "../shop"],
        &["run", "web", "true"],
        &["logs", "--since", "yesterday"],
    ] {
        told.push(server.slipway(arguments).await);
    }
    insta::assert_snapshot!(story(&told));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_in_json_is_the_problem_itself() {
    let server = Server::new().await;
    let told = server.slipway(&["releases", "info", "v9", "--json"]).await;
    let document: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((told.code, &document["code"]), (1, &Value::from("release_not_found")));
    assert_eq!(told.stderr, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_one_document_whatever_happens() {
    let server = Server::new().await;
    let driver = server.carry_out();
    let deployed = server.slipway(&["deploy", "--json"]).await;
    server.slipway(&["build"]).await;
    *server.world.cluster.away.lock().unwrap() =
        Some(slipway_service::ports::ClusterError::Unauthorized("no".to_owned()));
    let blocked = server.slipway(&["releases", "promote", "v2", "--validate-only", "--json"]).await;
    let human = server.slipway(&["releases", "promote", "v2", "--validate-only"]).await;
    *server.world.cluster.away.lock().unwrap() = None;
    server.world.cluster.broken.lock().unwrap().insert(server.world.image(3));
    let failed = server.slipway(&["deploy", "--json"]).await;
    driver.abort();
    assert_eq!([deployed.code, blocked.code, human.code, failed.code], [0, 1, 1, 3]);
    for told in [&deployed, &blocked, &failed] {
        let document: Value = serde_json::from_str(&told.stdout).unwrap();
        assert!(document.is_object());
        assert_eq!(told.stderr, "");
    }
    let document: Value = serde_json::from_str(&deployed.stdout).unwrap();
    assert_eq!(
        (&document["build"]["status"], &document["promotion"]["outcome"]),
        (&Value::from("complete"), &Value::from("succeeded"))
    );
    assert!(human.stdout.contains("Blocked: "), "{human:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_is_kept_for_its_owner_alone_once_the_api_accepts_it() {
    let server = Server::new().await;
    let url = format!("http://{}", server.address);
    let path = server.home().join(".config/slipway/config.json");
    let run = |arguments: &[&str]| {
        let mut command = server.command(arguments);
        command.env_remove("SLIPWAY_URL").env_remove("SLIPWAY_TOKEN");
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let before = run(&["apps"]).await.unwrap();
    assert!(String::from_utf8_lossy(&before.stderr).starts_with("error: not logged in"), "{before:?}");
    let wrong = run(&["login", "--url", &url, "--token", "slp_wrong"]).await.unwrap();
    assert_eq!((wrong.status.code(), path.exists()), (Some(1), false));
    let right = run(&["login", "--url", &url, "--token", server.token()]).await.unwrap();
    assert_eq!(right.status.code(), Some(0), "{right:?}");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let after = run(&["apps"]).await.unwrap();
    assert!(String::from_utf8_lossy(&after.stdout).contains("shop"), "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_that_does_not_answer_is_told_soon() {
    let server = Server::new().await;
    server.kill();
    let begun = std::time::Instant::now();
    let told = server.slipway(&["apps"]).await;
    assert_eq!(told.code, 4);
    assert!(told.stderr.contains("does not answer"), "{told:?}");
    assert!(begun.elapsed().as_secs() < 10);
}
