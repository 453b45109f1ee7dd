//! slipway-web
