//! Where something may be collected: noted with the end of whatever leaves objects behind, taken away by who collects.

use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::time::Time;

use crate::due;
use crate::error::{Result, StoreError, Subject};
use crate::item;
use crate::layout::INDEX_SORT;
use crate::reasons::Meaning;
use crate::records::{Due, DueKind};
use crate::store::Scoped;
use crate::transaction::{Edit, Transaction, When};

impl Scoped {
    /// Notes that something of the environment ended, in the transaction of that end.
    pub(crate) fn leave(
        &self,
        transaction: &mut Transaction,
        app: &AppName,
        environment: &EnvironmentName,
        ended: Time,
    ) -> Result<()> {
        let key = self.layout().collect(app, environment);
        let due = due::entry(ended, self.tenant_id(), app, environment);
        let edit = Edit { set: due::attributes(DueKind::Collect, &key, &due)?.into(), ..Edit::default() };
        transaction.update(Subject::Environment, &key, &edit, Meaning::Nothing)
    }

    /// Takes the note away, or puts it off until `again`, unless something ended since it was read: then it stays as it
    /// is.
    pub async fn collected(&self, due: &Due, again: Option<Time>) -> Result<()> {
        let key = self.layout().collect(&due.app, &due.environment);
        let when = vec![When::Is(INDEX_SORT, item::number(due.at.as_millis()))];
        let mut transaction = self.begin();
        match again {
            None => transaction.delete(&key, when, Meaning::Stale(Subject::Environment))?,
            Some(at) => {
                let later = due::entry(at, self.tenant_id(), &due.app, &due.environment);
                let set = due::attributes(DueKind::Collect, &key, &later)?.into();
                let edit = Edit { set, when, ..Edit::default() };
                transaction.update(Subject::Environment, &key, &edit, Meaning::Stale(Subject::Environment))?;
            }
        }
        match self.commit(transaction).await {
            Err(StoreError::Stale(_) | StoreError::Missing(_)) => Ok(()),
            done => done,
        }
    }
}
