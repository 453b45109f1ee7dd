//! `slipway clusters` and `slipway tenants`, as a hosted installation answers.

use slipway_service::clusters::NotConnected;

use crate::hosted::hosted;
use crate::server::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_connected_step_by_step() {
    let (world, clusters) = hosted().await;
    let server = Server::of(world).await;
    let create = ["clusters", "create", "main", "--region", "eu-central-1", "--account", "123456789012"];
    let created = server.slipway(&create).await;
    assert_eq!(created.code, 0, "{created:?}");
    assert!(created.stdout.contains("slipway clusters setup main"), "{created:?}");
    let wrong = server.slipway(&["clusters", "create", "b", "--region", "x", "--account", "123456789012"]).await;
    assert_eq!(wrong.code, 1);
    assert!(wrong.stderr.contains("/region"), "{wrong:?}");
    let setup = server.slipway(&["clusters", "setup", "main", "--format", "terraform"]).await;
    assert!(setup.stdout.contains(":role/slipway-t") && setup.stdout.contains("asks for slipway-"), "{setup:?}");

    *clusters.verdict.lock().unwrap() = Err(NotConnected::Refused("the role lets anybody in".to_owned()));
    let refused = server.slipway(&["clusters", "connect", "main"]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("the role lets anybody in"), "{refused:?}");
    *clusters.verdict.lock().unwrap() = Ok(());
    assert_eq!(server.slipway(&["clusters", "connect", "main"]).await.code, 0);
    let list = server.slipway(&["clusters"]).await;
    assert!(list.stdout.lines().any(|line| line.starts_with("main") && line.contains("connected")), "{list:?}");
    let info = server.slipway(&["clusters", "info", "main"]).await;
    assert!(info.stdout.contains("main in eu-central-1 of the account 123456789012"), "{info:?}");

    assert_eq!(server.slipway(&["apps", "create", "api", "--cluster", "none"]).await.code, 1);
    assert_eq!(server.slipway(&["apps", "create", "api", "--cluster", "main"]).await.code, 0);
    let create = ["clusters", "create", "other", "--region", "eu-central-1", "--account", "123456789012"];
    assert_eq!(server.slipway(&create).await.code, 0);
    let moved = server.slipway(&["environments", "move", "production", "--cluster", "other", "-a", "api"]).await;
    assert_eq!((moved.code, moved.stdout.as_str()), (0, "Moved production to other\n"));
    let in_use = server.slipway(&["clusters", "delete", "other"]).await;
    assert!(in_use.code == 1 && in_use.stderr.contains("api/production"), "{in_use:?}");
    let deleted = server.slipway(&["clusters", "delete", "main"]).await;
    assert_eq!((deleted.code, deleted.stdout.as_str()), (0, "Deleted main\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_is_no_operator() {
    let (world, _) = hosted().await;
    let server = Server::of(world).await;
    let refused = server.slipway(&["tenants", "create", "Acme"]).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains("slp_operator_"), "{refused:?}");
}
