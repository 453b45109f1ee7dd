//! From the name of an operation and its JSON to the engine's answer in JSON.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::faults::Refusal;

/// An answer as it stands in an HTTP response.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// Runs one operation to its end on this thread.
pub fn dispatch(database: &Database, operation: &str, request: &str) -> Answer {
    match run(database, operation, request) {
        Ok(body) => Answer { status: 200, body },
        Err(error) => Answer { status: error.status_code(), body: error.to_json() },
    }
}

fn run(database: &Database, operation: &str, request: &str) -> Result<String, DynoxideError> {
    match operation {
        "CreateTable" => write(&database.create_table(read(request)?)?),
        "DeleteTable" => write(&database.delete_table(read(request)?)?),
        "DescribeTable" => write(&database.describe_table(read(request)?)?),
        "ListTables" => write(&database.list_tables(read(request)?)?),
        "UpdateTimeToLive" => write(&database.update_time_to_live(read(request)?)?),
        "DescribeTimeToLive" => write(&database.describe_time_to_live(read(request)?)?),
        "PutItem" => write(&database.put_item(read(request)?)?),
        "GetItem" => write(&database.get_item(read(request)?)?),
        "DeleteItem" => write(&database.delete_item(read(request)?)?),
        "UpdateItem" => write(&database.update_item(read(request)?)?),
        "Query" => write(&database.query(read(request)?)?),
        "Scan" => write(&database.scan(read(request)?)?),
        "BatchGetItem" => write(&database.batch_get_item(read(request)?)?),
        "BatchWriteItem" => write(&database.batch_write_item(read(request)?)?),
        "TransactWriteItems" => write(&database.transact_write_items(read(request)?)?),
        "TransactGetItems" => write(&database.transact_get_items(read(request)?)?),
        _ => Err(DynoxideError::ValidationException(format!("the embedded database does not do {operation}"))),
    }
}

/// A request that does not parse is refused in the engine's words; its markers say which exception that is.
fn read<T: DeserializeOwned>(request: &str) -> Result<T, DynoxideError> {
    serde_json::from_str(request).map_err(|error| {
        let text = error.to_string();
        let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _position)| message);
        for marker in ["VALIDATION_REQUEST:", "VALIDATION_AS_READ:", "VALIDATION:"] {
            if let Some(message) = text.strip_prefix(marker) {
                return DynoxideError::ValidationException(message.to_owned());
            }
        }
        let message = ["SERIALIZATION_AS_READ:", "SERIALIZATION:"].iter().find_map(|marker| text.strip_prefix(marker));
        DynoxideError::SerializationException(message.unwrap_or(text).to_owned())
    })
}

fn write<T: Serialize>(answer: &T) -> Result<String, DynoxideError> {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// What DynamoDB would answer if it refused this request so.
pub fn refused(refusal: Refusal, operation: &str, request: &str) -> Answer {
    let error = match refusal {
        Refusal::Internal => DynoxideError::InternalServerError("internal server error".to_owned()),
        Refusal::Throttled if operation == "TransactWriteItems" => cancelled("ThrottlingError", request),
        Refusal::Conflict if operation == "TransactWriteItems" => cancelled("TransactionConflict", request),
        Refusal::Throttled => DynoxideError::ProvisionedThroughputExceededException("rate exceeded".to_owned()),
        Refusal::Conflict => {
            let kind = "com.amazonaws.dynamodb.v20120810#TransactionConflictException";
            let body = serde_json::json!({ "__type": kind, "message": "transaction is ongoing for the item" });
            return Answer { status: 400, body: body.to_string() };
        }
    };
    Answer { status: error.status_code(), body: error.to_json() }
}

/// A cancelled transaction whose first item has this reason and whose others have none.
fn cancelled(code: &str, request: &str) -> DynoxideError {
    let request: serde_json::Value = serde_json::from_str(request).unwrap_or_default();
    let items = request["TransactItems"].as_array().map_or(1, Vec::len);
    let reasons = (0..items).map(|index| dynoxide::errors::CancellationReason {
        code: if index == 0 { code } else { "None" }.to_owned(),
        message: None,
        item: None,
    });
    let message = format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{code}]");
    DynoxideError::TransactionCanceledException(message, reasons.collect())
}
