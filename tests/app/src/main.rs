//! A web server that behaves well or badly as its environment says: the application of tests on a real cluster.
//!
//! It is one static program, so that an image needs nothing else. It never talks to anything but its callers.
//!
//! | variable | default | |
//! | --- | --- | --- |
//! | `PORT` | 8080 | where it listens |
//! | `BOOT_MS` | 0 | it listens only then |
//! | `HEALTH` | `ok` | what `/health` answers: `ok`, `fail`, `fail-after:MS`, `flap:MS` (each for so long, in turns) |
//! | `CRASH_AFTER_MS` | never | it ends by itself, counted from its start |
//! | `EXIT_CODE` | 1 | with this code |
//! | `ALLOCATE_MB` | 0 | memory that it takes after its boot, and uses |
//! | `DRAIN_MS` | 0 | after SIGTERM it goes on for so long, then finishes what is in flight and ends with 0 |
//! | `IGNORE_SIGTERM` | | it does not end on SIGTERM when this is set to anything but `0` and the empty text |
//! | `VERSION`, `RELEASE`, `PROCESS` | empty | are in the answer of `/` |
//!
//! `/slow?ms=N` answers after that time. Anything else is answered like `/`.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use nix::sys::signal::{SigSet, Signal};

use crate::server::Server;
use crate::settings::Settings;

mod answer;
mod server;
mod settings;

fn main() -> ExitCode {
    let began = Instant::now();
    let settings = match Settings::from_environment(|name| std::env::var(name).ok()) {
        Ok(settings) => settings,
        Err(message) => return failed(&message),
    };
    match serve(settings, began) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error.to_string()),
    }
}

/// Returns when the process was told to end and nothing is in flight any more.
fn serve(settings: Settings, began: Instant) -> std::io::Result<()> {
    // Before any thread begins: they inherit it, and the signal waits for the one that asks.
    let terminate = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
    terminate.thread_block()?;
    if let Some((after, code)) = settings.crash {
        thread::spawn(move || {
            thread::sleep(after.saturating_sub(began.elapsed()));
            say(&format!("crashes with {code}"));
            std::process::exit(code);
        });
    }
    thread::sleep(settings.boot);
    let taken = take_memory(settings.allocate_megabytes);
    let server = Arc::new(Server::new(settings, began));
    let listening = server.listen()?;
    wait_for_end(&terminate, &server)?;
    server.closing.store(true, Ordering::SeqCst);
    listening.join().map_err(|_| std::io::Error::other("the listener panicked"))?;
    server.wait_until_idle();
    say("ends");
    drop(taken);
    Ok(())
}

fn wait_for_end(terminate: &SigSet, server: &Server) -> std::io::Result<()> {
    loop {
        let signal = terminate.wait()?;
        say(&format!("got {signal}"));
        if !server.settings.ignore_terminate {
            break;
        }
    }
    server.draining.store(true, Ordering::SeqCst);
    thread::sleep(server.settings.drain);
    Ok(())
}

/// Pages count once they were written to.
fn take_memory(megabytes: usize) -> Vec<Vec<u8>> {
    const MEGABYTE: usize = 1024 * 1024;
    let fill = u8::try_from(megabytes % 255).unwrap_or(0) + 1;
    (0..megabytes).map(|_| std::hint::black_box(vec![fill; MEGABYTE])).collect()
}

/// One line of the log. Whoever reads it may be gone, and that is no reason to end.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn failed(message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {message}");
    ExitCode::from(2)
}
