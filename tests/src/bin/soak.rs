//! Runs as many worlds as are asked for and prints what became of them.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use slipway_tests::sim::many::{explain, worlds};
use slipway_tests::sim::random;

#[derive(Parser)]
struct Arguments {
    /// How many worlds.
    #[arg(long, default_value_t = 10_000)]
    worlds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
}

#[expect(clippy::print_stdout, reason = "its output is what it is run for")]
fn main() -> ExitCode {
    let Arguments { worlds: count, first } = Arguments::parse();
    let began = Instant::now();
    let tally = worlds(first, count, None);
    println!("{tally}in {:.1} s", began.elapsed().as_secs_f64());
    let Some((seed, _)) = tally.first_broken else { return ExitCode::SUCCESS };
    println!("{}", explain(&random::setup(seed)));
    ExitCode::FAILURE
}
