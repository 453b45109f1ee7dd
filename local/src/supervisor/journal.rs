//! Reads a process's log.
//!
//! Each line of the files is `<milliseconds> <kind> <text>`. Kinds: `l` a line of output, `s` a run of the command
//! begins, `n` how many lines of output came before this file.

use std::fs;
use std::io;

use slipway_domain::time::Time;

use super::spec::Folder;

/// What a line of the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Line,
    Mark,
    Count,
}

/// One line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub at: Time,
    pub kind: Kind,
    pub text: String,
}

impl Record {
    pub(super) fn render(&self) -> String {
        let kind = match self.kind {
            Kind::Line => 'l',
            Kind::Mark => 's',
            Kind::Count => 'n',
        };
        format!("{} {kind} {}\n", self.at.as_millis(), self.text)
    }

    /// None for a line that is still being written.
    fn parse(line: &str) -> Option<Self> {
        let (at, rest) = line.split_once(' ')?;
        let (kind, text) = rest.split_once(' ')?;
        let kind = match kind {
            "l" => Kind::Line,
            "s" => Kind::Mark,
            "n" => Kind::Count,
            _ => return None,
        };
        Some(Self { at: Time::from_millis(at.parse().ok()?), kind, text: text.to_owned() })
    }
}

/// What is kept of a process's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// Lines of output that were dropped before the first record.
    pub dropped: u64,
    /// Lines and marks, oldest first.
    pub records: Vec<Record>,
}

impl Journal {
    /// Reads both files. A rotation in between can at worst hide the older one.
    pub fn read(folder: &Folder) -> io::Result<Self> {
        let mut journal = Self::default();
        let mut first = true;
        for path in [folder.old_log(), folder.log()] {
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let text = String::from_utf8_lossy(&bytes);
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            for record in whole.split('\n').filter_map(Record::parse) {
                match record.kind {
                    Kind::Count if first => journal.dropped = record.text.parse().unwrap_or(0),
                    Kind::Count => {}
                    Kind::Line | Kind::Mark => journal.records.push(record),
                }
                first = false;
            }
        }
        Ok(journal)
    }

    /// Lines of output, oldest first.
    pub fn lines(self) -> impl Iterator<Item = Record> {
        self.records.into_iter().filter(|record| record.kind == Kind::Line)
    }

    /// Lines of output after the first `count` since the process began.
    pub fn lines_after(self, count: u64) -> impl Iterator<Item = Record> {
        let skip = usize::try_from(count.saturating_sub(self.dropped)).unwrap_or(usize::MAX);
        self.lines().skip(skip)
    }

    /// The last lines of the present run of the command, or of the latest run that has any.
    pub fn tail(&self, lines: usize) -> Vec<String> {
        let mut runs = self.records.split(|record| record.kind == Kind::Mark);
        let last = runs.rfind(|run| !run.is_empty()).unwrap_or_default();
        last.iter().skip(last.len().saturating_sub(lines)).map(|record| record.text.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::journal_writer::{MAX_FILE_BYTES, MAX_LINE_BYTES, Writer};
    use super::*;

    fn written(write: impl FnOnce(&mut Writer)) -> (tempfile::TempDir, Journal) {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path());
        let mut writer = Writer::create(folder.clone()).unwrap();
        write(&mut writer);
        let journal = Journal::read(&folder).unwrap();
        (dir, journal)
    }

    fn texts(journal: Journal) -> Vec<String> {
        journal.lines().map(|record| record.text).collect()
    }

    #[test]
    fn lines_keep_their_time_and_an_unfinished_one_waits_for_its_end() {
        let (_dir, journal) = written(|writer| {
            writer.output(b"one\r\ntw", Time::from_millis(1)).unwrap();
            writer.output(b"o\nthree", Time::from_millis(2)).unwrap();
        });
        let records: Vec<_> = journal.lines().map(|record| (record.at.as_millis(), record.text)).collect();
        assert_eq!(records, [(1, "one".to_owned()), (2, "two".to_owned())]);
    }

    #[test]
    fn a_line_without_an_end_is_split() {
        let (_dir, journal) = written(|writer| {
            writer.output(&vec![b'x'; MAX_LINE_BYTES * 2 + 3], Time::default()).unwrap();
            writer.flush(Time::default()).unwrap();
        });
        let lengths: Vec<_> = texts(journal).iter().map(String::len).collect();
        assert_eq!(lengths, [MAX_LINE_BYTES, MAX_LINE_BYTES, 3]);
    }

    #[test]
    fn a_flood_keeps_the_newest_lines_and_counts_the_dropped_ones() {
        let lines = 40_000_u64;
        let (dir, journal) = written(|writer| {
            for number in 0..lines {
                writer.output(format!("{number:0>100}\n").as_bytes(), Time::default()).unwrap();
            }
        });
        let size: u64 = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
        assert!(size < 2 * MAX_FILE_BYTES + 4096, "{size}");
        assert!(journal.dropped > 0);
        let after: Vec<_> = journal.clone().lines_after(lines - 2).map(|record| record.text).collect();
        assert_eq!(after, [format!("{:0>100}", lines - 2), format!("{:0>100}", lines - 1)]);
        assert_eq!(journal.dropped + texts(journal).len() as u64, lines);
    }

    #[test]
    fn the_tail_is_of_the_previous_run_while_the_present_one_is_silent() {
        let (_dir, journal) = written(|writer| {
            writer.mark("started", Time::default()).unwrap();
            writer.output(b"first\nsecond\nthird\n", Time::default()).unwrap();
            writer.mark("started", Time::default()).unwrap();
        });
        assert_eq!(journal.tail(2), ["second", "third"]);
    }
}
