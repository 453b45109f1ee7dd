//! Messages for the queue of notifications, over SQS.
//!
//! A message may arrive twice: an answer that is lost is asked for again, and what was not answered is sent again by
//! whoever is told so. Order is not promised.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use slipway_domain::error::Error;
use slipway_service::relay::{Message, Queue, Unsent};

use crate::fault::{Failure, Fault};
use crate::limits::Limits;

/// Nobody waits, but a function that does costs.
const LIMITS: Limits = Limits { attempt: Duration::from_secs(2), whole: Duration::from_secs(5), attempts: 3 };

/// How many messages SQS takes at once.
const BATCH: usize = 10;

/// Between two tries when too much was asked for, in seconds.
const RETRY_AFTER_THROTTLE: u32 = 5;

/// The queue that notifications wait in.
pub struct Notifications {
    client: Client,
    queue_url: String,
}

impl Notifications {
    /// `config` says where and as whom; limits of time and attempts are those of this module.
    pub fn new(config: Builder, queue_url: impl Into<String>) -> Self {
        let config = config.timeout_config(LIMITS.timeouts()).retry_config(LIMITS.retries()).build();
        Self { client: Client::from_conf(config), queue_url: queue_url.into() }
    }

    /// Those of one batch that were refused, or an error that is about all of them.
    async fn send_batch(&self, batch: &[Message]) -> Result<Vec<Unsent>, Error> {
        let entries: Result<Vec<_>, _> =
            batch.iter().enumerate().map(|(place, message)| entry(place, message)).collect();
        let entries = entries.map_err(|error| self.invalid(&error.to_string()))?;
        let request = self.client.send_message_batch().queue_url(&self.queue_url).set_entries(Some(entries));
        let answer = Box::pin(request.send()).await.map_err(|error| self.error(&Failure::of(&error)))?;
        let outcomes = batch.iter().enumerate().map(|(place, message)| (message, self.outcome(place, &answer)));
        let unsent = |(message, outcome): (&Message, Result<(), Error>)| {
            Some(Unsent { id: message.id.clone(), error: outcome.err()? })
        };
        Ok(outcomes.filter_map(unsent).collect())
    }

    fn outcome(&self, place: usize, answer: &SendMessageBatchOutput) -> Result<(), Error> {
        let place = place.to_string();
        if answer.successful.iter().any(|sent| sent.id == place) {
            return Ok(());
        }
        match answer.failed.iter().find(|failed| failed.id == place) {
            Some(failed) => Err(self.error(&failure(failed))),
            None => Err(Error::unavailable(format!("{}: the answer does not mention it", self.context()))),
        }
    }

    fn context(&self) -> String {
        format!("sending a message to {}", self.queue_url)
    }

    fn invalid(&self, words: &str) -> Error {
        Error::internal(format!("{}: not a request that can succeed: {words}", self.context()))
    }

    /// What is behind a failure is for the log alone: it is met by no caller of the API.
    fn error(&self, failure: &Failure) -> Error {
        let (context, words) = (self.context(), &failure.words);
        match failure.fault {
            Fault::Away => Error::unavailable(format!("{context}: no answer that counts: {words}")),
            Fault::Throttled => {
                let error =
                    Error::unavailable(format!("{context}: over a quota, which AWS raises on request: {words}"));
                Error { retry_after_seconds: Some(RETRY_AFTER_THROTTLE), ..error }
            }
            Fault::Denied => Error::internal(format!(
                "{context}: refused: give the function's role sqs:SendMessage on it, and kms:GenerateDataKey and \
                 kms:Decrypt on its key: {words}"
            )),
            Fault::Missing => Error::internal(format!(
                "{context}: it is not there: deploy the stack again, or correct the address that the function is \
                 given: {words}"
            )),
            Fault::Invalid => self.invalid(words),
        }
    }
}

#[async_trait]
impl Queue for Notifications {
    /// Ten at a time. Where SQS takes none of a batch, the ones after it are not tried: each would wait as long to learn the
    /// same.
    async fn send(&self, messages: &[Message]) -> Vec<Unsent> {
        let mut unsent = Vec::new();
        for (index, batch) in messages.chunks(BATCH).enumerate() {
            match self.send_batch(batch).await {
                Ok(refused) => unsent.extend(refused),
                Err(error) => {
                    let rest = messages.iter().skip(index * BATCH);
                    unsent.extend(rest.map(|message| Unsent { id: message.id.clone(), error: error.clone() }));
                    break;
                }
            }
        }
        unsent
    }
}

/// Entries are told apart by their place, which is a name that SQS takes whatever the sender's ids look like.
fn entry(place: usize, message: &Message) -> Result<SendMessageBatchRequestEntry, aws_sdk_sqs::error::BuildError> {
    SendMessageBatchRequestEntry::builder().id(place.to_string()).message_body(&message.body).build()
}

/// One message of a batch has a code as a whole request has, and no status but whose fault it is.
fn failure(entry: &BatchResultErrorEntry) -> Failure {
    let status = if entry.sender_fault { 400 } else { 500 };
    Failure::new(&entry.code, status, entry.message())
}

#[cfg(test)]
mod tests;
