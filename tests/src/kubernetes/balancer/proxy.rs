//! One request to one target.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::table::Table;

type Body = Either<Incoming, Full<Bytes>>;

/// Accepts connections for as long as it is polled; those that it has taken end when their callers close them.
pub async fn serve(listener: TcpListener, table: Arc<Table>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(converse(stream, Arc::clone(&table)));
    }
}

async fn converse(stream: TcpStream, table: Arc<Table>) {
    // Without it small answers wait for acknowledgements; with an error they only do that.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request| {
        let table = Arc::clone(&table);
        async move { Ok::<_, Infallible>(forward(request, &table).await) }
    });
    // What ends with an error here is seen by the caller, whose connection it was.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

async fn forward(mut request: Request<Incoming>, table: &Table) -> Response<Body> {
    let Some(target) = table.next() else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "no endpoint is ready".to_owned());
    };
    let mut connection = match target.connection().await {
        Ok(connection) => connection,
        Err(problem) => return refusal(StatusCode::BAD_GATEWAY, problem),
    };
    own_hop(request.headers_mut());
    match connection.send_request(request).await {
        Ok(mut response) => {
            own_hop(response.headers_mut());
            tokio::spawn(target.give_back(connection));
            response.map(Either::Left)
        }
        Err(error) => refusal(StatusCode::BAD_GATEWAY, format!("cut by {}: {error}", target.address)),
    }
}

/// Whether a connection is kept is settled on each side by itself.
fn own_hop(headers: &mut HeaderMap) {
    headers.remove(header::CONNECTION);
}

fn refusal(status: StatusCode, problem: String) -> Response<Body> {
    let mut response = Response::new(Either::Right(Full::new(Bytes::from(problem))));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::SocketAddr;
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;

    use super::*;

    /// Answers with its name once it is allowed to; `cuts`: closes the connection instead. Notes each request.
    async fn pod(name: &'static str, cuts: bool, gate: Arc<Notify>, log: Arc<Mutex<Vec<&'static str>>>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (gate, log) = (Arc::clone(&gate), Arc::clone(&log));
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    while stream.read(&mut request).await.is_ok_and(|count| count > 0) {
                        log.lock().unwrap().push(name);
                        gate.notified().await;
                        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{name}", name.len());
                        if cuts || stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        address
    }

    struct World {
        table: Arc<Table>,
        url: String,
        log: Arc<Mutex<Vec<&'static str>>>,
        gate: Arc<Notify>,
    }

    async fn world() -> World {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let table = Arc::new(Table::default());
        tokio::spawn(serve(listener, Arc::clone(&table)));
        World { table, url, log: Arc::default(), gate: Arc::default() }
    }

    async fn asked(url: String) -> (u16, String) {
        let answer = reqwest::get(url).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    #[tokio::test]
    async fn a_target_that_goes_keeps_the_request_that_it_has_and_gets_no_other() {
        let world = world().await;
        let old = pod("old", false, Arc::clone(&world.gate), Arc::clone(&world.log)).await;
        let open = Arc::new(Notify::new());
        let new = pod("new", false, Arc::clone(&open), Arc::clone(&world.log)).await;
        assert_eq!(asked(world.url.clone()).await.0, 503);
        world.table.set(&BTreeSet::from([old]));
        let long = tokio::spawn(asked(world.url.clone()));
        while world.log.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        world.table.set(&BTreeSet::from([new]));
        for _ in 0..3 {
            open.notify_one();
            assert_eq!(asked(world.url.clone()).await, (200, "new".to_owned()));
        }
        world.gate.notify_one();
        assert_eq!(long.await.unwrap(), (200, "old".to_owned()));
        assert_eq!(*world.log.lock().unwrap(), ["old", "new", "new", "new"]);
    }

    #[tokio::test]
    async fn a_request_that_was_cut_is_not_sent_again() {
        let world = world().await;
        let open = Arc::new(Notify::new());
        let good = pod("good", false, Arc::clone(&open), Arc::clone(&world.log)).await;
        let bad = pod("bad", true, Arc::clone(&world.gate), Arc::clone(&world.log)).await;
        world.table.set(&BTreeSet::from([good, bad]));
        let mut answers = BTreeSet::new();
        for _ in 0..2 {
            open.notify_one();
            world.gate.notify_one();
            answers.insert(asked(world.url.clone()).await.0);
        }
        assert_eq!(answers, BTreeSet::from([200, 502]));
        assert_eq!(world.log.lock().unwrap().len(), 2);
    }
}
