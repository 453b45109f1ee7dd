//! The product as one value: the store and the ports that all use cases share.

use std::sync::Arc;

use slipway_store::Store;

use crate::ports::{Builder, Clock, Cluster, Entropy, Objects, Processes, Registry, Workflows};

/// Everything a use case may touch. Cloning is cheap.
#[derive(Clone)]
pub struct Slipway {
    pub store: Store,
    pub cluster: Arc<dyn Cluster>,
    pub processes: Arc<dyn Processes>,
    pub workflows: Arc<dyn Workflows>,
    pub registry: Arc<dyn Registry>,
    pub objects: Arc<dyn Objects>,
    pub builder: Arc<dyn Builder>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}
