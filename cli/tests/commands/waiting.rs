//! Waiting survives what happens to the server, and can be given up.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command};
use std::sync::Arc;

use slipway_domain::id::PromotionId;

use crate::server::Server;
use crate::told::Told;

/// The program, once it waits for its promotion.
async fn waiting(server: &Arc<Server>) -> (Child, String, PromotionId) {
    let release = server.slipway(&["build"]).await.value("Release");
    let mut command = server.command(&["releases", "promote", &release]);
    let (child, said) = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        // The second line is the first event: the program is in the middle of its wait.
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        for _ in 0..2 {
            reader.read_line(&mut said).unwrap();
        }
        child.stdout = Some(reader.into_inner());
        (child, said)
    })
    .await
    .unwrap();
    let started = server.world.workflows.started.lock().unwrap().values().next().unwrap().promotion.clone();
    (child, said, started)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_in_the_middle_loses_and_repeats_no_event() {
    let server = Server::new().await;
    let (child, said, promotion) = waiting(&server).await;
    server.kill();
    server.world.finish(&promotion).await;
    server.start();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let told = Told::new("", &output);
    assert_eq!(told.code, 0, "{told:?}");

    let release = server.world.promotion(&promotion).await.to;
    let world = &server.world;
    let page = world.slipway.promotion_events(
        &world.owner,
        &world.app,
        &world.production,
        &promotion,
        0,
        std::time::Duration::ZERO,
    );
    let events = page.await.unwrap().events;
    let mut expected = vec![format!("Promoting {release}...")];
    expected.extend(events.iter().map(|event| format!("{} {} {}", event.at, event.source, event.message)));
    expected.push("OK".to_owned());
    let lines: Vec<String> = format!("{said}{}", told.stdout).lines().map(str::to_owned).collect();
    assert_eq!(lines, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_gives_up_the_wait_and_says_that_the_promotion_goes_on() {
    let server = Server::new().await;
    let (child, _, promotion) = waiting(&server).await;
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    let told = Told::new("", &output);
    assert_eq!(told.code, 130, "{told:?}");
    assert!(told.stderr.contains(&format!("{promotion} goes on")), "{told:?}");
    assert!(told.stderr.contains(&format!("slipway promotions cancel {promotion}")), "{told:?}");
    assert!(server.world.promotion(&promotion).await.is_open());
}
