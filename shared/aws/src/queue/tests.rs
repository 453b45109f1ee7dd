use aws_sdk_sqs::config::{BehaviorVersion, Region};
use serde_json::{Value, json};
use slipway_domain::error::Kind;

use super::*;
use crate::scripted::{Answer, Aws, credentials};

const QUEUE: &str = "https://sqs.eu-central-1.amazonaws.com/123456789012/notifications";

async fn send(aws: &Aws, messages: &[Message]) -> Vec<Unsent> {
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(credentials())
        .sleep_impl(aws.clock.clone())
        .http_client(aws.http());
    let queue = Notifications::new(config, QUEUE);
    aws.clock.run(queue.send(messages)).await
}

fn messages(count: usize) -> Vec<Message> {
    (0..count).map(|index| Message { id: format!("event/{index}"), body: format!("body {index}") }).collect()
}

fn ids(unsent: &[Unsent]) -> Vec<&str> {
    unsent.iter().map(|unsent| unsent.id.as_str()).collect()
}

/// The first `count` places of a batch were taken, these others not.
fn answered(count: usize, failed: &[(&str, &str, bool)]) -> Answer {
    let successful: Vec<Value> =
        (0..count).map(|place| json!({ "Id": place.to_string(), "MessageId": "m", "MD5OfMessageBody": "d" })).collect();
    let failed: Vec<Value> = failed
        .iter()
        .map(|(id, code, ours)| json!({ "Id": id, "Code": code, "SenderFault": ours, "Message": "so it is" }))
        .collect();
    Answer::Says(200, json!({ "Successful": successful, "Failed": failed }).to_string())
}

fn refused(status: u16, code: &str) -> Answer {
    Answer::Says(status, json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": "so it is" }).to_string())
}

#[tokio::test]
async fn messages_are_sent_ten_at_a_time() {
    let aws = Aws::new([answered(10, &[]), answered(10, &[]), answered(3, &[])]);
    assert_eq!(send(&aws, &messages(23)).await, []);
    let sent: Vec<Value> = aws.asked().iter().map(|asked| serde_json::from_str(&asked.body).unwrap()).collect();
    assert!(aws.asked().iter().all(|asked| asked.target == "AmazonSQS.SendMessageBatch"));
    let entries = |range: std::ops::Range<usize>| -> Vec<Value> {
        let first = range.start;
        range
            .map(|index| json!({ "Id": (index - first).to_string(), "MessageBody": format!("body {index}") }))
            .collect()
    };
    let expected =
        [0..10, 10..20, 20..23].map(|range| json!({ "QueueUrl": QUEUE, "Entries": entries(range) })).to_vec();
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn nothing_is_sent_of_no_messages() {
    let aws = Aws::new([]);
    assert_eq!(send(&aws, &[]).await, []);
    assert!(aws.asked().is_empty());
}

#[tokio::test]
async fn a_message_that_fails_fails_alone() {
    let one = answered(9, &[("9", "InternalError", false)]);
    let other = answered(1, &[("2", "InvalidMessageContents", true)]);
    let aws = Aws::new([one, other]);
    let unsent = send(&aws, &messages(13)).await;
    // The last one is what the answer says nothing about.
    assert_eq!(ids(&unsent), ["event/9", "event/11", "event/12"]);
    let context = |place: usize| unsent[place].error.context.as_deref().unwrap();
    let kinds: Vec<Kind> = unsent.iter().map(|unsent| unsent.error.kind).collect();
    assert_eq!(kinds, [Kind::Unavailable, Kind::Unavailable, Kind::Internal]);
    let sending = format!("sending a message to {QUEUE}");
    assert_eq!(context(0), format!("{sending}: no answer that counts: InternalError (500): so it is"));
    assert_eq!(context(1), format!("{sending}: the answer does not mention it"));
    assert_eq!(
        context(2),
        format!("{sending}: not a request that can succeed: InvalidMessageContents (400): so it is")
    );
}

#[tokio::test]
async fn a_batch_that_fails_ends_the_sending() {
    for answer in [Answer::Breaks, Answer::Silence, refused(500, "InternalFailure")] {
        let aws = Aws::new([answered(10, &[]), answer]);
        let unsent = send(&aws, &messages(35)).await;
        let rest: Vec<String> = messages(35).split_off(10).into_iter().map(|message| message.id).collect();
        assert_eq!(ids(&unsent), rest);
        assert!(unsent.iter().all(|unsent| unsent.error.kind == Kind::Unavailable));
        assert!(aws.asked().len() <= 1 + 3 && aws.clock.now() <= LIMITS.whole, "{:?}", aws.clock.now());
    }
}

#[tokio::test]
async fn every_code_of_sqs_means_one_thing() {
    let later = (Kind::Unavailable, Some(5));
    let soon = (Kind::Unavailable, Some(1));
    let ours = (Kind::Internal, None);
    let table = [
        ("RequestThrottled", 403, 3, later, "over a quota"),
        ("ThrottlingException", 400, 3, later, "over a quota"),
        ("KmsThrottled", 400, 1, later, "over a quota"),
        ("KmsInvalidState", 400, 1, soon, "no answer that counts"),
        ("ServiceUnavailable", 503, 3, soon, "no answer that counts"),
        ("AccessDeniedException", 400, 1, ours, "refused: give the function's role sqs:SendMessage on it, and kms:"),
        ("KmsAccessDenied", 400, 1, ours, "refused: give the function's role"),
        ("InvalidClientTokenId", 403, 1, ours, "refused: give the function's role"),
        ("QueueDoesNotExist", 400, 1, ours, "it is not there: deploy the stack again"),
        ("InvalidAddress", 400, 1, ours, "it is not there: deploy the stack again"),
        ("KmsNotFound", 400, 1, ours, "it is not there: deploy the stack again"),
        ("BatchRequestTooLong", 400, 1, ours, "not a request that can succeed"),
        ("SomethingNew", 400, 1, ours, "not a request that can succeed"),
    ];
    for (code, status, attempts, meaning, words) in table {
        let aws = Aws::new([refused(status, code)]);
        let [unsent] = send(&aws, &messages(1)).await.try_into().unwrap();
        let error = unsent.error;
        assert_eq!((error.kind, error.retry_after_seconds), meaning, "{code}");
        assert_eq!(aws.asked().len(), attempts, "{code}");
        let context = error.context.unwrap();
        assert!(context.starts_with(&format!("sending a message to {QUEUE}: {words}")), "{context}");
        assert!(context.ends_with(&format!("{code} ({status}): so it is")), "{context}");
    }
}
