//! HTTP/1.1 with kept connections: a thread for the listener and one for each connection.

use std::io::{BufRead, BufReader, ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};

use crate::answer::{Answer, Request};
use crate::say;
use crate::settings::Settings;

/// How long a thread waits for bytes before it looks whether the process is to end.
const TICK_MILLISECONDS: u8 = 20;
/// A request that stops in the middle holds its connection for no longer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const HEAD_LIMIT_BYTES: u64 = 16 * 1024;

pub struct Server {
    pub settings: Settings,
    pub began: Instant,
    /// The process is to end: connections are used for one more answer.
    pub draining: AtomicBool,
    /// The process ends: nothing new is taken on.
    pub closing: AtomicBool,
    connections: AtomicUsize,
}

impl Server {
    pub fn new(settings: Settings, began: Instant) -> Self {
        Self {
            settings,
            began,
            draining: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
        }
    }

    /// Listens from now on. The thread ends when the server closes, with every connection taken that had come.
    pub fn listen(self: &Arc<Self>) -> Result<JoinHandle<()>> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, self.settings.port))?;
        listener.set_nonblocking(true)?;
        say(&format!("version {:?} listens on port {}", self.settings.version, self.settings.port));
        let server = Arc::clone(self);
        Ok(thread::spawn(move || {
            loop {
                let last = server.closing.load(Ordering::SeqCst);
                while let Ok((stream, _)) = listener.accept() {
                    server.take(stream);
                }
                if last {
                    break;
                }
                wait_for_bytes(&listener);
            }
        }))
    }

    pub fn wait_until_idle(&self) {
        while self.connections.load(Ordering::SeqCst) > 0 {
            thread::sleep(Duration::from_millis(TICK_MILLISECONDS.into()));
        }
    }

    fn take(self: &Arc<Self>, stream: TcpStream) {
        let server = Arc::clone(self);
        server.connections.fetch_add(1, Ordering::SeqCst);
        thread::spawn(move || {
            // An error here is a caller that went away.
            let _ = server.converse(&stream);
            server.connections.fetch_sub(1, Ordering::SeqCst);
        });
    }

    fn converse(&self, stream: &TcpStream) -> Result<()> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
        let mut reader = BufReader::new(stream);
        while self.request_comes(&reader, stream) {
            let Some(request) = read_request(&mut reader)? else { break };
            let answer = Answer::to(&request, &self.settings, self.began.elapsed());
            thread::sleep(answer.delay);
            let last = request.closes || self.draining.load(Ordering::SeqCst);
            let mut output = stream;
            output.write_all(&answer.bytes(last))?;
            if last {
                break;
            }
        }
        Ok(())
    }

    /// Waits for the first byte of a request, or for the end of the process: then nobody was promised an answer.
    fn request_comes(&self, reader: &BufReader<&TcpStream>, stream: &TcpStream) -> bool {
        while reader.buffer().is_empty() {
            let last = self.closing.load(Ordering::SeqCst);
            if wait_for_bytes(stream) {
                break;
            }
            if last {
                return false;
            }
        }
        true
    }
}

/// Whether there is something to read, or an end, after at most a tick.
fn wait_for_bytes(socket: &impl AsFd) -> bool {
    let mut sockets = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut sockets, TICK_MILLISECONDS).is_ok_and(|ready| ready > 0)
}

/// One request with its body; none when the caller closed the connection.
fn read_request(reader: &mut BufReader<&TcpStream>) -> Result<Option<Request>> {
    let mut head = String::new();
    let mut limited = reader.take(HEAD_LIMIT_BYTES);
    while !head.ends_with("\r\n\r\n") {
        if limited.read_line(&mut head)? == 0 {
            return if head.is_empty() { Ok(None) } else { Err(ErrorKind::UnexpectedEof.into()) };
        }
    }
    let request = Request::parse(&head).ok_or(ErrorKind::InvalidData)?;
    std::io::copy(&mut reader.take(request.body_bytes), &mut std::io::sink())?;
    Ok(Some(request))
}
