//! The tour of the README: build, set variables, run, promote, break, roll back; with what each step prints.

use slipway_domain::promotion::Exit;
use slipway_service::ports::RunState;

use crate::server::Server;
use crate::told::story;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tour_reads_as_it_is_documented() {
    let server = Server::new().await;
    let driver = server.carry_out();
    let mut told = Vec::new();
    let build = server.slipway(&["build"]).await;
    let first = build.value("Release");
    told.push(build);
    told.push(server.slipway(&["releases", "promote", &first]).await);
    let set = server.slipway(&["env", "set", "API_KEY=sk-live-abc123"]).await;
    let second = set.value("Release");
    told.push(set);
    for arguments in [
        &["env", "set", "API_KEY=sk-live-abc123"][..],
        &["env"],
        &["env", "--reveal"],
        &["releases"],
        &["releases", "diff", &second],
        &["releases", "promote", &second, "--validate-only"],
        &["releases", "promote", &second, "--reason", "new key"],
        &["apps", "info"],
        &["ps"],
        &["releases", "rollback", "--reason", "checkout fails"],
        &["releases", "rollback", &second],
        &["scale", "web=3"],
        &["scale", "web=3"],
        &["scale"],
        &["restart"],
        &["promotions"],
        &["builds"],
        &["apps"],
        &["environments"],
    ] {
        told.push(server.slipway(arguments).await);
    }
    driver.abort();
    insta::assert_snapshot!(story(&told));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deploy_builds_and_promotes_and_the_base_of_variables_is_told() {
    let server = Server::new().await;
    let driver = server.carry_out();
    let mut told = Vec::new();
    for arguments in [
        &["apps", "create", "httpd"][..],
        &["deploy", "--description", "first"],
        &["build", "--description", "second"],
        &["env", "set", "A=1", "B=2"],
        &["env", "set", "C=3", "--base", "active", "--tag", "hotfix"],
        &["env", "unset", "A", "--base", "v3"],
        &["releases"],
        &["releases", "info", "hotfix"],
    ] {
        told.push(server.slipway(arguments).await);
    }
    driver.abort();
    insta::assert_snapshot!(story(&told));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_ends_with_the_exit_code_of_its_command() {
    let server = Server::new().await;
    server.slipway(&["build"]).await;
    let world = server.world.clone();
    let ender = tokio::spawn(async move {
        loop {
            for (_, state) in world.processes.runs.lock().unwrap().values_mut() {
                let exit = Exit { code: Some(7), ..Exit::default() };
                *state = RunState::Ended {
                    exit,
                    at: slipway_service::ports::Clock::now(world.clock.as_ref()),
                    timed_out: false,
                };
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    let told = server.slipway(&["run", "web", "bin/migrate", "--release", "v1"]).await;
    ender.abort();
    assert_eq!((told.code, told.stdout.as_str()), (7, "Running... OK\n"));
    let command = server.world.processes.runs.lock().unwrap().values().next().unwrap().0.command.clone();
    assert_eq!(command, ["bin/migrate"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_archive_holds_the_folder() {
    let server = Server::new().await;
    server.slipway(&["build"]).await;
    let archives = server.builds.archives.lock().unwrap().clone();
    let bytes = archives.into_values().next().unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
    let names: Vec<_> = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().into_owned()).collect();
    assert_eq!(names, [std::path::PathBuf::from("slipway.yml")]);
}
