//! Promotions: started, moved on turn by turn and ended, each in one transaction with their environment.

use slipway_domain::id::PromotionId;
use slipway_domain::name::{AppName, EnvironmentName};
use slipway_domain::promotion::{Environment, Event, Outcome, Promotion};
use slipway_domain::time::Time;

use crate::audit::Telling;
use crate::due;
use crate::environments::{self, SaveEnvironment};
use crate::error::{Result, StoreError, Subject};
use crate::events;
use crate::item::{self, BODY, Item, VERSION};
use crate::layout::{Key, SORT};
use crate::reasons::Meaning;
use crate::records::{Change, Due, DueKind, Listed, NoticeKind, Page};
use crate::releases::NewRelease;
use crate::store::Scoped;
use crate::transaction::{Transaction, When};

/// The start of a promotion.
#[derive(Clone, Debug)]
pub struct StartPromotion {
    /// With version 1 and event 1.
    pub promotion: Promotion,
    /// The first event, number 1.
    pub event: Event,
    /// As it is afterwards; its version is one more than expected.
    pub environment: Environment,
    pub expected_environment_version: u64,
    /// The promotion that this one takes over from.
    pub superseded: Option<Superseded>,
    /// The fresh copy that a roll-back or a restart promotes; then `environment.newest` is that copy.
    pub release: Option<NewRelease>,
}

/// A promotion as it ends because another one takes over.
#[derive(Clone, Debug)]
pub struct Superseded {
    /// Ended; its version is one more than expected.
    pub promotion: Promotion,
    pub expected_version: u64,
    /// Its last event, with the outcome.
    pub event: Event,
}

/// A promotion that moved nothing because there was nothing to move: written ended, for the history.
#[derive(Clone, Debug)]
pub struct NoopPromotion {
    /// Ended with outcome `noop`, version 1.
    pub promotion: Promotion,
    /// Its only event, number 1, with the outcome.
    pub event: Event,
    /// The environment must still be as it was read.
    pub expected_environment_version: u64,
}

/// One decision on a promotion. When it ends the promotion, its line in the history, the notice of its end and an audit
/// row are written with it.
#[derive(Clone, Debug)]
pub struct SaveTurn {
    /// Its version is one more than expected, its `events` the number of the last event.
    pub promotion: Promotion,
    pub expected_version: u64,
    /// The environment afterwards and the version it was read with, if the decision changes it.
    pub environment: Option<(Environment, u64)>,
    /// Numbered on from those stored.
    pub events: Vec<Event>,
    /// Notices besides the one of the end, such as `PromotionRollingBack`.
    pub notices: Vec<NoticeKind>,
    /// Who asked for it, when it was a person's request such as a cancel: gets an audit row and the idempotency record.
    pub change: Option<Change>,
}

impl Scoped {
    /// `Stale(Environment)` when the environment is not at the expected version (somebody was first), `Stale(Promotion)`
    /// when the superseded one moved on, `Exists(Promotion)` (draw another id), and what `create_release` refuses with.
    pub async fn start_promotion(&self, change: &Change, start: &StartPromotion) -> Result<()> {
        let promotion = &start.promotion;
        check(promotion, 0, std::slice::from_ref(&start.event))?;
        check_place(promotion, Some(&start.environment), start.release.as_ref())?;
        let release = match &start.release {
            Some(new) => Some((self.prepare(new).await?, new)),
            None => None,
        };
        let mut transaction = self.begin();
        let save = SaveEnvironment {
            environment: &start.environment,
            expected_version: start.expected_environment_version,
            now: change.now,
            newest: start.release.as_ref().map(|new| (new.expected_newest.as_ref(), &new.release.id)),
        };
        self.put_environment(&mut transaction, &save)?;
        self.add_promotion(&mut transaction, promotion, &start.event)?;
        if let Some(superseded) = &start.superseded {
            self.supersede(&mut transaction, superseded)?;
        }
        if let Some((prepared, new)) = &release {
            self.add_release(&mut transaction, prepared)?;
            self.tell_release(&mut transaction, change.now, &new.release)?;
        }
        self.tell_promotion(&mut transaction, NoticeKind::PromotionStarted, change.now, promotion)?;
        self.sign(&mut transaction, change, &target(promotion))?;
        self.commit(transaction).await
    }

    /// `Stale(Environment)`, `Exists(Promotion)`.
    pub async fn record_noop(&self, change: &Change, noop: &NoopPromotion) -> Result<()> {
        let promotion = &noop.promotion;
        check(promotion, 0, std::slice::from_ref(&noop.event))?;
        if promotion.outcome != Some(Outcome::Noop) {
            return Err(StoreError::Misuse("a noop ends as one".to_owned()));
        }
        let mut transaction = self.begin();
        let version = noop.expected_environment_version;
        self.require_environment(&mut transaction, &promotion.app, &promotion.environment, version)?;
        self.add_promotion(&mut transaction, promotion, &noop.event)?;
        self.add_activation(&mut transaction, promotion)?;
        self.sign(&mut transaction, change, &target(promotion))?;
        self.commit(transaction).await
    }

    /// Environment and promotion as of one moment.
    pub async fn load(
        &self,
        app: &AppName,
        environment: &EnvironmentName,
        promotion: &PromotionId,
    ) -> Result<Option<(Environment, Promotion)>> {
        let keys = [self.layout().environment(app, environment), self.layout().promotion(app, promotion)];
        let items = self.database().get_together(&keys).await?;
        let [Some(environment), Some(promotion)] = items.as_slice() else { return Ok(None) };
        Ok(Some((environments::read(environment)?, read(promotion)?)))
    }

    /// `Stale(Promotion)` or `Stale(Environment)`: load again and decide again.
    pub async fn save_turn(&self, turn: &SaveTurn) -> Result<()> {
        let promotion = &turn.promotion;
        check(promotion, turn.expected_version, &turn.events)?;
        check_place(promotion, turn.environment.as_ref().map(|(environment, _)| environment), None)?;
        let mut transaction = self.begin();
        self.put_promotion(&mut transaction, promotion, turn.expected_version)?;
        if let Some((environment, expected_version)) = &turn.environment {
            let expected_version = *expected_version;
            let save = SaveEnvironment { environment, expected_version, now: promotion.clock, newest: None };
            self.put_environment(&mut transaction, &save)?;
        }
        self.add_events(&mut transaction, promotion, &turn.events)?;
        let now = turn.change.as_ref().map_or(promotion.clock, |change| change.now);
        for kind in &turn.notices {
            self.tell_promotion(&mut transaction, *kind, now, promotion)?;
        }
        if promotion.outcome.is_some() {
            self.finish(&mut transaction, promotion)?;
        }
        match &turn.change {
            Some(change) => self.sign(&mut transaction, change, &target(promotion))?,
            None if promotion.outcome.is_some() => {
                let change = Change::system(now, "promotion.end", promotion.execution_name());
                self.sign(&mut transaction, &change, &target(promotion))?;
            }
            None => {}
        }
        self.commit(transaction).await
    }

    /// A consistent read.
    pub async fn promotion(&self, app: &AppName, id: &PromotionId) -> Result<Option<Promotion>> {
        self.database().get(&self.layout().promotion(app, id)).await?.as_ref().map(read).transpose()
    }

    /// Newest first.
    pub async fn promotions(
        &self,
        app: &AppName,
        environment: &EnvironmentName,
        page: &Page,
    ) -> Result<Listed<Promotion>> {
        let listed = self.list(self.layout().promotions(app, environment), true, page).await?;
        let ids = listed.items.iter().map(id).collect::<Result<Vec<_>>>()?;
        let keys: Vec<Key> = ids.iter().map(|id| self.layout().promotion(app, id)).collect();
        self.follow(&listed, &keys).await?.read(read)
    }

    fn add_promotion(&self, transaction: &mut Transaction, promotion: &Promotion, event: &Event) -> Result<()> {
        let (app, subject) = (&promotion.app, Subject::Promotion);
        let key = self.layout().promotion(app, &promotion.id);
        transaction.create(subject, &key, self.row(&key, promotion)?)?;
        let entry = self.layout().promotion_entry(app, &promotion.environment, promotion.started_at, &promotion.id);
        transaction.seal(subject, &entry, Item::new(), Meaning::Exists(subject))?;
        self.add_events(transaction, promotion, std::slice::from_ref(event))
    }

    fn supersede(&self, transaction: &mut Transaction, superseded: &Superseded) -> Result<()> {
        let promotion = &superseded.promotion;
        check(promotion, superseded.expected_version, std::slice::from_ref(&superseded.event))?;
        self.put_promotion(transaction, promotion, superseded.expected_version)?;
        self.add_events(transaction, promotion, std::slice::from_ref(&superseded.event))?;
        self.finish(transaction, promotion)
    }

    fn put_promotion(&self, transaction: &mut Transaction, promotion: &Promotion, expected: u64) -> Result<()> {
        let key = self.layout().promotion(&promotion.app, &promotion.id);
        let row = self.row(&key, promotion)?;
        transaction.replace(Subject::Promotion, &key, row, vec![When::Is(VERSION, item::count(expected))])
    }

    /// What the end of a promotion leaves: its line in the history, its notice, and objects in the cluster.
    fn finish(&self, transaction: &mut Transaction, promotion: &Promotion) -> Result<()> {
        self.add_activation(transaction, promotion)?;
        if let Some(ended) = promotion.ended_at {
            self.leave(transaction, &promotion.app, &promotion.environment, ended)?;
        }
        let notice = promotion.outcome.and_then(NoticeKind::of).zip(promotion.ended_at);
        notice.map_or(Ok(()), |(kind, at)| self.tell_promotion(transaction, kind, at, promotion))
    }

    /// Listed as due while it is open.
    fn row(&self, key: &Key, promotion: &Promotion) -> Result<Item> {
        let body = item::json(Subject::Promotion, &events::bounded(promotion))?;
        let mut row = item::row([(BODY, body), (VERSION, item::count(promotion.version))]);
        if promotion.is_open() {
            let due = due::entry(promotion.turn_due, self.tenant_id(), &promotion.app, &promotion.environment);
            let due = Due { promotion: Some(promotion.id.clone()), ..due };
            due::list(&mut row, DueKind::Promotion, key, &due)?;
        }
        Ok(row)
    }

    fn tell_promotion(
        &self,
        transaction: &mut Transaction,
        kind: NoticeKind,
        at: Time,
        promotion: &Promotion,
    ) -> Result<()> {
        let telling = Telling {
            kind,
            at,
            app: &promotion.app,
            environment: &promotion.environment,
            build: None,
            release: Some(&promotion.to),
            promotion: Some(&promotion.id),
        };
        self.tell(transaction, telling)
    }
}

/// What holds of every write: the version grows by one, the events are numbered on to the record's last, an outcome is
/// there exactly when it ended, and then the last event bears it.
fn check(promotion: &Promotion, expected_version: u64, events: &[Event]) -> Result<()> {
    let first = (promotion.events + 1).saturating_sub(u64::try_from(events.len()).unwrap_or(u64::MAX));
    let numbered = (first.max(1)..).zip(events).all(|(number, event)| event.number == number);
    let outcomes = events.iter().filter_map(|event| event.outcome).collect::<Vec<_>>();
    let last = events.last().and_then(|event| event.outcome);
    let wrong = if promotion.version != expected_version + 1 {
        "a promotion's version grows by one with every write"
    } else if !numbered || events.last().is_some_and(|last| last.number != promotion.events) {
        "events are numbered from those stored to the promotion's last"
    } else if promotion.is_open() != promotion.outcome.is_none() || promotion.is_open() != promotion.ended_at.is_none()
    {
        "a promotion has an outcome and a time of its end exactly when it ended"
    } else if last != promotion.outcome || outcomes.len() > 1 {
        "the last event of a promotion bears its outcome, and no other does"
    } else {
        return Ok(());
    };
    Err(StoreError::Misuse(wrong.to_owned()))
}

/// What is written together belongs together.
fn check_place(promotion: &Promotion, environment: Option<&Environment>, release: Option<&NewRelease>) -> Result<()> {
    let here = (&promotion.app, &promotion.environment);
    let environment = environment.is_none_or(|environment| (&environment.app, &environment.name) == here);
    let release = release.is_none_or(|new| (&new.release.app, &new.release.environment) == here);
    if environment && release {
        return Ok(());
    }
    Err(StoreError::Misuse("a promotion is written with its own environment and a release of that".to_owned()))
}

fn read(item: &Item) -> Result<Promotion> {
    let mut promotion: Promotion = item::record(Subject::Promotion, item, BODY)?;
    promotion.version = item::get_count(Subject::Promotion, item, VERSION)?;
    Ok(promotion)
}

/// The id at the end of a list's sort key.
fn id(item: &Item) -> Result<PromotionId> {
    let sort = item::get_text(Subject::Promotion, item, SORT)?;
    let id = sort.rsplit('#').next().unwrap_or_default();
    id.parse().map_err(|error| StoreError::Corrupt(Subject::Promotion, format!("its id {error}")))
}

fn target(promotion: &Promotion) -> String {
    format!("{}/promotions/{}", environments::target(&promotion.app, &promotion.environment), promotion.id)
}
