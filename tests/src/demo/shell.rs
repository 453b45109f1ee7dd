//! Runs commands as a person would: the command line is shown, then its real output.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe::Receiver;
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::say;

/// No command of the demos takes a third of it.
const LIMIT: Duration = Duration::from_mins(3);

/// Where commands run, and with which program and configuration.
pub struct Shell {
    programs: PathBuf,
    config: PathBuf,
    folder: PathBuf,
    environment: Vec<(&'static str, OsString)>,
    transcript: Transcript,
}

/// All that commands wrote so far.
type Transcript = Arc<Mutex<String>>;

/// What a command wrote and how it ended.
pub struct Ran {
    pub line: String,
    /// Of both streams, in order.
    pub output: String,
    pub status: ExitStatus,
}

impl Ran {
    /// The command was to succeed.
    pub fn ok(self) -> Result<Self, String> {
        if self.status.success() { Ok(self) } else { Err(format!("`{}` ended with {}", self.line, self.status)) }
    }

    /// The command was to fail, and to say so by its exit code.
    pub fn refused(self) -> Result<Self, String> {
        match self.status.code() {
            Some(code) if code != 0 => Ok(self),
            _ => Err(format!("`{}` was expected to fail and ended with {}", self.line, self.status)),
        }
    }

    /// The command was to say all of this.
    pub fn shows(&self, all: &[&str]) -> Result<(), String> {
        match all.iter().find(|words| !self.output.contains(**words)) {
            None => Ok(()),
            Some(words) => Err(format!("`{}` did not say `{words}`", self.line)),
        }
    }

    /// The word after a label such as `Release:`.
    pub fn word_after(&self, label: &str) -> Result<String, String> {
        let found = self.output.lines().find_map(|line| line.trim().strip_prefix(label));
        let word = found.and_then(|rest| rest.split_whitespace().next());
        word.map(str::to_owned).ok_or_else(|| format!("`{}` printed no `{label}`", self.line))
    }
}

impl Shell {
    /// `programs` holds the binaries, `config` is the file of the command line, `folder` where commands are run.
    pub fn new(programs: &Path, config: &Path, folder: &Path) -> Self {
        let (programs, config, folder) = (programs.to_owned(), config.to_owned(), folder.to_owned());
        Self { programs, config, folder, environment: Vec::new(), transcript: Transcript::default() }
    }

    /// Sets a variable of the environment of every command from now on.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((key, value.into()));
        self
    }

    /// The file of the command line's configuration.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Writes a file into the folder where commands are run.
    pub fn write(&self, name: &str, text: &str) -> Result<(), String> {
        std::fs::write(self.folder.join(name), text).map_err(|error| format!("could not write {name}: {error}"))
    }

    /// All that commands wrote so far.
    pub fn transcript(&self) -> String {
        self.transcript.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The command, ready to be started, with the demo's configuration and nothing else that could steer it.
    pub fn command(&self, words: &[&str]) -> Command {
        self.prepared(&self.programs.join("slipway"), words)
    }

    fn prepared(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(words).current_dir(&self.folder).stdin(Stdio::null());
        for (key, _) in std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("SLIPWAY_")) {
            command.env_remove(key);
        }
        command.env("SLIPWAY_CONFIG", &self.config).envs(self.environment.iter().cloned());
        // A group of its own: an interrupt at the terminal reaches the demo alone, which then stops everything in order.
        command.process_group(0).kill_on_drop(true);
        command
    }

    /// Shows the command line, runs it and shows its output as it comes.
    pub async fn run(&self, words: &[&str]) -> Result<Ran, String> {
        let line = format!("slipway {}", quoted(words));
        say::command(&line);
        execute(self.command(words), line, Arc::clone(&self.transcript)).await
    }

    /// The same for a whole line, with pipes and other programs, as bash reads it.
    pub async fn run_line(&self, line: &str) -> Result<Ran, String> {
        say::command(line);
        let command = self.prepared(Path::new("bash"), &["-euo", "pipefail", "-c", line]);
        execute(command, line.to_owned(), Arc::clone(&self.transcript)).await
    }

    /// Starts a command that goes on while the story does; its output is shown as it comes.
    pub fn start(&self, words: &[&str]) -> Meanwhile {
        let line = format!("slipway {}", quoted(words));
        say::command(&format!("{line} &"));
        Meanwhile(tokio::spawn(execute(self.command(words), line, Arc::clone(&self.transcript))))
    }
}

/// A command that was started and is not waited for yet.
pub struct Meanwhile(JoinHandle<Result<Ran, String>>);

impl Meanwhile {
    /// Waits for its end.
    pub async fn ended(mut self) -> Result<Ran, String> {
        (&mut self.0).await.map_err(|error| format!("the command was lost: {error}"))?
    }
}

impl Drop for Meanwhile {
    /// A story that breaks off leaves no command behind.
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn execute(mut command: Command, line: String, transcript: Transcript) -> Result<Ran, String> {
    let failed = |error: io::Error| format!("could not run `{line}`: {error}");
    // One pipe for both, as at a terminal: the order of what is written is kept.
    let (reader, writer) = io::pipe().map_err(failed)?;
    command.stdout(writer.try_clone().map_err(failed)?).stderr(writer);
    let mut child = command.spawn().map_err(failed)?;
    // It holds the writing ends, without which the pipe never ends.
    drop(command);
    let work = async { tokio::join!(child.wait(), show(reader)) };
    let Ok((status, output)) = timeout(LIMIT, work).await else {
        return Err(format!("`{line}` did not end within {} s", LIMIT.as_secs()));
    };
    let output = output.map_err(failed)?;
    transcript.lock().unwrap_or_else(PoisonError::into_inner).push_str(&output);
    Ok(Ran { status: status.map_err(failed)?, output, line })
}

/// Shows line by line, and gives the whole.
async fn show(reader: io::PipeReader) -> io::Result<String> {
    let receiver = Receiver::from_owned_fd(OwnedFd::from(reader))?;
    let mut lines = BufReader::new(receiver).lines();
    let mut text = String::new();
    while let Some(line) = lines.next_line().await? {
        say::output(&line);
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

/// As it would be typed.
fn quoted(words: &[&str]) -> String {
    let plain = |word: &str| word.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./=:".contains(letter));
    let typed = words.iter().map(|word| if plain(word) { (*word).to_owned() } else { format!("'{word}'") });
    typed.collect::<Vec<_>>().join(" ")
}
