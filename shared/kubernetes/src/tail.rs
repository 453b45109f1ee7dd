//! The last words of a process.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use slipway_service::ports::{ClusterError, Namespace};

use crate::client::{KubernetesCluster, REQUEST_LIMIT, within};
use crate::failure::failure;
use crate::names::{INIT_CONTAINER, MAIN_CONTAINER};

/// More than evidence keeps of 100 lines.
const MAX_BYTES: i64 = 256 * 1024;

/// Where the last words may be, the likeliest place first. The init container speaks only where the service has not.
const PLACES: [(&str, bool); 4] =
    [(MAIN_CONTAINER, false), (MAIN_CONTAINER, true), (INIT_CONTAINER, false), (INIT_CONTAINER, true)];

impl KubernetesCluster {
    /// Nothing when the process is gone, or has said nothing.
    pub(crate) async fn last_lines(
        &self,
        namespace: &Namespace,
        process: &str,
        lines: usize,
    ) -> Result<Vec<String>, ClusterError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &namespace.to_string());
        for (container, previous) in PLACES {
            let params = LogParams {
                container: Some(container.to_owned()),
                previous,
                tail_lines: Some(i64::try_from(lines).unwrap_or(i64::MAX)),
                limit_bytes: Some(MAX_BYTES),
                ..LogParams::default()
            };
            match within(REQUEST_LIMIT, pods.logs(process, &params)).await {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => return Ok(text.lines().map(str::to_owned).collect()),
                // Not started yet, never ended before, or there is no such container: what says so is no log.
                Err(kube::Error::Api(status)) if status.code == 400 => {}
                Err(kube::Error::Api(status)) if status.is_not_found() => return Ok(Vec::new()),
                Err(error) => return Err(failure(&error)),
            }
        }
        Ok(Vec::new())
    }
}
