//! A stage: one environment in a namespace of its own, its releases, and promotions that the shipped step carries out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace as NamespaceObject;
use kube::Api;
use kube::api::DeleteParams;
use slipway_domain::cluster;
use slipway_domain::id::{BuildId, PromotionId, ReleaseId, TenantId};
use slipway_domain::manifest::parse;
use slipway_domain::promotion::{Environment, Epoch, Kind, Phase, Promotion, Status};
use slipway_domain::release::{ImageDigest, Release, TenantKey, digest, fingerprints};
use slipway_domain::repository::RegistryAddress;
use slipway_domain::secret::Secret;
use slipway_domain::variables::Variables;
use slipway_kubernetes::client::{ImageSource, KubernetesCluster};
use slipway_rollout::decide::Mode;
use slipway_rollout::observation::Observation;
use slipway_rollout::plan::{Planned, plan};
use slipway_rollout::start::{Start, start};
use slipway_service::ports::{Clock, Cluster, Namespace, RolloutInput};
use slipway_service::system::SystemClock;
use slipway_service::turn::{Route, Step, Worker, turn};

use super::facts::Facts;
use super::images;
use super::records::MemoryRecords;
use super::rights;

/// A step that is asked for so often has not ended what its clocks should have ended.
const MOST_STEPS: usize = 400;

/// What a release is made of.
#[derive(Clone, Debug)]
pub struct Make<'a> {
    /// `slipway.yml`.
    pub manifest: &'a str,
    pub image: ImageDigest,
    pub variables: &'a [(&'a str, &'a str)],
}

/// One environment of one app on the real cluster.
pub struct Stage {
    pub facts: Facts,
    /// Whoever runs the tests, with every right.
    pub admin: kube::Client,
    /// Slipway, with the rights that its manifest grants and no others.
    pub ours: kube::Client,
    pub cluster: Arc<dyn Cluster>,
    pub namespace: Namespace,
    pub records: Arc<MemoryRecords>,
    /// The test application, by its `VERSION`.
    pub images: BTreeMap<&'static str, ImageDigest>,
    releases: AtomicU64,
}

impl Stage {
    /// A fresh namespace, with the test application pushed for its app.
    pub async fn set() -> Self {
        let facts = Facts::read();
        let admin = client(&facts).await;
        let namespace = Namespace {
            tenant: TenantId::from_entropy(rand::random()),
            app: format!("a{:08x}", rand::random::<u32>()).parse().expect("a name of letters and digits"),
            environment: "test".parse().expect("a name"),
        };
        let ours = client_as(&facts, Some(&cluster::Cluster::group(&namespace.tenant))).await;
        rights::grant(&admin, &ours, &namespace).await;
        let registry: RegistryAddress = facts.registry.parse().expect("the registry's address");
        let repository = registry.repository(&namespace.tenant, &namespace.app);
        let mut pushed = BTreeMap::new();
        for tag in ["1", "2", "3"] {
            pushed.insert(tag, images::copy(tag, &repository).await);
        }
        let cluster = KubernetesCluster::new(ours.clone(), ImageSource::new(registry));
        let records = MemoryRecords::new(empty(&namespace));
        Self {
            facts,
            admin,
            ours,
            cluster: Arc::new(cluster),
            namespace,
            records: Arc::new(records),
            images: pushed,
            releases: AtomicU64::new(0),
        }
    }

    /// Another cluster port between the step and the cluster: slower, blinder, or counted.
    #[must_use]
    pub fn through(mut self, wrap: impl FnOnce(Arc<dyn Cluster>) -> Arc<dyn Cluster>) -> Self {
        self.cluster = wrap(self.cluster.clone());
        self
    }

    pub fn release(&self, make: &Make<'_>) -> ReleaseId {
        let number = self.releases.fetch_add(1, Ordering::Relaxed) + 1;
        let manifest = parse("slipway.yml", make.manifest).expect("a good manifest");
        let pairs = make.variables.iter().map(|(key, value)| (key.parse().expect("a key"), Secret::from(*value)));
        let variables = Variables::new(pairs.collect()).expect("few variables");
        let key = TenantKey::new([7; 32]);
        let id = ReleaseId::from_entropy(rand::random());
        let release = Release {
            id: id.clone(),
            number,
            app: self.namespace.app.clone(),
            environment: self.namespace.environment.clone(),
            build: BuildId::from_entropy(rand::random()),
            digest: digest(&key, &make.image, &manifest, &variables),
            description: String::new(),
            tag: None,
            parent: None,
            copied_from: None,
            original_number: number,
            created_at: SystemClock.now(),
            created_by: "ann".to_owned(),
            reason: None,
            manifest,
            image: make.image.clone(),
            commit: None,
            fingerprints: fingerprints(&key, &variables),
        };
        self.records.add(release, variables);
        id
    }

    /// Starts a promotion, in the place of one that is running.
    pub fn begin(&self, to: &ReleaseId, scale: &BTreeMap<slipway_domain::name::ServiceName, u32>) -> PromotionId {
        let mut ledger = self.records.ledger();
        let environment = ledger.environment.clone();
        let running = ledger.running().cloned();
        let manifest = |id: &ReleaseId| ledger.releases[id].clone();
        let from = environment.active.as_ref().map(manifest);
        let target = manifest(to);
        let planned = Planned {
            from: from.as_ref(),
            to: &target,
            same_release: environment.active.as_ref() == Some(to) && running.is_none(),
            formation: &environment.formation,
            scale,
            total_seconds: None,
        };
        let plan = plan(&planned).expect("a formation that fits").plan;
        let kind = if scale.is_empty() { Kind::Promote } else { Kind::Scale };
        let id = PromotionId::from_entropy(rand::random());
        let asked = Start { id: id.clone(), kind, actor: "ann".to_owned(), reason: None, to: to.clone(), plan };
        let started = start(&environment, running.as_ref(), asked, SystemClock.now()).expect("it may start");
        ledger.start(&environment, running.as_ref(), &started).expect("nobody else writes these records");
        id
    }

    pub fn input(&self, promotion: &Promotion) -> RolloutInput {
        RolloutInput::of(&self.namespace.tenant, promotion)
    }

    /// Carries a promotion on as the state machine does, until it has ended.
    pub async fn carry_on(&self, id: &PromotionId) -> Promotion {
        let input = self.input(&self.records.promotion(id));
        let worker = Worker { records: &*self.records, cluster: &*self.cluster, clock: &SystemClock };
        let mut mode = Mode::Advance;
        for _ in 0..MOST_STEPS {
            let step = Step { input: input.clone(), entered_at: SystemClock.now(), mode };
            let answer = Box::pin(turn(worker, &step)).await.unwrap_or_else(|error| panic!("a step failed: {error}"));
            let late = answer.deadline_ms.is_some_and(|deadline| SystemClock.now().as_millis() >= deadline);
            mode = match answer.route {
                Route::Ended => return self.records.promotion(id),
                Route::Restore => Mode::Restore,
                Route::Advance if late => Mode::Restore,
                Route::Advance => Mode::Advance,
            };
        }
        panic!("the promotion did not end: {:#?}", self.records.promotion(id));
    }

    /// Starts a promotion and carries it to its end.
    pub async fn promote(&self, to: &ReleaseId) -> Promotion {
        let id = self.begin(to, &BTreeMap::new());
        let ended = self.carry_on(&id).await;
        assert_eq!(ended.phase, Phase::Ended);
        ended
    }

    pub async fn look(&self) -> Observation {
        self.cluster.observe(&self.namespace).await.unwrap_or_else(|error| panic!("the cluster is not seen: {error}"))
    }

    /// Processes that are live, by release: how many there are, and how many of them serve.
    pub async fn running(&self) -> BTreeMap<ReleaseId, (usize, usize)> {
        let mut running = BTreeMap::new();
        for deployment in self.look().await.deployments {
            let live: Vec<_> = deployment.live().collect();
            let serving = live.iter().filter(|process| process.registered && process.genuine).count();
            if !live.is_empty() {
                running.insert(deployment.key.release.clone(), (live.len(), serving));
            }
        }
        running
    }

    /// What a person reads of a promotion.
    pub fn story(&self, promotion: &Promotion) -> String {
        let events = self.records.events(&promotion.id);
        let lines: Vec<_> =
            events.iter().map(|event| format!("{} {} {}", event.at, event.source, event.message)).collect();
        format!("{}\n{:#?}", lines.join("\n"), promotion.failure)
    }
}

/// The namespace goes, and with it everything in it.
impl Drop for Stage {
    fn drop(&mut self) {
        let (facts, name) = (self.facts.clone(), self.namespace.to_string());
        let ending = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let namespaces: Api<NamespaceObject> = Api::all(client(&facts).await);
                let now = DeleteParams::default();
                let deleted = namespaces.delete(&name, &now);
                let _unless_the_cluster_is_gone = tokio::time::timeout(Duration::from_secs(10), deleted).await;
            });
        });
        let _after_a_failed_test_too = ending.join();
    }
}

async fn client(facts: &Facts) -> kube::Client {
    client_as(facts, None).await
}

/// Who may do everything can act as somebody who may not.
async fn client_as(facts: &Facts, group: Option<&str>) -> kube::Client {
    let file = kube::config::Kubeconfig::read_from(&facts.kubeconfig).expect("a kubeconfig");
    let config = kube::Config::from_custom_kubeconfig(file, &kube::config::KubeConfigOptions::default()).await;
    let mut config = config.expect("a kubeconfig with a current context");
    if let Some(group) = group {
        config.auth_info.impersonate = Some("slipway".to_owned());
        config.auth_info.impersonate_groups = Some(vec![group.to_owned()]);
    }
    kube::Client::try_from(config).expect("a client")
}

fn empty(namespace: &Namespace) -> Environment {
    Environment {
        app: namespace.app.clone(),
        name: namespace.environment.clone(),
        cluster: None,
        status: Status::Creating,
        active: None,
        newest: None,
        promotion: None,
        epoch: Epoch(0),
        formation: BTreeMap::new(),
        cleanup_pending: false,
        created_at: SystemClock.now(),
        version: 1,
    }
}
