//! Writes a process's log: lines with their time, in two files of bounded size.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;

use slipway_domain::time::Time;

use super::journal::{Kind, Record};
use super::spec::Folder;

/// A longer line is split.
pub const MAX_LINE_BYTES: usize = 16 * 1024;
/// Of each of the two files.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The log of one process, open for appending.
#[derive(Debug)]
pub struct Writer {
    folder: Folder,
    file: File,
    bytes: u64,
    /// Lines of output written so far, so that a reader can count from the start after the oldest are gone.
    lines: u64,
    /// Output without its end of line yet.
    rest: Vec<u8>,
}

impl Writer {
    pub fn create(folder: Folder) -> io::Result<Self> {
        let file = append(&folder)?;
        Ok(Self { folder, file, bytes: 0, lines: 0, rest: Vec::new() })
    }

    /// Takes what the command wrote. An unfinished line is kept until its end comes.
    pub fn output(&mut self, bytes: &[u8], now: Time) -> io::Result<()> {
        let mut batch = Vec::with_capacity(bytes.len() + 64);
        for &byte in bytes {
            if byte == b'\n' {
                self.take_line(&mut batch, now);
            } else {
                self.rest.push(byte);
                if self.rest.len() == MAX_LINE_BYTES {
                    self.take_line(&mut batch, now);
                }
            }
        }
        self.write(&batch)
    }

    /// Writes the unfinished line, if there is one: nothing follows.
    pub fn flush(&mut self, now: Time) -> io::Result<()> {
        let mut batch = Vec::new();
        if !self.rest.is_empty() {
            self.take_line(&mut batch, now);
        }
        self.write(&batch)
    }

    /// Marks that a new run of the command begins.
    pub fn mark(&mut self, text: &str, now: Time) -> io::Result<()> {
        let record = Record { at: now, kind: Kind::Mark, text: text.to_owned() };
        self.write(record.render().as_bytes())
    }

    fn take_line(&mut self, batch: &mut Vec<u8>, now: Time) {
        let text = String::from_utf8_lossy(&self.rest).trim_end_matches('\r').to_owned();
        self.rest.clear();
        self.lines += 1;
        batch.extend_from_slice(Record { at: now, kind: Kind::Line, text }.render().as_bytes());
    }

    fn write(&mut self, batch: &[u8]) -> io::Result<()> {
        self.file.write_all(batch)?;
        self.bytes += batch.len() as u64;
        if self.bytes >= MAX_FILE_BYTES { self.rotate() } else { Ok(()) }
    }

    fn rotate(&mut self) -> io::Result<()> {
        fs::rename(self.folder.log(), self.folder.old_log())?;
        self.file = append(&self.folder)?;
        self.bytes = 0;
        let count = Record { at: crate::disk::now(), kind: Kind::Count, text: self.lines.to_string() };
        self.file.write_all(count.render().as_bytes())
    }
}

fn append(folder: &Folder) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(folder.log())
}
