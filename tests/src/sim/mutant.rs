//! Guards that a world can take out, to show that the check which watches over each of them can fail. They sit in the
//! simulated ports: nothing of them is in what is shipped.

/// One per rule of what must always hold, and one more for what is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Processes are told to be ready while they are not: the minimum is counted wrong.
    Minimum,
    /// The engine is handed a plan with a larger batch than the promotion's.
    Bound,
    /// The sweep never ends and never restarts anything.
    End,
    /// While restoring, the new release's processes are hidden.
    OneRelease,
    /// The records are written whatever version they are at.
    OneOutcome,
    /// Every object is said to bear the stamp already: a new epoch does not begin by stamping.
    AtRest,
    /// Writes land whatever version and stamp an object bears.
    Fence,
    /// The bake is over as soon as it begins.
    Verified,
    /// The collector does not wait, and does not ask whether a promotion is running.
    Kept,
    /// Saved actions that are still on their way are forgotten.
    Saved,
}

impl Mutant {
    pub const ALL: [Self; 10] = [
        Self::Minimum,
        Self::Bound,
        Self::End,
        Self::OneRelease,
        Self::OneOutcome,
        Self::AtRest,
        Self::Fence,
        Self::Verified,
        Self::Kept,
        Self::Saved,
    ];
}
