//! The rows, by who is to blame.

mod cluster;
mod image;
mod process;
mod service;

use std::pin::Pin;
use std::time::Instant;

use slipway_tests::product::installed::Product;
use slipway_tests::product::stage::Stage;
use slipway_tests::server::Result;

use crate::report::{Ending, Line};

type Played<'a> = Pin<Box<dyn Future<Output = Result<Ending>> + 'a>>;
type Play = for<'a> fn(&'a Stage<'a>) -> Played<'a>;

/// One row of the table.
pub struct Row {
    pub name: &'static str,
    play: Play,
}

impl Row {
    pub async fn play(self, product: &Product) -> Line {
        let begun = Instant::now();
        let ending = match Stage::new(product, self.name).await {
            Ok(stage) => (self.play)(&stage).await,
            Err(error) => Err(error),
        };
        Line { name: self.name, ending, seconds: begun.elapsed().as_secs_f64() }
    }
}

/// A row that is called like the function which plays it, at most 24 characters.
macro_rules! row {
    ($play:path, $name:literal) => {
        crate::rows::Row { name: $name, play: |stage| Box::pin($play(stage)) }
    };
}
use row;

/// The long ones first: none is then left over at the end.
pub fn all() -> Vec<Row> {
    let rows = [cluster::rows(), image::rows(), service::rows(), process::rows()];
    rows.into_iter().flatten().collect()
}
