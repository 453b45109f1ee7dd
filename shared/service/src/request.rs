//! What requests have in common: idempotency, pages, waiting.

use std::future::Future;
use std::time::Duration;

use futures::future::BoxFuture;
use slipway_domain::error::{Error, Kind, Result};
use slipway_domain::release::cursor_key;
use slipway_store::error::StoreError;
use slipway_store::records::{Change, IdempotencyKey, Listed};
use zeroize::Zeroizing;

use crate::caller::Caller;
use crate::slipway::Slipway;

/// The longest that an answer is held back for news.
pub const MAX_WAIT: Duration = Duration::from_secs(25);
/// Between two looks while an answer is held back.
const LOOK: Duration = Duration::from_millis(200);

impl Slipway {
    /// Under which cursors of the tenant's lists are made.
    pub async fn cursor_key(&self, caller: &Caller) -> Result<Zeroizing<[u8; 32]>> {
        Ok(cursor_key(&self.of(caller).tenant_key().await?))
    }
}

/// Makes a repeated request have one effect. Bound to the tenant and the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    key: String,
    route: String,
    fingerprint: String,
}

impl Idempotency {
    /// `key` is the caller's: 1 to 255 printable ASCII characters. `route` is the operation with its path, as in
    /// `POST /v1/apps/shop/builds`; `body` as it came. `invalid_idempotency_key` (400) for another key.
    pub fn new(key: &str, route: impl Into<String>, body: &[u8]) -> Result<Self> {
        let printable = key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
        if key.is_empty() || key.len() > 255 || !printable {
            let message = "send an idempotency key of 1 to 255 printable ASCII characters without spaces";
            return Err(
                Error::new(Kind::Malformed, "invalid_idempotency_key", message).field("Idempotency-Key", message)
            );
        }
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body);
        Ok(Self { key: key.to_owned(), route: route.into(), fingerprint: hex::encode(digest) })
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    fn scope(&self, caller: &Caller) -> String {
        format!("{} {}", caller.credential(), self.route)
    }
}

/// The answer to a change.
#[derive(Clone, Debug)]
pub struct Posted<T> {
    pub value: T,
    /// The idempotency key was used before with the same body: nothing was changed now.
    pub replayed: bool,
}

impl<T> Posted<T> {
    pub(crate) fn with<U>(&self, value: U) -> Posted<U> {
        Posted { value, replayed: self.replayed }
    }
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// 1 to 100; others are brought into this range.
    pub limit: u32,
    /// The opaque end of the page before, as [`Paged::next`] gave it.
    pub after: Option<String>,
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: 50, after: None }
    }
}

impl Page {
    pub(crate) fn stored(&self) -> slipway_store::records::Page {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        slipway_store::records::Page {
            after: self.after.clone(),
            limit: limit.clamp(1, slipway_store::records::Page::MAX_LIMIT),
        }
    }
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Paged<T> {
    pub items: Vec<T>,
    /// Where the next page begins. None: this is the last.
    pub next: Option<String>,
}

impl<T> Paged<T> {
    pub(crate) fn from_listed<U>(listed: Listed<U>, view: impl FnMut(U) -> T) -> Self {
        Self { items: listed.items.into_iter().map(view).collect(), next: listed.next }
    }
}

impl Slipway {
    /// Carries `attempt` out once per key. `replay` makes its result from the id that was stored the first time.
    ///
    /// The record is looked for again when the attempt is refused: a request that runs beside its twin is refused by what
    /// the twin did, and has to answer as the twin.
    pub(crate) async fn once<T>(
        &self,
        caller: &Caller,
        idempotency: Option<&Idempotency>,
        attempt: BoxFuture<'_, Result<T>>,
        replay: impl Fn(&str) -> Result<T> + Send + Sync,
    ) -> Result<Posted<T>> {
        let replayed = |resource: String| Ok(Posted { value: replay(&resource)?, replayed: true });
        if let Some(resource) = self.earlier(caller, idempotency).await? {
            return replayed(resource);
        }
        match attempt.await {
            Ok(value) => Ok(Posted { value, replayed: false }),
            Err(error) => match self.earlier(caller, idempotency).await? {
                Some(resource) => replayed(resource),
                None => Err(error),
            },
        }
    }

    /// What the same request made before. `idempotency_key_reused` (422) when it was another request.
    async fn earlier(&self, caller: &Caller, idempotency: Option<&Idempotency>) -> Result<Option<String>> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        let store = self.of(caller);
        let record = store.idempotency(&idempotency.scope(caller), &idempotency.key, self.clock.now()).await?;
        match record {
            Some(record) if record.fingerprint != idempotency.fingerprint => Err(StoreError::Mismatch(record).into()),
            record => Ok(record.map(|record| record.resource)),
        }
    }

    /// What every change carries.
    pub(crate) fn change(&self, caller: &Caller, action: &'static str) -> Change {
        Change {
            now: self.clock.now(),
            actor: caller.actor().to_owned(),
            credential: caller.credential().to_owned(),
            request_id: caller.request_id().to_owned(),
            action,
            idempotency: None,
        }
    }

    /// The same, with the answer to give when it is asked for again.
    pub(crate) fn change_once(
        &self,
        caller: &Caller,
        action: &'static str,
        idempotency: Option<&Idempotency>,
        status: u16,
        resource: &impl ToString,
    ) -> Change {
        let idempotency = idempotency.map(|idempotency| IdempotencyKey {
            scope: idempotency.scope(caller),
            key: idempotency.key.clone(),
            fingerprint: idempotency.fingerprint.clone(),
            status,
            resource: resource.to_string(),
        });
        Change { idempotency, ..self.change(caller, action) }
    }

    /// Looks again and again until `look` has something to say or `wait` (≤ 25 s) is over; None then.
    pub(crate) async fn wait_for<T, F>(&self, wait: Duration, look: impl Fn() -> F + Send + Sync) -> Result<Option<T>>
    where
        F: Future<Output = Result<Option<T>>> + Send,
    {
        let until = self.clock.now().plus(wait.min(MAX_WAIT));
        loop {
            if let Some(found) = look().await? {
                return Ok(Some(found));
            }
            let left = until.since(self.clock.now());
            if left.is_zero() {
                return Ok(None);
            }
            self.clock.sleep(left.min(LOOK)).await;
        }
    }
}

/// A parsed id of something that was stored.
pub(crate) fn stored_id<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::internal(format!("a stored id cannot be read: {text}")))
}

/// A free text of a request: at most `limit` characters, no control characters but line breaks and tabs.
pub(crate) fn check_text(code: &'static str, pointer: &str, text: Option<&str>, limit: usize) -> Result<()> {
    let Some(text) = text else { return Ok(()) };
    let length = text.chars().count();
    if length > limit {
        return Err(Error::invalid(
            code,
            pointer,
            format!("at most {limit} characters are kept, these are {length}: shorten it"),
        ));
    }
    if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
        return Err(Error::invalid(code, pointer, "must not contain control characters: remove them"));
    }
    Ok(())
}

/// The most that descriptions and reasons may have, in characters.
pub(crate) const MAX_TEXT: usize = 500;
