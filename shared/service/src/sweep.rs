//! Once a minute: what was left behind by workers that died.
//!
//! Everything here is found through the index of what is due, which holds ids only, and is read and written through the
//! tenant that it belongs to. The index lags behind; each write is conditional on what was read, so that a sweep which
//! comes late, or beside another, does nothing twice.

use std::time::Duration;

use futures::future::join_all;
use slipway_domain::error::{Error, Result};
use slipway_domain::id::TenantId;
use slipway_domain::promotion::Environment;
use slipway_domain::time::Time;
use slipway_rollout::apply::{self, Applied, Sweep};
use slipway_rollout::decide::WINDOW;
use slipway_store::Scoped;
use slipway_store::promotions::SaveTurn;
use slipway_store::records::{Change, Due, DueKind, Page};

use crate::draft::lost_a_race;
use crate::ports::{ClusterError, Namespace};
use crate::promotions::checks::cluster_error;
use crate::slipway::Slipway;
use crate::turn::cleanup::COLLECTED_AFTER;
use crate::turn::{CleanupError, StoreRecords, Worker, clean_up, collect};

/// What one sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Promotions that got a new execution.
    pub restarted: u32,
    /// Promotions that were past all their clocks and were ended.
    pub ended: u32,
    /// Environments that were cleaned up after a commit.
    pub cleaned: u32,
    /// Builds that changed.
    pub builds: u32,
    /// Runs that changed.
    pub runs: u32,
    /// Things that could not be looked at this time.
    pub errors: u32,
}

/// How many due things of a kind one sweep looks at; the rest is due in the next.
const AT_ONCE: usize = 200;
/// How many of them it looks at beside each other.
const BESIDE: usize = 16;
/// Builds and runs are listed as due when their time is over; what ended before is found by looking ahead.
const AHEAD: Duration = Duration::from_hours(2);

/// How long a run that ended can be looked at in the cluster, its log above all.
const RUN_KEPT: Duration = Duration::from_hours(1);

/// What was collected in an environment.
#[derive(Clone, Copy, Debug, Default)]
struct Collected {
    removed: u32,
    /// Something is still kept, or could not be looked at.
    left: bool,
}

enum Done {
    Nothing,
    Changed,
    Restarted,
    Ended,
}

impl Slipway {
    /// One failure does not keep the others from being swept.
    pub async fn sweep(&self) -> Result<Swept> {
        let now = self.clock.now();
        let mut swept = Swept::default();
        // Clean-ups come last: they wait for clusters, and nobody waits for them.
        let kinds = [DueKind::Promotion, DueKind::Build, DueKind::Run, DueKind::Cleanup];
        for kind in kinds {
            let until = match kind {
                DueKind::Promotion => now.plus(WINDOW),
                DueKind::Cleanup | DueKind::Notice | DueKind::Collect => now,
                DueKind::Build | DueKind::Run => now.plus(AHEAD),
            };
            let due = self.store.system().due(kind, until, AT_ONCE).await?;
            // Beside each other: a cluster that does not answer holds up those of others as little as can be.
            for some in due.chunks(BESIDE) {
                let done = join_all(some.iter().map(|due| self.sweep_one(kind, due, now))).await;
                done.into_iter().zip(some).for_each(|(done, due)| note(&mut swept, kind, due, done));
            }
        }
        Ok(swept)
    }

    /// Removes what promotions and runs that ended a while ago left in clusters; returns how many objects. Nothing of it
    /// costs anything, so that once in a while is enough. A cluster that cannot be cleared up does not keep the others from
    /// it.
    pub async fn collect(&self) -> Result<u32> {
        let now = self.clock.now();
        let mut removed = 0;
        for due in self.store.system().due(DueKind::Collect, now.minus(COLLECTED_AFTER), AT_ONCE).await? {
            match self.collect_noted(&due, now).await {
                Ok(count) => removed += count,
                Err(error) => tracing::warn!(tenant.id = %due.tenant, error = %error, "could not collect"),
            }
        }
        Ok(removed)
    }

    /// Put off before it is looked at: a cluster that takes for ever to answer is not the first of the next sweep again.
    async fn collect_noted(&self, due: &Due, now: Time) -> Result<u32> {
        let store = self.store.scoped(due.tenant.clone());
        store.collected(due, Some(now)).await?;
        let collected = match store.environment(&due.app, &due.environment).await? {
            Some(environment) => self.collect_one(&store, &due.tenant, &environment).await,
            None => Collected::default(),
        };
        if !collected.left {
            store.collected(&Due { at: now, ..due.clone() }, None).await?;
        }
        Ok(collected.removed)
    }

    async fn collect_one(&self, store: &Scoped, tenant: &TenantId, environment: &Environment) -> Collected {
        let objects = self.collect_environment(store, tenant, environment).await;
        let runs = self.collect_runs(store, tenant, environment).await;
        let (app, name) = (&environment.app, &environment.name);
        let count = |collected: Result<Collected>| match collected {
            Ok(collected) => collected,
            // Such as a namespace that its owner has removed, and the rights with it: nothing is left to collect, and nobody
            // has to act.
            Err(error) if matches!(error.code, "cluster_refused" | "cluster_unauthorized") => {
                tracing::debug!(app.name = %app, environment.name = %name, error = %error, "nothing to collect");
                Collected::default()
            }
            Err(error) => {
                let context = error.context.as_deref().unwrap_or_default();
                tracing::warn!(app.name = %app, environment.name = %name, error = %error, context, "could not collect");
                Collected { removed: 0, left: true }
            }
        };
        let (objects, runs) = (count(objects), count(runs));
        Collected { removed: objects.removed + runs.removed, left: objects.left || runs.left }
    }

    /// A run's log can be read for a while after its end, which must have been recorded before anything is removed.
    async fn collect_runs(&self, store: &Scoped, tenant: &TenantId, environment: &Environment) -> Result<Collected> {
        if environment.newest.is_none() {
            return Ok(Collected::default());
        }
        let place = namespace_of(tenant, environment);
        let unavailable = |error: ClusterError| cluster_error(&error);
        let (mut over, mut left) = (Vec::new(), false);
        for id in self.processes.collect_runs(&place, &[]).await.map_err(unavailable)? {
            let ended = store.run(&environment.app, &id).await?.and_then(|run| run.ended);
            if ended.is_some_and(|end| self.clock.now().since(end.at) >= RUN_KEPT) {
                over.push(id);
            } else {
                left = true;
            }
        }
        if !over.is_empty() {
            self.processes.collect_runs(&place, &over).await.map_err(unavailable)?;
        }
        Ok(Collected { removed: u32::try_from(over.len()).unwrap_or(u32::MAX), left })
    }

    async fn collect_environment(
        &self,
        store: &Scoped,
        tenant: &TenantId,
        environment: &Environment,
    ) -> Result<Collected> {
        let (app, name) = (&environment.app, &environment.name);
        let last = store.activations(app, name, None, &Page::first(1)).await?.items.into_iter().next();
        let Some(last) = last else { return Ok(Collected::default()) };
        let records = StoreRecords::new(self.store.clone());
        let worker = Worker { records: &records, cluster: self.cluster.as_ref(), clock: self.clock.as_ref() };
        let place = namespace_of(tenant, environment);
        let removed = collect(worker, &place, environment, last.at, self.clock.now()).await;
        let removed = removed.map_err(|error| match error {
            CleanupError::Cluster(error) => cluster_error(&error),
            error => Error::unavailable(error),
        })?;
        Ok(Collected { removed, left: false })
    }

    async fn sweep_one(&self, kind: DueKind, due: &Due, now: Time) -> Result<Done> {
        let store = self.store.scoped(due.tenant.clone());
        match kind {
            DueKind::Promotion => self.sweep_promotion(&store, due, now).await,
            DueKind::Cleanup => self.sweep_environment(&store, due).await,
            DueKind::Build => self.sweep_build(&store, due).await,
            DueKind::Run => self.sweep_run(&store, due).await,
            // The relay and the collector have ways of their own.
            DueKind::Notice | DueKind::Collect => Ok(Done::Nothing),
        }
    }

    async fn sweep_promotion(&self, store: &Scoped, due: &Due, now: Time) -> Result<Done> {
        let Some(id) = &due.promotion else { return Ok(Done::Nothing) };
        let Some((environment, promotion)) = store.load(&due.app, &due.environment, id).await? else {
            return Ok(Done::Nothing);
        };
        let (applied, done) = match apply::sweep(&promotion, now) {
            Sweep::Leave => {
                // Nobody took a turn yet: its start may have been lost, and to start it again is the same start.
                if promotion.is_open() && promotion.turn == 0 {
                    self.start_execution(&due.tenant, &promotion).await;
                }
                return Ok(Done::Nothing);
            }
            Sweep::Restart => (apply::new_execution(&environment, &promotion, None, now), Done::Restarted),
            Sweep::End => (apply::overdue(&environment, &promotion, now).map_err(Error::internal)?, Done::Ended),
        };
        if !save(store, &environment, promotion.version, applied.clone()).await? {
            return Ok(Done::Nothing);
        }
        if matches!(done, Done::Restarted) {
            self.start_execution(&due.tenant, &applied.promotion).await;
        }
        Ok(done)
    }

    async fn sweep_environment(&self, store: &Scoped, due: &Due) -> Result<Done> {
        let records = StoreRecords::new(self.store.clone());
        let worker = Worker { records: &records, cluster: self.cluster.as_ref(), clock: self.clock.as_ref() };
        let place =
            Namespace { tenant: due.tenant.clone(), app: due.app.clone(), environment: due.environment.clone() };
        clean_up(worker, &place).await.map_err(Error::unavailable)?;
        let after = store.environment(&due.app, &due.environment).await?;
        let clean = after.is_none_or(|environment| !environment.cleanup_pending);
        Ok(if clean { Done::Changed } else { Done::Nothing })
    }

    async fn sweep_build(&self, store: &Scoped, due: &Due) -> Result<Done> {
        let Some(id) = &due.build else { return Ok(Done::Nothing) };
        let Some(build) = store.build(&due.app, id).await? else { return Ok(Done::Nothing) };
        let before = build.status;
        let after = self.advance_build(store, &due.tenant, build).await?.status;
        Ok(if after == before { Done::Nothing } else { Done::Changed })
    }

    async fn sweep_run(&self, store: &Scoped, due: &Due) -> Result<Done> {
        let Some(id) = &due.run else { return Ok(Done::Nothing) };
        let Some(run) = store.run(&due.app, id).await?.filter(|run| run.ended.is_none()) else {
            return Ok(Done::Nothing);
        };
        let ended = self.advance_run(store, &due.tenant, run).await?.ended.is_some();
        Ok(if ended { Done::Changed } else { Done::Nothing })
    }
}

fn namespace_of(tenant: &TenantId, environment: &Environment) -> Namespace {
    Namespace { tenant: tenant.clone(), app: environment.app.clone(), environment: environment.name.clone() }
}

/// False: somebody else wrote first, so there is nothing left to sweep.
async fn save(store: &Scoped, environment: &Environment, expected_version: u64, applied: Applied) -> Result<bool> {
    let turn = SaveTurn {
        promotion: applied.promotion,
        expected_version,
        environment: applied.environment.map(|after| (after, environment.version)),
        events: applied.events,
        notices: Vec::new(),
        change: None,
    };
    match store.save_turn(&turn).await {
        Ok(()) => Ok(true),
        Err(error) if lost_a_race(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn note(swept: &mut Swept, kind: DueKind, due: &Due, done: Result<Done>) {
    let counter = match (kind, done) {
        (_, Ok(Done::Nothing)) => return,
        (_, Ok(Done::Restarted)) => &mut swept.restarted,
        (_, Ok(Done::Ended)) => &mut swept.ended,
        (DueKind::Build, Ok(Done::Changed)) => &mut swept.builds,
        (DueKind::Run, Ok(Done::Changed)) => &mut swept.runs,
        (_, Ok(Done::Changed)) => &mut swept.cleaned,
        (_, Err(error)) => {
            tracing::error!(
                tenant.id = %due.tenant, app.name = %due.app, error = %error,
                context = error.context.as_deref().unwrap_or_default(), "something due could not be swept"
            );
            &mut swept.errors
        }
    };
    *counter += 1;
}

/// What the system does without being asked by a person.
pub(crate) fn system_change(now: Time, action: &'static str) -> Change {
    Change {
        now,
        actor: "system/slipway".to_owned(),
        credential: String::new(),
        request_id: String::new(),
        action,
        idempotency: None,
    }
}
