//! Which targets a service has, which of them are ready, and which one gets the next request.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use slipway_domain::time::Time;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use super::pool::Pool;
use super::table;

/// Counts the changes that somebody may wait for.
#[derive(Clone, Debug)]
pub struct Changes(watch::Sender<u64>);

impl Changes {
    pub fn new() -> Self {
        Self(watch::Sender::new(1))
    }

    pub fn announce(&self) {
        self.0.send_modify(|version| *version += 1);
    }

    pub fn version(&self) -> u64 {
        *self.0.borrow()
    }

    /// Returns as soon as the version is a greater one.
    pub async fn after(&self, version: u64) {
        // Cannot fail: the sender is held by `self`.
        let _ = self.0.subscribe().wait_for(|now| *now > version).await;
    }
}

#[derive(Clone, Debug, Default)]
struct Readiness {
    since: Option<Time>,
    lost: Option<Time>,
    error: Option<String>,
    failures: u32,
    /// It was checked at least once.
    judged: bool,
}

/// One process, as the router knows it.
#[derive(Debug)]
pub struct Target {
    pub uid: String,
    pub run: u32,
    pub port: u16,
    pub check_port: u16,
    pub check: table::Check,
    pub pool: Pool,
    /// Asks for a check now.
    pub suspect: Notify,
    readiness: Mutex<Readiness>,
    draining: AtomicBool,
    in_flight: AtomicU32,
    checker: OnceLock<AbortHandle>,
    changes: Changes,
}

impl Target {
    /// `lost`: since when an earlier run of the same process, which had been ready, is not.
    pub fn new(target: &table::Target, lost: Option<Time>, changes: Changes) -> Self {
        Self {
            uid: target.uid.clone(),
            run: target.run,
            port: target.port,
            check_port: target.check_port,
            check: target.check.clone(),
            pool: Pool::default(),
            suspect: Notify::new(),
            readiness: Mutex::new(Readiness { lost, ..Readiness::default() }),
            draining: AtomicBool::new(false),
            in_flight: AtomicU32::new(0),
            checker: OnceLock::new(),
            changes,
        }
    }

    /// The task that checks it, which ends with it.
    pub fn set_checker(&self, handle: AbortHandle) {
        // Set once, right after the target is made.
        let _ = self.checker.set(handle);
    }

    pub fn is_ready(&self) -> bool {
        lock(&self.readiness).since.is_some()
    }

    fn is_judged(&self) -> bool {
        lock(&self.readiness).judged
    }

    pub fn passed(&self, now: Time) {
        let mut readiness = lock(&self.readiness);
        readiness.failures = 0;
        if readiness.since.is_none() {
            *readiness = Readiness { since: Some(now), judged: true, ..Readiness::default() };
            drop(readiness);
            self.changes.announce();
        }
    }

    pub fn failed(&self, error: String, now: Time) {
        let mut readiness = lock(&self.readiness);
        readiness.failures = readiness.failures.saturating_add(1);
        if readiness.since.is_some() && readiness.failures < self.check.failures {
            return;
        }
        let news = !readiness.judged || readiness.since.is_some() || readiness.error.as_ref() != Some(&error);
        readiness.judged = true;
        if readiness.since.take().is_some() {
            readiness.lost = Some(now);
        }
        readiness.error = Some(error);
        drop(readiness);
        if news {
            self.changes.announce();
        }
    }

    /// A connection was refused: nobody listens there, whatever the last check said.
    pub fn refused(&self, error: String, now: Time) {
        lock(&self.readiness).failures = self.check.failures;
        self.failed(error, now);
        self.suspect.notify_one();
    }

    pub fn view(&self) -> table::TargetView {
        let readiness = lock(&self.readiness);
        table::TargetView {
            run: self.run,
            ready_since: readiness.since,
            lost_since: readiness.lost,
            error: readiness.error.clone(),
            draining: self.draining.load(Ordering::Acquire),
            in_flight: self.in_flight.load(Ordering::Acquire),
        }
    }

    fn drain(&self, draining: bool) {
        if self.draining.swap(draining, Ordering::AcqRel) != draining {
            self.pool.set_closed(draining);
        }
    }

    /// Since when the next run of this process is not ready; None if this one never was.
    fn lost(&self, now: Time) -> Option<Time> {
        let readiness = lock(&self.readiness);
        readiness.lost.or(readiness.since.map(|_| now))
    }

    fn same(&self, target: &table::Target) -> bool {
        let ports = self.port == target.port && self.check_port == target.check_port;
        self.uid == target.uid && self.run == target.run && ports && self.check == target.check
    }
}

/// A request's claim on a target, from the choice until the last byte of the answer.
#[derive(Debug)]
pub struct Claim(pub Arc<Target>);

impl Drop for Claim {
    fn drop(&mut self) {
        let before = self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
        if before == 1 && self.0.draining.load(Ordering::Acquire) {
            self.0.changes.announce();
        }
    }
}

/// The targets of one service.
#[derive(Debug)]
pub struct Service {
    targets: Mutex<Vec<Arc<Target>>>,
    next: AtomicUsize,
    changes: Changes,
}

impl Service {
    pub fn new(changes: Changes) -> Self {
        Self { targets: Mutex::default(), next: AtomicUsize::new(0), changes }
    }

    /// Waits while none is ready and one was not even checked yet: a router that has just started again knows nothing,
    /// which is no reason to turn a client away. True: it may be worth another try.
    pub async fn first_checks(&self, limit: Duration) -> bool {
        let mut waited = false;
        let checked = async {
            loop {
                let version = self.changes.version();
                let targets = self.targets();
                if targets.iter().any(|target| target.is_ready()) || targets.iter().all(|one| one.is_judged()) {
                    return;
                }
                waited = true;
                self.changes.after(version).await;
            }
        };
        let in_time = tokio::time::timeout(limit, checked).await.is_ok();
        waited && in_time
    }

    /// The ready target with the fewest requests; among equals they take turns. `tried` ones are left out.
    pub fn choose(&self, tried: &[Arc<Target>]) -> Option<Claim> {
        let targets = lock(&self.targets);
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let candidates = (0..targets.len()).map(|offset| &targets[(start.wrapping_add(offset)) % targets.len()]);
        let fit = |target: &&Arc<Target>| {
            !target.draining.load(Ordering::Acquire)
                && target.is_ready()
                && !tried.iter().any(|other| Arc::ptr_eq(other, target))
        };
        let chosen = candidates.filter(fit).min_by_key(|target| target.in_flight.load(Ordering::Acquire))?;
        // Counted under the lock under which draining is set: one that drains with nothing in flight gets no more.
        chosen.in_flight.fetch_add(1, Ordering::AcqRel);
        Some(Claim(Arc::clone(chosen)))
    }

    /// Takes over the wanted targets; what is known of those that stay, stays. `start` sets up a new one.
    pub fn set(&self, wanted: &[table::Target], now: Time, start: impl Fn(&Arc<Target>)) {
        let mut targets = lock(&self.targets);
        let mut next = Vec::with_capacity(wanted.len());
        for each in wanted {
            let known = targets.iter().find(|target| target.same(each)).cloned();
            let target = known.unwrap_or_else(|| {
                let before = targets.iter().find(|target| target.uid == each.uid);
                let lost = before.and_then(|target| target.lost(now));
                let target = Arc::new(Target::new(each, lost, self.changes.clone()));
                start(&target);
                target
            });
            target.drain(each.draining);
            next.push(target);
        }
        for gone in targets.iter().filter(|old| !next.iter().any(|new| Arc::ptr_eq(old, new))) {
            gone.drain(true);
            if let Some(checker) = gone.checker.get() {
                checker.abort();
            }
        }
        *targets = next;
    }

    pub fn targets(&self) -> Vec<Arc<Target>> {
        lock(&self.targets).clone()
    }
}

/// A lock whose holders never panic.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uid: &str, draining: bool) -> table::Target {
        let check = table::Check { path: None, interval_ms: 1000, timeout_ms: 1000, failures: 1 };
        table::Target { uid: uid.to_owned(), run: 0, port: 1, check_port: 1, check, draining }
    }

    fn service(changes: &Changes, uids: &[&str]) -> Service {
        let service = Service::new(changes.clone());
        let wanted: Vec<_> = uids.iter().map(|uid| target(uid, false)).collect();
        service.set(&wanted, Time::default(), |target| target.passed(Time::from_millis(7)));
        service
    }

    #[test]
    fn requests_go_where_the_fewest_are() {
        let service = service(&Changes::new(), &["a", "b", "c"]);
        let claims: Vec<_> = (0..6).filter_map(|_| service.choose(&[])).collect();
        for target in service.targets() {
            assert_eq!(target.view().in_flight, 2, "{}", target.uid);
        }
        drop(claims);
        assert!(service.targets().iter().all(|target| target.view().in_flight == 0));
    }

    #[test]
    fn one_that_drains_gets_no_more_and_its_last_answer_is_announced() {
        let changes = Changes::new();
        let service = service(&changes, &["a"]);
        let claim = service.choose(&[]).unwrap();
        service.set(&[target("a", true)], Time::default(), |_| unreachable!("the target is known"));
        assert!(service.choose(&[]).is_none());
        let version = changes.version();
        drop(claim);
        assert_eq!(changes.version(), version + 1);
        assert_eq!(service.targets()[0].view().in_flight, 0);
    }

    #[test]
    fn another_run_of_the_command_has_to_become_ready_again() {
        let changes = Changes::new();
        let service = service(&changes, &["a"]);
        service.set(&[table::Target { run: 1, ..target("a", false) }], Time::from_millis(9), |_| {});
        assert!(service.choose(&[]).is_none());
        let view = service.targets()[0].view();
        assert_eq!((view.ready_since, view.lost_since), (None, Some(Time::from_millis(9))));
    }

    #[test]
    fn a_blip_shorter_than_the_allowed_failures_breaks_no_readiness() {
        let mut wanted = target("a", false);
        wanted.check.failures = 2;
        let tried = Target::new(&wanted, None, Changes::new());
        tried.passed(Time::from_millis(1));
        tried.failed("refused".to_owned(), Time::from_millis(3));
        tried.passed(Time::from_millis(2));
        tried.failed("refused".to_owned(), Time::from_millis(3));
        assert_eq!(tried.view().ready_since, Some(Time::from_millis(1)));
        tried.failed("refused".to_owned(), Time::from_millis(3));
        assert_eq!((tried.view().ready_since, tried.view().error), (None, Some("refused".to_owned())));
    }
}
