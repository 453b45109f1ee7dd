//! The whole of Slipway as one program on this machine.
//!
//! ```text
//! slipway ──HTTP──► API ─► use cases ─► store ─► embedded database (a file)
//!                              │
//!                              ├─► runner of the state machine ─► step ─► local cluster ─► router, supervisors
//!                              └─► builds, uploads
//! ```
//!
//! Router and processes are programs of their own: this one may be killed and started again, and goes on where it was.
//! With a kubeconfig, the cluster is that one instead, and the images come from a registry; nothing else differs.

pub mod backend;
mod cluster_options;
pub mod images;
mod login;
mod options;
pub mod registry_options;
pub mod wiring;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use slipway_domain::error::{Error, Result};
use slipway_service::slipway::Slipway;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use backend::{Backend, BackendKind};
pub use options::Options;
use wiring::Installation;

use crate::cluster::halt;
use crate::disk::{self, Lock};

/// How often what was left behind is looked for.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// How long processes have to end by themselves when everything ends.
const GRACE: Duration = Duration::from_secs(10);

/// How the server ended.
enum Ending {
    /// The processes go on.
    ServerAlone(BackendKind),
    /// The processes of this folder end, too.
    Everything(PathBuf),
}

/// Runs the server until it is told to stop. Reports what is wrong in one line.
pub fn main(options: &Options) -> ExitCode {
    let ended =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::internal).and_then(|runtime| {
            let ended = runtime.block_on(run(options));
            // Whatever still works on the folder is dropped here, before its processes are ended.
            runtime.shutdown_timeout(Duration::from_secs(5));
            ended
        });
    match ended.and_then(finish) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error),
    }
}

fn finish(ending: Ending) -> Result<()> {
    match ending {
        Ending::ServerAlone(BackendKind::ThisMachine) => {
            say("the processes go on; start the server again, or end them with slipway local --stop");
        }
        Ending::ServerAlone(BackendKind::Kubernetes) => {
            say("the processes in the cluster go on; start the server again to change what runs there");
        }
        Ending::Everything(data) => {
            say("stopping all processes");
            halt(&data, GRACE).map_err(|error| failed("end the processes of", &data, &error))?;
            say("stopped");
        }
    }
    Ok(())
}

fn complain(error: &Error) -> ExitCode {
    let context = error.context.as_ref().map(|context| format!(" ({context})")).unwrap_or_default();
    // Nobody reads the message if stderr is closed; the exit code says enough then.
    let _ = writeln!(io::stderr(), "slipway local: {}{context}", error.message);
    ExitCode::FAILURE
}

async fn run(options: &Options) -> Result<Ending> {
    if std::env::var_os("AWS_LAMBDA_FUNCTION_NAME").is_some() {
        return Err(refused("the local server does not run inside Lambda; deploy the functions instead"));
    }
    let data = options.data()?;
    disk::private_dir(&data).map_err(|error| failed("make the folder", &data, &error))?;
    if options.stop {
        return stop(data).await;
    }
    let lock = Lock::take(&data.join("server.lock")).map_err(|error| failed("lock the folder", &data, &error))?;
    let Some(_lock) = lock else {
        let text = format!("another server uses {}; stop it, or choose another folder with --data", data.display());
        return Err(refused(text));
    };
    options.start_log(&data)?;
    let helper = std::env::current_exe().map_err(Error::internal)?;
    let backend = options.backend(helper).await?;
    let kind = backend.kind();
    kind.claim(&data)?;
    let everything = serve(options, &data, backend).await?;
    Ok(ending(data, kind, everything))
}

/// Processes in a cluster of somebody's never end because this server does.
fn ending(data: PathBuf, kind: BackendKind, everything: bool) -> Ending {
    match kind {
        BackendKind::ThisMachine if everything => Ending::Everything(data),
        kind => Ending::ServerAlone(kind),
    }
}

/// Serves until it is told to stop. True: everything is to end.
async fn serve(options: &Options, data: &Path, backend: Backend) -> Result<bool> {
    let address = format!("127.0.0.1:{}", options.port);
    let listener = TcpListener::bind(&address)
        .await
        .map_err(|error| refused(format!("cannot listen on {address} ({error}); choose another port with --port")))?;
    let origin = format!("http://{}", listener.local_addr().map_err(Error::internal)?);
    let tenant = login::tenant(data)?;
    let remarks = backend.remarks(&tenant);
    let installation = Installation::open(data, &origin, backend).await?;
    let login = login::ensure(&installation.slipway, data, &origin).await?;
    let resumed = installation.runner.resume().map_err(Error::internal)?;
    tracing::info!(executions = resumed.len(), "rollouts go on");
    let stopping = CancellationToken::new();
    let sweeper = tokio::spawn(sweep(Arc::clone(&installation.slipway), stopping.clone()));
    let server = axum::serve(listener, installation.router());
    let mut server = tokio::spawn(server.with_graceful_shutdown(stopping.clone().cancelled_owned()).into_future());
    say(&format!("Slipway is ready at {origin}"));
    say(&format!("data in {}, logged in through {}", data.display(), login.display()));
    for remark in remarks {
        tracing::info!("{remark}");
        say(&remark);
    }
    let everything = tokio::select! {
        ended = &mut server => return Err(Error::internal(format!("the server ended: {ended:?}"))),
        everything = told_to_stop() => everything?,
    };
    stopping.cancel();
    // A long poll may last 25 s; whoever waits is told by the end of the connection as well.
    let _ = tokio::time::timeout(Duration::from_secs(1), &mut server).await;
    server.abort();
    sweeper.abort();
    Ok(everything)
}

/// Waits until the server of this folder, if there is one, has stopped; its processes are then ended as well.
async fn stop(data: PathBuf) -> Result<Ending> {
    for _ in 0..100 {
        let lock = Lock::take(&data.join("server.lock")).map_err(|error| failed("lock the folder", &data, &error))?;
        if lock.is_some() {
            let kind = BackendKind::of(&data)?.unwrap_or(BackendKind::ThisMachine);
            return Ok(ending(data, kind, true));
        }
        login::ask_to_stop(&data)?;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(refused("the server of this folder does not stop; end it and try again"))
}

/// True when all is to end (Ctrl-C), false when only the server is (SIGTERM, as a service manager sends it).
async fn told_to_stop() -> Result<bool> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::internal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::internal)?;
    Ok(tokio::select! {
        _ = interrupt.recv() => true,
        _ = terminate.recv() => false,
    })
}

async fn sweep(slipway: Arc<Slipway>, stopping: CancellationToken) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = every.tick() => {}
        }
        let swept = slipway.sweep().await;
        let collected = slipway.collect().await;
        match (swept, collected) {
            (Ok(swept), Ok(collected)) => tracing::debug!(?swept, collected, "swept"),
            (Err(error), _) | (_, Err(error)) => tracing::warn!(error = %error, "the sweep failed"),
        }
    }
}

fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

fn refused(text: impl Into<String>) -> Error {
    Error::conflict("refused", text)
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    refused(format!("cannot {what} {}: {error}", path.display()))
}
