//! How a container ended.

use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus};
use slipway_domain::promotion::Exit;

/// Runtimes report a death by signal as this and the signal's number, and leave the field for signals empty.
const BY_SIGNAL: i32 = 128;
/// The greatest signal of Linux.
const LAST_SIGNAL: i32 = 64;

pub fn of(ended: &ContainerStateTerminated) -> Exit {
    let reason = ended.reason.clone().unwrap_or_default();
    let number = ended.exit_code.saturating_sub(BY_SIGNAL);
    let derived = (1..=LAST_SIGNAL).contains(&number).then_some(number);
    Exit {
        code: Some(ended.exit_code),
        signal: ended.signal.filter(|signal| *signal > 0).or(derived),
        reason,
        message: ended.message.clone().unwrap_or_default(),
    }
}

/// The newest end of a container that is known: its present one, else the one before it was started again.
pub fn last(container: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    terminated(container.state.as_ref()).or_else(|| terminated(container.last_state.as_ref()))
}

pub fn terminated(state: Option<&ContainerState>) -> Option<&ContainerStateTerminated> {
    state?.terminated.as_ref()
}
