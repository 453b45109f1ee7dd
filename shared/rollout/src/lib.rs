//! slipway-rollout
