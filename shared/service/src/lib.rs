//! slipway-service
