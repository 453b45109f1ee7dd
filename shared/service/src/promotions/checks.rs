//! Whether a promotion may start, and what it would do. Plain functions of what was gathered.

use std::collections::BTreeMap;

use slipway_domain::build::BuildStatus;
use slipway_domain::error::{Error, Kind as ErrorKind, Result};
use slipway_domain::id::PromotionId;
use slipway_domain::manifest::Deployment;
use slipway_domain::name::ServiceName;
use slipway_domain::promotion::{Kind, Promotion, Status};
use slipway_domain::release::Release;
use slipway_domain::time::Time;
use slipway_rollout::decide::is_complete;
use slipway_rollout::plan::{FormationTooLarge, Outlook, Planned, plan};
use slipway_rollout::start::{Start, noop};

use super::OnConflict;
use super::situation::{Situation, Target};
use crate::draft::build_incomplete;
use crate::ports::ClusterError;
use crate::request::{MAX_TEXT, check_text};

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub kind: Kind,
    pub target: Target,
    pub on_conflict: OnConflict,
    pub if_match: Option<u64>,
    pub reason: Option<String>,
    pub total_seconds: Option<u32>,
    /// Other counts, when the formation is what changes.
    pub scale: BTreeMap<ServiceName, u32>,
}

impl Wish {
    pub fn checked(self) -> Result<Self> {
        check_text("invalid_promotion", "/reason", self.reason.as_deref(), MAX_TEXT)?;
        Ok(self)
    }

    /// A fresh copy is what is promoted.
    pub fn copies(&self) -> bool {
        matches!(self.kind, Kind::Rollback | Kind::Restart)
    }
}

/// The result of all checks.
pub(crate) struct Checked {
    /// None: the formation is too large to plan.
    pub outlook: Option<Outlook>,
    /// Nothing would have to be done.
    pub noop: bool,
    /// In the order of what to mend first.
    pub refusals: Vec<Error>,
}

/// 1 to 600.
pub(crate) fn total_seconds(seconds: u64) -> Result<u32> {
    let most = Deployment::MAX_TOTAL_SECONDS;
    let asked = u32::try_from(seconds).ok().filter(|seconds| (1..=most).contains(seconds));
    asked.ok_or_else(|| Error::invalid("invalid_promotion", "/total_seconds", format!("must be 1 to {most} seconds")))
}

/// Rounded up.
pub(crate) fn whole_seconds(outlook: &Outlook) -> u64 {
    u64::try_from(outlook.estimate.as_millis().div_ceil(1000)).unwrap_or(u64::MAX)
}

/// All checks at once, so that a plan names everything that is in the way.
pub(crate) fn check(situation: &Situation, wish: &Wish) -> Checked {
    let planned = planned(situation, wish);
    let (outlook, too_large) = match planned {
        Ok(outlook) => (Some(outlook), None),
        Err(error) => (None, Some(formation_too_large(error))),
    };
    let refusals = [
        stale(situation, wish),
        wrong_environment(situation),
        leaving(situation),
        busy(situation, wish),
        older(situation, wish),
        incomplete(situation),
        variables_missing(&situation.release),
        too_large,
        image_missing(situation),
        rights_missing(situation).or_else(|| cluster_away(situation)),
    ];
    let refusals: Vec<Error> = refusals.into_iter().flatten().collect();
    let noop = refusals.is_empty() && outlook.as_ref().is_some_and(|outlook| is_noop(situation, wish, outlook));
    Checked { outlook, noop, refusals }
}

fn planned(situation: &Situation, wish: &Wish) -> std::result::Result<Outlook, FormationTooLarge> {
    plan(&Planned {
        from: situation.active.as_ref().map(|active| &active.manifest),
        to: &situation.release.manifest,
        same_release: !wish.copies() && situation.environment.active.as_ref() == Some(&situation.release.id),
        formation: &situation.environment.formation,
        scale: &wish.scale,
        total_seconds: wish.total_seconds,
    })
}

fn stale(situation: &Situation, wish: &Wish) -> Option<Error> {
    let version = situation.environment.version;
    wish.if_match.filter(|seen| *seen != version).map(|seen| {
        let message = format!("the environment is at version {version} by now and not {seen}: read it again");
        Error::new(ErrorKind::Stale, "stale_version", message).field("If-Match", "is not the current version")
    })
}

fn wrong_environment(situation: &Situation) -> Option<Error> {
    let (release, environment) = (&situation.release, &situation.environment);
    (release.environment != environment.name).then(|| {
        let message = format!(
            "{} belongs to {}: make a release of it in {} (from_release) and promote that one",
            release.id, release.environment, environment.name
        );
        Error::conflict("wrong_environment", message).detail("environment", &release.environment)
    })
}

fn leaving(situation: &Situation) -> Option<Error> {
    let environment = &situation.environment;
    (environment.status == Status::Deleting).then(|| {
        Error::conflict("environment_deleting", format!("{} is being deleted, nothing starts there", environment.name))
    })
}

/// A rollback takes over rather than waits; a promotion does when it is told to; the others never do.
fn busy(situation: &Situation, wish: &Wish) -> Option<Error> {
    let running = situation.running.as_ref()?;
    let takes_over = match wish.kind {
        Kind::Rollback => true,
        Kind::Promote => wish.on_conflict == OnConflict::Supersede,
        Kind::Restart | Kind::Scale => false,
    };
    (!takes_over).then(|| environment_busy(running))
}

pub(crate) fn environment_busy(running: &Promotion) -> Error {
    let message = format!(
        "the promotion {} of {} by {} is {}: wait for it, cancel it, or take over from it (on_conflict=supersede)",
        running.id, running.to, running.actor, running.phase
    );
    Error::conflict("environment_busy", message)
        .detail("promotion", &running.id)
        .detail("actor", &running.actor)
        .detail("phase", running.phase)
}

fn older(situation: &Situation, wish: &Wish) -> Option<Error> {
    let active = situation.active.as_ref().filter(|_| wish.kind == Kind::Promote)?;
    let release = &situation.release;
    // Numbers count in the app: those of another environment say nothing here.
    let comparable = release.environment == situation.environment.name;
    (comparable && release.is_older_than(active)).then(|| {
        let message = format!(
            "{} (v{}) is older than the active {} (v{}): roll back to it instead",
            release.id, release.number, active.id, active.number
        );
        Error::conflict("release_older", message).detail("active", &active.id).detail("release", &release.id)
    })
}

fn incomplete(situation: &Situation) -> Option<Error> {
    match &situation.build {
        Some(build) if build.status == BuildStatus::Complete => None,
        Some(build) => Some(build_incomplete(build)),
        None => {
            let message =
                format!("the build {} of {} is gone: build again", situation.release.build, situation.release.id);
            Some(Error::conflict("build_incomplete", message).detail("build", &situation.release.build))
        }
    }
}

/// One field per variable, with the services that declare it.
pub(crate) fn variables_missing(release: &Release) -> Option<Error> {
    let missing = release.missing_variables();
    if missing.is_empty() {
        return None;
    }
    let names = |services: &[ServiceName]| services.iter().map(ServiceName::as_str).collect::<Vec<_>>().join(", ");
    let keys = missing.keys().map(slipway_domain::variables::VariableKey::as_str).collect::<Vec<_>>().join(", ");
    let message =
        format!("{} lacks required variables: {keys}; set them and promote the release that comes of it", release.id);
    let error = Error::new(ErrorKind::Unprocessable, "variables_missing", message);
    Some(missing.iter().fold(error, |error, (key, services)| {
        error.field(format!("/variables/{key}"), format!("is declared by {} and not set", names(services)))
    }))
}

fn formation_too_large(error: FormationTooLarge) -> Error {
    Error::new(ErrorKind::Unprocessable, "formation_too_large", format!("{error}: run fewer processes"))
        .detail("processes", error.processes)
        .detail("limit", error.limit)
}

fn image_missing(situation: &Situation) -> Option<Error> {
    (!situation.image_held).then(|| image_gone(&situation.release))
}

pub(crate) fn image_gone(release: &Release) -> Error {
    let message = format!("the registry no longer has the image of {}: build again", release.id);
    Error::conflict("image_missing", message).detail("image", &release.image)
}

/// All at once: who grants rights wants to do it once.
fn rights_missing(situation: &Situation) -> Option<Error> {
    let missing = &situation.rights_missing;
    let (app, environment) = (&situation.environment.app, &situation.environment.name);
    (!missing.is_empty()).then(|| {
        let message = format!(
            "the cluster does not allow us to {} in {app}--{environment}, or it is not there: grant it with slipway \
             clusters access {app} {environment} | kubectl apply -f -",
            missing.join("; ")
        );
        Error::conflict("cluster_unauthorized", message)
    })
}

fn cluster_away(situation: &Situation) -> Option<Error> {
    situation.seen.as_ref().err().map(cluster_error)
}

/// What a caller is told of a cluster that did not do it.
pub(crate) fn cluster_error(error: &ClusterError) -> Error {
    match error {
        ClusterError::Unauthorized(words) => {
            Error::conflict("cluster_unauthorized", format!("the cluster refuses our access: {words}"))
        }
        // It will be refused the next time as well: whoever owns the cluster has to change something.
        ClusterError::Refused(words) => {
            Error::conflict("cluster_refused", format!("the cluster does not take it: {words}"))
        }
        other => {
            let message = "the cluster does not answer, nothing was changed: try again";
            let mut error = Error::new(ErrorKind::Unavailable, "cluster_unreachable", message).because(other);
            error.retry_after_seconds = Some(5);
            error
        }
    }
}

/// The active release, promoted again, with everything as it should be.
fn is_noop(situation: &Situation, wish: &Wish, outlook: &Outlook) -> bool {
    let environment = &situation.environment;
    let same = environment.active.as_ref() == Some(&situation.release.id);
    let quiet = situation.running.is_none() && environment.status == Status::Running && !environment.cleanup_pending;
    let Ok(seen) = &situation.seen else { return false };
    if wish.kind != Kind::Promote || !same || !quiet {
        return false;
    }
    // The rules of completeness read a promotion; this one is never stored.
    let id = PromotionId::from_entropy(0);
    let (pretended, _) = noop(environment, start(situation, wish, outlook, id, String::new()), Time::default());
    is_complete(&pretended, seen)
}

/// The request as the rollout understands it. A copy's id is put in its place by who makes the copy.
pub(crate) fn start(situation: &Situation, wish: &Wish, outlook: &Outlook, id: PromotionId, actor: String) -> Start {
    Start {
        id,
        kind: wish.kind,
        actor,
        reason: wish.reason.clone(),
        to: situation.release.id.clone(),
        plan: outlook.plan.clone(),
    }
}
