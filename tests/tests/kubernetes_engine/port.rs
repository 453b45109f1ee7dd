//! The port alone: what is created, written and removed, and what is refused.

use k8s_openapi::api::apps::v1::Deployment as Object;
use k8s_openapi::api::core::v1::Namespace as NamespaceObject;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use slipway_domain::promotion::{DeploymentKey, Epoch};
use slipway_kubernetes::names;
use slipway_rollout::observation::{Deployment, Observation};
use slipway_service::ports::{ClusterError, NewDeployment, Removal, Write};
use slipway_tests::kubernetes::harness::{Make, Stage};

const WEB: &str = "services: {web: {port: 3000, health: {path: /health}, termination: {grace: 1}}}";

struct World {
    stage: Stage,
    new: NewDeployment,
}

impl World {
    /// A release whose Deployment is not created yet.
    async fn set() -> Self {
        let stage = Stage::set().await;
        let release =
            stage.release(&Make { manifest: WEB, image: stage.images["1"].clone(), variables: &[("A", "1")] });
        let key = DeploymentKey { service: "web".parse().unwrap(), release };
        let template = stage.records.template_of(&key.release, &key.service).unwrap();
        Self { stage, new: NewDeployment { key, epoch: Epoch(5), template } }
    }

    async fn create(&self, epoch: u64) -> Result<(), ClusterError> {
        let new = NewDeployment { epoch: Epoch(epoch), ..self.new.clone() };
        self.stage.cluster.create(&self.stage.namespace, &new).await
    }

    /// The one Deployment, when no controller is about to touch it.
    async fn settled(&self, done: impl Fn(&Deployment) -> bool) -> Deployment {
        let mut seen = self.stage.look().await;
        for _ in 0..100 {
            if let [one] = seen.deployments.as_slice()
                && done(one)
            {
                return one.clone();
            }
            self.stage.cluster.changed(&self.stage.namespace, &seen, std::time::Duration::from_secs(1)).await;
            seen = self.stage.look().await;
        }
        panic!("it did not settle: {seen:#?}");
    }

    async fn write(&self, seen: &Deployment, epoch: u64, replicas: u32) -> Result<(), ClusterError> {
        let write = Write {
            key: seen.key.clone(),
            uid: seen.uid.clone(),
            resource_version: seen.resource_version.clone(),
            epoch: Epoch(epoch),
            turn: 1,
            replicas: Some(replicas),
        };
        self.stage.cluster.write(&self.stage.namespace, &write).await
    }

    fn objects(&self) -> Api<Object> {
        Api::namespaced(self.stage.admin.clone(), &self.stage.namespace.to_string())
    }

    /// Somebody changes the Deployment by hand.
    async fn edit(&self, patch: &Value) {
        let name = names::deployment(&self.new.key);
        self.objects().patch(&name, &PatchParams::default(), &Patch::Strategic(patch)).await.unwrap();
    }
}

fn visible(deployment: &Deployment) -> bool {
    deployment.visibility == slipway_rollout::observation::Visibility::Visible
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_creation_and_a_late_write_change_nothing() {
    let world = World::set().await;
    world.create(5).await.unwrap();
    let first = world.settled(visible).await;
    assert_eq!((first.replicas, first.epoch, first.intact), (0, Epoch(5), true));
    world.create(4).await.unwrap();
    assert_eq!(world.settled(visible).await.uid, first.uid);

    world.write(&first, 6, 0).await.unwrap();
    assert_eq!(world.write(&first, 6, 2).await, Err(ClusterError::Conflict));
    let second = world.settled(visible).await;
    assert_eq!((second.epoch, second.replicas), (Epoch(6), 0));
    assert_eq!(world.write(&second, 5, 2).await, Err(ClusterError::Conflict));
    let removal = |seen: &Deployment| Removal::Deployment {
        key: seen.key.clone(),
        uid: seen.uid.clone(),
        resource_version: seen.resource_version.clone(),
    };
    let cluster = &world.stage.cluster;
    assert_eq!(cluster.remove(&world.stage.namespace, &removal(&first)).await, Err(ClusterError::Conflict));
    cluster.remove(&world.stage.namespace, &removal(&second)).await.unwrap();
    cluster.remove(&world.stage.namespace, &removal(&second)).await.unwrap();
    assert_eq!(world.stage.look().await.deployments, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_died_half_way_is_made_afresh_by_the_next_and_by_no_older_one() {
    let world = World::set().await;
    world.create(5).await.unwrap();
    let first = world.settled(visible).await;
    world.edit(&json!({ "metadata": { "annotations": { names::TEMPLATE: null } } })).await;
    assert_eq!(world.stage.look().await.deployments, []);

    assert_eq!(world.create(4).await, Err(ClusterError::Conflict));
    world.create(6).await.unwrap();
    let second = world.settled(visible).await;
    assert_ne!(second.uid, first.uid);
    world.write(&second, 6, 1).await.unwrap();
    let ready = world.settled(|seen| seen.processes.iter().any(|process| process.registered)).await;
    assert!(ready.processes.iter().all(|process| process.genuine));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_was_changed_by_hand_is_seen_and_put_right_by_the_next_write() {
    let world = World::set().await;
    world.create(5).await.unwrap();
    let first = world.settled(visible).await;
    let name = names::deployment(&world.new.key);
    let written = world.objects().get(&name).await.unwrap().spec.unwrap().template;
    let container = json!({ "name": "main", "env": [{ "name": "SMUGGLED", "value": "1" }] });
    world
        .edit(
            &json!({ "spec": { "template": { "spec": { "nodeSelector": { "a": "b" }, "containers": [container] } } } }),
        )
        .await;
    let edited = world.settled(|seen| visible(seen) && seen.resource_version != first.resource_version).await;
    assert!(!edited.intact);
    world.write(&edited, 5, 0).await.unwrap();
    let restored = world.settled(|seen| visible(seen) && seen.intact).await;
    assert_eq!(restored.uid, first.uid);
    assert_eq!(world.objects().get(&name).await.unwrap().spec.unwrap().template, written);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_of_another_tenant_is_refused() {
    let world = World::set().await;
    let namespaces: Api<NamespaceObject> = Api::all(world.stage.admin.clone());
    let patch = Patch::Merge(json!({ "metadata": { "labels": { names::TENANT: "TOTHEROTHER" } } }));
    namespaces.patch(&world.stage.namespace.to_string(), &PatchParams::default(), &patch).await.unwrap();
    for refused in
        [world.create(5).await, world.stage.cluster.observe(&world.stage.namespace).await.map(|_: Observation| ())]
    {
        let Err(ClusterError::Refused(words)) = refused else { panic!("it was not refused: {refused:?}") };
        assert!(words.contains("belongs to another") && words.contains("TOTHEROTHER"), "{words}");
    }
    assert!(world.objects().list(&kube::api::ListParams::default()).await.unwrap().items.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_with_a_change_and_not_before() {
    let world = World::set().await;
    world.create(5).await.unwrap();
    let seen = world.settled(visible).await;
    // The cluster reports a little more after everything is as it should be: one quiet second has to come.
    let short = std::time::Duration::from_secs(1);
    let mut waits = Vec::new();
    while waits.last().is_none_or(|wait| *wait < short) {
        assert!(waits.len() < 10, "nothing changed, and the waits ended after {waits:?}");
        let look = world.stage.look().await;
        let begun = std::time::Instant::now();
        world.stage.cluster.changed(&world.stage.namespace, &look, short).await;
        waits.push(begun.elapsed());
    }

    let look = world.stage.look().await;
    let long = std::time::Duration::from_secs(30);
    let begun = std::time::Instant::now();
    let wait = world.stage.cluster.changed(&world.stage.namespace, &look, long);
    let (written, ()) = tokio::join!(world.write(&seen, 5, 0), wait);
    written.unwrap();
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "the change was seen after {:?}", begun.elapsed());
}
