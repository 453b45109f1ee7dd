//! The server under a demo: start, kill, start again, end everything.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Child;
use tokio::time::{Instant, sleep, timeout};

use super::say;
use super::shell::Shell;
use crate::server::free_port;

/// Opening the database and adopting what runs takes a second at most; a machine that is busy compiling is slow.
const START_LIMIT: Duration = Duration::from_mins(1);
/// The longest grace of the example, the load balancer's pause, and some.
const STOP_LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);
const LOG_TAIL: usize = 60;

/// One server of `slipway local`, its folder of data and its log.
pub struct Server {
    data: PathBuf,
    log: PathBuf,
    port: u16,
    options: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// Of a folder that is empty or has an earlier server's data, with these options besides the folder's and the port;
    /// nothing is started yet.
    pub fn new(folder: &Path, options: &[&str]) -> Result<Self, String> {
        let port = free_port()?;
        let options = options.iter().map(|&option| option.to_owned()).collect();
        Ok(Self { data: folder.join("data"), log: folder.join("printed.log"), port, options, child: None })
    }

    /// Starts it and waits until it answers.
    pub async fn start(&mut self, shell: &Shell) -> Result<(), String> {
        let (data, port) = (self.data.to_string_lossy().into_owned(), self.port.to_string());
        let mut words = vec!["local", "--data", &data, "--port", &port];
        words.extend(self.options.iter().map(String::as_str));
        say::command(&format!("slipway {} &", words.join(" ")));
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.map_err(|error| format!("could not open {}: {error}", self.log.display()))?;
        let again = log.try_clone().map_err(|error| format!("could not share the server's log: {error}"))?;
        let mut command = shell.command(&words);
        // It ends as it is told, or as the demo kills it, never because a handle was dropped.
        command.kill_on_drop(false).stdout(Stdio::from(log)).stderr(Stdio::from(again));
        self.child = Some(command.spawn().map_err(|error| format!("could not start the server: {error}"))?);
        self.ready().await
    }

    /// Ends it with SIGKILL, as a crash would: it has no chance to tidy up.
    pub async fn kill(&mut self) -> Result<(), String> {
        let Some(mut child) = self.child.take() else { return Err("the server was not running".to_owned()) };
        say::command(&format!("kill -KILL {}", child.id().unwrap_or_default()));
        child.kill().await.map_err(|error| format!("could not kill the server: {error}"))?;
        if self.answers().await { Err("the server still answers after SIGKILL".to_owned()) } else { Ok(()) }
    }

    /// Ends the server, the router and every process, whatever state they are in.
    pub async fn end_everything(&mut self, shell: &Shell) -> Result<(), String> {
        let data = self.data.to_string_lossy().into_owned();
        let stopped =
            shell.run(&["local", "--stop", "--data", &data]).await.and_then(super::shell::Ran::ok).map(|_| ());
        if let Some(mut child) = self.child.take()
            && timeout(STOP_LIMIT, child.wait()).await.is_err()
        {
            child.kill().await.map_err(|error| format!("could not end the server: {error}"))?;
            return Err(format!("the server did not end within {} s", STOP_LIMIT.as_secs()));
        }
        stopped
    }

    /// The folder that it keeps everything in.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What it printed, and the log that it wrote.
    pub fn logs(&self) -> [PathBuf; 2] {
        [self.log.clone(), self.data.join("server.log")]
    }

    /// The end of what it printed and of its log, for whoever has to find out what went wrong.
    pub fn log_tail(&self) -> Vec<String> {
        let texts = self.logs().map(|path| fs::read_to_string(path).unwrap_or_default());
        let tails = texts.iter().flat_map(|text| {
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(LOG_TAIL)..].to_vec()
        });
        tails.map(str::to_owned).collect()
    }

    async fn ready(&mut self) -> Result<(), String> {
        let end = Instant::now() + START_LIMIT;
        while !self.answers().await {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                return Err(format!("the server ended at its start with {status}"));
            }
            if Instant::now() >= end {
                return Err(format!("the server did not answer within {} s", START_LIMIT.as_secs()));
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    async fn answers(&self) -> bool {
        let url = format!("http://127.0.0.1:{}/healthz", self.port);
        reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success())
    }
}
