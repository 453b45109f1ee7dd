//! Checks the fence and each weaker one, and prints the table of guards with the shortest way to each broken rule.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::process::ExitCode;

use clap::Parser;
use slipway_tests::model::check::check;
use slipway_tests::model::guard::Guard;
use slipway_tests::model::world::Size;

/// How large the model is.
#[derive(Parser)]
struct Arguments {
    /// Workers that are between two calls at the same time.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Cancels, new executions and expired clocks, all together.
    #[arg(long, default_value_t = 1)]
    interventions: u8,
    /// Processes of the service.
    #[arg(long, default_value_t = 2)]
    processes: u8,
    /// The cluster brings processes to their count in a step of its own.
    #[arg(long)]
    late: bool,
    /// The shipped fence alone.
    #[arg(long)]
    shipped: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let size = Size {
        workers: arguments.workers,
        interventions: arguments.interventions,
        processes: arguments.processes,
        instant: !arguments.late,
        ..Size::default()
    };
    let guards = if arguments.shipped { &Guard::ALL[..1] } else { &Guard::ALL[..] };
    let mut table = Vec::new();
    let mut expected = true;
    for guard in guards {
        let verdict = check(*guard, &size);
        expected &= verdict.is_as_expected();
        table.push(verdict.row());
        for line in std::iter::once(verdict.row()).chain(verdict.story(&size)) {
            println!("{line}");
        }
    }
    println!("\n{}", table.join("\n"));
    if expected { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
