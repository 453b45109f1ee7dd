//! What processes wrote: of all of a service, of one, and of the one before it.

use std::time::{Duration, Instant};

use slipway_domain::promotion::{DeploymentKey, Epoch};
use slipway_domain::repository::RegistryAddress;
use slipway_kubernetes::client::{ImageSource, KubernetesCluster};
use slipway_rollout::observation::{Deployment, Process, Stage as Running};
use slipway_service::ports::{Cluster, LogLine, LogQuery, NewDeployment, Processes, Write};
use slipway_tests::kubernetes::harness::{Make, Stage};

const SERVICES: &str = "services: {web: {port: 3000, scale: 2, termination: {grace: 1}}, worker: {}}";

fn cluster(stage: &Stage) -> KubernetesCluster {
    let registry: RegistryAddress = stage.facts.registry.parse().unwrap();
    KubernetesCluster::new(stage.ours.clone(), ImageSource::new(registry))
}

/// Runs so many processes of a service, and waits until they are as the test wants them.
async fn running(
    stage: &Stage,
    cluster: &KubernetesCluster,
    new: &NewDeployment,
    replicas: u32,
    wanted: impl Fn(&Process) -> bool,
) -> Deployment {
    let namespace = &stage.namespace;
    cluster.create(namespace, new).await.unwrap();
    let begun = Instant::now();
    loop {
        let seen = cluster.observe(namespace).await.unwrap();
        let found = seen.deployments.iter().find(|one| one.key == new.key).unwrap().clone();
        if found.replicas != replicas {
            let write = Write {
                key: found.key.clone(),
                uid: found.uid.clone(),
                resource_version: found.resource_version.clone(),
                epoch: new.epoch,
                turn: 1,
                replicas: Some(replicas),
            };
            // The controller may have written first: then it is asked for again.
            let _ = cluster.write(namespace, &write).await;
        } else if found.processes.len() == replicas as usize && found.processes.iter().all(&wanted) {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "{found:#?}");
        cluster.changed(namespace, &seen, Duration::from_secs(1)).await;
    }
}

fn deployment(stage: &Stage, service: &str, variables: &[(&str, &str)]) -> NewDeployment {
    let release = stage.release(&Make { manifest: SERVICES, image: stage.images["1"].clone(), variables });
    let key = DeploymentKey { service: service.parse().unwrap(), release };
    let template = stage.records.template_of(&key.release, &key.service).unwrap();
    NewDeployment { key, epoch: Epoch(1), template }
}

fn of<'a>(lines: &'a [LogLine], process: &str) -> Vec<&'a str> {
    lines.iter().filter(|line| line.process == process).map(|line| line.text.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_asked_for_by_service_process_time_text_and_number() {
    let stage = Stage::set().await;
    let cluster = cluster(&stage);
    let ready = |process: &Process| process.registered;
    let web = running(&stage, &cluster, &deployment(&stage, "web", &[]), 2, ready).await;
    let running_now = |process: &Process| matches!(process.stage, Running::Running { .. });
    let worker = running(&stage, &cluster, &deployment(&stage, "worker", &[]), 1, running_now).await;
    let ask = |query: LogQuery| {
        let cluster = &cluster;
        let namespace = &stage.namespace;
        async move { cluster.logs(namespace, &query).await.unwrap() }
    };
    let all = LogQuery { limit: 1000, ..LogQuery::default() };
    let lines = ask(all.clone()).await;
    for process in web.processes.iter().chain(&worker.processes) {
        assert!(!of(&lines, &process.name).is_empty(), "{} is silent in {lines:?}", process.name);
    }
    assert!(lines.is_sorted_by_key(|line| line.at), "{lines:?}");
    let of_web = ask(LogQuery { service: Some("web".parse().unwrap()), ..all.clone() }).await;
    assert!(of_web.iter().all(|line| line.process.starts_with("web-")) && of_web.len() >= 2, "{of_web:?}");
    let name = web.processes[0].name.clone();
    let of_one = ask(LogQuery { process: Some(name.clone()), ..all.clone() }).await;
    assert_eq!(of(&of_one, &name).len(), of_one.len());
    let newest = ask(LogQuery { limit: 1, ..all.clone() }).await;
    assert_eq!(newest.as_slice(), &lines[lines.len() - 1..]);
    let since = lines.last().unwrap().at;
    assert!(ask(LogQuery { since: Some(since), ..all.clone() }).await.iter().all(|line| line.at >= since));
    assert_eq!(ask(LogQuery { contains: Some("no process says this".to_owned()), ..all.clone() }).await, []);
    for nobody in ["web-gone", "../secrets", "kube-root-ca.crt"] {
        assert_eq!(ask(LogQuery { process: Some(nobody.to_owned()), ..all.clone() }).await, [], "{nobody}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_process_that_was_started_again_begins_with_the_one_before() {
    let stage = Stage::set().await;
    let cluster = cluster(&stage);
    let crashing = deployment(&stage, "web", &[("CRASH_AFTER_MS", "500"), ("EXIT_CODE", "3")]);
    let seen = running(&stage, &cluster, &crashing, 1, |process| process.restarts == 1).await;
    let name = seen.processes[0].name.clone();
    let query = LogQuery { process: Some(name.clone()), limit: 1000, ..LogQuery::default() };
    let begun = Instant::now();
    loop {
        let lines = cluster.logs(&stage.namespace, &query).await.unwrap();
        let starts = lines.iter().filter(|line| line.text.contains("listens on port")).count();
        if starts == 2 {
            assert!(lines.is_sorted_by_key(|line| line.at), "{lines:?}");
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{lines:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
