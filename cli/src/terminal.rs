//! What is written: results to stdout, everything else to stderr. With `--json`, stdout is one JSON document and
//! progress is not written at all.

use std::io::{IsTerminal, Write};

use serde_json::Value;

use crate::text::clean;

pub struct Terminal {
    json: bool,
}

impl Terminal {
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    pub fn is_json(&self) -> bool {
        self.json
    }

    /// A line for people.
    pub fn line(&self, text: &str) {
        if !self.json {
            write_out(&format!("{text}\n"));
        }
    }

    /// The beginning of a line that [`Terminal::line`] will end, as in `Packaging source... OK`.
    pub fn begin(&self, text: &str) {
        if !self.json {
            write_out(text);
        }
    }

    /// A line that a process or a build wrote, as it is.
    pub fn output(&self, text: &str) {
        self.line(text);
    }

    /// A remark beside the result.
    pub fn note(&self, text: &str) {
        if !self.json {
            error(text);
        }
    }

    /// The result for programs.
    pub fn json(&self, value: &Value) {
        if self.json {
            write_out(&format!("{value:#}\n"));
        }
    }

    /// One of many results for programs, on a line of its own.
    pub fn json_line(&self, value: &Value) {
        if self.json {
            write_out(&format!("{value}\n"));
        }
    }

    /// Rows under a heading, in columns that are as wide as they have to be.
    pub fn table(&self, heading: &[&str], rows: &[Vec<String>]) {
        self.begin(&table(heading, rows));
    }

    /// Names and values, as `apps info` shows them.
    pub fn pairs(&self, pairs: &[(&str, String)]) {
        for (name, value) in pairs {
            self.line(&format!("{name:<10} {}", clean(value)));
        }
    }
}

/// Somebody sits there and can be asked.
pub fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// A line on stderr.
pub fn error(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", clean(text));
}

/// A reader that has gone away (`slipway logs | head`) is no failure of ours.
fn write_out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let heading = heading.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| clean(cell)).collect()).collect();
    let all = || std::iter::once(&heading).chain(&rows);
    let widths: Vec<usize> = (0..heading.len())
        .map(|column| all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in all() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec!["RCDEFGHIJK".to_owned(), String::new(), "a\u{1b}[2Jb".to_owned()],
            vec!["R".to_owned(), "active".to_owned(), "ä".to_owned()],
        ];
        let expected = "ID          STATUS  DESCRIPTION\nRCDEFGHIJK          a[2Jb\nR           active  ä\n";
        assert_eq!(table(&["ID", "STATUS", "DESCRIPTION"], &rows), expected);
    }
}
