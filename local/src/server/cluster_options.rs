//! Which Kubernetes cluster the processes run in, if any.

use std::path::PathBuf;

use clap::Args;
use slipway_domain::error::{Error, Result};
use slipway_kubernetes::connect::{Source, connect};
use slipway_registry::OciRegistry;

use super::backend::{Backend, Kubernetes};

/// The cluster of a server whose processes do not run on its own machine.
#[derive(Clone, Debug, Default, Args)]
pub struct ClusterOptions {
    /// Run the apps in the Kubernetes cluster of this kubeconfig instead of on this machine; takes --registry, too
    #[arg(long, value_name = "FILE", env = "SLIPWAY_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,

    /// The group of the kubeconfig's credential, to which `slipway clusters access` grants rights
    /// [default: slipway: and the tenant]
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    cluster_group: Option<String>,
}

impl ClusterOptions {
    /// Where the processes run: connects to the cluster if one is named. `helper` runs them otherwise.
    pub async fn backend(&self, helper: PathBuf, registry: Option<OciRegistry>) -> Result<Backend> {
        let (file, registry) = match (&self.kubeconfig, registry) {
            (None, None) => return Ok(Backend::ThisMachine { helper }),
            (None, Some(_)) => {
                let text = "a registry is what a cluster pulls images from: name the cluster with --kubeconfig, or leave \
                            --registry out to build and run on this machine";
                return Err(refused(text));
            }
            (Some(_), None) => {
                let text =
                    "a cluster pulls its images from a registry: name the one that you push them to with --registry";
                return Err(refused(text));
            }
            (Some(file), Some(registry)) => (file.clone(), registry),
        };
        let source = Source { file, context: self.context.clone() };
        let connection = connect(&source).await.map_err(|error| refused(error.to_string()))?;
        let group = self.cluster_group.clone();
        Ok(Backend::Kubernetes(Box::new(Kubernetes { connection, registry, group })))
    }
}

fn refused(text: impl Into<String>) -> Error {
    Error::conflict("refused", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> OciRegistry {
        OciRegistry::new("10.0.0.1:5000".parse().unwrap(), None).unwrap()
    }

    async fn said(options: &ClusterOptions, registry: Option<OciRegistry>) -> String {
        options.backend("helper".into(), registry).await.err().unwrap().message
    }

    #[tokio::test]
    async fn a_cluster_and_a_registry_are_named_together_or_not_at_all() {
        let options = ClusterOptions::default();
        assert!(matches!(options.backend("helper".into(), None).await.unwrap(), Backend::ThisMachine { .. }));
        assert!(said(&options, Some(registry())).await.contains("--kubeconfig"));
        let options = ClusterOptions { kubeconfig: Some("/nowhere".into()), ..options };
        assert!(said(&options, None).await.contains("--registry"));
        assert!(said(&options, Some(registry())).await.contains("cannot read the kubeconfig /nowhere"));
    }
}
