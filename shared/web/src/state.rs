//! What all handlers share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use slipway_domain::id::TenantId;
use slipway_service::caller::Caller;
use slipway_service::slipway::Slipway;

use crate::cursor::CursorKey;
use crate::problem::Answer;

/// Of so many tenants the key of cursors is kept. It never changes.
const KEPT: usize = 1000;

/// The use cases, and the keys of the cursors. Cloning is cheap.
#[derive(Clone)]
pub struct State {
    pub slipway: Arc<Slipway>,
    cursors: Arc<Mutex<HashMap<TenantId, CursorKey>>>,
}

impl State {
    pub fn new(slipway: Arc<Slipway>) -> Self {
        Self { slipway, cursors: Arc::default() }
    }

    /// The key of the tenant's cursors: the same for every instance of the API, and asked for only once in each.
    pub async fn cursor_key(&self, caller: &Caller) -> Answer<CursorKey> {
        let cursors = || self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = cursors().get(caller.tenant()).cloned();
        if let Some(key) = kept {
            return Ok(key);
        }
        let key = CursorKey::new(&*self.slipway.cursor_key(caller).await?);
        let mut cursors = cursors();
        if cursors.len() >= KEPT {
            cursors.clear();
        }
        cursors.insert(caller.tenant().clone(), key.clone());
        Ok(key)
    }
}
