//! Ports for processes, from a range below that of outgoing connections, so that none is taken by chance.

use std::net::TcpListener;
use std::ops::Range;

use super::state::State;

const RANGE: Range<u16> = 20_000..32_000;
/// Random draws before giving up: with half of the range taken, all fail once in 10^19.
const DRAWS: usize = 64;

/// So many ports that nobody has, or None.
pub fn free(count: usize, state: &State) -> Option<Vec<u16>> {
    let mut found = Vec::with_capacity(count);
    for _ in 0..DRAWS * count {
        if found.len() == count {
            break;
        }
        let port = rand::random_range(RANGE);
        let given = state.processes.iter().any(|process| process.ports.contains(&port)) || found.contains(&port);
        if !given && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            found.push(port);
        }
    }
    (found.len() == count).then_some(found)
}
