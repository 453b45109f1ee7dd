//! Completing a build: by building what was uploaded, or with an image that exists.

use slipway_domain::build::{Build, BuildStatus};
use slipway_domain::error::{Error, Result};
use slipway_domain::id::BuildId;
use slipway_domain::manifest::{self, Manifest};
use slipway_domain::name::AppName;
use slipway_domain::release::ImageDigest;
use slipway_store::Scoped;
use slipway_store::error::StoreError;
use slipway_store::records::Page as StoredPage;

use super::advance::Made;
use super::{BuildView, Completion, ManifestText, build_ended};
use crate::caller::{Caller, Right};
use crate::slipway::{Slipway, find_build};

/// How many builds are looked at for one with the same image.
const BUILDS_SEARCHED: usize = 300;

impl Slipway {
    /// Starts the build of what was uploaded, or seals it with an image that exists. Repeating it is harmless. Right:
    /// deploy. Errors: `app_not_found`, `build_not_found` (404); `upload_missing`, `build_running`, `build_ended` (409, also
    /// for another image than the one it has); `image_missing`, `manifest_required`, `invalid_manifest` (422, with line
    /// and column); what the registry answers with.
    pub async fn complete_build(
        &self,
        caller: &Caller,
        app: &AppName,
        build: &BuildId,
        completion: &Completion,
    ) -> Result<BuildView> {
        caller.needs(Right::Deploy)?;
        let store = self.of(caller);
        let build = find_build(&store, app, build).await?;
        let build = match completion {
            Completion::Uploaded => Box::pin(self.build_upload(caller, &store, build)).await?,
            Completion::Image { image, manifest } => {
                Box::pin(self.take_image(caller, &store, build, image, manifest.as_ref())).await?
            }
        };
        Ok(build.into())
    }

    async fn build_upload(&self, caller: &Caller, store: &Scoped, build: Build) -> Result<Build> {
        match build.status {
            BuildStatus::Created => {}
            BuildStatus::Running | BuildStatus::Complete => return Ok(build),
            BuildStatus::Failed | BuildStatus::Cancelled => return Err(build_ended(&build)),
        }
        if build.upload.is_none() {
            let message = format!("{} was created without an archive: complete it with an image", build.id);
            return Err(Error::conflict("upload_missing", message));
        }
        if !self.objects.arrived(&build.id).await? {
            let message = format!("the archive of {} has not arrived whole: upload it first", build.id);
            return Err(Error::conflict("upload_missing", message));
        }
        let change = self.change(caller, "build.start");
        let running = Build { status: BuildStatus::Running, started_at: Some(change.now), ..build };
        match store.update_build(&change, &running, BuildStatus::Created).await {
            Ok(()) => {}
            // Somebody else started or cancelled it: what they made of it is the answer.
            Err(StoreError::Stale(_) | StoreError::Sealed(_)) => {
                return find_build(store, &running.app, &running.id).await;
            }
            Err(error) => return Err(error.into()),
        }
        self.start_builder(caller.tenant(), &running).await;
        Ok(running)
    }

    async fn take_image(
        &self,
        caller: &Caller,
        store: &Scoped,
        build: Build,
        image: &ImageDigest,
        manifest: Option<&ManifestText>,
    ) -> Result<Build> {
        // One whose time is over fails here, not when somebody looks at it next.
        let build = self.advance_build(store, caller.tenant(), build).await?;
        match build.status {
            BuildStatus::Created => {}
            BuildStatus::Running => {
                let message = format!("{} is being built from its archive: wait for it, or cancel it", build.id);
                return Err(Error::conflict("build_running", message));
            }
            BuildStatus::Complete | BuildStatus::Failed | BuildStatus::Cancelled => return same_image(build, image),
        }
        let manifest = match manifest {
            Some(written) => manifest::parse(&written.file, &written.text)?,
            None => known_manifest(store, &build.app, image).await?,
        };
        if !self.registry.holds(caller.tenant(), &build.app, image).await? {
            let remedy = self.intake.remedy(caller.tenant(), &build.app);
            let message = format!("the registry has no image {image} of {}: {remedy}", build.app);
            return Err(Error::invalid("image_missing", "/image", message));
        }
        let made = Made { image: image.clone(), manifest, warnings: Vec::new() };
        let sealed = self.seal_build(store, build, made, self.change(caller, "build.complete")).await?;
        same_image(sealed, image)
    }
}

/// A build completes once: asked for again with the same image it answers the same, also when somebody else was faster.
fn same_image(build: Build, image: &ImageDigest) -> Result<Build> {
    if build.status == BuildStatus::Complete && build.image.as_ref() == Some(image) {
        return Ok(build);
    }
    let Some(taken) = &build.image else { return Err(build_ended(&build)) };
    let message = format!("the build {} is complete with {taken} and takes no other image: create another", build.id);
    Err(Error::conflict("build_ended", message).detail("status", build.status).detail("image", taken))
}

/// The manifest of the newest complete build with the same image. `manifest_required` (422) when there is none.
async fn known_manifest(store: &Scoped, app: &AppName, image: &ImageDigest) -> Result<Manifest> {
    let mut page = StoredPage::first(StoredPage::MAX_LIMIT);
    for _ in 0..BUILDS_SEARCHED / StoredPage::MAX_LIMIT {
        let listed = store.builds(app, &page).await?;
        let same = listed.items.into_iter().find(|build| build.image.as_ref() == Some(image));
        if let Some(manifest) = same.and_then(|build| build.manifest) {
            return Ok(manifest);
        }
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    let message = "no earlier build has this image: send its manifest with it";
    Err(Error::invalid("manifest_required", "/manifest", message))
}
