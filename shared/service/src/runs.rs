//! Runs: a command in a fresh process of any release, promoted or not.

use std::time::Duration;

use slipway_domain::error::{Error, Result};
use slipway_domain::id::{RunId, TenantId};
use slipway_domain::name::{AppName, EnvironmentName, ServiceName};
use slipway_domain::promotion::{Environment, Exit};
use slipway_domain::release::{Release, ReleaseRef};
use slipway_domain::time::Time;
use slipway_store::Scoped;
use slipway_store::error::StoreError;
use slipway_store::records::{Run, RunEnd};

use crate::builds::LogPage;
use crate::caller::{Caller, Right};
use crate::draft::{ATTEMPTS, lost_a_race, own, too_busy};
use crate::ports::{ClusterError, LogLine, Namespace, NewRun, RunLog, RunState};
use crate::promotions::checks::{cluster_error, image_gone, variables_missing};
use crate::request::{Idempotency, Page, Paged, Posted, stored_id};
use crate::slipway::{Slipway, find_environment, find_release, not_found};
use crate::template::template;

/// The most that a run may ask for.
pub const RUN_LIMIT: Duration = Duration::from_hours(1);
/// What it gets when it asks for nothing.
pub const RUN_DEFAULT: Duration = Duration::from_mins(10);

#[derive(Clone, Debug)]
pub struct NewRunRequest {
    pub service: ServiceName,
    /// argv: 1 to 64 words, 8 KiB together, without NUL.
    pub command: Vec<String>,
    /// None: the newest release of the environment; the answer says which.
    pub release: Option<ReleaseRef>,
    pub time_limit: Option<Duration>,
}

const MAX_WORDS: usize = 64;
const MAX_COMMAND_BYTES: usize = 8 * 1024;
/// How long after its limit a run that nobody can say anything of counts as ended.
const LOST_AFTER: Duration = Duration::from_mins(5);

impl Slipway {
    /// Right: run. Errors: `app_not_found`, `environment_not_found`, `release_not_found` (404); `no_release`,
    /// `wrong_environment`, `image_missing` (409); `service_not_found`, `variables_missing`, `invalid_run` (422).
    pub async fn create_run(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        new: &NewRunRequest,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<Run>> {
        caller.needs(Right::Run)?;
        check(new)?;
        let attempt = Box::pin(self.write_run(caller, app, environment, new, idempotency));
        let made = self.once(caller, idempotency, attempt, stored_id::<RunId>).await?;
        let run = find_run(&self.of(caller), app, environment, &made.value).await?;
        Ok(made.with(run))
    }

    async fn write_run(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        new: &NewRunRequest,
        idempotency: Option<&Idempotency>,
    ) -> Result<RunId> {
        let store = self.of(caller);
        let environment = find_environment(&store, app, environment).await?;
        let release = chosen(&store, &environment, new.release.as_ref()).await?;
        check_service(new, &release)?;
        if let Some(error) = variables_missing(&release) {
            return Err(error);
        }
        if !self.registry.holds(caller.tenant(), app, &release.image).await? {
            return Err(image_gone(&release));
        }
        self.let_pull(caller, app).await;
        let limit = new.time_limit.unwrap_or(RUN_DEFAULT);
        for _ in 0..ATTEMPTS {
            let id = RunId::from_entropy(self.entropy.draw());
            let change = self.change_once(caller, "run.create", idempotency, 202, &id);
            let run = Run {
                id: id.clone(),
                app: app.clone(),
                environment: environment.name.clone(),
                release: release.id.clone(),
                service: new.service.clone(),
                command: new.command.clone(),
                actor: caller.actor().to_owned(),
                started_at: change.now,
                time_limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
                begun: false,
                ended: None,
            };
            match store.create_run(&change, &run).await {
                Ok(()) => {
                    // Recorded before it starts: nothing runs without its audit row.
                    self.start_run(&store, caller.tenant(), &run).await?;
                    return Ok(id);
                }
                Err(error) if lost_a_race(&error) => self.pause().await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(too_busy())
    }

    /// Starts the process of a run. What the cluster will never accept ends the run; what it may have missed is tried
    /// again by whoever looks next.
    async fn start_run(&self, store: &Scoped, tenant: &TenantId, run: &Run) -> Result<()> {
        let release = own(store, &run.app, &run.release).await?;
        let variables = store.variables(&release).await?;
        let new = NewRun {
            id: run.id.clone(),
            template: template(&release, &variables, &run.service)?,
            command: run.command.clone(),
            time_limit: Duration::from_millis(run.time_limit_ms),
        };
        match self.processes.start(&place(tenant, run), &new).await {
            Ok(()) => begin(store, run).await,
            Err(error @ (ClusterError::Refused(_) | ClusterError::Unauthorized(_))) => {
                let exit = Exit { reason: "StartError".to_owned(), message: error.to_string(), ..Exit::default() };
                finish(store, run, RunEnd { exit, at: self.clock.now(), timed_out: false }).await
            }
            Err(error @ (ClusterError::Unreachable(_) | ClusterError::Conflict)) => {
                tracing::warn!(run.id = %run.id, error = %error, "a run could not be started yet");
                Ok(())
            }
        }
    }

    /// The run after what the cluster says was recorded. A cluster that does not answer changes nothing.
    pub(crate) async fn advance_run(&self, store: &Scoped, tenant: &TenantId, run: Run) -> Result<Run> {
        if run.ended.is_some() {
            return Ok(run);
        }
        let now = self.clock.now();
        match self.processes.run(&place(tenant, &run), &run.id).await {
            Ok(RunState::Running) => return Ok(run),
            Ok(RunState::Ended { exit, at, timed_out }) => {
                finish(store, &run, RunEnd { exit, at, timed_out }).await?;
            }
            Ok(RunState::Half) => self.start_run(store, tenant, &run).await?,
            // What ran may have had its effect: it is not run again.
            Ok(RunState::Unknown) if run.begun => finish(store, &run, gone(now)).await?,
            Ok(RunState::Unknown) if now < limit(&run) => self.start_run(store, tenant, &run).await?,
            Ok(RunState::Unknown) => finish(store, &run, lost(now)).await?,
            Err(error) => {
                tracing::warn!(run.id = %run.id, error = %error, "the cluster did not say what became of a run");
                if now.since(limit(&run)) >= LOST_AFTER {
                    finish(store, &run, lost(now)).await?;
                }
            }
        }
        find_run(store, &run.app, &run.environment, &run.id).await
    }

    /// The run as it stands after asking the cluster; waits up to `wait` (≤ 25 s) for it to end. Right: read. Errors:
    /// `app_not_found`, `environment_not_found`, `run_not_found` (404).
    pub async fn run(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        run: &RunId,
        wait: Duration,
    ) -> Result<Run> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        let store = &store;
        let look = || async move {
            let run = find_run(store, app, environment, run).await?;
            let run = self.advance_run(store, caller.tenant(), run).await?;
            Ok(run.ended.is_some().then_some(run))
        };
        match self.wait_for(wait, look).await? {
            Some(run) => Ok(run),
            None => find_run(store, app, environment, run).await,
        }
    }

    /// Newest first, each as it was last seen. Right: read. Errors: `app_not_found`, `environment_not_found` (404).
    pub async fn runs(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        page: &Page,
    ) -> Result<Paged<Run>> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        find_environment(&store, app, environment).await?;
        let listed = store.runs(app, environment, &page.stored()).await?;
        Ok(Paged::from_listed(listed, |run| run))
    }

    /// Lines after the first `after` ones; waits up to `wait` (≤ 25 s) while there are none and it goes on. What runs
    /// may print variables, hence the right: run. Errors: those of reading it, `cluster_unreachable` (503).
    pub async fn run_log(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        run: &RunId,
        after: u64,
        wait: Duration,
    ) -> Result<LogPage> {
        caller.needs(Right::Run)?;
        let store = self.of(caller);
        let store = &store;
        let look = || async move {
            // The state first: what was written before the end is then in the log.
            let run = find_run(store, app, environment, run).await?;
            let run = self.advance_run(store, caller.tenant(), run).await?;
            let finished = run.ended.is_some();
            let log = self.processes.run_log(&place(caller.tenant(), &run), &run.id, after).await;
            let log = log.map_err(|error| cluster_error(&error))?;
            Ok((finished || !log.lines.is_empty()).then(|| page(log, after, finished)))
        };
        Ok(self.wait_for(wait, look).await?.unwrap_or_else(|| LogPage::new(Vec::new(), after, false)))
    }
}

/// Counts the lines that are no longer kept as read, and says so in their place.
fn page(log: RunLog, after: u64, finished: bool) -> LogPage {
    let dropped = log.first.saturating_sub(after);
    let mut page = LogPage::new(log.lines, log.first.max(after), finished);
    if let Some(first) = page.lines.first().filter(|_| dropped > 0) {
        let text = format!("[{dropped} lines are missing here: a log keeps its newest ones]");
        let notice = LogLine { text, ..first.clone() };
        page.lines.insert(0, notice);
    }
    page
}

fn place(tenant: &TenantId, run: &Run) -> Namespace {
    Namespace { tenant: tenant.clone(), app: run.app.clone(), environment: run.environment.clone() }
}

fn limit(run: &Run) -> Time {
    run.started_at.plus(Duration::from_millis(run.time_limit_ms))
}

fn lost(now: Time) -> RunEnd {
    let message = "the cluster knew nothing of it when its time was over".to_owned();
    RunEnd { exit: Exit { reason: "Lost".to_owned(), message, ..Exit::default() }, at: now, timed_out: true }
}

fn gone(now: Time) -> RunEnd {
    let message = "somebody removed it from the cluster, or it was lost there with its machine".to_owned();
    RunEnd { exit: Exit { reason: "Lost".to_owned(), message, ..Exit::default() }, at: now, timed_out: false }
}

/// What was started is never started a second time.
async fn begin(store: &Scoped, run: &Run) -> Result<()> {
    if run.begun {
        return Ok(());
    }
    match store.begin_run(run).await {
        Ok(()) | Err(StoreError::Stale(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Recorded once: who comes second finds it so.
async fn finish(store: &Scoped, run: &Run, end: RunEnd) -> Result<()> {
    match store.finish_run(run, &end).await {
        Ok(()) | Err(StoreError::Stale(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn find_run(store: &Scoped, app: &AppName, environment: &EnvironmentName, id: &RunId) -> Result<Run> {
    if let Some(run) = store.run(app, id).await?
        && run.environment == *environment
    {
        return Ok(run);
    }
    find_environment(store, app, environment).await?;
    Err(not_found("run_not_found", format!("the run {id} of {app} in {environment}")))
}

async fn chosen(store: &Scoped, environment: &Environment, named: Option<&ReleaseRef>) -> Result<Release> {
    let Some(reference) = named else {
        let newest = environment.newest.as_ref().ok_or_else(|| {
            Error::conflict("no_release", format!("{} has no release yet to run: build first", environment.name))
        })?;
        return own(store, &environment.app, newest).await;
    };
    let release = find_release(store, &environment.app, reference).await?;
    if release.environment == environment.name {
        return Ok(release);
    }
    let message = format!("{} belongs to {}, run it there", release.id, release.environment);
    Err(Error::conflict("wrong_environment", message).field("/release", "is of another environment"))
}

fn check_service(new: &NewRunRequest, release: &Release) -> Result<()> {
    if release.manifest.service(&new.service).is_some() {
        return Ok(());
    }
    let known = release.manifest.services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>().join(", ");
    let message = format!("{} has no service {}, it has {known}", release.id, new.service);
    Err(Error::invalid("service_not_found", "/service", message))
}

fn check(new: &NewRunRequest) -> Result<()> {
    let invalid = |pointer: &str, message: String| Err(Error::invalid("invalid_run", pointer, message));
    let words = new.command.len();
    if words == 0 || words > MAX_WORDS || new.command.first().is_some_and(String::is_empty) {
        return invalid("/command", format!("must be a program and its arguments, 1 to {MAX_WORDS} words"));
    }
    if new.command.iter().map(String::len).sum::<usize>() > MAX_COMMAND_BYTES {
        return invalid(
            "/command",
            format!("is at most {MAX_COMMAND_BYTES} bytes: put more into a script of the image"),
        );
    }
    if new.command.iter().any(|word| word.contains('\0')) {
        return invalid("/command", "must not contain NUL".to_owned());
    }
    let limit = new.time_limit.unwrap_or(RUN_DEFAULT);
    if limit < Duration::from_secs(1) || limit > RUN_LIMIT {
        return invalid("/time_limit_seconds", format!("must be 1 to {} seconds", RUN_LIMIT.as_secs()));
    }
    Ok(())
}
