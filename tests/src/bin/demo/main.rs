//! `make demo`: everything that Slipway promises, on this machine, under traffic, told as it happens.
//!
//! It exits with 1 when an outcome was not the expected one, a request was lost, or anything is left running. It never
//! touches a server that it has not started itself.

mod machine;
mod source;
mod story;
mod traffic;

use std::process::ExitCode;

use slipway_tests::demo::Told;
use slipway_tests::demo::performance::{applause, perform, programs};
use slipway_tests::demo::server::Server;
use slipway_tests::demo::shell::Shell;
use slipway_tests::demo::stage::Stage;

use crate::machine::Machine;
use crate::source::Source;

const APP: &str = "shop";

#[tokio::main]
async fn main() -> ExitCode {
    applause(demo().await)
}

async fn demo() -> Told {
    let folder = tempfile::Builder::new().prefix("slipway-demo-").tempdir();
    let folder = folder.map_err(|error| format!("could not make a temporary folder: {error}"))?;
    let source = Source::copy(&folder.path().join(APP))?;
    let shell = Shell::new(&programs()?, &folder.path().join("config.json"), source.folder());
    let server = Server::new(folder.path(), &[])?;
    let stage = Stage::new(APP, Machine::new(folder.path()), shell, server);
    perform(stage, async |stage| story::tell(stage, &source).await).await
}
