//! One-off commands: what becomes of them, what they wrote, and what is left of them.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use slipway_domain::id::RunId;
use slipway_domain::promotion::Exit;
use slipway_domain::repository::RegistryAddress;
use slipway_kubernetes::client::{ImageSource, KubernetesCluster};
use slipway_kubernetes::objects::run;
use slipway_service::ports::{ClusterError, NewRun, Processes, RunState};
use slipway_tests::kubernetes::harness::{Make, Stage};

const WEB: &str = "services: {web: {port: 3000, scale: {limit: {memory: 24}}, termination: {grace: 1}}}";
/// What a run may take from its start to its end on a loaded machine.
const LONG: Duration = Duration::from_secs(60);

struct World {
    stage: Stage,
    cluster: KubernetesCluster,
}

impl World {
    async fn set() -> Self {
        let stage = Stage::set().await;
        let cluster = cluster(&stage);
        Self { stage, cluster }
    }

    /// A command of a fresh release with these variables.
    fn run(&self, line: &str, variables: &[(&str, &str)]) -> NewRun {
        let image = self.stage.images["1"].clone();
        let release = self.stage.release(&Make { manifest: WEB, image, variables });
        NewRun {
            id: RunId::from_entropy(rand::random()),
            template: self.stage.records.template_of(&release, &"web".parse().unwrap()).unwrap(),
            command: ["/bin/sh", "-c", line].map(str::to_owned).to_vec(),
            time_limit: Duration::from_mins(5),
        }
    }

    async fn state(&self, id: &RunId) -> RunState {
        self.cluster.run(&self.stage.namespace, id).await.unwrap()
    }

    async fn until(&self, id: &RunId, done: impl Fn(&RunState) -> bool) -> RunState {
        let begun = Instant::now();
        loop {
            let state = self.state(id).await;
            if done(&state) {
                return state;
            }
            assert!(begun.elapsed() < LONG, "it is still {state:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Starts it and waits for its end.
    async fn ends(&self, new: &NewRun) -> (Exit, bool) {
        self.cluster.start(&self.stage.namespace, new).await.unwrap();
        self.end(&new.id).await
    }

    async fn end(&self, id: &RunId) -> (Exit, bool) {
        match self.until(id, |state| matches!(state, RunState::Ended { .. })).await {
            RunState::Ended { exit, timed_out, .. } => (exit, timed_out),
            other => unreachable!("{other:?} is no end"),
        }
    }

    async fn log(&self, id: &RunId) -> Vec<String> {
        texts(&self.cluster, &self.stage, id, 0).await
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.stage.admin.clone(), &self.stage.namespace.to_string())
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.stage.admin.clone(), &self.stage.namespace.to_string())
    }
}

fn cluster(stage: &Stage) -> KubernetesCluster {
    let registry: RegistryAddress = stage.facts.registry.parse().unwrap();
    KubernetesCluster::new(stage.ours.clone(), ImageSource::new(registry))
}

async fn texts(cluster: &KubernetesCluster, stage: &Stage, id: &RunId, after: u64) -> Vec<String> {
    let log = cluster.run_log(&stage.namespace, id, after).await.unwrap();
    log.lines.into_iter().map(|line| line.text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_once_with_the_releases_variables_and_tells_how_it_ended() {
    let world = World::set().await;
    let value = "$(A) $$ \u{fc} 'x' \\ \"";
    let new = world.run("printf '%s\\n' \"$ODD\"; echo to stderr >&2; exit 7", &[("ODD", value), ("A", "1")]);
    assert_eq!(world.state(&new.id).await, RunState::Unknown);
    let (exit, timed_out) = world.ends(&new).await;
    assert_eq!((exit.code, exit.signal, timed_out), (Some(7), None, false));
    let mut log = world.log(&new.id).await;
    // The node reads the two outputs one by one, in no promised order.
    log.sort();
    assert_eq!(log, [value, "to stderr"]);
    world.cluster.start(&world.stage.namespace, &new).await.unwrap();
    assert_eq!(world.log(&new.id).await.len(), 2, "it was not started again");
    let (exit, _) = world.ends(&world.run("exit 0", &[])).await;
    assert_eq!(exit.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_takes_too_much_memory_or_time_or_is_not_there_says_so() {
    let world = World::set().await;
    let (exit, timed_out) = world.ends(&world.run("exec tail /dev/zero", &[])).await;
    assert_eq!((exit.code, exit.signal, exit.reason.as_str(), timed_out), (Some(137), Some(9), "OOMKilled", false));

    let slow = NewRun { time_limit: Duration::from_secs(2), ..world.run("trap 'exit 9' TERM; sleep 60 & wait", &[]) };
    let (exit, timed_out) = world.ends(&slow).await;
    assert!(timed_out, "{exit:?}");

    let absent = NewRun { command: vec!["/no/such".to_owned()], ..world.run("", &[]) };
    let (exit, timed_out) = world.ends(&absent).await;
    assert_eq!((exit.reason.as_str(), timed_out), ("StartError", false));
    assert!(exit.message.contains("/no/such"), "{exit:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_without_a_line_lost_or_told_twice() {
    let world = World::set().await;
    let line =
        "i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); [ $((i % 200)) -eq 0 ] && sleep 0.2; done; printf end";
    let new = world.run(line, &[]);
    world.cluster.start(&world.stage.namespace, &new).await.unwrap();
    let mut told = Vec::new();
    let mut pages = 0;
    let begun = Instant::now();
    loop {
        let ended = matches!(world.state(&new.id).await, RunState::Ended { .. });
        let page = texts(&world.cluster, &world.stage, &new.id, u64::try_from(told.len()).unwrap()).await;
        pages += u32::from(!page.is_empty());
        told.extend(page);
        if ended {
            break;
        }
        assert!(begun.elapsed() < LONG, "{} lines so far", told.len());
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let expected: Vec<String> = (0..3000).map(|number| number.to_string()).chain(["end".to_owned()]).collect();
    assert!(told == expected, "{} lines in {pages} pages", told.len());
    assert!(pages > 3, "it was read in {pages} pages");
    // Who remembers nothing of the pages before counts.
    assert_eq!(texts(&cluster(&world.stage), &world.stage, &new.id, 2999).await, ["2999", "end"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_started_by_half_waits_and_is_completed_by_another_start() {
    let world = World::set().await;
    let new = world.run("echo $A", &[("A", "whole")]);
    let repository: RegistryAddress = world.stage.facts.registry.parse().unwrap();
    let image = ImageSource::new(repository).reference(&world.stage.namespace, &new.template.image);
    let pod = run::pod(&world.stage.namespace, &new, &image);
    world.pods().create(&PostParams::default(), &pod).await.unwrap();
    world.until(&new.id, |state| *state == RunState::Half).await;
    let (exit, _) = world.ends(&new).await;
    assert_eq!((exit.code, world.log(&new.id).await), (Some(0), vec!["whole".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_run_is_removed_when_it_is_told_to_be_over_and_not_before() {
    let world = World::set().await;
    let namespace = &world.stage.namespace;
    let (one, other) = (world.run("exit 0", &[("A", "1")]), world.run("sleep 100", &[]));
    world.ends(&one).await;
    world.cluster.start(namespace, &other).await.unwrap();
    let ended = || world.cluster.collect_runs(namespace, &[]);
    assert_eq!(ended().await.unwrap(), [one.id.clone()]);
    let over = [one.id.clone(), other.id.clone()];
    assert_eq!(world.cluster.collect_runs(namespace, &over).await.unwrap(), []);
    let begun = Instant::now();
    while world.secrets().get_opt(&run::name(&one.id)).await.unwrap().is_some() {
        assert!(begun.elapsed() < LONG, "its Secret is still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.state(&one.id).await, RunState::Unknown);
    assert_eq!(world.state(&other.id).await, RunState::Running, "what runs is never removed");
    assert_eq!(ended().await.unwrap(), []);
    world.pods().delete(&run::name(&other.id), &DeleteParams::default().grace_period(0)).await.unwrap();
    world.until(&other.id, |state| *state == RunState::Unknown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_of_somebody_elses_is_neither_taken_for_a_run_nor_touched() {
    let world = World::set().await;
    let new = world.run("exit 0", &[]);
    let mut foreign = run::pod(&world.stage.namespace, &new, "example.invalid/none");
    foreign.metadata.labels = None;
    world.pods().create(&PostParams::default(), &foreign).await.unwrap();
    for refused in [
        world.cluster.start(&world.stage.namespace, &new).await,
        world.cluster.run(&world.stage.namespace, &new.id).await.map(|_| ()),
    ] {
        let Err(ClusterError::Refused(words)) = refused else { panic!("it was not refused: {refused:?}") };
        assert!(words.contains("not Slipway's"), "{words}");
    }
    assert!(world.secrets().get_opt(&run::name(&new.id)).await.unwrap().is_none());
}
