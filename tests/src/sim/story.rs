//! What happened in a world, step by step, for the people who have to understand it.

use slipway_domain::promotion::Promotion;
use slipway_domain::time::Time;
use slipway_rollout::apply::Applied;
use slipway_service::turn::RecordsError;

/// Told only when asked for: the telling costs more than the world.
pub struct Story {
    lines: Option<Vec<String>>,
}

impl Story {
    pub fn silent() -> Self {
        Self { lines: None }
    }

    pub fn told() -> Self {
        Self { lines: Some(Vec::new()) }
    }

    pub fn is_told(&self) -> bool {
        self.lines.is_some()
    }

    pub fn tell(&mut self, now: Time, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            let ms = now.as_millis() - super::BEGINNING_MS;
            lines.push(format!("{:>6}.{:03} {}", ms / 1000, ms % 1000, line()));
        }
    }

    pub fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}

/// A line for records that were saved, or not.
pub fn saved(name: &str, before: &Promotion, applied: &Applied, error: Option<&RecordsError>) -> String {
    let after = &applied.promotion;
    let events: Vec<_> = applied.events.iter().map(|event| format!("{}: {}", event.source, event.message)).collect();
    let outcome = after.outcome.map(|outcome| format!(" {outcome}")).unwrap_or_default();
    let failed = error.map(|error| format!(" ({error})")).unwrap_or_default();
    format!(
        "{name}: saves {} {} => {}{outcome} epoch {} turn {}{failed}; {}",
        after.id,
        before.phase,
        after.phase,
        after.epoch,
        after.turn,
        events.join("; "),
    )
}
