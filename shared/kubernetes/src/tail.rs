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

/// The init container speaks only where the service has not.
const CONTAINERS: [&str; 2] = [MAIN_CONTAINER, INIT_CONTAINER];

impl KubernetesCluster {
    /// Nothing when the process is gone, or has said nothing. A run that ended and was started again has its last words
    /// before the first ones of the present run: what ended it is said there.
    pub(crate) async fn last_lines(
        &self,
        namespace: &Namespace,
        process: &str,
        lines: usize,
    ) -> Result<Vec<String>, ClusterError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &namespace.to_string());
        for container in CONTAINERS {
            let mut words = said(&pods, process, container, true, lines).await?;
            words.extend(said(&pods, process, container, false, lines).await?);
            if words.iter().any(|line| !line.trim().is_empty()) {
                return Ok(words.split_off(words.len().saturating_sub(lines)));
            }
        }
        Ok(Vec::new())
    }
}

/// The last lines of a container's run, the present or the previous one.
async fn said(
    pods: &Api<Pod>,
    process: &str,
    container: &str,
    previous: bool,
    lines: usize,
) -> Result<Vec<String>, ClusterError> {
    let params = LogParams {
        container: Some(container.to_owned()),
        previous,
        tail_lines: Some(i64::try_from(lines).unwrap_or(i64::MAX)),
        limit_bytes: Some(MAX_BYTES),
        ..LogParams::default()
    };
    match within(REQUEST_LIMIT, pods.logs(process, &params)).await {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        // Not started yet, never ended before, or there is no such container or process: what says so is no log.
        Err(kube::Error::Api(status)) if status.code == 400 || status.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(failure(&error)),
    }
}
