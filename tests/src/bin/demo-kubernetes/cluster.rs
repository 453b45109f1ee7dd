//! The namespace of the story in the cluster, as the owner of the cluster sees it.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::Api;
use slipway_kubernetes::names;
use slipway_tests::demo::ground::{Ground, Services};
use slipway_tests::demo::shell::Shell;
use slipway_tests::demo::{Told, say};
use slipway_tests::kubernetes::balancer::Balancer;
use slipway_tests::product::owner::Owner;
use slipway_tests::product::stage::label;

/// One namespace, and the load balancer in front of its Service `web`.
pub struct Cluster {
    pub owner: Owner,
    pub namespace: String,
    balancer: Option<Balancer>,
}

impl Cluster {
    pub fn new(owner: Owner, namespace: &str) -> Self {
        Self { owner, namespace: namespace.to_owned(), balancer: None }
    }

    /// Balances from now on, and answers with host and port once so many processes get requests.
    pub async fn balance(&mut self, processes: usize) -> Result<String, String> {
        let balancer = Balancer::start(self.owner.client.clone(), &self.namespace, "web").await?;
        balancer.until(processes).await?;
        let address = balancer.address();
        self.balancer = Some(balancer);
        Ok(address)
    }

    /// Every process of a service runs this image.
    pub async fn has_image(&self, image: &str) -> Told {
        let pods = self.pods().await?;
        let containers = pods.iter().filter_map(|pod| pod.spec.as_ref()).flat_map(|spec| &spec.containers);
        let found: BTreeSet<&str> = containers.filter_map(|container| container.image.as_deref()).collect();
        if found != BTreeSet::from([image]) {
            return Err(format!("the processes run {found:?}, expected: {image}"));
        }
        say::holds(format!("the cluster runs {image}, and nothing else"));
        Ok(())
    }

    /// Those of services that are not stopping.
    async fn pods(&self) -> Result<Vec<Pod>, String> {
        let pods = self.owner.pods(&self.namespace).await?.into_iter();
        let live = pods.filter(|pod| pod.metadata.deletion_timestamp.is_none());
        Ok(live.filter(|pod| !label(pod, names::SERVICE).is_empty()).collect())
    }

    async fn exists(&self) -> Result<bool, String> {
        let namespaces: Api<Namespace> = Api::all(self.owner.client.clone());
        let found = namespaces.get_opt(&self.namespace).await;
        Ok(found.map_err(|error| format!("could not look for the namespace: {error}"))?.is_some())
    }
}

impl Ground for Cluster {
    async fn services(&self) -> Result<Services, String> {
        let mut counts = Services::new();
        for pod in self.pods().await? {
            let key = [names::SERVICE, names::RELEASE].map(|key| label(&pod, key).to_owned());
            *counts.entry(key.into()).or_default() += 1;
        }
        Ok(counts)
    }

    async fn clear(&self, shell: &Shell) -> Told {
        let name = &self.namespace;
        shell.run_line(&format!("kubectl delete namespace {name} --ignore-not-found --timeout=2m")).await?.ok()?;
        if self.exists().await? {
            return Err(format!("the namespace {name} is still there"));
        }
        say::holds("nothing of it is left in the cluster");
        Ok(())
    }
}
