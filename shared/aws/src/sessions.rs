//! Sessions that are kept: credentials narrowed to a tenant, or of a tenant's own role, made once and used for their life.
//!
//! ```text
//! credentials(key) ──kept, and good for a while yet──► the same ones
//!                  ──being made for somebody else ───► wait with them: one request, one answer for all
//!                  ──neither ────────────────────────► AssumeRole; kept if it succeeded, forgotten if it failed
//! ```
//!
//! A session is asked for by its key alone, and made from it: there is no way to keep one tenant's under another's key.

mod source;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use slipway_domain::time::Time;
use slipway_service::ports::Clock;

pub use self::source::{Connection, Source, TenantRoles, TenantTable};
use crate::moment::time;
use crate::sts::AssumeError;

/// What is left of a session's life when it is no longer given out: half a minute, which a request of the API lasts at
/// most, and as much for clocks that disagree.
const MARGIN: Duration = Duration::from_mins(1);

type Answer = Result<Credentials, AssumeError>;
type Making = Shared<BoxFuture<'static, Answer>>;

/// Sessions by their keys.
pub struct Sessions<S: Source> {
    source: Arc<S>,
    clock: Arc<dyn Clock>,
    most: usize,
    kept: Mutex<HashMap<S::Key, Session>>,
}

enum Session {
    /// For as long as somebody waits: what nobody waits for is dropped, and made anew when it is wanted.
    Coming(WeakShared<BoxFuture<'static, Answer>>),
    Here {
        credentials: Credentials,
        end: Time,
    },
}

impl<S: Source> Sessions<S> {
    /// Keeps `most` sessions; of more, those that end first are forgotten.
    pub fn new(source: S, clock: Arc<dyn Clock>, most: usize) -> Self {
        Self { source: Arc::new(source), clock, most, kept: Mutex::default() }
    }

    /// Credentials that are good for a minute at least, as far as they were when they were made.
    pub async fn credentials(&self, key: &S::Key) -> Answer {
        let making = match self.kept_or_coming(key) {
            Ok(credentials) => return Ok(credentials),
            Err(making) => making,
        };
        let answer = making.clone().await;
        self.settle(key, &making, &answer);
        answer
    }

    /// What an SDK client asks for its credentials. It asks each time, so that its own cache is best switched off
    /// (`IdentityCache::no_cache()`): there would be one per client, without a bound.
    pub fn provider(self: &Arc<Self>, key: S::Key) -> SessionProvider<S> {
        SessionProvider { sessions: self.clone(), key }
    }

    fn kept_or_coming(&self, key: &S::Key) -> Result<Credentials, Making> {
        let now = self.clock.now();
        let mut kept = self.lock();
        kept.retain(|_, session| session.lives(now));
        match kept.get(key) {
            Some(Session::Here { credentials, .. }) => return Ok(credentials.clone()),
            Some(Session::Coming(coming)) => {
                if let Some(making) = coming.upgrade() {
                    return Err(making);
                }
            }
            None => {}
        }
        let making = self.make(key.clone());
        if let Some(coming) = making.downgrade() {
            kept.insert(key.clone(), Session::Coming(coming));
        }
        Err(making)
    }

    fn make(&self, key: S::Key) -> Making {
        let source = self.source.clone();
        async move { source.session(&key).await }.boxed().shared()
    }

    /// The first of those who waited keeps the answer; the others find it kept.
    fn settle(&self, key: &S::Key, making: &Making, answer: &Answer) {
        let mut kept = self.lock();
        if !kept.get(key).is_some_and(|session| session.is(making)) {
            return;
        }
        kept.remove(key);
        if let Ok(credentials) = answer {
            // Credentials that do not say when they end are used once.
            let end = credentials.expiry().map_or(Time::from_millis(0), time);
            kept.insert(key.clone(), Session::Here { credentials: credentials.clone(), end });
            bound(&mut kept, self.most);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<S::Key, Session>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn lives(&self, now: Time) -> bool {
        match self {
            Self::Coming(coming) => coming.upgrade().is_some(),
            Self::Here { end, .. } => now.plus(MARGIN) < *end,
        }
    }

    fn is(&self, making: &Making) -> bool {
        match self {
            Self::Coming(coming) => coming.upgrade().is_some_and(|coming| coming.ptr_eq(making)),
            Self::Here { .. } => false,
        }
    }

    fn end(&self) -> Option<Time> {
        match self {
            Self::Coming(_) => None,
            Self::Here { end, .. } => Some(*end),
        }
    }
}

fn bound<K: Clone + Eq + std::hash::Hash>(kept: &mut HashMap<K, Session>, most: usize) {
    let mut here: Vec<(Time, K)> =
        kept.iter().filter_map(|(key, session)| Some((session.end()?, key.clone()))).collect();
    here.sort_by_key(|(end, _)| *end);
    let surplus = here.len().saturating_sub(most);
    for (_, key) in here.into_iter().take(surplus) {
        kept.remove(&key);
    }
}

/// Credentials of one session, for an SDK client.
pub struct SessionProvider<S: Source> {
    sessions: Arc<Sessions<S>>,
    key: S::Key,
}

impl<S: Source> fmt::Debug for SessionProvider<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sessions of {:?}", self.key)
    }
}

impl<S: Source> ProvideCredentials for SessionProvider<S> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.sessions.credentials(&self.key).await.map_err(|error| match error {
                AssumeError::Away { .. } | AssumeError::Throttled { .. } => CredentialsError::provider_error(error),
                _ => CredentialsError::invalid_configuration(error),
            })
        })
    }
}

#[cfg(test)]
mod tests;
