//! The ways in: by tenant, and by what is due.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use futures::future::try_join_all;
use slipway_domain::id::TenantId;
use slipway_domain::time::Time;

use crate::database::Database;
use crate::due;
use crate::error::Result;
use crate::keys::Keys;
use crate::layout::{Layout, SHARDS, due_partition};
use crate::narrow::{Narrow, Narrowed};
use crate::records::{Due, DueKind, Token};
use crate::retry::{Sleep, sleep};
use crate::table;
use crate::token_id::TokenId;
use crate::transaction::Transaction;

/// The table. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    narrow: Option<Arc<dyn Narrow>>,
}

struct Shared {
    database: Database,
    keys: Arc<dyn Keys>,
}

impl Store {
    pub fn new(client: Client, table: impl Into<String>, keys: Arc<dyn Keys>) -> Self {
        let database = Database { client, table: table.into(), sleep: sleep() };
        Self { shared: Arc::new(Shared { database, keys }), narrow: None }
    }

    /// The same table, of which each scope has no more than its tenant's part: a second wall behind the keys that the
    /// scope makes.
    #[must_use]
    pub fn narrowed(&self, narrow: Arc<dyn Narrow>) -> Self {
        Self { shared: self.shared.clone(), narrow: Some(narrow) }
    }

    /// The same table, with waits between attempts that are spent so. For simulations, whose time is their own.
    #[must_use]
    pub fn with_sleep(&self, sleep: Sleep) -> Self {
        let Database { client, table, .. } = &self.shared.database;
        let database = Database { client: client.clone(), table: table.clone(), sleep };
        let shared = Arc::new(Shared { database, keys: self.shared.keys.clone() });
        Self { shared, narrow: self.narrow.clone() }
    }

    /// Creates the table unless it is there, and returns once it can be used. For local use and tests: on AWS the
    /// template makes it.
    pub async fn ensure_table(&self) -> Result<()> {
        table::ensure(&self.shared.database).await
    }

    /// Everything of one tenant, and nothing of any other.
    pub fn scoped(&self, tenant: TenantId) -> Scoped {
        let shared = match &self.narrow {
            None => self.shared.clone(),
            Some(narrow) => {
                let Narrowed { client, keys } = narrow.narrow(&tenant);
                let Database { table, sleep, .. } = &self.shared.database;
                let database = Database { client, table: table.clone(), sleep: sleep.clone() };
                Arc::new(Shared { database, keys })
            }
        };
        Scoped { shared, layout: Layout::new(tenant) }
    }

    /// A token, before it is known whether who shows it is anybody's: read with the store's own rights, so that nobody
    /// gets a tenant's by making up a token. A consistent read: a revoked token is seen as revoked at once.
    pub async fn token(&self, id: &TokenId) -> Result<Option<Token>> {
        let own = Scoped { shared: self.shared.clone(), layout: Layout::new(id.tenant().clone()) };
        own.token(id).await
    }

    /// What is due, of all tenants. For the relay and the sweep.
    pub fn system(&self) -> System {
        System { shared: self.shared.clone() }
    }
}

/// The store of one tenant. Its functions are in the modules of what they are about.
#[derive(Clone)]
pub struct Scoped {
    shared: Arc<Shared>,
    layout: Layout,
}

impl Scoped {
    pub fn tenant_id(&self) -> &TenantId {
        self.layout.tenant_id()
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn database(&self) -> &Database {
        &self.shared.database
    }

    pub(crate) fn keys(&self) -> &dyn Keys {
        self.shared.keys.as_ref()
    }

    pub(crate) fn begin(&self) -> Transaction {
        Transaction::new(&self.shared.database.table)
    }

    pub(crate) async fn commit(&self, transaction: Transaction) -> Result<()> {
        transaction.commit(&self.shared.database).await
    }
}

/// Reads the index of what is due: ids only, eventually consistent.
#[derive(Clone)]
pub struct System {
    shared: Arc<Shared>,
}

impl System {
    /// What is due up to and including `until`, the longest due first, at most `limit` of it.
    pub async fn due(&self, kind: DueKind, until: Time, limit: usize) -> Result<Vec<Due>> {
        let shards = (0..SHARDS).map(|shard| due_partition(kind, shard));
        let queries = shards
            .map(|partition| async move { self.shared.database.query_due(&partition, until.as_millis(), limit).await });
        let items = try_join_all(queries).await?;
        let mut due = items.iter().flatten().map(due::read).collect::<Result<Vec<_>>>()?;
        due.sort();
        due.truncate(limit);
        Ok(due)
    }
}
