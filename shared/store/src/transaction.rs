//! One change as one transaction, collected item by item. What each failed condition would mean is noted beside it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure as Return, TransactWriteItem,
    Update,
};

use crate::database::Database;
use crate::error::{Result, StoreError, Subject};
use crate::item::{Item, MAX_ITEM_BYTES, size};
use crate::layout::{Key, PARTITION, Place, SealedKey};
use crate::reasons::Meaning;

/// DynamoDB's limit of a transaction.
const MAX_ITEMS: usize = 100;

/// The one condition of everything that is written once.
pub const ABSENT: &str = "attribute_not_exists(#pk)";

/// What must be so of an attribute, compared with what was read.
#[derive(Clone, Debug)]
pub enum When {
    Is(&'static str, AttributeValue),
    Lacks(&'static str),
    Has(&'static str),
}

/// Which attributes of an item change, and under which conditions.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    pub set: Vec<(&'static str, AttributeValue)>,
    pub remove: Vec<&'static str>,
    pub when: Vec<When>,
}

/// When an item counts as gone.
#[derive(Clone, Copy, Debug)]
pub struct Over<'a> {
    /// The attribute with the time, in seconds.
    pub expiry: &'a str,
    pub now_seconds: i64,
}

/// A change in the making.
#[derive(Debug)]
pub struct Transaction {
    table: String,
    items: Vec<TransactWriteItem>,
    meanings: Vec<Meaning>,
}

impl Transaction {
    pub fn new(table: &str) -> Self {
        Self { table: table.to_owned(), items: Vec::new(), meanings: Vec::new() }
    }

    /// Writes an item that must not be there.
    pub fn create(&mut self, subject: Subject, key: &Key, row: Item) -> Result<()> {
        self.put(subject, key.as_ref(), row, &Expression::absent(), Meaning::Exists(subject))
    }

    /// Writes a sealed item. This is the only way to write one.
    pub fn seal(&mut self, subject: Subject, key: &SealedKey, row: Item, meaning: Meaning) -> Result<()> {
        self.put(subject, key.as_ref(), row, &Expression::absent(), meaning)
    }

    /// Replaces an item that must be as it was read.
    pub fn replace(&mut self, subject: Subject, key: &Key, row: Item, when: Vec<When>) -> Result<()> {
        let expression = Expression::of(&Edit { when, ..Edit::default() });
        self.put(subject, key.as_ref(), row, &expression, Meaning::Stale(subject))
    }

    /// Writes an item that must not be there, or whose time in seconds, in the attribute `expiry`, is over.
    pub fn claim(&mut self, subject: Subject, key: &Key, row: Item, over: Over<'_>, meaning: Meaning) -> Result<()> {
        let mut expression = Expression::absent();
        expression.condition = format!("{ABSENT} OR #{} <= :now", over.expiry);
        expression.name(over.expiry);
        expression.values.insert(":now".to_owned(), AttributeValue::N(over.now_seconds.to_string()));
        self.put(subject, key.as_ref(), row, &expression, meaning)
    }

    fn put(
        &mut self,
        subject: Subject,
        place: &Place,
        mut row: Item,
        expression: &Expression,
        meaning: Meaning,
    ) -> Result<()> {
        row.extend(place.item());
        check_size(subject, &row)?;
        let put = Put::builder().table_name(&self.table).set_item(Some(row));
        let put = put
            .set_condition_expression(expression.condition())
            .set_expression_attribute_names(expression.names())
            .set_expression_attribute_values(expression.values())
            .return_values_on_condition_check_failure(Return::AllOld);
        self.add(TransactWriteItem::builder().put(put.build()?).build(), meaning);
        Ok(())
    }

    /// Changes attributes of an item.
    pub fn update(&mut self, subject: Subject, key: &Key, edit: &Edit, meaning: Meaning) -> Result<()> {
        check_size(subject, &edit.set.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())?;
        let expression = Expression::of(edit);
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key.as_ref().item()))
            .update_expression(edit.expression())
            .set_condition_expression(expression.condition())
            .set_expression_attribute_names(expression.names())
            .set_expression_attribute_values(expression.values())
            .return_values_on_condition_check_failure(Return::AllOld);
        self.add(TransactWriteItem::builder().update(update.build()?).build(), meaning);
        Ok(())
    }

    /// Deletes an item that must be as it was read.
    pub fn delete(&mut self, key: &Key, when: Vec<When>, meaning: Meaning) -> Result<()> {
        let expression = Expression::of(&Edit { when, ..Edit::default() });
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key.as_ref().item()))
            .set_condition_expression(expression.condition())
            .set_expression_attribute_names(expression.names())
            .set_expression_attribute_values(expression.values())
            .return_values_on_condition_check_failure(Return::AllOld);
        self.add(TransactWriteItem::builder().delete(delete.build()?).build(), meaning);
        Ok(())
    }

    /// Requires that an item is there and as it was read.
    pub fn check(&mut self, key: &Key, when: Vec<When>, meaning: Meaning) -> Result<()> {
        self.check_with(key.as_ref(), &Expression::of(&Edit { when, ..Edit::default() }), meaning)
    }

    /// Requires that nothing was sealed there.
    pub fn check_unsealed(&mut self, subject: Subject, key: &SealedKey) -> Result<()> {
        self.check_with(key.as_ref(), &Expression::absent(), Meaning::Sealed(subject))
    }

    fn check_with(&mut self, place: &Place, expression: &Expression, meaning: Meaning) -> Result<()> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(place.item()))
            .set_condition_expression(expression.condition())
            .set_expression_attribute_names(expression.names())
            .set_expression_attribute_values(expression.values())
            .return_values_on_condition_check_failure(Return::AllOld);
        self.add(TransactWriteItem::builder().condition_check(check.build()?).build(), meaning);
        Ok(())
    }

    fn add(&mut self, item: TransactWriteItem, meaning: Meaning) {
        self.items.push(item);
        self.meanings.push(meaning);
    }

    /// Sends it, under a token of its own.
    pub async fn commit(self, database: &Database) -> Result<()> {
        if self.items.len() > MAX_ITEMS {
            return Err(StoreError::Misuse(format!("a transaction of {} items is too long", self.items.len())));
        }
        let token = hex::encode(rand::random::<[u8; 16]>());
        database.write(self.items, &self.meanings, &token).await
    }
}

fn check_size(subject: Subject, row: &Item) -> Result<()> {
    let bytes = size(row);
    if bytes > MAX_ITEM_BYTES {
        return Err(StoreError::TooLarge { subject, bytes, limit: MAX_ITEM_BYTES });
    }
    Ok(())
}

impl Edit {
    /// `SET #a = :a, … REMOVE #b, …`. Names stand for themselves behind `#`, since some are reserved words.
    fn expression(&self) -> String {
        let set: Vec<String> = self.set.iter().map(|(name, _)| format!("#{name} = :{name}")).collect();
        let remove: Vec<String> = self.remove.iter().map(|name| format!("#{name}")).collect();
        let part = |word: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{word} {} ", parts.join(", ")),
        };
        format!("{}{}", part("SET", &set), part("REMOVE", &remove)).trim_end().to_owned()
    }
}

/// A condition with the names and values that it, and the update beside it, speak of.
#[derive(Clone, Debug, Default)]
struct Expression {
    condition: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Expression {
    fn absent() -> Self {
        let names = HashMap::from([("#pk".to_owned(), PARTITION.to_owned())]);
        Self { condition: ABSENT.to_owned(), names, values: HashMap::new() }
    }

    fn of(edit: &Edit) -> Self {
        let mut expression = Self::default();
        for (name, value) in &edit.set {
            expression.name(name);
            expression.values.insert(format!(":{name}"), value.clone());
        }
        for name in &edit.remove {
            expression.name(name);
        }
        let mut conditions = Vec::new();
        for when in &edit.when {
            conditions.push(match when {
                When::Is(name, value) => {
                    expression.name(name);
                    expression.values.insert(format!(":was_{name}"), value.clone());
                    format!("#{name} = :was_{name}")
                }
                When::Lacks(name) => {
                    expression.name(name);
                    format!("attribute_not_exists(#{name})")
                }
                When::Has(name) => {
                    expression.name(name);
                    format!("attribute_exists(#{name})")
                }
            });
        }
        expression.condition = conditions.join(" AND ");
        expression
    }

    fn name(&mut self, name: &str) {
        self.names.insert(format!("#{name}"), name.to_owned());
    }

    fn condition(&self) -> Option<String> {
        (!self.condition.is_empty()).then(|| self.condition.clone())
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}
