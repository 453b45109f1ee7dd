//! What is wrong in an environment now, what shows it, and what to do next.
//!
//! ```text
//! records, cluster (gather) ──► slipway_rollout::diagnose (pure) ──► last log lines, masked ──► advice (pure)
//! ```
//!
//! A look and nothing more: it changes nothing, in the records or in the cluster.

mod evidence;

use std::collections::{BTreeMap, BTreeSet};

use slipway_domain::error::Result;
use slipway_domain::id::ReleaseId;
use slipway_domain::name::{AppName, EnvironmentName, ServiceName};
use slipway_domain::promotion::{Cause, Environment, Exit, Failure, Outcome, Promotion, Status};
use slipway_domain::release::{Release, ReleaseRef};
use slipway_domain::time::Time;
use slipway_rollout::advice::{Subject, Symptom, Words, advice};
use slipway_rollout::diagnose::{Diagnosis, Expected, Finding, Standing, Ward, diagnose};
use slipway_rollout::observation::Observation;
use slipway_store::Scoped;
use slipway_store::records::Page;

use self::evidence::Evidence;
use crate::caller::{Caller, Right};
use crate::processes::{known, services};
use crate::promotions::checks::cluster_error;
use crate::promotions::situation::{last_good, load};
use crate::slipway::{Slipway, namespace};

/// The state of health of an environment.
#[derive(Clone, Debug)]
pub struct DiagnosisView {
    pub environment: Environment,
    /// The cluster's clock at the look.
    pub at: Time,
    /// The promotion that is running, or the last one where it did not succeed.
    pub promotion: Option<PromotionContext>,
    /// By service and release; those that neither run nor should are left out.
    pub services: Vec<ServiceHealth>,
    /// By service, release and process; what concerns a whole service comes first.
    pub findings: Vec<FindingView>,
}

/// What a promotion waits for, or why it failed.
#[derive(Clone, Debug)]
pub struct PromotionContext {
    pub promotion: Promotion,
    /// What keeps it from going on, while it does not fail for it.
    pub waits_for: Option<Failure>,
    /// What to do about the failure, else about what is waited for.
    pub next: Option<String>,
}

/// The processes of one service of one release, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceHealth {
    pub service: ServiceName,
    pub release: ReleaseId,
    /// How many there should be.
    pub asked: u32,
    pub healthy: u32,
    /// Still within the times that their manifest gives them.
    pub starting: u32,
    /// With a finding each.
    pub sick: u32,
}

/// One thing that is wrong. No text in it has a value of the release's variables of 8 characters and more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingView {
    pub service: ServiceName,
    pub release: ReleaseId,
    /// None: it concerns the service as a whole.
    pub process: Option<String>,
    pub cause: Cause,
    pub message: String,
    /// How the process ended the last time.
    pub exit: Option<Exit>,
    /// The last answer of a failing health check.
    pub probe_error: Option<String>,
    pub restarts: u32,
    /// Since when it runs; none when it does not.
    pub running_since: Option<Time>,
    /// It passes its health check all the same.
    pub ready: bool,
    /// Its last log lines, oldest first; of the first processes of each service alone.
    pub log: Vec<String>,
    /// What to do next.
    pub next: String,
}

/// How often the cluster is looked at when the records changed meanwhile.
const LOOKS: u32 = 5;

impl Slipway {
    /// Of one service, or of all. Right: read. Errors: `app_not_found`, `environment_not_found`, `service_not_found`
    /// (404), `cluster_unreachable` (503), `cluster_unauthorized`, `cluster_refused` (409).
    pub async fn diagnosis(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        service: Option<&ServiceName>,
    ) -> Result<DiagnosisView> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        let look = Box::pin(self.look(caller, &store, app, environment)).await?;
        if let Some(service) = service {
            known(&services(&store, &look.environment).await?, service, environment)?;
        }
        let wanted = |name: &ServiceName| service.is_none_or(|service| service == name);
        let Diagnosis { mut wards, mut findings } = look.diagnose();
        wards.retain(|ward| wanted(&ward.key.service));
        findings.retain(|finding| wanted(&finding.key.service));
        let namespace = namespace(caller, app, environment);
        let mut evidence = Evidence::new(&store, self.cluster.as_ref(), &namespace, &look.releases);
        let way_back = !findings.is_empty() && Box::pin(look.has_way_back(&store)).await?;
        let mut views = Vec::new();
        for finding in findings {
            views.push(Box::pin(look.view(finding, way_back, &mut evidence)).await);
        }
        let promotion = Box::pin(look.context(&mut evidence)).await;
        Ok(DiagnosisView {
            at: look.seen.at,
            promotion,
            services: wards.into_iter().map(ServiceHealth::from).collect(),
            findings: views,
            environment: look.environment,
        })
    }

    /// The records as they were while the cluster was looked at.
    async fn look(
        &self,
        caller: &Caller,
        store: &Scoped,
        app: &AppName,
        environment: &EnvironmentName,
    ) -> Result<Look> {
        let (mut records, mut looks) = (load(store, app, environment).await?, 1);
        loop {
            let seen = self.cluster.observe(&namespace(caller, app, environment)).await;
            let seen = seen.map_err(|error| cluster_error(&error))?;
            let version = records.0.version;
            records = load(store, app, environment).await?;
            let steady = records.0.version == version;
            if steady || looks == LOOKS {
                return Look::of(store, records, seen, steady).await;
            }
            looks += 1;
        }
    }
}

/// The releases that a look met, as far as they are still known.
async fn releases(
    store: &Scoped,
    environment: &Environment,
    promotion: Option<&Promotion>,
    seen: &Observation,
) -> Result<BTreeMap<ReleaseId, Release>> {
    let in_use = seen.deployments.iter().filter(|deployment| deployment.is_in_use());
    let met = in_use.map(|deployment| &deployment.key.release);
    let ids: BTreeSet<&ReleaseId> = met.chain(&environment.active).chain(promotion.map(|it| &it.to)).collect();
    let mut releases = BTreeMap::new();
    for id in ids {
        if let Some(release) = store.release(&environment.app, &ReleaseRef::Id(id.clone())).await? {
            releases.insert(id.clone(), release);
        }
    }
    Ok(releases)
}

/// Records and cluster, as of one moment.
struct Look {
    environment: Environment,
    running: Option<Promotion>,
    /// The newest promotion, when none is running.
    last: Option<Promotion>,
    seen: Observation,
    releases: BTreeMap<ReleaseId, Release>,
    /// The records did not change meanwhile.
    steady: bool,
}

impl Look {
    async fn of(
        store: &Scoped,
        (environment, running): (Environment, Option<Promotion>),
        seen: Observation,
        steady: bool,
    ) -> Result<Self> {
        let last = if running.is_some() {
            None
        } else {
            store.promotions(&environment.app, &environment.name, &Page::first(1)).await?.items.pop()
        };
        let releases = releases(store, &environment, running.as_ref().or(last.as_ref()), &seen).await?;
        Ok(Self { environment, running, last, seen, releases, steady })
    }

    fn diagnose(&self) -> Diagnosis {
        let environment = &self.environment;
        let at_rest = self.running.is_none() && self.steady;
        let active = environment.active.as_ref().filter(|_| at_rest);
        let standing = active.map(|release| Standing { release, formation: &environment.formation });
        let manifests = self.releases.iter().map(|(id, release)| (id, &release.manifest)).collect();
        let memory = self.running.as_ref().map(|promotion| &promotion.memory);
        diagnose(&self.seen, &Expected { manifests, standing, memory })
    }

    /// A roll-back with no release named would leave the active one.
    async fn has_way_back(&self, store: &Scoped) -> Result<bool> {
        let active = self.environment.active.as_ref().and_then(|active| self.releases.get(active));
        let Some(active) = active.filter(|_| self.running.is_none() && self.environment.status != Status::Failed)
        else {
            return Ok(false);
        };
        match last_good(store, &self.environment, active).await {
            Ok(_) => Ok(true),
            Err(error) if error.code == "nothing_to_roll_back_to" => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn view(&self, mut finding: Finding, way_back: bool, evidence: &mut Evidence<'_>) -> FindingView {
        let log = evidence.of(&mut finding).await;
        let words = finding.process.as_deref().map_or(Words::Nowhere, Words::Process);
        let active = self.environment.active.as_ref() == Some(&finding.key.release);
        let symptom = Symptom { cause: finding.cause, message: &finding.message, exit: finding.exit.as_ref() };
        let subject = self.subject(&finding.key.release, Some(&finding.key.service), words, active && way_back);
        FindingView {
            next: advice(&symptom, &subject),
            service: finding.key.service,
            release: finding.key.release,
            process: finding.process,
            cause: finding.cause,
            message: finding.message,
            exit: finding.exit,
            probe_error: finding.probe_error,
            restarts: finding.restarts,
            running_since: finding.running_since,
            ready: finding.ready,
            log,
        }
    }

    /// Of the promotion that runs, or of the last one where it did not succeed.
    async fn context(&self, evidence: &mut Evidence<'_>) -> Option<PromotionContext> {
        let succeeded = |promotion: &&Promotion| matches!(promotion.outcome, Some(Outcome::Succeeded | Outcome::Noop));
        let last = self.last.as_ref().filter(|promotion| !succeeded(promotion));
        let promotion = self.running.as_ref().or(last)?.clone();
        let mut waits_for = promotion.memory.waiting.clone().filter(|_| promotion.is_open());
        if let Some(waiting) = &mut waits_for {
            evidence.hide(&promotion.to, waiting).await;
        }
        let next = promotion.failure.as_ref().or(waits_for.as_ref()).map(|failure| {
            let words = match (&failure.process, promotion.is_open()) {
                (Some(process), true) => Words::Process(process),
                _ => Words::Promotion(&promotion.id),
            };
            let symptom = Symptom { cause: failure.cause, message: &failure.message, exit: failure.exit.as_ref() };
            advice(&symptom, &self.subject(&promotion.to, failure.service.as_ref(), words, false))
        });
        Some(PromotionContext { promotion, waits_for, next })
    }

    fn subject<'a>(
        &'a self,
        release: &'a ReleaseId,
        service: Option<&'a ServiceName>,
        words: Words<'a>,
        way_back: bool,
    ) -> Subject<'a> {
        let manifest = self.releases.get(release).map(|release| &release.manifest);
        Subject {
            app: &self.environment.app,
            environment: &self.environment.name,
            release,
            service,
            settings: manifest.and_then(|manifest| manifest.service(service?)),
            words,
            way_back,
        }
    }
}

impl From<Ward> for ServiceHealth {
    fn from(ward: Ward) -> Self {
        Self {
            service: ward.key.service,
            release: ward.key.release,
            asked: ward.asked,
            healthy: ward.healthy,
            starting: ward.starting,
            sick: ward.sick,
        }
    }
}
