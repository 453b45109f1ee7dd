//! The client of the table. What an answer means and how often it is asked again is the store's to say.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Builder, IdentityCache, SharedCredentialsProvider};

use crate::limits::Limits;

/// The store asks again by itself: it knows which requests may be sent twice.
const LIMITS: Limits = Limits { attempt: Duration::from_millis(1500), whole: Duration::from_secs(2), attempts: 1 };

/// `config` says where and as whom; limits of time are those of this module.
pub fn client(config: Builder) -> Client {
    Client::from_conf(config.timeout_config(LIMITS.timeouts()).retry_config(LIMITS.retries()).build())
}

/// The same with other credentials, which their provider keeps for their life.
pub fn client_as(config: Builder, credentials: SharedCredentialsProvider) -> Client {
    client(config.credentials_provider(credentials).identity_cache(IdentityCache::no_cache()))
}
