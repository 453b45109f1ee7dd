//! What the tests with real processes share.
#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The program under test.
pub fn helper() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_slipway-local"))
}

/// Calls `look` until it answers; fails the test after 15 seconds.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The same for a look that has to be awaited.
pub async fn until_async<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process of this number exists and is no zombie.
pub fn alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z')))
}

/// A file of a test program.
pub fn program(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// A port that nobody uses now, below those that the system gives to outgoing connections.
pub fn free_port() -> u16 {
    loop {
        let port = rand::random_range(10_000..17_000);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A small HTTP server: `/` answers with its name, `/slow` after 700 ms, `/stream` in three chunks, `/fail` with 500,
/// `/echo` with what it was sent, `/headers` with the headers; an upgrade echoes bytes. It stops listening at SIGTERM and
/// finishes what it serves.
pub const SERVER: &str = r"
const http = require('http');
const name = process.env.NAME || process.env.PROCESS;
let served = 0;
const server = http.createServer((request, response) => {
  served += 1;
  if (request.url === '/slow') return setTimeout(() => response.end('slow ' + name), 700);
  if (request.url === '/fail') { response.statusCode = 500; return response.end('no'); }
  if (request.url === '/headers') return response.end(JSON.stringify(request.headers));
  if (request.url === '/die') return process.exit(3);
  if (request.url === '/echo') return request.pipe(response);
  if (request.url === '/stream') {
    let count = 0;
    const timer = setInterval(() => {
      response.write('chunk ' + count + '\n');
      if (++count === 3) { clearInterval(timer); response.end(); }
    }, 100);
    return;
  }
  response.end(name);
});
server.on('upgrade', (request, socket, head) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  if (head.length) socket.write(head);
  socket.pipe(socket);
});
server.keepAliveTimeout = Number(process.env.KEEP_ALIVE_MS || 5000);
process.on('SIGTERM', () => { console.log('stopping after ' + served); server.close(() => process.exit(0)); server.closeIdleConnections(); });
server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening'));
";
