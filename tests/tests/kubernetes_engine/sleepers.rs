//! A worker stands still between its decision and its write, and wakes up after a newer promotion has ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::apps::v1::Deployment as Object;
use kube::Api;
use slipway_domain::id::ReleaseId;
use slipway_domain::promotion::{DeploymentKey, Outcome};
use slipway_kubernetes::names;
use slipway_rollout::decide::Mode;
use slipway_rollout::observation::Observation;
use slipway_service::ports::{Clock, Cluster, ClusterError, Namespace, NewDeployment, Removal, Write};
use slipway_service::system::SystemClock;
use slipway_service::turn::{Answer, Route, Step, TurnError, Worker, turn};
use slipway_tests::kubernetes::harness::{Make, Stage};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

const WEB: &str =
    "services: {web: {port: 3000, health: {path: /health, timeout: 10, bake: 1}, scale: 2, termination: {grace: 1}}}";
const LIMIT: Duration = Duration::from_secs(30);

/// Where a worker falls asleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Create,
    /// A write that raises the count.
    Raise,
}

/// The cluster, as a worker reaches it that falls asleep once.
struct Sleepy {
    cluster: Arc<dyn Cluster>,
    before: Before,
    slept: AtomicBool,
    asleep: Notify,
    wake: Notify,
    /// What the cluster answered to the late call.
    answered: std::sync::Mutex<Option<Result<(), ClusterError>>>,
}

impl Sleepy {
    fn new(cluster: Arc<dyn Cluster>, before: Before) -> Self {
        let (asleep, wake) = (Notify::new(), Notify::new());
        Self { cluster, before, slept: AtomicBool::new(false), asleep, wake, answered: std::sync::Mutex::default() }
    }

    async fn late(&self, here: bool, call: impl Future<Output = Result<(), ClusterError>>) -> Result<(), ClusterError> {
        if !here || self.slept.swap(true, Ordering::SeqCst) {
            return call.await;
        }
        self.asleep.notify_one();
        self.wake.notified().await;
        let answer = call.await;
        *self.answered.lock().unwrap() = Some(answer.clone());
        answer
    }

    fn answer(&self) -> Option<Result<(), ClusterError>> {
        self.answered.lock().unwrap().clone()
    }
}

#[async_trait]
impl Cluster for Sleepy {
    async fn observe(&self, namespace: &Namespace) -> Result<Observation, ClusterError> {
        self.cluster.observe(namespace).await
    }

    async fn create(&self, namespace: &Namespace, deployment: &NewDeployment) -> Result<(), ClusterError> {
        self.late(self.before == Before::Create, self.cluster.create(namespace, deployment)).await
    }

    async fn write(&self, namespace: &Namespace, write: &Write) -> Result<(), ClusterError> {
        let raises = write.replicas.is_some_and(|replicas| replicas > 0);
        self.late(self.before == Before::Raise && raises, self.cluster.write(namespace, write)).await
    }

    async fn remove(&self, namespace: &Namespace, removal: &Removal) -> Result<(), ClusterError> {
        self.cluster.remove(namespace, removal).await
    }

    async fn changed(&self, namespace: &Namespace, seen: &Observation, limit: Duration) {
        self.cluster.changed(namespace, seen, limit).await;
    }

    async fn tail(&self, namespace: &Namespace, process: &str, lines: usize) -> Result<Vec<String>, ClusterError> {
        self.cluster.tail(namespace, process, lines).await
    }
}

struct World {
    stage: Arc<Stage>,
    first: ReleaseId,
    second: ReleaseId,
    sleepy: Arc<Sleepy>,
    worker: JoinHandle<Result<Answer, TurnError>>,
}

impl World {
    /// The first release runs; a worker that promotes the second one has fallen asleep.
    async fn asleep(before: Before) -> Self {
        let stage = Arc::new(Stage::set().await);
        let make = |tag: &str| Make { manifest: WEB, image: stage.images[tag].clone(), variables: &[] };
        let first = stage.release(&make("1"));
        assert_eq!(stage.promote(&first).await.outcome, Some(Outcome::Succeeded));
        let second = stage.release(&make("2"));
        let promotion = stage.begin(&second, &BTreeMap::new());
        let step = Step {
            input: stage.input(&stage.records.promotion(&promotion)),
            entered_at: SystemClock.now(),
            mode: Mode::Advance,
        };
        let sleepy = Arc::new(Sleepy::new(stage.cluster.clone(), before));
        let (records, cluster) = (stage.records.clone(), sleepy.clone());
        let worker = tokio::spawn(async move {
            let worker = Worker { records: &*records, cluster: &*cluster, clock: &SystemClock };
            // Whatever route it is sent is its state machine's to take, which has been replaced.
            Box::pin(turn(worker, &step)).await
        });
        tokio::time::timeout(LIMIT, sleepy.asleep.notified()).await.expect("the worker comes that far");
        Self { stage, first, second, sleepy, worker }
    }

    /// Promotes over the sleeper, to the end.
    async fn overtake(&self, to: &ReleaseId) {
        let ended = self.stage.promote(to).await;
        assert_eq!(ended.outcome, Some(Outcome::Succeeded), "{}", self.stage.story(&ended));
        assert_eq!(self.stage.running().await, [(to.clone(), (2, 2))].into());
    }

    async fn object(&self, release: &ReleaseId) -> Option<Object> {
        let key = DeploymentKey { service: "web".parse().unwrap(), release: release.clone() };
        let objects: Api<Object> = Api::namespaced(self.stage.admin.clone(), &self.stage.namespace.to_string());
        objects.get_opt(&names::deployment(&key)).await.unwrap()
    }

    /// The sleeper goes on, and its step ends as one that has nothing to say any more.
    async fn wake(&mut self) -> Result<(), ClusterError> {
        self.sleepy.wake.notify_one();
        let answer = tokio::time::timeout(LIMIT, &mut self.worker).await.expect("the step ends").unwrap().unwrap();
        assert_eq!(answer.route, Route::Ended, "{answer:?}");
        self.sleepy.answer().expect("the cluster answered the late call")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scale_that_wakes_after_a_newer_promotion_is_refused() {
    let mut world = World::asleep(Before::Raise).await;
    let (first, second) = (world.first.clone(), world.second.clone());
    world.overtake(&first).await;
    let before = world.object(&second).await.expect("it was created at 0");
    world.sleepy.wake.notify_one();
    let answer = tokio::time::timeout(LIMIT, &mut world.worker).await.expect("the step ends").unwrap().unwrap();
    assert_eq!(world.sleepy.answer(), Some(Err(ClusterError::Conflict)), "{answer:?}");
    assert_eq!(world.object(&second).await.expect("it is there").metadata, before.metadata);
    assert_eq!(world.stage.running().await, [(first, (2, 2))].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_wakes_after_a_newer_promotion_of_the_same_release_changes_nothing() {
    let mut world = World::asleep(Before::Create).await;
    let second = world.second.clone();
    assert!(world.object(&second).await.is_none(), "the sleeper was to create it");
    world.overtake(&second).await;
    let before = world.object(&second).await.expect("the newer promotion created it");
    // "Already exists" is success to whoever wanted it to be there.
    assert_eq!(world.wake().await, Ok(()));
    let after = world.object(&second).await.expect("it is there");
    assert_eq!((after.metadata.uid, after.metadata.annotations), (before.metadata.uid, before.metadata.annotations));
    assert_eq!(after.spec, before.spec);
    assert_eq!(world.stage.running().await, [(second, (2, 2))].into());
}

/// What it makes is at 0, and nothing that anybody decides later raises it.
#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_wakes_after_a_newer_promotion_of_another_release_starts_nothing() {
    let mut world = World::asleep(Before::Create).await;
    let (first, second) = (world.first.clone(), world.second.clone());
    world.overtake(&first).await;
    let woken = world.wake().await;
    let made = world.object(&second).await.and_then(|object| object.spec).and_then(|spec| spec.replicas);
    assert!(matches!(made, None | Some(0)), "{woken:?} made {made:?}");
    assert_eq!(world.stage.running().await, [(first, (2, 2))].into());
}
