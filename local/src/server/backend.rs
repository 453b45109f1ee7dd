//! Where the processes run: on this machine, or in a Kubernetes cluster. Everything else is the same.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use slipway_domain::cluster;
use slipway_domain::error::{Error, Result};
use slipway_domain::id::TenantId;
use slipway_kubernetes::access::KubernetesAccess;
use slipway_kubernetes::client::{ImageSource, KubernetesCluster};
use slipway_kubernetes::connect::Connection;
use slipway_registry::OciRegistry;
use slipway_service::ports::{Access, Cluster, OpenAccess, Processes};

use super::images::Images;
use crate::cluster::{Config, LocalCluster};
use crate::disk;

/// A cluster that answers, and the registry that it pulls from.
pub struct Kubernetes {
    pub connection: Connection,
    pub registry: OciRegistry,
    /// The group that our rights are granted to, where it is not the tenant's own.
    pub group: Option<String>,
}

/// What runs the processes of a folder.
pub enum Backend {
    /// This machine; `helper` is the program whose subcommands are in [`crate::helper`].
    ThisMachine {
        helper: PathBuf,
    },
    Kubernetes(Box<Kubernetes>),
}

/// The same without what it takes to reach it: what a folder remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendKind {
    ThisMachine,
    Kubernetes,
}

/// What of the product differs.
pub(super) struct Ports {
    pub cluster: Arc<dyn Cluster>,
    pub processes: Arc<dyn Processes>,
    pub access: Arc<dyn Access>,
    pub images: Images,
}

impl Backend {
    pub fn kind(&self) -> BackendKind {
        match self {
            Self::ThisMachine { .. } => BackendKind::ThisMachine,
            Self::Kubernetes(_) => BackendKind::Kubernetes,
        }
    }

    pub(super) async fn ports(self, data: &Path, origin: &str) -> Result<Ports> {
        match self {
            Self::ThisMachine { helper } => {
                let images = Images::of_this_machine(data, origin)?;
                let cluster = LocalCluster::open(Config::new(data, &helper)).await.map_err(Error::internal)?;
                let processes = Arc::clone(&cluster) as _;
                Ok(Ports { cluster, processes, access: Arc::new(OpenAccess), images })
            }
            Self::Kubernetes(kubernetes) => {
                let Kubernetes { connection, registry, group } = *kubernetes;
                let source = ImageSource::new(registry.address().clone());
                let cluster = Arc::new(KubernetesCluster::new(connection.client.clone(), source));
                let access = Arc::new(KubernetesAccess::new(connection.client, group));
                Ok(Ports {
                    processes: Arc::clone(&cluster) as _,
                    cluster,
                    access,
                    images: Images::in_registry(registry),
                })
            }
        }
    }

    /// What whoever starts the server should know of the place.
    pub fn remarks(&self, tenant: &TenantId) -> Vec<String> {
        let Self::Kubernetes(kubernetes) = self else { return Vec::new() };
        let Kubernetes { connection, registry, group: named } = kubernetes.as_ref();
        let Connection { address, version, user, groups, .. } = connection;
        let granted = named.clone().unwrap_or_else(|| cluster::Cluster::group(tenant));
        let mut remarks = vec![
            format!("processes run in the Kubernetes cluster at {address} ({version}), as its user {user}"),
            format!("images come from {}", registry.address()),
        ];
        if !groups.contains(&granted) {
            remarks.push(format!(
                "note: rights are granted to the group {granted}, which {user} is not in (but in {}); name the group of \
                 your credential with --cluster-group",
                groups.join(", ")
            ));
        }
        remarks
    }
}

impl BackendKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ThisMachine => "this-machine",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// What runs the processes of a folder. None: nothing yet.
    pub fn of(data: &Path) -> Result<Option<Self>> {
        match std::fs::read_to_string(file(data)) {
            Ok(text) => [Self::ThisMachine, Self::Kubernetes]
                .into_iter()
                .find(|kind| kind.as_str() == text.trim())
                .map(Some)
                .ok_or_else(|| Error::internal(format!("{} says {text:?}", file(data).display()))),
            // Folders of earlier versions know of one place only.
            Err(_) => Ok(data.join("slipway.db").exists().then_some(Self::ThisMachine)),
        }
    }

    /// Binds the folder to the place: what its records say of processes is true there alone.
    pub fn claim(self, data: &Path) -> Result<()> {
        match Self::of(data)? {
            Some(kind) if kind == self => {}
            Some(kind) => {
                let text = format!(
                    "the processes of {} run {kind}, and not {self}; choose another folder with --data",
                    data.display()
                );
                return Err(Error::conflict("refused", text));
            }
            None => {}
        }
        disk::replace_durably(&file(data), self.as_str().as_bytes()).map_err(Error::internal)
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ThisMachine => "on this machine",
            Self::Kubernetes => "in a Kubernetes cluster",
        })
    }
}

fn file(data: &Path) -> PathBuf {
    data.join("backend")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stays_with_the_place_that_its_processes_are_in() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(BackendKind::of(folder.path()).unwrap(), None);
        BackendKind::Kubernetes.claim(folder.path()).unwrap();
        BackendKind::Kubernetes.claim(folder.path()).unwrap();
        let error = BackendKind::ThisMachine.claim(folder.path()).unwrap_err();
        assert!(error.message.contains("run in a Kubernetes cluster, and not on this machine"), "{error}");
        assert_eq!(BackendKind::of(folder.path()).unwrap(), Some(BackendKind::Kubernetes));
    }

    #[test]
    fn a_folder_from_before_there_was_a_choice_is_this_machines() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("slipway.db"), "").unwrap();
        assert_eq!(BackendKind::of(folder.path()).unwrap(), Some(BackendKind::ThisMachine));
        BackendKind::Kubernetes.claim(folder.path()).unwrap_err();
    }
}
