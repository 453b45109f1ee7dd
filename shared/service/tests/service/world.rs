//! One tenant's world: the use cases, their ports, and the shortest way to builds, releases and promotions.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use slipway_domain::error::{Error, Result};
use slipway_domain::id::{BuildId, PromotionId, ReleaseId, TenantId};
use slipway_domain::name::{AppName, EnvironmentName, ServiceName};
use slipway_domain::promotion::{Environment, Outcome, Promotion};
use slipway_domain::release::{ImageDigest, Release, ReleaseRef};
use slipway_domain::secret::Secret;
use slipway_embedded::embedded::Embedded;
use slipway_rollout::decide::Mode;
use slipway_service::builds::intake::Intake;
use slipway_service::builds::{Completion, ManifestText, NewBuild, Source};
use slipway_service::caller::Caller;
use slipway_service::ports::{Clock, RolloutInput};
use slipway_service::promotions::PromoteOptions;
use slipway_service::releases::BaseChoice;
use slipway_service::slipway::Slipway;
use slipway_service::turn::{Route, Step, StoreRecords, Worker, turn};
use slipway_service::variables::{ChangeVariables, VariableChange, VariablesChanged};
use slipway_store::Store;
use slipway_store::keys::file::FileKeys;

use crate::ports::{
    Counted, MemoryAccess, MemoryBuilder, MemoryCluster, MemoryObjects, MemoryProcesses, MemoryRegistry,
    MemoryWorkflows, VirtualClock,
};

use crate::repositories::MemoryRepositories;

pub const WEB: &str = "services:\n  web:\n    port: 3000\n    scale: 2\n";
const TABLE: &str = "slipway";

pub struct World {
    pub slipway: Slipway,
    pub owner: Caller,
    pub app: AppName,
    pub production: EnvironmentName,
    pub clock: Arc<VirtualClock>,
    pub cluster: Arc<MemoryCluster>,
    pub processes: Arc<MemoryProcesses>,
    pub access: Arc<MemoryAccess>,
    pub workflows: Arc<MemoryWorkflows>,
    pub registry: Arc<MemoryRegistry>,
    pub repositories: Arc<MemoryRepositories>,
    pub objects: Arc<MemoryObjects>,
    pub builder: Arc<MemoryBuilder>,
    embedded: Embedded,
    _keys: tempfile::TempDir,
}

impl World {
    /// With an owner, the app `shop` and its `production`.
    pub async fn new() -> Self {
        let world = Self::without_app().await;
        world.slipway.create_app(&world.owner, &world.app, None, None).await.unwrap();
        world
    }

    pub async fn without_app() -> Self {
        let embedded = Embedded::memory().unwrap();
        let keys = tempfile::tempdir().unwrap();
        let master = FileKeys::open(&keys.path().join("key")).unwrap();
        let store = Store::new(embedded.client(), TABLE, Arc::new(master));
        store.ensure_table().await.unwrap();
        let clock = Arc::new(VirtualClock::new());
        let cluster = Arc::new(MemoryCluster::default());
        cluster.clock.set(clock.clone()).ok().unwrap();
        let processes = Arc::new(MemoryProcesses::default());
        let access = Arc::new(MemoryAccess::default());
        let workflows = Arc::new(MemoryWorkflows::default());
        let registry = Arc::new(MemoryRegistry::default());
        let repositories = Arc::new(MemoryRepositories::default());
        let objects = Arc::new(MemoryObjects::default());
        let builder = Arc::new(MemoryBuilder::default());
        let slipway = Slipway {
            store,
            cluster: cluster.clone(),
            processes: processes.clone(),
            access: access.clone(),
            clusters: None,
            operator: None,
            workflows: workflows.clone(),
            registry: registry.clone(),
            objects: objects.clone(),
            builder: builder.clone(),
            intake: Intake::Both(repositories.clone()),
            clock: clock.clone(),
            entropy: Arc::new(Counted::default()),
        };
        let tenant = TenantId::from_entropy(1);
        let token = slipway.bootstrap_local(&tenant).await.unwrap().unwrap();
        let owner = slipway.authenticate(token.reveal(), "request-1").await.unwrap();
        let (app, production) = ("shop".parse().unwrap(), EnvironmentName::production());
        Self {
            slipway,
            owner,
            app,
            production,
            clock,
            cluster,
            processes,
            access,
            workflows,
            registry,
            repositories,
            objects,
            builder,
            embedded,
            _keys: keys,
        }
    }

    /// Everything in the table, in an order of its own.
    pub async fn dump(&self) -> Vec<BTreeMap<String, String>> {
        let client = self.embedded.client();
        let mut rows = Vec::new();
        let mut start = None;
        loop {
            let page = client.scan().table_name(TABLE).set_exclusive_start_key(start).send().await.unwrap();
            rows.extend(page.items().iter().map(|item| {
                item.iter().map(|(name, value)| (name.clone(), format!("{value:?}"))).collect::<BTreeMap<_, _>>()
            }));
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        rows.sort();
        rows
    }

    /// The error of a request, after making sure that it left no trace in the table.
    pub async fn refused<T: Debug>(&self, request: impl Future<Output = Result<T>>) -> Error {
        let before = self.dump().await;
        let error = request.await.unwrap_err();
        assert_eq!(self.dump().await, before, "a refused request changed something: {error:?}");
        error
    }

    /// An image that the registry holds.
    pub fn image(&self, number: u8) -> ImageDigest {
        let image = ImageDigest::from_sha256(&[number; 32]);
        self.registry.0.lock().unwrap().insert((self.owner.tenant().clone(), image.clone()));
        image
    }

    /// A complete build of that image, and its release.
    pub async fn build(&self, number: u8, manifest: &str) -> (BuildId, Release) {
        self.build_in(&self.production, number, manifest).await
    }

    pub async fn build_in(&self, environment: &EnvironmentName, number: u8, manifest: &str) -> (BuildId, Release) {
        let new = NewBuild { environment: environment.clone(), ..new_build() };
        let created = self.slipway.create_build(&self.owner, &self.app, &new, None).await.unwrap().value;
        let id = created.build.build.id;
        let manifest = ManifestText { file: "slipway.yml".to_owned(), text: manifest.to_owned() };
        let completion = Completion::Image { image: self.image(number), manifest: Some(manifest) };
        let view = self.slipway.complete_build(&self.owner, &self.app, &id, &completion).await.unwrap();
        (id, self.release(&view.release.unwrap()).await)
    }

    pub async fn release(&self, id: &ReleaseId) -> Release {
        self.slipway.release(&self.owner, &self.app, &by_id(id)).await.unwrap().release
    }

    /// A release with these variables set upon the newest.
    pub async fn set(&self, variables: &[(&str, &str)]) -> Release {
        match self.change(variables.iter().map(|(key, value)| (*key, Some(*value))).collect()).await.unwrap() {
            VariablesChanged::Released { release, .. } => release.release,
            VariablesChanged::Unchanged { release } => panic!("{release} has them already"),
        }
    }

    pub async fn change(&self, entries: Vec<(&str, Option<&str>)>) -> Result<VariablesChanged> {
        let change = patch(&entries);
        let posted = self.slipway.change_variables(&self.owner, &self.app, &self.production, change, None).await?;
        Ok(posted.value)
    }

    pub async fn promote(&self, release: &Release, options: &PromoteOptions) -> Result<Promotion> {
        let reference = by_id(&release.id);
        let posted =
            self.slipway.promote(&self.owner, &self.app, &release.environment, &reference, options, None).await?;
        Ok(posted.value)
    }

    /// Promotes and runs the state machine to the end.
    pub async fn ship(&self, release: &Release) -> Outcome {
        let promotion = self.promote(release, &PromoteOptions::default()).await.unwrap();
        self.finish(&promotion.id).await
    }

    /// Runs the state machine of a promotion to its end, as it is started.
    pub async fn finish(&self, id: &PromotionId) -> Outcome {
        for _ in 0..500 {
            let promotion = self.promotion(id).await;
            if let Some(outcome) = promotion.outcome {
                return outcome;
            }
            let input = self.workflows.started.lock().unwrap().get(&promotion.execution_name()).cloned();
            self.step(input.expect("its execution was started"), Mode::Advance).await;
        }
        panic!("{id} does not end");
    }

    pub async fn step(&self, input: RolloutInput, mode: Mode) -> Route {
        let records = StoreRecords::new(self.slipway.store.clone());
        let worker = Worker { records: &records, cluster: self.cluster.as_ref(), clock: self.clock.as_ref() };
        let step = Step { input, entered_at: self.clock.now(), mode };
        turn(worker, &step).await.unwrap().route
    }

    /// Goes on with a promotion of a release that never gets ready until it turns back.
    pub async fn restoring(&self, promotion: &Promotion) -> RolloutInput {
        let input = self.workflows.started.lock().unwrap()[&promotion.execution_name()].clone();
        for _ in 0..20 {
            if self.step(input.clone(), Mode::Advance).await == Route::Restore {
                return input;
            }
        }
        panic!("{} does not turn back", promotion.id);
    }

    pub async fn promotion(&self, id: &PromotionId) -> Promotion {
        let store = self.slipway.store.scoped(self.owner.tenant().clone());
        store.promotion(&self.app, id).await.unwrap().unwrap()
    }

    pub async fn environment(&self) -> Environment {
        self.slipway.environment(&self.owner, &self.app, &self.production).await.unwrap().environment
    }

    pub async fn staging(&self) -> EnvironmentName {
        let name: EnvironmentName = "staging".parse().unwrap();
        self.slipway.create_environment(&self.owner, &self.app, &name, None, None).await.unwrap();
        name
    }

    pub fn wait(&self, duration: Duration) {
        self.clock.advance(duration);
    }
}

pub fn by_id(id: &ReleaseId) -> ReleaseRef {
    ReleaseRef::Id(id.clone())
}

pub fn new_build() -> NewBuild {
    NewBuild {
        source: Source::Existing,
        environment: EnvironmentName::production(),
        commit: None,
        description: None,
        manifest: None,
        time_limit: None,
    }
}

pub fn patch(entries: &[(&str, Option<&str>)]) -> ChangeVariables {
    let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), value.map(Secret::from)));
    ChangeVariables {
        change: VariableChange::Patch(entries.collect()),
        base: BaseChoice::Newest,
        if_base: None,
        description: None,
        tag: None,
    }
}

pub fn service(name: &str) -> ServiceName {
    name.parse().unwrap()
}
