//! What came of each row, as a table.

use std::fmt::Write as _;
use std::io::Write as _;

use slipway_tests::server::Result;

/// How a promotion ended, as its row saw it.
#[derive(Clone, Debug)]
pub struct Ending {
    pub cause: String,
    pub outcome: String,
}

/// One row that was played.
pub struct Line {
    pub name: &'static str,
    pub ending: Result<Ending>,
    pub seconds: f64,
}

impl Line {
    pub fn failure(&self) -> Option<String> {
        self.ending.as_ref().err().map(|error| format!("{}: {error}", self.name))
    }
}

/// Straight to the terminal: the harness of tests keeps what `print` writes to itself.
pub fn print(lines: &[Line], seconds: f64) {
    let mut text = format!("\n{:<26}{:<22}{:<17}{:>6}\n", "row", "cause", "outcome", "s");
    for line in lines {
        let (cause, outcome) = match &line.ending {
            Ok(ending) => (ending.cause.as_str(), ending.outcome.as_str()),
            Err(_) => ("not as expected", ""),
        };
        // A string takes everything that is written into it.
        let _ = writeln!(text, "{:<26}{cause:<22}{outcome:<17}{:>6.1}", line.name, line.seconds);
    }
    let _ = writeln!(text, "{} rows in {seconds:.0} s", lines.len());
    let _ = std::io::stderr().write_all(text.as_bytes());
}
