//! Releases: list, read, compare, and make one from a build or from another release.

use std::collections::BTreeMap;

use slipway_domain::error::Result;
use slipway_domain::id::{BuildId, ReleaseId};
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::promotion::Environment;
use slipway_domain::release::{self, Diff, Release, ReleaseRef, ReleaseState, Standing, Tag, diff};
use slipway_store::Scoped;
use slipway_store::records::{Page as StoredPage, ReleaseHistory};

use crate::caller::{Caller, Right};
use crate::draft::{ATTEMPTS, Code, Draft, base, lost_a_race, own, refused, too_busy};
use crate::request::{Idempotency, MAX_TEXT, Page, Paged, Posted, check_text, stored_id};
use crate::slipway::{Slipway, find_app, find_build, find_environment, find_release};

/// A release and what became of it.
#[derive(Clone, Debug)]
pub struct ReleaseView {
    pub release: Release,
    /// Derived; a release itself never changes.
    pub state: ReleaseState,
    /// It is the active one of its environment now.
    pub active: bool,
    /// Copies that rollbacks and restarts made of it, newest first; only when one release is read, empty in lists.
    pub copies: Vec<ReleaseId>,
}

/// What a new release forks from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BaseChoice {
    /// The environment's newest; the write is tried again when another release came in between.
    #[default]
    Newest,
    Active,
    Release(ReleaseRef),
}

/// What a new release is made from.
#[derive(Clone, Debug)]
pub enum NewReleaseSource {
    /// The build with the variables of the base in this environment.
    Build { build: BuildId, base: BaseChoice },
    /// Another release's build and manifest, of any environment of the app, with the variables of the base.
    Release { release: ReleaseRef, base: BaseChoice },
    /// Another release exactly as it stands: `variables=copy`.
    Copy { release: ReleaseRef },
}

#[derive(Clone, Debug)]
pub struct NewRelease {
    pub source: NewReleaseSource,
    /// At most 500 characters.
    pub description: Option<String>,
    /// Unique in the app.
    pub tag: Option<Tag>,
}

/// What a release forked from, said where it could surprise.
#[derive(Clone, Debug)]
pub struct Base {
    pub release: ReleaseId,
    pub build: BuildId,
    /// False: it was never the active one, so whatever it brought ships with the new release.
    pub promoted: bool,
    /// How the base differs from the active release. None: it is the active one, or nothing is active.
    pub differs: Option<Diff>,
}

#[derive(Clone, Debug)]
pub struct CreatedRelease {
    pub release: ReleaseView,
    /// None: the first release of the environment, or a copy.
    pub base: Option<Base>,
}

/// Two releases compared: what `to` brings relative to `from`.
#[derive(Clone, Debug)]
pub struct ReleaseDiff {
    pub from: Release,
    pub to: Release,
    pub diff: Diff,
}

/// How many releases after one are looked at for copies of it.
const COPIES_SEARCHED: usize = 1000;

impl Slipway {
    /// Newest first, of one environment or of all. Right: read. Errors: `app_not_found`, `environment_not_found` (404).
    pub async fn releases(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: Option<&EnvironmentName>,
        page: &Page,
    ) -> Result<Paged<ReleaseView>> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        match environment {
            Some(environment) => drop(find_environment(&store, app, environment).await?),
            None => drop(find_app(&store, app).await?),
        }
        let listed = store.releases(app, environment, &page.stored()).await?;
        Ok(Paged { items: views(&store, app, listed.items).await?, next: listed.next })
    }

    /// By id, number or tag. Right: read. Errors: `app_not_found`, `release_not_found` (404).
    pub async fn release(&self, caller: &Caller, app: &AppName, release: &ReleaseRef) -> Result<ReleaseView> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        let mut view = view(&store, find_release(&store, app, release).await?).await?;
        view.copies = copies(&store, &view.release).await?;
        Ok(view)
    }

    /// Right: read. Errors: `app_not_found`, `release_not_found` (404).
    pub async fn diff_releases(
        &self,
        caller: &Caller,
        app: &AppName,
        from: &ReleaseRef,
        to: &ReleaseRef,
    ) -> Result<ReleaseDiff> {
        caller.needs(Right::Read)?;
        let store = self.of(caller);
        let from = find_release(&store, app, from).await?;
        let to = find_release(&store, app, to).await?;
        let diff = diff(&from, &to);
        Ok(ReleaseDiff { from, to, diff })
    }

    /// Right: deploy. Errors: `app_not_found`, `environment_not_found`, `build_not_found`, `release_not_found` (404),
    /// `build_incomplete`, `no_active_release`, `wrong_environment` (of the base), `tag_taken` (409), `invalid_release`
    /// (422).
    pub async fn create_release(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        new: &NewRelease,
        idempotency: Option<&Idempotency>,
    ) -> Result<Posted<CreatedRelease>> {
        caller.needs(Right::Deploy)?;
        check_text("invalid_release", "/description", new.description.as_deref(), MAX_TEXT)?;
        let store = self.of(caller);
        let attempt = Box::pin(self.write_release(caller, app, environment, new, idempotency));
        let made = self.once(caller, idempotency, attempt, stored_id::<ReleaseId>).await?;
        let release = own(&store, app, &made.value).await?;
        let base = base_of(&store, &release).await?;
        Ok(made.with(CreatedRelease { release: view(&store, release).await?, base }))
    }

    async fn write_release(
        &self,
        caller: &Caller,
        app: &AppName,
        environment: &EnvironmentName,
        new: &NewRelease,
        idempotency: Option<&Idempotency>,
    ) -> Result<ReleaseId> {
        let store = self.of(caller);
        for _ in 0..ATTEMPTS {
            let environment = find_environment(&store, app, environment).await?;
            let draft = drafted(&store, &environment, new).await?;
            let id = ReleaseId::from_entropy(self.entropy.draw());
            let change = self.change_once(caller, "release.create", idempotency, 201, &id);
            let numbered = draft.number(&store, &environment, id.clone(), caller.actor(), change.now).await?;
            match store.create_release(&change, &numbered).await {
                Ok(()) => return Ok(id),
                Err(error) if lost_a_race(&error) => self.pause().await,
                Err(error) => return Err(refused(error, new.tag.as_ref())),
            }
        }
        Err(too_busy())
    }
}

async fn drafted(store: &Scoped, environment: &Environment, new: &NewRelease) -> Result<Draft> {
    let app = &environment.app;
    let (code, words, forked, copied) = match &new.source {
        NewReleaseSource::Build { build, base: choice } => {
            let build = find_build(store, app, build).await?;
            let code = Code::of_build(&build)?;
            (code, build.description.clone(), base(store, environment, choice).await?, None)
        }
        NewReleaseSource::Release { release, base: choice } => {
            let release = find_release(store, app, release).await?;
            let words = format!("build of {} ({})", release.id, release.environment);
            (Code::of_release(&release), words, base(store, environment, choice).await?, None)
        }
        NewReleaseSource::Copy { release } => {
            let release = find_release(store, app, release).await?;
            let words = format!("copy of {} ({})", release.id, release.environment);
            (Code::of_release(&release), words, None, Some(release))
        }
    };
    let variables = match forked.as_ref().or(copied.as_ref()) {
        Some(release) => store.variables(release).await?,
        None => slipway_domain::variables::Variables::default(),
    };
    let age = copied.as_ref().filter(|copied| copied.environment == environment.name);
    Ok(Draft {
        code,
        variables,
        parent: forked.or_else(|| copied.clone()).map(|release| release.id),
        age: age.map(|original| original.original_number),
        copied_from: copied.map(|release| release.id),
        description: new.description.clone().unwrap_or(words),
        tag: new.tag.clone(),
        reason: None,
    })
}

/// What a release forked from, seen against what is active now. A copy forked from nothing.
pub(crate) async fn base_of(store: &Scoped, release: &Release) -> Result<Option<Base>> {
    let (Some(parent), None) = (&release.parent, &release.copied_from) else { return Ok(None) };
    let environment = find_environment(store, &release.app, &release.environment).await?;
    let base = own(store, &release.app, parent).await?;
    let history = store.history(&release.app, &release.environment, std::slice::from_ref(parent)).await?;
    let is_active = environment.active.as_ref() == Some(parent);
    let differs = match &environment.active {
        Some(active) if !is_active => Some(diff(&own(store, &release.app, active).await?, &base)),
        _ => None,
    };
    let promoted = is_active || history.get(parent).is_some_and(|history| history.was_active);
    Ok(Some(Base { release: base.id, build: base.build, promoted, differs }))
}

/// A release with its state in its environment.
pub(crate) fn standing_of(
    environment: &Environment,
    release: Release,
    history: Option<&ReleaseHistory>,
) -> ReleaseView {
    let active = environment.active.as_ref() == Some(&release.id);
    let state = release::state(Standing {
        active,
        was_active: history.is_some_and(|history| history.was_active),
        last_outcome: history.map(|history| history.last.outcome),
    });
    ReleaseView { release, state, active, copies: Vec::new() }
}

pub(crate) async fn view(store: &Scoped, release: Release) -> Result<ReleaseView> {
    let environment = find_environment(store, &release.app, &release.environment).await?;
    let history = store.history(&release.app, &release.environment, std::slice::from_ref(&release.id)).await?;
    let known = history.get(&release.id);
    Ok(standing_of(&environment, release, known))
}

/// Several at once, with one look at each environment.
async fn views(store: &Scoped, app: &AppName, releases: Vec<Release>) -> Result<Vec<ReleaseView>> {
    let mut ids: BTreeMap<EnvironmentName, Vec<ReleaseId>> = BTreeMap::new();
    for release in &releases {
        ids.entry(release.environment.clone()).or_default().push(release.id.clone());
    }
    let mut known = BTreeMap::new();
    for (name, ids) in ids {
        let environment = find_environment(store, app, &name).await?;
        let history = store.history(app, &name, &ids).await?;
        known.insert(name, (environment, history));
    }
    let view = |release: Release| {
        let (environment, history) = known.get(&release.environment)?;
        let history = history.get(&release.id);
        Some(standing_of(environment, release, history))
    };
    Ok(releases.into_iter().filter_map(view).collect())
}

/// Copies are younger than their original, so only the releases after it are looked at.
async fn copies(store: &Scoped, original: &Release) -> Result<Vec<ReleaseId>> {
    let mut found = Vec::new();
    let mut page = StoredPage::first(StoredPage::MAX_LIMIT);
    for _ in 0..COPIES_SEARCHED / StoredPage::MAX_LIMIT {
        let listed = store.releases(&original.app, None, &page).await?;
        let done = listed.items.iter().any(|release| release.number <= original.number);
        let copies = listed.items.into_iter().filter(|release| release.copied_from.as_ref() == Some(&original.id));
        found.extend(copies.map(|release| release.id));
        match listed.next {
            Some(next) if !done => page.after = Some(next),
            _ => break,
        }
    }
    Ok(found)
}
