//! What a failed process leaves behind, for the people who have to mend it.

use slipway_domain::promotion::{Failure, Promotion};

use super::records::Records;
use crate::mask;
use crate::ports::{Cluster, Namespace, RolloutInput};

/// The last lines that are kept.
const LINES: usize = 100;
/// All of them together, in bytes.
const BYTES: usize = 64 * 1024;

/// Adds the last log lines of the process that failed, with the release's values masked. Evidence is never worth a
/// failed step: what cannot be had is left out.
pub(super) async fn gather(
    records: &dyn Records,
    cluster: &dyn Cluster,
    input: &RolloutInput,
    namespace: &Namespace,
    promotion: &Promotion,
    failure: &mut Failure,
) {
    let (Some(process), Some(service)) = (&failure.process, &failure.service) else { return };
    let Ok(template) = records.template(input, &promotion.to, service).await else {
        // What a process said last cannot be masked without the values.
        if let Some(exit) = &mut failure.exit {
            exit.message.clear();
        }
        return;
    };
    let values = mask::secrets(&template);
    failure.message = mask::mask(&failure.message, values.iter().copied());
    if let Some(exit) = &mut failure.exit {
        exit.message = mask::mask(&exit.message, values.iter().copied());
    }
    let Ok(lines) = cluster.tail(namespace, process, LINES).await else { return };
    let lines = lines.into_iter().map(|line| mask::mask(&line, values.iter().copied())).collect();
    failure.log = mask::newest(lines, LINES, BYTES);
}
