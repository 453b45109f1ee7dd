//! Everything that the checks of a promotion look at, gathered at one time.

use slipway_domain::build::Build;
use slipway_domain::error::{Error, Kind, Result};
use slipway_domain::id::BuildId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::promotion::{Environment, Promotion, Status};
use slipway_domain::release::{Release, ReleaseRef};
use slipway_rollout::observation::Observation;
use slipway_store::Scoped;
use slipway_store::records::Page as StoredPage;

use crate::caller::Caller;
use crate::draft::{ATTEMPTS, build_incomplete, no_active_release, own, too_busy};
use crate::ports::ClusterError;
use crate::slipway::{Slipway, find_environment, find_release, namespace};

/// Which release is meant.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Named(ReleaseRef),
    /// The active one.
    Active,
    /// Where a rollback goes that names none: back to the active one while a promotion runs or when the last one left
    /// the environment `failed`, else to the last good one before the active one.
    LastGood,
}

/// What is, before a promotion.
pub(crate) struct Situation {
    pub environment: Environment,
    pub running: Option<Promotion>,
    pub active: Option<Release>,
    /// The one that is meant; for a rollback or a restart the original of the copy.
    pub release: Release,
    /// None: its record is gone.
    pub build: Option<Build>,
    /// The registry has its image.
    pub image_held: bool,
    pub seen: std::result::Result<Observation, ClusterError>,
    /// The rights that we lack in the cluster; empty where that could not be found out.
    pub rights_missing: Vec<String>,
}

/// How many lines of the history are looked at for the last good release.
const HISTORY_SEARCHED: usize = 1000;

impl Slipway {
    pub(crate) async fn situation(
        &self,
        caller: &Caller,
        store: &Scoped,
        app: &AppName,
        environment: &EnvironmentName,
        target: &Target,
    ) -> Result<Situation> {
        let (environment, running) = load(store, app, environment).await?;
        let active = match &environment.active {
            Some(id) => Some(own(store, app, id).await?),
            None => None,
        };
        let release = resolve(store, &environment, running.as_ref(), active.as_ref(), target).await?;
        let build = store.build(app, &release.build).await?;
        let image_held = self.registry.holds(caller.tenant(), app, &release.image).await?;
        let place = namespace(caller, app, &environment.name);
        let (seen, missing) = futures::join!(self.cluster.observe(&place), self.access.missing(&place));
        let rights_missing = missing.unwrap_or_else(|error| {
            tracing::warn!(app.name = %app, error = %error, "the cluster did not say which rights are ours");
            Vec::new()
        });
        Ok(Situation { environment, running, active, release, build, image_held, seen, rights_missing })
    }
}

/// The environment and the promotion that runs in it, as of one moment: never one that the other does not name.
pub(crate) async fn load(
    store: &Scoped,
    app: &AppName,
    name: &EnvironmentName,
) -> Result<(Environment, Option<Promotion>)> {
    for _ in 0..ATTEMPTS {
        let environment = find_environment(store, app, name).await?;
        let Some(id) = &environment.promotion else { return Ok((environment, None)) };
        let (environment, promotion) = store
            .load(app, name, id)
            .await?
            .ok_or_else(|| Error::internal(format!("the promotion {id} that runs in {name} is gone")))?;
        match &environment.promotion {
            None => return Ok((environment, None)),
            Some(running) if *running == promotion.id => return Ok((environment, Some(promotion))),
            // Another one took over between the two reads: it has to be read, too.
            Some(_) => {}
        }
    }
    Err(too_busy())
}

async fn resolve(
    store: &Scoped,
    environment: &Environment,
    running: Option<&Promotion>,
    active: Option<&Release>,
    target: &Target,
) -> Result<Release> {
    match (target, active) {
        (Target::Named(reference), _) => named(store, &environment.app, reference).await,
        (Target::Active, Some(active)) => Ok(active.clone()),
        (Target::Active, None) => Err(no_active_release(environment)),
        (Target::LastGood, Some(active)) if running.is_some() || environment.status == Status::Failed => {
            Ok(active.clone())
        }
        (Target::LastGood, Some(active)) => last_good(store, environment, active).await,
        (Target::LastGood, None) => Err(nothing_to_roll_back_to(environment)),
    }
}

/// People have a build in hand sooner than its release: then they are told what is the matter with it.
async fn named(store: &Scoped, app: &AppName, reference: &ReleaseRef) -> Result<Release> {
    let missing = match find_release(store, app, reference).await {
        Ok(release) => return Ok(release),
        Err(error) if error.code != "release_not_found" => return Err(error),
        Err(error) => error,
    };
    let Ok(id) = reference.to_string().parse::<BuildId>() else { return Err(missing) };
    match store.build(app, &id).await? {
        Some(Build { release: Some(release), .. }) => {
            let message = format!("{id} is a build and not a release: promote its release {release}");
            Err(Error::new(Kind::NotFound, "release_not_found", message).detail("release", release))
        }
        Some(build) => Err(build_incomplete(&build)),
        None => Err(missing),
    }
}

/// The release that was active last of those older than the active one. A copy is as old as its original, so rolling
/// back twice goes two steps back and not to and fro.
pub(crate) async fn last_good(store: &Scoped, environment: &Environment, active: &Release) -> Result<Release> {
    let mut page = StoredPage::first(StoredPage::MAX_LIMIT);
    let mut looked_at = std::collections::BTreeSet::new();
    for _ in 0..HISTORY_SEARCHED / StoredPage::MAX_LIMIT {
        let listed = store.activations(&environment.app, &environment.name, None, &page).await?;
        for line in listed.items.into_iter().filter(slipway_store::records::Activation::activated) {
            if !looked_at.insert(line.release.clone()) {
                continue;
            }
            let release = own(store, &environment.app, &line.release).await?;
            if release.is_older_than(active) {
                return Ok(release);
            }
        }
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    Err(nothing_to_roll_back_to(environment))
}

fn nothing_to_roll_back_to(environment: &Environment) -> Error {
    let message = format!("no earlier release was active in {}: name the release to roll back to", environment.name);
    Error::conflict("nothing_to_roll_back_to", message)
}
