//! The hidden subcommands: what the program starts of itself. Each is a process of its own that outlives the server.

use std::path::Path;
use std::process::ExitCode;

/// Runs a helper if the arguments (without the program's name) name one, until it is over. None: they are for somebody
/// else.
pub fn run(args: &[String]) -> Option<ExitCode> {
    let (name, rest) = args.split_first()?;
    match (name.as_str(), rest) {
        ("exec", rest) => Some(crate::supervisor::exec::main(rest)),
        ("supervise", [dir]) => Some(crate::supervisor::keeper::main(Path::new(dir))),
        ("router", [dir]) => Some(crate::router::main(Path::new(dir))),
        _ => None,
    }
}
