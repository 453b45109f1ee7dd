//! Apps.

use slipway_domain::app::App;
use slipway_domain::name::AppName;
use slipway_domain::promotion::Environment;

use crate::error::{Result, Subject};
use crate::item::{self, BODY, Item};
use crate::reasons::Meaning;
use crate::records::{Change, Listed, Page};
use crate::store::Scoped;
use crate::transaction::{Edit, Transaction, When};

/// The number of the app's newest release. Beside the record, since every release raises it.
const RELEASE_COUNT: &str = "release_count";

impl Scoped {
    /// Creates an app with its first environment. `Exists(App)` when the name is taken.
    pub async fn create_app(&self, change: &Change, app: &App, environment: &Environment) -> Result<()> {
        let mut transaction = self.begin();
        let row = item::row([(BODY, item::json(Subject::App, app)?), (RELEASE_COUNT, item::count(app.release_count))]);
        transaction.create(Subject::App, &self.layout().app(&app.name), row)?;
        self.add_environment(&mut transaction, environment)?;
        self.sign(&mut transaction, change, &format!("apps/{}", app.name))?;
        self.commit(transaction).await
    }

    /// None: there is no such app. `release_count` is the present one.
    pub async fn app(&self, name: &AppName) -> Result<Option<App>> {
        self.database().get(&self.layout().app(name)).await?.as_ref().map(read).transpose()
    }

    /// By name.
    pub async fn apps(&self, page: &Page) -> Result<Listed<App>> {
        self.list(self.layout().apps(), false, page).await?.read(read)
    }

    /// Requires that the app is there.
    pub(crate) fn require_app(&self, transaction: &mut Transaction, app: &AppName) -> Result<()> {
        let key = self.layout().app(app);
        transaction.check(&key, vec![When::Has(RELEASE_COUNT)], Meaning::Missing(Subject::App))
    }

    /// Takes the release number after `number - 1`, which must be the app's newest.
    pub(crate) fn count_release(&self, transaction: &mut Transaction, app: &AppName, number: u64) -> Result<()> {
        let edit = Edit {
            set: vec![(RELEASE_COUNT, item::count(number))],
            when: vec![When::Is(RELEASE_COUNT, item::count(number.saturating_sub(1)))],
            ..Edit::default()
        };
        let key = self.layout().app(app);
        transaction.update(Subject::App, &key, &edit, Meaning::Stale(Subject::App))
    }
}

fn read(item: &Item) -> Result<App> {
    let mut app: App = item::record(Subject::App, item, BODY)?;
    app.release_count = item::get_count(Subject::App, item, RELEASE_COUNT)?;
    Ok(app)
}
