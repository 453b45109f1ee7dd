//! The server as a program of its own, with all that it prints kept in files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::Client;
use super::search::Place;
use super::shop::text;
use super::{Result, failed, free_port};

const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(20);

/// A server that ends, with all its processes, when it is dropped.
pub struct Outside {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    log: String,
    options: Vec<String>,
    child: Mutex<Child>,
}

impl Outside {
    /// Starts it on a folder and waits until it answers. `program` is `slipway-local` under any name, `log` what it logs,
    /// as `info`.
    pub async fn start(program: &Path, folder: &Path, log: &str) -> Result<Self> {
        Self::start_with(program, folder, log, &[]).await
    }

    /// The same with further options.
    pub async fn start_with(program: &Path, folder: &Path, log: &str, options: &[&str]) -> Result<Self> {
        let port = free_port()?;
        let options: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
        let child = Mutex::new(spawn(program, folder, port, log, &options)?);
        let (program, folder, log) = (program.to_owned(), folder.to_owned(), log.to_owned());
        let server = Self { program, folder, port, log, options, child };
        server.ready().await?;
        Ok(server)
    }

    /// Kills it as the power cut would, and starts it again where it was. What it printed before is lost.
    pub async fn kill_and_start(&self) -> Result<()> {
        {
            let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
            child.kill().and_then(|()| child.wait()).map_err(failed("kill the server"))?;
            *child = spawn(&self.program, &self.folder, self.port, &self.log, &self.options)?;
        }
        self.ready().await
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// The client of the owner.
    pub fn client(&self) -> Result<Client> {
        let text_of = fs::read(self.folder.join("config.json")).map_err(failed("read the configuration"))?;
        let config: Value = serde_json::from_slice(&text_of).map_err(failed("read the configuration"))?;
        Client::new(&text(&config["url"])?, &text(&config["token"])?)
    }

    async fn ready(&self) -> Result<()> {
        let url = format!("http://127.0.0.1:{}/healthz", self.port);
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        Err("the server does not start".to_owned())
    }
}

/// Where the server of this folder has its data.
pub fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// What the server of this folder printed.
pub fn printed(folder: &Path) -> Result<Vec<Place>> {
    let read = |name: &str| fs::read(folder.join(name)).map(|bytes| Place::new(name, bytes)).map_err(failed("read it"));
    ["stdout", "stderr"].into_iter().map(read).collect()
}

impl Drop for Outside {
    fn drop(&mut self) {
        // Both fail only where there is nothing left to end.
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
        let _ = command(&self.program, &self.folder).arg("--stop").stdout(Stdio::null()).status();
    }
}

fn spawn(program: &Path, folder: &Path, port: u16, log: &str, options: &[String]) -> Result<Child> {
    let open = |name: &str| File::create(folder.join(name)).map_err(failed(format!("make {name}")));
    let mut command = command(program, folder);
    command.args(["--port", &port.to_string()]).args(options).env("SLIPWAY_LOG", log);
    command.stdout(open("stdout")?).stderr(open("stderr")?).spawn().map_err(failed("start the server"))
}

fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--data").arg(data(folder)).env("SLIPWAY_CONFIG", folder.join("config.json"));
    command.stdin(Stdio::null());
    command
}
