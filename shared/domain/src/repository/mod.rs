//! Where an app's images are: a registry, one repository in it per tenant and app, an image by its digest.
//!
//! The names are pure, so that whoever checks an image, whoever says where to push it, and whoever tells a cluster what
//! to run all speak of the same place. An image is named by its digest and never by a tag, which somebody could move.

mod address;

use std::fmt;

pub use self::address::{ParseAddressError, RegistryAddress, Transport};
use crate::id::TenantId;
use crate::name::AppName;
use crate::release::ImageDigest;

/// The repository of one app of one tenant: `registry.example.com/tbcdefghijk/shop`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    authority: String,
    path: String,
}

impl Repository {
    /// Host and port of its registry, as clients log in to it.
    pub fn registry(&self) -> &str {
        &self.authority
    }

    /// Its name inside the registry: `tbcdefghijk/shop`.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub fn image(&self, digest: ImageDigest) -> ImageReference {
        ImageReference { repository: self.clone(), digest }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.authority, self.path)
    }
}

impl RegistryAddress {
    /// Names of repositories are in lower case. An id of a tenant is upper-case letters of a fixed number, so that two
    /// tenants never meet in lower case either, and a name of an app is lower case and has no slash.
    pub fn repository(&self, tenant: &TenantId, app: &AppName) -> Repository {
        let own = format!("{}/{app}", tenant.as_str().to_ascii_lowercase());
        let path = self.prefix().map_or_else(|| own.clone(), |prefix| format!("{prefix}/{own}"));
        Repository { authority: self.authority().to_owned(), path }
    }
}

/// One image in one repository, as a cluster pulls it: `registry.example.com/tbcdefghijk/shop@sha256:…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ImageReference {
    pub repository: Repository,
    pub digest: ImageDigest,
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repository, self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_named_by_registry_tenant_app_and_digest() {
        let tenant: TenantId = "TBCDEFGHIJK".parse().unwrap();
        let app: AppName = "my-shop2".parse().unwrap();
        let digest = ImageDigest::from_sha256(&[0xab; 32]);
        let hex = "ab".repeat(32);
        let table = [
            ("10.0.0.1:5000", "10.0.0.1:5000/tbcdefghijk/my-shop2@sha256:"),
            ("https://Registry.Example.com/team", "registry.example.com/team/tbcdefghijk/my-shop2@sha256:"),
        ];
        for (address, expected) in table {
            let repository = address.parse::<RegistryAddress>().unwrap().repository(&tenant, &app);
            assert_eq!(repository.image(digest.clone()).to_string(), format!("{expected}{hex}"));
            assert_eq!(repository.to_string(), format!("{}/{}", repository.registry(), repository.path()));
        }
    }

    #[test]
    fn apps_of_one_name_have_a_repository_per_tenant() {
        let address: RegistryAddress = "registry.example.com".parse().unwrap();
        let app: AppName = "shop".parse().unwrap();
        let one = address.repository(&TenantId::from_entropy(1), &app);
        assert_ne!(one, address.repository(&TenantId::from_entropy(2), &app));
        assert_ne!(one, address.repository(&TenantId::from_entropy(1), &"shop-2".parse().unwrap()));
    }
}
