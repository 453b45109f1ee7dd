//! Which images an app has. A file per tenant, app and image stands for a tag in the app's repository.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use slipway_domain::error::{Error, Result};
use slipway_domain::id::TenantId;
use slipway_domain::name::AppName;
use slipway_domain::release::ImageDigest;
use slipway_service::ports::Registry;

use crate::disk;

/// The images of this machine.
#[derive(Clone, Debug)]
pub struct LocalRegistry {
    data: PathBuf,
}

impl LocalRegistry {
    /// `data` is the server's folder.
    pub fn new(data: &Path) -> Self {
        Self { data: data.to_owned() }
    }

    /// Where the tree of an image is.
    pub fn image(&self, image: &ImageDigest) -> PathBuf {
        self.data.join("images").join(format!("sha256-{}", image.hex()))
    }

    fn tag(&self, tenant: &TenantId, app: &AppName, image: &ImageDigest) -> PathBuf {
        self.data.join("repositories").join(tenant.as_str()).join(app.as_str()).join(image.hex())
    }

    /// Moves a finished tree to its place, unless the same image is there already, and gives it to the app.
    pub(super) fn push(&self, tenant: &TenantId, app: &AppName, image: &ImageDigest, tree: &Path) -> io::Result<()> {
        let place = self.image(image);
        disk::private_dir(&self.data.join("images"))?;
        if place.exists() {
            super::tree::remove(tree)?;
        } else {
            // A read-only folder can be renamed where it is, and moved elsewhere by nobody but root: it is moved first.
            let draft = place.with_extension("new");
            super::tree::remove(&draft)?;
            fs::rename(tree, &draft)?;
            super::tree::make_read_only(&draft)?;
            fs::rename(&draft, &place)?;
        }
        let tag = self.tag(tenant, app, image);
        disk::private_dir(tag.parent().unwrap_or(&self.data))?;
        disk::replace_durably(&tag, b"")
    }
}

#[async_trait]
impl Registry for LocalRegistry {
    async fn holds(&self, tenant: &TenantId, app: &AppName, image: &ImageDigest) -> Result<bool> {
        let exists = |path: PathBuf| path.try_exists().map_err(Error::unavailable);
        Ok(exists(self.tag(tenant, app, image))? && exists(self.image(image))?)
    }
}
