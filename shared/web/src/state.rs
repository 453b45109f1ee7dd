//! What all handlers share.

use std::sync::Arc;

use slipway_service::slipway::Slipway;

use crate::cursor::CursorKey;

/// The use cases, and the key of the cursors. Cloning is cheap.
#[derive(Clone)]
pub struct State {
    pub slipway: Arc<Slipway>,
    pub cursors: CursorKey,
}
