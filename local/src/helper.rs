//! The other subcommands: what the program starts of itself, each a process of its own that outlives the server, and the
//! operator's token of a hosted installation.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use slipway_service::tenants::OperatorToken;

/// Runs a helper if the arguments (without the program's name) name one, until it is over. None: they are for somebody
/// else.
pub fn run(args: &[String]) -> Option<ExitCode> {
    let (name, rest) = args.split_first()?;
    match (name.as_str(), rest) {
        ("exec", rest) => Some(crate::supervisor::exec::main(rest)),
        ("supervise", [dir]) => Some(crate::supervisor::keeper::main(Path::new(dir))),
        ("router", [dir]) => Some(crate::router::main(Path::new(dir))),
        ("operator-token", []) => Some(operator_token()),
        _ => None,
    }
}

/// Prints a new token, to be kept, and its SHA-256, which the stack is given. Neither is written anywhere.
fn operator_token() -> ExitCode {
    let OperatorToken { token, sha256 } = OperatorToken::new([rand::random(), rand::random()], rand::random());
    let written = writeln!(io::stdout(), "SLIPWAY_TOKEN={}\nOPERATOR_TOKEN_SHA256={sha256}", token.reveal());
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
