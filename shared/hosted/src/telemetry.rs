//! The log as JSON, one object per line with dotted fields, and what of it is counted.

use std::sync::atomic::{AtomicU32, Ordering};

use tracing::{Event, Span, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

/// Adapters and store tell of a throttled call under this name.
const THROTTLED: &str = "slipway::throttled";

static COUNTED: AtomicU32 = AtomicU32::new(0);

/// Calls that were throttled since this was last asked.
pub fn throttled() -> u32 {
    COUNTED.swap(0, Ordering::Relaxed)
}

/// Starts the log. `RUST_LOG` says what is in it; `info` unless it is set.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
    // A second start, as in tests, changes nothing.
    let _ = tracing_subscriber::registry().with(filter).with(lines).with(Throttles).try_init();
}

/// What one invocation is logged under.
pub fn invocation(request_id: &str) -> Span {
    tracing::info_span!("invocation", request.id = request_id, trace.id = trace().unwrap_or_default())
}

/// The trace that the present invocation belongs to, as X-Ray writes it. The runtime sets it for each.
pub fn trace() -> Option<String> {
    std::env::var("_X_AMZN_TRACE_ID").ok().filter(|trace| !trace.is_empty())
}

struct Throttles;

impl<S: Subscriber> Layer<S> for Throttles {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == THROTTLED {
            COUNTED.fetch_add(1, Ordering::Relaxed);
        }
    }
}
