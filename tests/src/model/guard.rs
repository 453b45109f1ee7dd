//! The shipped fence, and what becomes of it when one of its rules is replaced by a weaker one.

use slipway_domain::promotion::{Phase, Promotion};
use slipway_rollout::decide::Decision;
use slipway_rollout::fence::{Stamp, admits};
use slipway_rollout::observation::Observation;
use slipway_rollout::phase::Trigger;

use super::records::{UID, epoch, version};
use super::state::{Acting, Age, Object, State};

/// The rule that is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guard {
    /// None.
    Shipped,
    /// The epoch is compared with the record's just before the write, and the object is written whatever it bears.
    EpochInDatabaseOnly,
    /// The object is read again just before the write, and what was read is the condition of the write.
    FreshReadBeforeWrite,
    /// Only the stamp is a condition of a write, not the version that was decided on.
    StampWithoutVersion,
    /// A promotion has one token from its start to its end: neither does its epoch grow when it turns back or another
    /// execution takes over, nor does a turn write its number where a saved count may still land.
    OneTokenPerRollout,
    /// Only the first half of that: the epoch stays, saved counts are settled.
    EpochKeptInRollout,
    /// Only the other half: the epoch grows, saved counts that the objects do not show are forgotten.
    ForgottenSavedAction,
    /// A promotion that takes over from another one takes over its epoch, too.
    EpochKeptWhenSuperseded,
    /// What runs the right number of processes of the right release is done.
    DoneByImage,
    /// A new epoch creates what is missing, and leaves its stamp only on what it scales.
    NoStampAtStart,
    /// Objects are listed from a cache, which may lack one that was created since.
    ListFromCache,
    /// A Deployment is created with its count instead of with 0.
    CreatedAtCount,
    /// The records are saved whatever happened to them since they were loaded.
    SavedUnconditionally,
}

impl Guard {
    pub const ALL: [Self; 13] = [
        Self::Shipped,
        Self::EpochInDatabaseOnly,
        Self::FreshReadBeforeWrite,
        Self::StampWithoutVersion,
        Self::OneTokenPerRollout,
        Self::EpochKeptWhenSuperseded,
        Self::DoneByImage,
        Self::NoStampAtStart,
        Self::ListFromCache,
        Self::CreatedAtCount,
        Self::SavedUnconditionally,
        Self::EpochKeptInRollout,
        Self::ForgottenSavedAction,
    ];

    /// Whether everything has to hold with it. The last two are covered by each other: neither alone opens a gap.
    pub fn is_sufficient(self) -> bool {
        matches!(self, Self::Shipped | Self::EpochKeptInRollout | Self::ForgottenSavedAction)
    }

    /// Whether a write that was decided on the version of this age may land.
    pub(super) fn admits(self, state: &State, object: Object, acting: &Acting, age: Age) -> bool {
        let current = Stamp { uid: UID, resource_version: &version(0), epoch: epoch(token(state, object.epoch)) };
        let observed = Stamp { resource_version: &version(age), epoch: epoch(token(state, acting.epoch)), ..current };
        match self {
            Self::EpochInDatabaseOnly => true,
            Self::FreshReadBeforeWrite => admits(current, current),
            Self::StampWithoutVersion => {
                admits(current, Stamp { resource_version: current.resource_version, ..observed })
            }
            _ => admits(current, observed),
        }
    }

    /// Whether an epoch that begins now begins a token, too. `takes_over`: from a promotion that runs.
    pub(super) fn begins_token(self, takes_over: bool) -> bool {
        match self {
            Self::OneTokenPerRollout | Self::EpochKeptInRollout => true,
            Self::EpochKeptWhenSuperseded => !takes_over,
            _ => false,
        }
    }

    /// What an object's stamp looks like to a worker of the present epoch.
    pub(super) fn seen_stamp(self, state: &State, stamp: u8) -> u8 {
        let present = state.records.epoch;
        let same = self == Self::NoStampAtStart || token(state, stamp) == token(state, present);
        if same { present } else { stamp }
    }

    /// What is forgotten before a decision.
    pub(super) fn forget(self, promotion: &mut Promotion) {
        if matches!(self, Self::ForgottenSavedAction | Self::OneTokenPerRollout) {
            promotion.actions.clear();
        }
    }

    /// What is decided otherwise.
    pub(super) fn decide_otherwise(self, promotion: &Promotion, seen: &Observation, decision: &mut Decision) {
        if self == Self::DoneByImage
            && let Some(trigger) = done_by_image(promotion, seen)
        {
            decision.actions.clear();
            decision.trigger = Some(trigger);
            decision.failure = None;
        }
    }
}

/// The fence's number of an epoch: the epoch itself, unless the guard draws fewer.
pub(super) fn token(state: &State, epoch: u8) -> u8 {
    if state.tokens.is_empty() {
        return epoch;
    }
    let begun = state.tokens.iter().filter(|first| **first <= epoch).count();
    u8::try_from(begun).unwrap_or(u8::MAX)
}

/// What to do next if only the running images are looked at, and they are what is wanted.
fn done_by_image(promotion: &Promotion, seen: &Observation) -> Option<Trigger> {
    let (wanted, trigger) = match promotion.phase {
        Phase::Preparing => (&promotion.to, Trigger::Prepared),
        Phase::Rolling => (&promotion.to, Trigger::Completed),
        Phase::Settling => (&promotion.to, Trigger::Settled),
        Phase::Restoring => (promotion.from.as_ref()?, Trigger::Restored),
        Phase::Ended => return None,
    };
    let count = promotion.plan.services.iter().filter_map(|service| service.after).sum::<u32>();
    let right = seen.deployments.iter().all(|deployment| {
        let running = u32::try_from(deployment.live().count()).unwrap_or(u32::MAX);
        running == if deployment.key.release == *wanted { count } else { 0 }
    });
    right.then_some(trigger)
}
