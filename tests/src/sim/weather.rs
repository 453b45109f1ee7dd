//! What goes wrong between a worker and what it calls.

use slipway_service::ports::ClusterError;

use super::rng::Rng;

/// Chances in a thousand, per call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// The worker sleeps for seconds to a minute before the call takes effect.
    pub naps: u32,
    /// The worker sleeps for up to twenty minutes before the call takes effect.
    pub sleeps: u32,
    /// The worker dies; half of the times before the call takes effect.
    pub deaths: u32,
    /// The call takes effect, and the answer is lost.
    pub lost_answers: u32,
    /// The call fails, and has no effect.
    pub failures: u32,
    /// A write is answered with an error, and takes effect seconds to minutes later.
    pub late_writes: u32,
    /// A look is older than it says, in whole or in what it says of processes.
    pub stale_looks: u32,
    /// A watch ends without a reason, or sleeps through a change.
    pub bad_watches: u32,
    /// A step of an execution is called twice.
    pub doubled_calls: u32,
    /// An execution is lost, per state.
    pub lost_executions: u32,
    /// From then on every execution is lost, in milliseconds since the beginning.
    pub lost_after_ms: Option<u64>,
    /// An execution is started twice at once.
    pub doubled_executions: u32,
    /// Workers' clocks are off by up to so much.
    pub skew_ms: u64,
    /// Periods in which the cluster does not answer, or refuses, or the store throttles.
    pub outages: Vec<Outage>,
    /// Exactly one death, at this call.
    pub strike: Option<Strike>,
}

/// Who does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    Cluster,
    /// The cluster refuses our credentials.
    Access,
    Store,
}

/// From and to, in milliseconds since the beginning of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    pub away: Away,
    pub from_ms: u64,
    pub to_ms: u64,
}

/// Where in a call a worker dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    BeforeEffect,
    AfterEffect,
}

/// The worker that makes the n-th call of the world, from 1, dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strike {
    pub call: u64,
    pub moment: Moment,
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Load,
    Save,
    Template,
    Observe,
    Create,
    Write,
    Remove,
    Tail,
    StartWorkflow,
}

impl Call {
    fn is_of_cluster(self) -> bool {
        matches!(self, Self::Observe | Self::Create | Self::Write | Self::Remove | Self::Tail)
    }
}

/// What becomes of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Before the effect, in milliseconds.
    pub delay_ms: u64,
    pub end: End,
    /// After the effect and before the answer.
    pub nap_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Answered,
    Dies(Moment),
    /// No effect.
    Fails(Reason),
    /// Took effect.
    AnswerLost,
    /// Takes effect later by itself.
    Late(u64),
}

/// Why a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    Unreachable,
    Unauthorized,
}

impl Reason {
    pub fn of_cluster(self) -> ClusterError {
        match self {
            Self::Unreachable => ClusterError::Unreachable("connection reset".to_owned()),
            Self::Unauthorized => ClusterError::Unauthorized("401: the role was removed".to_owned()),
        }
    }
}

impl Weather {
    /// Draws the fate of a call, the `number`-th of the world, `since_ms` after its beginning.
    pub fn fate(&self, rng: &mut Rng, call: Call, number: u64, since_ms: u64) -> Fate {
        let delay_ms = 2 + rng.below(18);
        let mut fate = Fate { delay_ms, end: End::Answered, nap_ms: 0 };
        if let Some(strike) = self.strike.filter(|strike| strike.call == number) {
            fate.end = End::Dies(strike.moment);
            return fate;
        }
        if let Some(reason) = self.outage(call, since_ms) {
            fate.end = End::Fails(reason);
            return fate;
        }
        if rng.chance(self.naps) {
            fate.delay_ms += rng.within(1_000..=60_000);
        }
        if rng.chance(self.sleeps) {
            fate.delay_ms += rng.within(30_000..=20 * 60_000);
        }
        if rng.chance(self.naps) {
            fate.nap_ms += rng.within(1_000..=60_000);
        }
        fate.end = self.end(rng, call);
        fate
    }

    fn end(&self, rng: &mut Rng, call: Call) -> End {
        if rng.chance(self.deaths) {
            return End::Dies(if rng.chance(500) { Moment::BeforeEffect } else { Moment::AfterEffect });
        }
        if rng.chance(self.failures) {
            return End::Fails(Reason::Unreachable);
        }
        if rng.chance(self.lost_answers) {
            return End::AnswerLost;
        }
        if matches!(call, Call::Write | Call::Create | Call::Remove) && rng.chance(self.late_writes) {
            return End::Late(rng.within(500..=180_000));
        }
        End::Answered
    }

    fn outage(&self, call: Call, since_ms: u64) -> Option<Reason> {
        let mut now = self.outages.iter().filter(|outage| outage.from_ms <= since_ms && since_ms < outage.to_ms);
        now.find_map(|outage| match outage.away {
            Away::Cluster if call.is_of_cluster() => Some(Reason::Unreachable),
            Away::Access if call.is_of_cluster() => Some(Reason::Unauthorized),
            Away::Store if !call.is_of_cluster() && call != Call::StartWorkflow => Some(Reason::Unreachable),
            _ => None,
        })
    }

    /// No fault is drawn at all.
    pub fn is_calm(&self) -> bool {
        *self == Self::default()
    }
}
