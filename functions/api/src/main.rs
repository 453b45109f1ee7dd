//! The REST API behind API Gateway.

use std::sync::Arc;

use lambda_http::{Error, run};
use slipway_hosted::{Host, api};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let host = Host::start().await?;
    run(slipway_web::router(Arc::new(api::api(&host)?))).await
}
