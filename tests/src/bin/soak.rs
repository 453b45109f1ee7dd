//! Runs as many worlds as are asked for and prints what became of them.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use slipway_tests::sim::many::{Tally, explain, worlds};
use slipway_tests::sim::random;
use slipway_tests::sim::setup::{Level, Setup};

#[derive(Parser)]
struct Arguments {
    /// How many worlds.
    #[arg(long, default_value_t = 10_000)]
    worlds: u64,
    /// One in so many is run once more at the full level; 0 is none.
    #[arg(long, default_value_t = 50)]
    full_one_in: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    first: u64,
}

/// Lines of progress that a level is worth.
const LINES: u64 = 20;

#[expect(clippy::print_stdout, reason = "its output is what it is run for")]
fn main() -> ExitCode {
    let Arguments { worlds: count, full_one_in, first } = Arguments::parse();
    let full = count.checked_div(full_one_in).unwrap_or(0);
    for (name, level, count) in [("protocol", Level::Protocol, count), ("full", Level::Full, full)] {
        let began = Instant::now();
        let tally = in_portions(name, first, count, level);
        println!("{name} level: {tally}in {:.1} s", began.elapsed().as_secs_f64());
        if let Some((seed, _)) = tally.first_broken {
            println!("{}", explain(&Setup { level, ..random::setup(seed) }));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "progress is for who waits, and not a part of the result")]
fn in_portions(name: &str, first: u64, count: u64, level: Level) -> Tally {
    let portion = count.div_ceil(LINES);
    let mut total = Tally::default();
    while total.worlds < count && total.first_broken.is_none() {
        total.merge(&worlds(first + total.worlds, portion.min(count - total.worlds), level));
        eprintln!("{name} level: {} of {count} worlds", total.worlds);
    }
    total
}
