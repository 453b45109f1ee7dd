//! What leaves the table: starts of rollouts, and messages for the queue of notifications.
//!
//! ```text
//! stream ──► row of the outbox ──► message, then the row goes
//!        └─► promotion ──► its execution starts; the same start twice is one
//! sweep  ──► rows of the outbox that stayed
//! ```
//!
//! A message may be sent twice, when its row could not be taken out: it bears the row's id, by which it is told.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use slipway_domain::error::{Error, Result};
use slipway_domain::id::TenantId;
use slipway_domain::promotion::Promotion;
use slipway_store::Store;
use slipway_store::records::{DueKind, Notice, Page};
use slipway_store::stream::Fresh;

use crate::ports::{Clock, RolloutInput, Workflows};

/// How long the stream has before the sweep takes a notice for missed. A message twice is worse than one that is late.
const STREAM: Duration = Duration::from_secs(30);
/// How many notices one sweep looks for; the rest is due in the next.
const AT_ONCE: usize = 500;

/// What is put into the queue: ids only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// By which its sender is told what became of it.
    pub id: String,
    pub body: String,
}

/// A message that is not known to be in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    pub id: String,
    pub error: Error,
}

/// The queue of notifications.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Sends all of them; answers with those that did not get there, in their order.
    async fn send(&self, messages: &[Message]) -> Vec<Unsent>;
}

/// What the relay and the sweep of notices work with.
#[derive(Clone)]
pub struct Relay {
    pub store: Store,
    pub workflows: Arc<dyn Workflows>,
    pub queue: Arc<dyn Queue>,
    pub clock: Arc<dyn Clock>,
}

#[derive(Serialize)]
struct Body<'a> {
    tenant: &'a TenantId,
    #[serde(flatten)]
    notice: &'a Notice,
}

/// A notice, and by what its record is known to whoever brought it.
struct Told<'a> {
    record: &'a str,
    tenant: &'a TenantId,
    notice: &'a Notice,
}

impl Relay {
    /// Carries on what is fresh. Each stands for itself: those that failed are answered by the ids that they came with.
    pub async fn carry(&self, fresh: &[(String, Fresh)]) -> Vec<Unsent> {
        let mut failed = Vec::new();
        let mut told = Vec::new();
        for (record, fresh) in fresh {
            match fresh {
                // A batch is brought again from its first record that failed: what was sent since is known by its row.
                Fresh::Notice(tenant, notice) => match self.store.scoped(tenant.clone()).waits(&notice.id).await {
                    Ok(true) => told.push(Told { record, tenant, notice }),
                    Ok(false) => {}
                    Err(error) => failed.push(Unsent { id: record.clone(), error: error.into() }),
                },
                Fresh::Promotion(tenant, promotion) => {
                    let failure = self.start(tenant, promotion).await.err();
                    failed.extend(failure.map(|error| Unsent { id: record.clone(), error }));
                }
            }
        }
        failed.extend(self.tell(&told).await);
        failed
    }

    /// Sends the notices that nobody took out of the outbox; returns how many.
    pub async fn sweep(&self) -> Result<usize> {
        let until = self.clock.now().minus(STREAM);
        let due = self.store.system().due(DueKind::Notice, until, AT_ONCE).await?;
        let tenants: BTreeSet<TenantId> = due.into_iter().map(|due| due.tenant).collect();
        let mut sent = 0;
        for tenant in tenants {
            // One tenant's trouble is not the others'.
            let listed = self.store.scoped(tenant.clone()).notices(&Page::first(Page::MAX_LIMIT)).await;
            let notices = match listed {
                Ok(listed) => listed.items,
                Err(error) => {
                    tracing::error!(tenant.id = %tenant, error = %error, "notices could not be read");
                    continue;
                }
            };
            let missed: Vec<_> = notices.iter().filter(|notice| notice.at <= until).collect();
            let told: Vec<_> =
                missed.iter().map(|notice| Told { record: &notice.id, tenant: &tenant, notice }).collect();
            let failed = self.tell(&told).await;
            sent += told.len() - failed.len();
            for Unsent { id, error } in failed {
                tracing::warn!(tenant.id = %tenant, notice.id = id, error = %error, "a notice could not be sent");
            }
        }
        Ok(sent)
    }

    async fn start(&self, tenant: &TenantId, promotion: &Promotion) -> Result<()> {
        if !promotion.is_open() {
            return Ok(());
        }
        let input = RolloutInput::of(tenant, promotion);
        self.workflows.start(&promotion.execution_name(), &input).await.map(drop)
    }

    async fn tell(&self, told: &[Told<'_>]) -> Vec<Unsent> {
        let messages = told.iter().map(Told::message).collect::<std::result::Result<Vec<_>, _>>();
        let messages = match messages {
            Ok(messages) => messages,
            Err(error) => {
                let error = Error::internal(error);
                let unsent = |told: &Told<'_>| Unsent { id: told.record.to_owned(), error: error.clone() };
                return told.iter().map(unsent).collect();
            }
        };
        let failed = if messages.is_empty() { Vec::new() } else { self.queue.send(&messages).await };
        for told in told.iter().filter(|told| failed.iter().all(|unsent| unsent.id != told.record)) {
            let Told { tenant, notice, .. } = told;
            // It was sent, and that counts: the sweep sends it once more, and takes it out then.
            if let Err(error) = self.store.scoped((*tenant).clone()).delivered(&notice.id).await {
                tracing::warn!(tenant.id = %tenant, notice.id, error = %error, "a notice that was sent stays");
            }
        }
        failed
    }
}

impl Told<'_> {
    fn message(&self) -> serde_json::Result<Message> {
        let body = serde_json::to_string(&Body { tenant: self.tenant, notice: self.notice })?;
        Ok(Message { id: self.record.to_owned(), body })
    }
}
