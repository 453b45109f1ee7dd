//! The table itself, for local use and tests.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TableStatus, TimeToLiveSpecification,
};

use crate::database::Database;
use crate::due::DUE;
use crate::error::{Result, StoreError};
use crate::item::EXPIRES_AT;
use crate::layout::{INDEX, INDEX_PARTITION, INDEX_SORT, PARTITION, SORT};
use crate::retry::{Patience, Trouble, trouble};

/// Creates the table unless it is there, and waits until it can be used.
pub async fn ensure(database: &Database) -> Result<()> {
    let created = create(database).await?;
    let mut patience = Patience::new(&database.sleep);
    loop {
        match database.client.describe_table().table_name(&database.table).send().await {
            Ok(answer) if answer.table().and_then(|table| table.table_status()) == Some(&TableStatus::Active) => break,
            Ok(_) => patience.wait(Trouble::Lost("the table is not active yet".to_owned())).await?,
            Err(error) => patience.wait(trouble(&error)?).await?,
        }
    }
    if created { expire(database).await } else { Ok(()) }
}

/// True: it was not there.
async fn create(database: &Database) -> Result<bool> {
    let attribute = |name: &str, kind: ScalarAttributeType| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()
    };
    let index = GlobalSecondaryIndex::builder()
        .index_name(INDEX)
        .set_key_schema(Some(schema(INDEX_PARTITION, INDEX_SORT)?))
        .projection(Projection::builder().projection_type(ProjectionType::Include).non_key_attributes(DUE).build());
    let request = database
        .client
        .create_table()
        .table_name(&database.table)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute(PARTITION, ScalarAttributeType::S)?)
        .attribute_definitions(attribute(SORT, ScalarAttributeType::S)?)
        .attribute_definitions(attribute(INDEX_PARTITION, ScalarAttributeType::S)?)
        .attribute_definitions(attribute(INDEX_SORT, ScalarAttributeType::N)?)
        .set_key_schema(Some(schema(PARTITION, SORT)?))
        .global_secondary_indexes(index.build()?);
    let mut patience = Patience::new(&database.sleep);
    loop {
        match request.clone().send().await {
            Ok(_) => return Ok(true),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), CreateTableError::ResourceInUseException(_)) =>
            {
                return Ok(false);
            }
            Err(error) => patience.wait(trouble(&error)?).await?,
        }
    }
}

fn schema(partition: &str, sort: &str) -> Result<Vec<KeySchemaElement>> {
    let element = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(StoreError::from)
    };
    Ok(vec![element(partition, KeyType::Hash)?, element(sort, KeyType::Range)?])
}

/// Lets the database delete idempotency records whose day is over.
async fn expire(database: &Database) -> Result<()> {
    let rule = TimeToLiveSpecification::builder().enabled(true).attribute_name(EXPIRES_AT).build()?;
    let request = database.client.update_time_to_live().table_name(&database.table).time_to_live_specification(rule);
    request.send().await.map(drop).map_err(|error| match trouble(&error) {
        Ok(trouble) => StoreError::from(trouble),
        Err(error) => error,
    })
}
