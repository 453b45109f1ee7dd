//! Where the cluster is that the tests work on.

use std::path::PathBuf;

use serde::Deserialize;

/// What `make cluster` writes down of itself, as far as tests need it.
#[derive(Clone, Debug, Deserialize)]
pub struct Facts {
    pub kubeconfig: PathBuf,
    /// Host and port of the registry that the nodes pull from.
    pub registry: String,
    /// An address of this machine that the nodes reach.
    pub address: String,
    /// The folder of `kubectl` and its like.
    pub programs: PathBuf,
    /// The folder of the cluster itself.
    pub data: PathBuf,
    /// The folder in which the node looks up how to speak to a registry.
    pub hosts: PathBuf,
    /// What it has of a cluster of EKS, where it was started so.
    pub eks: Option<Eks>,
}

/// The API server as one of EKS.
#[derive(Clone, Debug, Deserialize)]
pub struct Eks {
    /// Host names that its certificate has.
    pub names: Vec<String>,
    /// Of the certificate authority, in PEM.
    pub authority: PathBuf,
    pub webhook: Webhook,
}

/// Whom the API server asks for the bearer of a token.
#[derive(Clone, Debug, Deserialize)]
pub struct Webhook {
    pub url: String,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Facts {
    /// Reads the file that `SLIPWAY_TEST_CLUSTER` names.
    pub fn read() -> Self {
        let path = std::env::var("SLIPWAY_TEST_CLUSTER")
            .expect("SLIPWAY_TEST_CLUSTER names the cluster's file: run this with `make test-kubernetes`");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path} is unreadable: {error}"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path} is no description of a cluster: {error}"))
    }
}
