//! Images that are built elsewhere: where to push them, what completes a build with one, what is refused.

use slipway_domain::secret::Secret;
use slipway_domain::time::Time;
use slipway_service::builds::intake::Login;

use crate::server::Server;
use crate::told::story;

fn digest(number: u8) -> String {
    format!("sha256:{}", format!("{number:02x}").repeat(32))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_is_pushed_and_its_build_completed() {
    let server = Server::new().await;
    let mut told = Vec::new();
    let created = server.slipway(&["build", "--external", "--description", "from CI"]).await;
    let build = created.value("Build");
    told.push(created);
    let complete = |digest: String, manifest: &'static str| {
        let (server, build) = (server.clone(), build.clone());
        async move {
            let typed = ["builds", "complete", &build, "--digest", &digest, "--manifest", manifest];
            server.slipway(&typed).await
        }
    };
    told.push(complete(digest(1), "slipway.yml").await);
    server.world.image(1);
    server.world.image(2);
    std::fs::write(server.folder().join("convox.yml"), "services:\n  web:\n    scale: many\n").unwrap();
    told.push(complete(digest(1), "convox.yml").await);
    told.push(complete(digest(1), "absent.yml").await);
    told.push(complete(digest(1), "slipway.yml").await);
    told.push(complete(digest(1), "slipway.yml").await);
    told.push(complete(digest(2), "slipway.yml").await);
    told.push(complete("latest".to_owned(), "slipway.yml").await);
    told.push(server.slipway(&["builds"]).await);
    // The same image once more: its manifest is known.
    let second = server.slipway(&["build", "--external"]).await.value("Build");
    told.push(server.slipway(&["builds", "complete", &second, "--digest", &digest(1)]).await);
    insta::assert_snapshot!(story(&told));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_the_registry_needs_is_told() {
    let server = Server::new().await;
    let mut told = Vec::new();
    let temporary = Login::Temporary {
        username: "AWS".to_owned(),
        password: Secret::from("for-this-answer"),
        expires_at: Time::from_millis(1_800_000_000_000),
    };
    for login in [Login::Own, temporary] {
        *server.world.repositories.0.lock().unwrap() = Ok(login);
        told.push(server.slipway(&["build", "--external"]).await);
    }
    insta::assert_snapshot!(story(&told));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_read_the_place_to_push_to() {
    let server = Server::new().await;
    let told = server.slipway(&["build", "--external", "--json"]).await;
    let answer: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    let tenant = server.world.owner.tenant().as_str().to_lowercase();
    assert_eq!(answer["push"]["repository"], format!("registry.example.com/{tenant}/shop"));
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
}
