//! Waiting for what the API does: nothing is lost or told twice, whatever happens to the connection or the server.

use crate::api::{self, EventPage, Promotion};
use crate::failure::Failure;
use crate::text::{clean, seconds};

use super::Context;

/// Writes the events of a promotion until it has ended.
pub async fn follow(context: &Context<'_>, promotion: &Promotion) -> Result<Promotion, Failure> {
    let id = &promotion.id;
    let goes_on = format!(
        "{id} goes on; watch it with: slipway promotions info {id} --follow\nturn it back with: slipway promotions \
         cancel {id}"
    );
    let path = format!("{}/promotions/{id}", context.target.environment_path());
    until_interrupted(&goes_on, async {
        let mut after = 0;
        loop {
            let query = [("after", after.to_string()), ("wait", "20".to_owned())];
            let page: EventPage = api::read(&context.client.get_with(&format!("{path}/events"), &query).await?)?;
            for event in page.events.iter().filter(|event| event.number > after) {
                let line = format!("{} {} {}", seconds(&event.at), event.source, event.message);
                context.terminal.line(&clean(&line));
            }
            after = page.next;
            if page.finished {
                return Promotion::read(&context.client.get(&path).await?);
            }
        }
    })
    .await
}

/// Runs until it is done, or until Ctrl-C, which stops the waiting and nothing else.
pub async fn until_interrupted<T>(goes_on: &str, act: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        result = act => result,
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted(goes_on.to_owned())),
    }
}
