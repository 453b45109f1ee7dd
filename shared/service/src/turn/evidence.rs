//! What a failed process leaves behind, for the people who have to mend it.

use slipway_domain::promotion::{Failure, Promotion};
use slipway_domain::variables::RESERVED;

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
    // What Slipway tells every process is no secret, and a log without the name of its release is hard to read.
    let own = template.variables.iter().filter(|(key, _)| !RESERVED.contains(&key.as_str()));
    let values: Vec<_> = own.map(|(_, value)| value).collect();
    failure.message = mask::mask(&failure.message, values.iter().copied());
    if let Some(exit) = &mut failure.exit {
        exit.message = mask::mask(&exit.message, values.iter().copied());
    }
    let Ok(lines) = cluster.tail(namespace, process, LINES).await else { return };
    failure.log = newest(lines.into_iter().map(|line| mask::mask(&line, values.iter().copied())).collect());
}

/// As many of the newest lines as fit.
fn newest(lines: Vec<String>) -> Vec<String> {
    let mut room = BYTES;
    let mut kept: Vec<String> = lines
        .into_iter()
        .rev()
        .take(LINES)
        .take_while(|line| {
            let fits = line.len() < room;
            room = room.saturating_sub(line.len() + 1);
            fits
        })
        .collect();
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_are_kept_within_the_limit() {
        let lines: Vec<String> = (0..200).map(|number| format!("{number} {}", "x".repeat(1000))).collect();
        let kept = newest(lines);
        assert!(kept.iter().map(String::len).sum::<usize>() <= BYTES);
        assert!(kept.last().unwrap().starts_with("199 "));
        assert_eq!(kept.len(), 65);
    }
}
