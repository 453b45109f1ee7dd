//! The payload of a step, as the state machine sends it.

use serde::Deserialize;
use slipway_domain::time::Time;
use slipway_rollout::decide::Mode;

use super::{Step, TurnError};
use crate::ports::RolloutInput;

#[derive(Deserialize)]
struct Payload {
    #[serde(flatten)]
    input: RolloutInput,
    /// RFC 3339.
    entered_at: String,
    mode: ModeName,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ModeName {
    Advance,
    Restore,
}

impl TryFrom<serde_json::Value> for Step {
    type Error = TurnError;

    fn try_from(payload: serde_json::Value) -> Result<Self, TurnError> {
        let payload: Payload = serde_json::from_value(payload).map_err(|error| unreadable(&error))?;
        let entered_at: Time = payload.entered_at.parse().map_err(|error| unreadable(&error))?;
        let mode = match payload.mode {
            ModeName::Advance => Mode::Advance,
            ModeName::Restore => Mode::Restore,
        };
        Ok(Self { input: payload.input, entered_at, mode })
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> TurnError {
    TurnError::Internal(format!("the payload of the step is unreadable: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_of_the_definition_is_read() {
        let payload = serde_json::json!({
            "tenant": "TAAAAAAAAAA", "app": "shop", "environment": "production", "promotion": "PAAAAAAAAAA",
            "execution": 2, "entered_at": "2026-01-15T14:30:49.250Z", "mode": "restore",
        });
        let step = Step::try_from(payload).unwrap();
        assert_eq!(step.mode, Mode::Restore);
        assert_eq!(step.entered_at, Time::from_millis(1_768_487_449_250));
        assert_eq!(step.input.execution, 2);
    }

    #[test]
    fn a_payload_without_a_time_is_our_mistake() {
        let payload = serde_json::json!({ "mode": "advance" });
        assert!(matches!(Step::try_from(payload), Err(TurnError::Internal(_))));
    }
}
