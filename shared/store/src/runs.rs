//! Runs: one-off processes.

use std::time::Duration;

use slipway_domain::id::RunId;
use slipway_domain::name::{AppName, EnvironmentName};

use crate::due;
use crate::environments;
use crate::error::{Result, StoreError, Subject};
use crate::item::{self, BODY, Item};
use crate::layout::{Key, SORT};
use crate::reasons::Meaning;
use crate::records::{Change, Due, DueKind, Listed, Page, Run, RunEnd};
use crate::store::Scoped;
use crate::transaction::{Edit, When};

/// `running` or `ended`: what the one write of its end is conditional on.
const STATUS: &str = "status";
const RUNNING: &str = "running";
const ENDED: &str = "ended";

impl Scoped {
    /// Listed as due when its time limit is over, until it ends. `Exists(Run)`: draw another id.
    pub async fn create_run(&self, change: &Change, run: &Run) -> Result<()> {
        if run.ended.is_some() {
            return Err(StoreError::Misuse("a run ends by `finish_run`".to_owned()));
        }
        let key = self.layout().run(&run.app, &run.id);
        let mut row = item::row([(BODY, item::json(Subject::Run, run)?), (STATUS, item::text(RUNNING))]);
        let over = run.started_at.plus(Duration::from_millis(run.time_limit_ms));
        let due = due::entry(over, self.tenant_id(), &run.app, &run.environment);
        due::list(&mut row, DueKind::Run, &key, &Due { run: Some(run.id.clone()), ..due })?;
        let mut transaction = self.begin();
        transaction.create(Subject::Run, &key, row)?;
        let entry = self.layout().run_entry(&run.app, &run.environment, run.started_at, &run.id);
        transaction.seal(Subject::Run, &entry, Item::new(), Meaning::Exists(Subject::Run))?;
        self.sign(&mut transaction, change, &target(run))?;
        self.commit(transaction).await
    }

    /// Records that the cluster took it: `Stale(Run)` when it has ended, `Missing(Run)`.
    pub async fn begin_run(&self, run: &Run) -> Result<()> {
        let begun = Run { begun: true, ..run.clone() };
        let edit = Edit {
            set: vec![(BODY, item::json(Subject::Run, &begun)?)],
            remove: Vec::new(),
            when: vec![When::Is(STATUS, item::text(RUNNING))],
        };
        let mut transaction = self.begin();
        let key = self.layout().run(&run.app, &run.id);
        transaction.update(Subject::Run, &key, &edit, Meaning::Stale(Subject::Run))?;
        self.commit(transaction).await
    }

    /// Records how it ended, once: `Stale(Run)` when that is known already, `Missing(Run)`.
    pub async fn finish_run(&self, run: &Run, end: &RunEnd) -> Result<()> {
        let ended = Run { ended: Some(end.clone()), ..run.clone() };
        let edit = Edit {
            set: vec![(BODY, item::json(Subject::Run, &ended)?), (STATUS, item::text(ENDED))],
            remove: due::ATTRIBUTES.to_vec(),
            when: vec![When::Is(STATUS, item::text(RUNNING))],
        };
        let mut transaction = self.begin();
        let key = self.layout().run(&run.app, &run.id);
        transaction.update(Subject::Run, &key, &edit, Meaning::Stale(Subject::Run))?;
        self.leave(&mut transaction, &run.app, &run.environment, end.at)?;
        let change = Change::system(end.at, "run.end", run.id.to_string());
        self.sign(&mut transaction, &change, &target(run))?;
        self.commit(transaction).await
    }

    /// A consistent read.
    pub async fn run(&self, app: &AppName, id: &RunId) -> Result<Option<Run>> {
        self.database().get(&self.layout().run(app, id)).await?.as_ref().map(read).transpose()
    }

    /// Newest first.
    pub async fn runs(&self, app: &AppName, environment: &EnvironmentName, page: &Page) -> Result<Listed<Run>> {
        let listed = self.list(self.layout().runs(app, environment), true, page).await?;
        let ids = listed.items.iter().map(id).collect::<Result<Vec<_>>>()?;
        let keys: Vec<Key> = ids.iter().map(|id| self.layout().run(app, id)).collect();
        self.follow(&listed, &keys).await?.read(read)
    }
}

fn read(item: &Item) -> Result<Run> {
    item::record(Subject::Run, item, BODY)
}

/// The id at the end of a list's sort key.
fn id(item: &Item) -> Result<RunId> {
    let sort = item::get_text(Subject::Run, item, SORT)?;
    let id = sort.rsplit('#').next().unwrap_or_default();
    id.parse().map_err(|error| StoreError::Corrupt(Subject::Run, format!("its id {error}")))
}

fn target(run: &Run) -> String {
    format!("{}/runs/{}", environments::target(&run.app, &run.environment), run.id)
}
