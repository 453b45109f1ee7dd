//! An answer's body that holds its claim on the target until the last byte is out.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::balancer::Claim;

/// Passes everything on as it comes.
#[derive(Debug)]
pub struct Guarded {
    body: Incoming,
    claim: Option<Claim>,
}

impl Guarded {
    pub fn new(body: Incoming, claim: Claim) -> Self {
        // An answer without a body may never be polled.
        let claim = (!body.is_end_stream()).then_some(claim);
        Self { body, claim }
    }
}

impl Body for Guarded {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.claim = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
