//! The SDK's HTTP connector that ends in the engine.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use dynoxide::Database;

use crate::dispatch::{Answer, dispatch, refused};
use crate::faults::{Call, Fault, Faults};

/// Where the data is, and with it how long a call may hold its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Well under a millisecond: runs on the caller's thread, in the caller's order.
    Memory,
    /// May wait for the disk: runs on a thread for that.
    File,
}

pub struct Connector {
    database: Database,
    place: Place,
    faults: Option<Arc<dyn Faults>>,
    calls: AtomicU64,
}

impl Connector {
    pub fn new(database: Database, place: Place, faults: Option<Arc<dyn Faults>>) -> Self {
        Self { database, place, faults, calls: AtomicU64::new(0) }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("place", &self.place).finish_non_exhaustive()
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let work = Work { database: self.database.clone(), place: self.place, faults: self.faults.clone(), number };
        HttpConnectorFuture::new(work.run(request))
    }
}

struct Work {
    database: Database,
    place: Place,
    faults: Option<Arc<dyn Faults>>,
    number: u64,
}

impl Work {
    async fn run(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let bytes = request.body().bytes().unwrap_or_default();
        let body = std::str::from_utf8(bytes).map_err(|error| ConnectorError::user(error.into()))?.to_owned();
        let call = Call { operation: &operation, number: self.number, request: &body };
        match self.faults.as_ref().map_or(Fault::Pass, |faults| faults.fault(&call)) {
            Fault::Pass => self.ask(operation, body).await,
            Fault::FailBefore(refusal) => response(refused(refusal, &operation, &body)),
            Fault::FailAfter => {
                self.ask(operation, body).await?;
                Err(ConnectorError::io("the connection broke before the answer arrived".into()))
            }
            Fault::Hold(until) => {
                until.await;
                self.ask(operation, body).await
            }
        }
    }

    async fn ask(self, operation: String, body: String) -> Result<HttpResponse, ConnectorError> {
        let answer = match self.place {
            Place::Memory => dispatch(&self.database, &operation, &body),
            Place::File => tokio::task::spawn_blocking(move || dispatch(&self.database, &operation, &body))
                .await
                .map_err(|error| ConnectorError::other(error.into(), None))?,
        };
        response(answer)
    }
}

fn response(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    let status = StatusCode::try_from(answer.status).map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}
