//! The words of the demo: narration, command lines, output, findings.
#![expect(clippy::print_stdout, reason = "the demo's story is its output")]

use std::fmt::Display;
use std::io::{IsTerminal, stdout};

/// A line before a group of commands.
pub fn step(text: &str) {
    println!("\n{}", bold(&format!("── {text}")));
}

pub fn text(text: impl Display) {
    println!("   {text}");
}

pub fn command(line: &str) {
    println!("\n   {}", bold(&format!("$ {line}")));
}

pub fn output(line: &str) {
    println!("   {line}");
}

/// Something that was checked and holds.
pub fn holds(text: impl Display) {
    println!("   ✓ {text}");
}

pub fn broken(text: impl Display) {
    println!("   ✗ {text}");
}

pub fn title(text: &str) {
    println!("{}", bold(text));
}

fn bold(text: &str) -> String {
    if stdout().is_terminal() { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}
