//! What a story acts on: the server, the command line, the traffic; and the comparison of what is with what should be.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::api::{Api, Environment, Process};
use super::ground::{Ground, Services};
use super::say;
use super::server::Server;
use super::shell::{Meanwhile, Shell};
use crate::load::tally::Counts;
use crate::load::{Requests, Traffic};

/// Processes that are told to stop may take the load balancer's pause and their grace.
const SETTLE_LIMIT: Duration = Duration::from_secs(30);
/// A rollout of a whole app takes a third of it.
const PROMOTION_LIMIT: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(100);

/// Everything a demo started, about one app.
pub struct Stage<G> {
    pub app: String,
    pub ground: G,
    pub shell: Shell,
    pub server: Server,
    pub traffic: Option<Traffic>,
    api: Option<Api>,
    /// At the last comparison.
    seen: Counts,
}

/// How a promotion must have ended.
pub struct Ending<'a> {
    /// The release that was promoted. None: one that the server made, as a rollback does.
    pub release: Option<&'a str>,
    pub outcome: &'a str,
    pub cause: Option<&'a str>,
}

impl<G: Ground> Stage<G> {
    /// Nothing runs yet.
    pub fn new(app: &str, ground: G, shell: Shell, server: Server) -> Self {
        Self { app: app.to_owned(), ground, shell, server, traffic: None, api: None, seen: Counts::default() }
    }

    /// Starts the server, for the first time or again.
    pub async fn start_server(&mut self) -> Result<(), String> {
        self.server.start(&self.shell).await?;
        self.api = Some(Api::new(self.shell.config(), &self.app)?);
        Ok(())
    }

    pub fn api(&self) -> Result<&Api, String> {
        self.api.as_ref().ok_or_else(|| "the server was not started".to_owned())
    }

    /// Sends requests from now on. `address` is host and port.
    pub fn start_traffic(&mut self, address: &str, requests: &[Requests]) {
        self.traffic = Some(Traffic::start(address, requests));
        say::text(format!(
            "From here on requests are sent to http://{address} without a pause, and every answer is checked."
        ));
    }

    /// Starts a promotion and answers once a process of the release is ready and its rollout goes on.
    pub async fn promote_meanwhile(&self, release: &str) -> Result<Meanwhile, String> {
        let promotion = self.shell.start(&["releases", "promote", release, "-a", &self.app]);
        self.halfway(release).await?;
        Ok(promotion)
    }

    async fn halfway(&self, release: &str) -> Result<(), String> {
        let end = Instant::now() + PROMOTION_LIMIT;
        loop {
            let ready = |process: &Process| process.release == release && process.ready;
            if self.api()?.processes().await?.iter().any(ready) {
                return match self.api()?.newest_promotion().await?.outcome {
                    None => Ok(()),
                    Some(outcome) => Err(format!("the promotion has {outcome} before anybody could disturb it")),
                };
            }
            if Instant::now() >= end {
                return Err(format!("no process of {release} became ready within {} s", PROMOTION_LIMIT.as_secs()));
            }
            sleep(POLL).await;
        }
    }

    /// The last promotion ended like this.
    pub async fn ended(&self, ending: &Ending<'_>) -> Result<(), String> {
        let promotion = self.api()?.newest_promotion().await?;
        let cause = promotion.failure.as_ref().map(|failure| failure.cause.as_str());
        let outcome = promotion.outcome.as_deref().unwrap_or("still running");
        if ending.release.is_some_and(|release| release != promotion.to) {
            return Err(format!("the last promotion is of {}, not of {:?}", promotion.to, ending.release));
        }
        if (outcome, cause) != (ending.outcome, ending.cause) {
            let expected = words(ending.outcome, ending.cause);
            return Err(format!("{} ended as {}, expected: {expected}", promotion.id, words(outcome, cause)));
        }
        say::holds(format!("{} ended as {}", promotion.id, words(outcome, cause)));
        Ok(())
    }

    /// This release is the active one, it alone runs, in full, and the ground has exactly these processes.
    pub async fn runs(&self, release: &str) -> Result<(), String> {
        let end = Instant::now() + SETTLE_LIMIT;
        loop {
            let environment = self.api()?.environment().await?;
            let processes = self.api()?.processes().await?;
            let seen = self.ground.services().await?;
            let problem =
                difference(&environment, &processes, release).or_else(|| doubled(&environment, &seen, release));
            let Some(problem) = problem else {
                let formation = environment.formation.iter().map(|(service, count)| format!("{count} {service}"));
                let formation = formation.collect::<Vec<_>>().join(" + ");
                say::holds(format!("{release} is active, and its {formation} are all that runs"));
                return Ok(());
            };
            if Instant::now() >= end {
                return Err(format!("after {} s {problem}", SETTLE_LIMIT.as_secs()));
            }
            sleep(POLL).await;
        }
    }

    /// Since the last look no request was lost, and only these releases answered.
    pub fn unharmed(&mut self, releases: &[&str]) -> Result<(), String> {
        let Some(traffic) = &self.traffic else { return Ok(()) };
        let counts = traffic.tally().counts();
        let answers = counts.since(&self.seen);
        let sent = counts.sent() - self.seen.sent();
        self.seen = counts;
        if self.seen.failed > 0 {
            return Err(format!("{} of {} requests were lost", self.seen.failed, self.seen.sent()));
        }
        if let Some(stranger) = answers.keys().find(|release| !releases.contains(&release.as_str())) {
            return Err(format!("{stranger} answered requests, and only {releases:?} should"));
        }
        let shares = answers.iter().map(|(release, count)| format!("{release} {count}")).collect::<Vec<_>>();
        say::holds(format!("{sent} requests since then, none lost; answered by {}", shares.join(", ")));
        Ok(())
    }
}

fn words(outcome: &str, cause: Option<&str>) -> String {
    cause.map_or_else(|| outcome.to_owned(), |cause| format!("{outcome} because of {cause}"))
}

/// What the ground says, which nobody told it.
fn doubled(environment: &Environment, seen: &Services, release: &str) -> Option<String> {
    let formation = environment.formation.iter().filter(|(_, count)| **count > 0);
    let expected: Services =
        formation.map(|(service, count)| ((service.clone(), release.to_owned()), *count)).collect();
    (*seen != expected).then(|| format!("these run: {seen:?}, expected: {expected:?}"))
}

/// What is not as it should be when the release is the active one and nothing is under way.
fn difference(environment: &Environment, processes: &[Process], release: &str) -> Option<String> {
    if environment.active.as_deref() != Some(release) {
        return Some(format!("{:?} is active, expected: {release}", environment.active));
    }
    if environment.status != "running" || environment.promotion.is_some() {
        return Some(format!("the environment is {}, promotion {:?}", environment.status, environment.promotion));
    }
    if let Some(other) = processes.iter().find(|process| process.release != release) {
        return Some(format!("a process of {} {} is {}", other.service, other.release, other.state));
    }
    let running = |service: &str| {
        let running = processes.iter().filter(|process| process.state == "running" && process.ready);
        running.filter(|process| process.service == service).count()
    };
    for (service, count) in &environment.formation {
        if running(service) != *count as usize {
            return Some(format!("{} processes of {service} run, expected: {count}", running(service)));
        }
    }
    let expected: u32 = environment.formation.values().sum();
    (processes.len() != expected as usize).then(|| format!("{} processes exist, expected: {expected}", processes.len()))
}
