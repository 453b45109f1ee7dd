//! What is AWS alone: roles, tenants, the state machine and what goes wrong around it, on the stack as it is deployed to an
//! emulator, with the binaries that Lambda runs. `tests/tests/end_to_end` tells the product's own stories there.
//!
//! The stories that break the step function come last, one after the other: all promotions share it.

mod broken_steps;
mod connecting;
mod left_behind;
mod machine;
mod operations;
mod relay;
mod secrecy;
mod tenants;

use std::sync::Arc;
use std::time::Instant;

use slipway_tests::end_to_end::aws::Aws;
use slipway_tests::end_to_end::place::Place;
use slipway_tests::server::Result;

/// What all stories are told on.
struct Ground {
    aws: Arc<Aws>,
    /// The first tenant's place.
    place: Place,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_story_of_the_deployed_stack_holds() {
    let aws = Arc::new(Aws::start().await.unwrap());
    let tenant = Box::new(aws.connected("alpha", 0).await.unwrap());
    let ground = Ground { place: Place::Aws(Arc::clone(&aws), tenant), aws };
    let mut told = Vec::new();
    let (a, b, c, d, e, f) = tokio::join!(
        tell("connecting a cluster", connecting::story(&ground)),
        tell("two tenants", tenants::story(&ground)),
        tell("transitions are counted", machine::story(&ground)),
        tell("an execution that was stopped by hand", left_behind::stopped(&ground)),
        tell("bad records of the stream", relay::story(&ground)),
        tell("a role that is taken away", connecting::taken_away(&ground)),
    );
    told.extend([a, b, c, d, e, f]);
    told.push(tell("the stream is switched off", left_behind::without_the_stream(&ground)).await);
    told.push(tell("steps that break", broken_steps::story(&ground)).await);
    told.push(tell("nothing leaks", secrecy::story(&ground)).await);
    assert!(told.iter().any(|told| *told == Ok(true)), "STORY names no story");
    let failed: Vec<String> = told.into_iter().filter_map(std::result::Result::err).collect();
    assert!(failed.is_empty(), "{}\n\n{}", failed.join("\n\n"), ground.aws.log_tail());
}

/// Tells it unless `STORY` names others; whether it was told.
async fn tell(name: &str, story: impl Future<Output = Result<()>>) -> std::result::Result<bool, String> {
    if !name.contains(&std::env::var("STORY").unwrap_or_default()) {
        return Ok(false);
    }
    let begun = Instant::now();
    let told = story.await;
    let word = if told.is_ok() { "holds" } else { "does not hold" };
    println!("{name}: {word} after {:.1} s", begun.elapsed().as_secs_f64());
    if let Err(error) = &told {
        println!("{error}");
    }
    told.map(|()| true).map_err(|error| format!("{name}: {error}"))
}

fn check(holds: bool, problem: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(problem()) }
}
