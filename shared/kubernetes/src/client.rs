//! The cluster as a rollout holds it: a client, and where its images are.

use slipway_domain::release::ImageDigest;
use slipway_domain::repository::RegistryAddress;
use slipway_service::ports::Namespace;

/// A tenant's Kubernetes cluster. Cheap to clone.
#[derive(Clone)]
pub struct KubernetesCluster {
    pub(crate) client: kube::Client,
    pub(crate) images: ImageSource,
}

impl KubernetesCluster {
    /// Talks to nobody yet.
    pub fn new(client: kube::Client, images: ImageSource) -> Self {
        Self { client, images }
    }
}

/// Where the nodes pull images from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSource {
    registry: RegistryAddress,
}

impl ImageSource {
    pub fn new(registry: RegistryAddress) -> Self {
        Self { registry }
    }

    /// An image of an app, as a pod names it: `10.0.0.1:5000/tbcdefghijk/shop@sha256:…`.
    pub fn reference(&self, namespace: &Namespace, image: &ImageDigest) -> String {
        self.registry.repository(&namespace.tenant, &namespace.app).image(image.clone()).to_string()
    }
}
