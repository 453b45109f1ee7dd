use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use async_trait::async_trait;
use slipway_domain::id::TenantId;
use tokio::sync::Semaphore;

use super::*;
use crate::moment::system_time;
use crate::scripted::{Answer, Aws, session, session_refused, sts};

const LIFE: Duration = Duration::from_mins(15);
const ROLE: &str = "arn:aws:iam::123456789012:role/slipway/table";
const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/table/slipway-TBCDEFGHIJK";
const TABLE: &str = "arn:aws:dynamodb:eu-central-1:123456789012:table/slipway";
const KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/0d1f2a3b-4c5d-6e7f-8091-a2b3c4d5e6f7";

/// A clock that the test sets.
#[derive(Default)]
struct Hands(AtomicI64);

#[async_trait]
impl Clock for Hands {
    fn now(&self) -> Time {
        Time::from_millis(self.0.load(Ordering::SeqCst))
    }

    async fn sleep(&self, _duration: Duration) {}
}

impl Hands {
    fn set(&self, time: Time) {
        self.0.store(time.as_millis(), Ordering::SeqCst);
    }

    fn go_on(&self, duration: Duration) {
        self.set(self.now().plus(duration));
    }
}

/// Makes one session per round, while the gate is open; in the rounds named, it fails.
struct Rounds {
    clock: Arc<Hands>,
    gate: Arc<Semaphore>,
    made: Arc<AtomicUsize>,
    fails: &'static [usize],
}

#[async_trait]
impl Source for Rounds {
    type Key = u32;

    async fn session(&self, key: &u32) -> Result<Credentials, AssumeError> {
        let round = self.made.fetch_add(1, Ordering::SeqCst) + 1;
        drop(self.gate.acquire().await);
        if self.fails.contains(&round) {
            return Err(AssumeError::Throttled { words: format!("round {round}") });
        }
        let end = system_time(self.clock.now().plus(LIFE));
        Ok(Credentials::new(format!("{key} in round {round}"), "secret", None, Some(end), "test"))
    }
}

struct World {
    clock: Arc<Hands>,
    gate: Arc<Semaphore>,
    made: Arc<AtomicUsize>,
    sessions: Sessions<Rounds>,
}

fn world(most: usize, fails: &'static [usize]) -> World {
    let (clock, gate, made) = (Arc::new(Hands::default()), Arc::new(Semaphore::new(1)), Arc::default());
    let source = Rounds { clock: clock.clone(), gate: gate.clone(), made: Arc::clone(&made), fails };
    World { sessions: Sessions::new(source, clock.clone(), most), clock, gate, made }
}

impl World {
    async fn ask(&self, key: u32) -> Result<String, AssumeError> {
        self.sessions.credentials(&key).await.map(|credentials| credentials.access_key_id().to_owned())
    }

    /// What all of these are answered with, who have asked before the first answer is there.
    async fn ask_at_once(&self, keys: impl Iterator<Item = u32>) -> Vec<Result<String, AssumeError>> {
        self.gate.forget_permits(1);
        let asking = futures::future::join_all(keys.map(|key| self.ask(key)));
        futures::future::join(asking, async { self.gate.add_permits(1) }).await.0
    }

    fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    fn kept(&self) -> usize {
        self.sessions.lock().len()
    }
}

#[tokio::test]
async fn a_session_is_used_for_its_life_but_for_the_last_minute() {
    let world = world(10, &[]);
    assert_eq!(world.ask(1).await.unwrap(), "1 in round 1");
    let end = world.clock.now().plus(LIFE);
    world.clock.set(Time::from_millis(end.as_millis() - 60_001));
    assert_eq!(world.ask(1).await.unwrap(), "1 in round 1");
    world.clock.go_on(Duration::from_millis(1));
    assert_eq!(world.ask(1).await.unwrap(), "1 in round 2");
    assert_eq!(world.ask(1).await.unwrap(), "1 in round 2");
}

#[tokio::test]
async fn everybody_has_a_session_of_their_own() {
    let world = world(10, &[]);
    assert_eq!(world.ask(1).await.unwrap(), "1 in round 1");
    assert_eq!(world.ask(2).await.unwrap(), "2 in round 2");
    assert_eq!(world.ask(1).await.unwrap(), "1 in round 1");
    assert_eq!(world.ask(2).await.unwrap(), "2 in round 2");
}

#[tokio::test]
async fn those_who_ask_at_once_are_answered_by_one_request() {
    let world = world(10, &[]);
    let answers = world.ask_at_once((0..100).map(|index| index % 2)).await;
    for (index, answer) in answers.into_iter().enumerate() {
        let expected = if index % 2 == 0 { "0 in round 1" } else { "1 in round 2" };
        assert_eq!(answer.unwrap(), expected);
    }
    assert_eq!((world.made(), world.kept()), (2, 2));
}

#[tokio::test]
async fn a_failure_is_for_those_who_waited_and_is_not_kept() {
    let world = world(10, &[1]);
    for answer in world.ask_at_once((0..100).map(|_| 1)).await {
        assert_eq!(answer, Err(AssumeError::Throttled { words: "round 1".to_owned() }));
    }
    assert_eq!((world.made(), world.kept()), (1, 0));
    assert_eq!(world.ask(1).await.unwrap(), "1 in round 2");
}

#[tokio::test]
async fn a_failure_does_not_take_a_session_that_is_kept() {
    let world = world(10, &[2]);
    assert!(world.ask(1).await.is_ok());
    assert!(world.ask(2).await.is_err());
    assert_eq!(world.ask(1).await.unwrap(), "1 in round 1");
}

#[tokio::test]
async fn who_goes_away_does_not_keep_the_others_from_an_answer() {
    let world = world(10, &[]);
    world.gate.forget_permits(1);
    let mut first = Box::pin(world.ask(1));
    assert!(futures::poll!(&mut first).is_pending());
    let mut second = Box::pin(world.ask(1));
    assert!(futures::poll!(&mut second).is_pending());
    drop(first);
    world.gate.add_permits(1);
    assert_eq!(second.await.unwrap(), "1 in round 1");
    assert_eq!(world.made(), 1);
}

#[tokio::test]
async fn what_nobody_waits_for_is_made_anew() {
    let world = world(10, &[]);
    world.gate.forget_permits(1);
    let mut first = Box::pin(world.ask(1));
    assert!(futures::poll!(&mut first).is_pending());
    drop(first);
    world.gate.add_permits(1);
    assert_eq!(world.ask(1).await.unwrap(), "1 in round 2");
    assert_eq!(world.kept(), 1);
}

#[tokio::test]
async fn no_more_are_kept_than_is_said_and_the_oldest_go_first() {
    let world = world(3, &[]);
    for key in 1..=4 {
        assert!(world.ask(key).await.is_ok());
        world.clock.go_on(Duration::from_secs(1));
    }
    assert_eq!(world.kept(), 3);
    for (key, round) in [(4, 4), (3, 3), (2, 2), (1, 5), (3, 3), (2, 6)] {
        assert_eq!(world.ask(key).await.unwrap(), format!("{key} in round {round}"));
        world.clock.go_on(Duration::from_secs(1));
    }
    world.clock.go_on(LIFE);
    assert!(world.ask(9).await.is_ok());
    assert_eq!(world.kept(), 1, "what has ended is forgotten");
}

#[tokio::test]
async fn many_at_once_stay_within_the_bound() {
    let world = world(3, &[]);
    let answers = world.ask_at_once(0..100).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!((world.made(), world.kept()), (100, 3));
}

/// A session until a quarter to three, of a clock that shows half past two.
fn tables(aws: &Aws) -> Arc<Sessions<TenantTable>> {
    let clock = Arc::new(Hands::default());
    clock.set("2026-01-15T14:30:00Z".parse().unwrap());
    let source = TenantTable {
        sts: Arc::new(sts(aws)),
        role: ROLE.parse().unwrap(),
        table: TABLE.parse().unwrap(),
        key: KEY.parse().unwrap(),
    };
    Arc::new(Sessions::new(source, clock, 10))
}

fn given(key_id: &str) -> Answer {
    session(SESSION, key_id, "2026-01-15T14:45:00Z")
}

#[tokio::test]
async fn a_tenants_session_is_narrowed_to_its_part_of_the_table() {
    let aws = Aws::new([given("ASIAEXAMPLE")]);
    let tenant: TenantId = "TBCDEFGHIJK".parse().unwrap();
    let sessions = tables(&aws);
    for _ in 0..2 {
        let credentials = aws.clock.run(sessions.credentials(&tenant)).await.unwrap();
        assert_eq!(credentials.access_key_id(), "ASIAEXAMPLE");
    }
    let [asked] = aws.asked().try_into().unwrap();
    for part in ["RoleSessionName=slipway-TBCDEFGHIJK", "Policy=", "t%23TBCDEFGHIJK%23"] {
        assert!(asked.body.contains(part), "{part} in {}", asked.body);
    }
}

#[tokio::test]
async fn a_session_of_a_tenants_role_is_kept_per_role_and_external_id() {
    let theirs = "arn:aws:sts::210987654321:assumed-role/slipway/slipway-TBCDEFGHIJK";
    let answers = ["ASIAONE", "ASIATWO"].map(|key| session(theirs, key, "2026-01-15T14:45:00Z"));
    let aws = Aws::new(answers);
    let clock = Arc::new(Hands::default());
    clock.set("2026-01-15T14:30:00Z".parse().unwrap());
    let sessions = Sessions::new(TenantRoles { sts: Arc::new(sts(&aws)) }, clock, 10);
    let one = Connection {
        tenant: "TBCDEFGHIJK".parse().unwrap(),
        role: "arn:aws:iam::210987654321:role/slipway".parse().unwrap(),
        external_id: "shop-0123456789abcdef".parse().unwrap(),
    };
    let two = Connection { external_id: "else-0123456789abcdef".parse().unwrap(), ..one.clone() };
    for (connection, expected) in [(&one, "ASIAONE"), (&two, "ASIATWO"), (&one, "ASIAONE"), (&two, "ASIATWO")] {
        let credentials = aws.clock.run(sessions.credentials(connection)).await.unwrap();
        assert_eq!(credentials.access_key_id(), expected);
    }
    assert_eq!(aws.asked().len(), 2);
}

/// KMS stands for any client of the SDK.
#[tokio::test]
async fn a_client_signs_with_the_tenants_session() {
    let aliases = Answer::Says(200, r#"{"Aliases":[]}"#.to_owned());
    let aws = Aws::new([given("ASIAEXAMPLE"), aliases]);
    let provider = tables(&aws).provider("TBCDEFGHIJK".parse().unwrap());
    assert_eq!(format!("{provider:?}"), "sessions of TBCDEFGHIJK");
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(aws_sdk_kms::config::BehaviorVersion::latest())
        .region(aws_sdk_kms::config::Region::new("eu-central-1"))
        .credentials_provider(provider)
        .identity_cache(aws_sdk_kms::config::IdentityCache::no_cache())
        .sleep_impl(aws.clock.clone())
        .http_client(aws.http());
    let client = aws_sdk_kms::Client::from_conf(config.build());
    for _ in 0..2 {
        assert!(aws.clock.run(client.list_aliases().send()).await.is_ok());
    }
    let [first, rest @ ..] = <[_; 3]>::try_from(aws.asked()).unwrap();
    assert!(first.url.starts_with("https://sts."), "{}", first.url);
    assert!(rest.iter().all(|asked| asked.authorization.contains("Credential=ASIAEXAMPLE/")), "{rest:?}");
}

#[tokio::test]
async fn a_client_is_told_why_there_is_no_session() {
    let tenant: TenantId = "TBCDEFGHIJK".parse().unwrap();
    let table = [(session_refused(403, "AccessDenied"), true), (Answer::Breaks, false)];
    for (answer, for_good) in table {
        let aws = Aws::new([answer]);
        let provider = tables(&aws).provider(tenant.clone());
        let error = aws.clock.run(provider.provide_credentials()).await.unwrap_err();
        assert_eq!(matches!(error, CredentialsError::InvalidConfiguration(_)), for_good, "{error:?}");
    }
}
