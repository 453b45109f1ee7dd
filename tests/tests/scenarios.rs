//! Promotions over the simulated cluster, each with the shipped engine from its start to its one outcome.

mod scenarios {
    pub mod causes;
    pub mod changes;
    pub mod outcomes;
    pub mod stage;
}
