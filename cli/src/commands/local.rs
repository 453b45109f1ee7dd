//! `slipway local`: hands over to the program beside this one.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;

/// Returns only when it could not hand over.
pub fn exec(arguments: &[OsString]) -> Failure {
    let program = match beside() {
        Ok(program) => program,
        Err(failure) => return failure,
    };
    let error = Command::new(&program).args(arguments).exec();
    if error.kind() == std::io::ErrorKind::NotFound {
        return Failure::Local(format!(
            "{} is not there; it is built together with slipway (cargo build --workspace) and belongs beside it",
            program.display()
        ));
    }
    Failure::local(&format!("start {}", program.display()), error)
}

fn beside() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().map_err(|error| Failure::local("find this program", error))?;
    Ok(own.with_file_name("slipway-local"))
}
