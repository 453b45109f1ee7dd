//! slipway-embedded
