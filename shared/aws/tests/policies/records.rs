//! The records of one app, and all that the store does with them.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_domain::app::App;
use slipway_domain::build::{Build, BuildStatus};
use slipway_domain::id::{BuildId, PromotionId, ReleaseId, RunId, TenantId};
use slipway_domain::manifest::{self, Manifest};
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::promotion::{
    Environment, Epoch, Event, Exit, Kind, Memory, Outcome, Phase, Plan, Promotion, Status,
};
use slipway_domain::release::{ImageDigest, Release, ReleaseRef, TenantKey, digest, fingerprints};
use slipway_domain::time::Time;
use slipway_domain::variables::Variables;
use slipway_store::Scoped;
use slipway_store::builds::CompleteBuild;
use slipway_store::promotions::{NoopPromotion, SaveTurn, StartPromotion};
use slipway_store::records::{Change, IdempotencyKey, Page, Role, Run, RunEnd, Tenant, Token};
use slipway_store::releases::NewRelease;
use slipway_store::token_id::TokenId;

pub fn at(seconds: u64) -> Time {
    Time::from_millis(1_700_000_000_000).plus(Duration::from_secs(seconds))
}

/// One app with one environment.
struct Records<'a> {
    store: &'a Scoped,
    app: &'a AppName,
    environment: &'a EnvironmentName,
}

/// Reads and writes of every kind of record.
pub async fn everything(store: &Scoped, tenant: &TenantId, app: &AppName, environment: &EnvironmentName) {
    let records = Records { store, app, environment };
    tenants(store, tenant).await;
    records.apps().await;
    records.builds().await;
    records.promotions().await;
    records.runs().await;
    let notices = store.notices(&Page::first(10)).await.unwrap().items;
    store.delivered(&notices[0].id).await.unwrap();
    store.record(&change(), "variables").await.unwrap();
    store.audit(&Page::first(10)).await.unwrap();
    store.idempotency("scope", "key", at(0)).await.unwrap();
}

async fn tenants(store: &Scoped, tenant: &TenantId) {
    let acme = Tenant { id: tenant.clone(), name: "Acme".to_owned(), created_at: at(0) };
    store.create_tenant(&change(), &acme).await.unwrap();
    store.tenant_key().await.unwrap();
    let id = TokenId::from_entropy(tenant, 1);
    let token = Token {
        id: id.clone(),
        name: "ci".to_owned(),
        sha256: String::new(),
        role: Role::Owner,
        created_at: at(0),
        expires_at: at(1),
        revoked_at: None,
    };
    store.create_token(&change(), &token).await.unwrap();
    store.tokens().await.unwrap();
    store.revoke_token(&change(), &id, at(1)).await.unwrap();
}

impl Records<'_> {
    async fn apps(&self) {
        let idempotency = IdempotencyKey {
            scope: "scope".to_owned(),
            key: "key".to_owned(),
            fingerprint: "print".to_owned(),
            status: 201,
            resource: "app".to_owned(),
        };
        let change = Change { idempotency: Some(idempotency), ..change() };
        let app = App { name: self.app.clone(), created_at: at(0), created_by: "ana".to_owned(), release_count: 0 };
        self.store.create_app(&change, &app, &self.fresh_environment()).await.unwrap();
        self.store.apps(&Page::first(10)).await.unwrap();
        self.store.environments(self.app).await.unwrap();
    }

    async fn builds(&self) {
        let page = Page::first(10);
        let build = self.build();
        self.store.create_build(&change(), &build, at(9)).await.unwrap();
        let running = Build { status: BuildStatus::Running, ..build.clone() };
        self.store.update_build(&change(), &running, BuildStatus::Created).await.unwrap();
        let build = Build { status: BuildStatus::Complete, image: Some(image()), manifest: Some(parsed()), ..build };
        let complete = CompleteBuild { build, expected: BuildStatus::Running, release: self.release() };
        self.store.complete_build(&change(), &complete).await.unwrap();
        self.store.build(self.app, &BuildId::from_entropy(1)).await.unwrap();
        self.store.builds(self.app, &page).await.unwrap();
        self.store.release(self.app, &"v1.0".parse::<ReleaseRef>().unwrap()).await.unwrap();
        self.store.releases(self.app, None, &page).await.unwrap();
        self.store.releases(self.app, Some(self.environment), &page).await.unwrap();
        self.store.variables(&self.release().release).await.unwrap();
    }

    async fn promotions(&self) {
        let (store, page) = (self.store, Page::first(10));
        let read = store.environment(self.app, self.environment).await.unwrap().unwrap();
        let promotion = self.promotion(1);
        let environment = Environment {
            promotion: Some(promotion.id.clone()),
            epoch: Epoch(1),
            version: read.version + 1,
            ..read.clone()
        };
        let start = StartPromotion {
            promotion: promotion.clone(),
            event: event(1, None),
            environment,
            expected_environment_version: read.version,
            superseded: None,
            release: None,
        };
        store.start_promotion(&change(), &start).await.unwrap();
        store.load(self.app, self.environment, &promotion.id).await.unwrap().unwrap();
        let save = SaveTurn {
            promotion: ended(Promotion { events: 2, version: 2, ..promotion.clone() }, Outcome::Succeeded),
            expected_version: 1,
            environment: None,
            events: vec![event(2, Some(Outcome::Succeeded))],
            notices: Vec::new(),
            change: None,
        };
        store.save_turn(&save).await.unwrap();
        let noop = NoopPromotion {
            promotion: ended(self.promotion(2), Outcome::Noop),
            event: event(1, Some(Outcome::Noop)),
            expected_environment_version: read.version + 1,
        };
        store.record_noop(&change(), &noop).await.unwrap();
        store.promotions(self.app, self.environment, &page).await.unwrap();
        store.events(self.app, &promotion.id, 0, 10).await.unwrap();
        store.activations(self.app, self.environment, None, &page).await.unwrap();
        store.history(self.app, self.environment, &[ReleaseId::from_entropy(1)]).await.unwrap();
    }

    async fn runs(&self) {
        let run = self.run();
        self.store.create_run(&change(), &run).await.unwrap();
        let end = RunEnd { exit: Exit::default(), at: at(1), timed_out: true };
        self.store.finish_run(&run, &end).await.unwrap();
        self.store.runs(self.app, self.environment, &Page::first(10)).await.unwrap();
    }

    fn fresh_environment(&self) -> Environment {
        Environment {
            app: self.app.clone(),
            name: self.environment.clone(),
            cluster: None,
            status: Status::Creating,
            active: None,
            newest: None,
            promotion: None,
            epoch: Epoch(0),
            formation: BTreeMap::new(),
            cleanup_pending: false,
            created_at: at(0),
            version: 1,
        }
    }

    fn build(&self) -> Build {
        Build {
            id: BuildId::from_entropy(1),
            app: self.app.clone(),
            environment: self.environment.clone(),
            status: BuildStatus::Created,
            description: "build".to_owned(),
            commit: None,
            image: None,
            manifest: None,
            warnings: Vec::new(),
            created_at: at(0),
            started_at: None,
            ended_at: None,
            created_by: "ana".to_owned(),
            failure: None,
            upload: None,
            manifest_path: None,
            time_limit_seconds: 3600,
            release: None,
        }
    }

    fn release(&self) -> NewRelease {
        let (key, variables) = (TenantKey::new([1; 32]), Variables::new(BTreeMap::new()).unwrap());
        let release = Release {
            id: ReleaseId::from_entropy(1),
            number: 1,
            app: self.app.clone(),
            environment: self.environment.clone(),
            build: BuildId::from_entropy(1),
            digest: digest(&key, &image(), &parsed(), &variables),
            description: "release".to_owned(),
            tag: Some("v1.0".parse().unwrap()),
            parent: None,
            copied_from: None,
            original_number: 1,
            created_at: at(0),
            created_by: "ana".to_owned(),
            reason: None,
            manifest: parsed(),
            image: image(),
            commit: None,
            fingerprints: fingerprints(&key, &variables),
        };
        NewRelease { release, variables, expected_newest: None }
    }

    fn promotion(&self, number: u128) -> Promotion {
        Promotion {
            id: PromotionId::from_entropy(number),
            app: self.app.clone(),
            environment: self.environment.clone(),
            kind: Kind::Promote,
            actor: "ana".to_owned(),
            reason: None,
            from: None,
            to: ReleaseId::from_entropy(1),
            epoch: Epoch(1),
            execution: 1,
            phase: Phase::Preparing,
            cancel: None,
            plan: Plan {
                batch: 1,
                strict: false,
                preparing_ms: 60_000,
                total_ms: 600_000,
                restoring_ms: 600_000,
                services: Vec::new(),
            },
            moved: false,
            healthy_before: None,
            failure: None,
            memory: Memory::default(),
            actions: Vec::new(),
            turn: 0,
            turn_due: at(60),
            clock: at(0),
            started_at: at(0),
            rolling_at: None,
            restoring_at: None,
            ended_at: None,
            outcome: None,
            status_before: Status::Creating,
            superseded_by: None,
            events: 1,
            version: 1,
        }
    }

    fn run(&self) -> Run {
        Run {
            id: RunId::from_entropy(1),
            app: self.app.clone(),
            environment: self.environment.clone(),
            release: ReleaseId::from_entropy(1),
            service: "web".parse().unwrap(),
            command: vec!["bin/migrate".to_owned()],
            actor: "ana".to_owned(),
            started_at: at(0),
            time_limit_ms: 60_000,
            begun: false,
            ended: None,
        }
    }
}

fn ended(promotion: Promotion, outcome: Outcome) -> Promotion {
    Promotion { phase: Phase::Ended, outcome: Some(outcome), ended_at: Some(at(5)), ..promotion }
}

fn event(number: u64, outcome: Option<Outcome>) -> Event {
    Event { number, at: at(number), source: "system/slipway".to_owned(), message: "event".to_owned(), outcome }
}

fn change() -> Change {
    Change {
        now: at(0),
        actor: "ana".to_owned(),
        credential: "token".to_owned(),
        request_id: "request".to_owned(),
        action: "test",
        idempotency: None,
    }
}

fn parsed() -> Manifest {
    manifest::parse("slipway.yml", "services:\n  web:\n    port: 3000\n").unwrap()
}

fn image() -> ImageDigest {
    ImageDigest::from_sha256(&[7; 32])
}
