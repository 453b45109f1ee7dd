//! Pages of lists: of records that are listed where they are, and of records that a list only names.

use std::collections::HashMap;

use crate::database::{Bound, Range};
use crate::error::{Result, StoreError};
use crate::item::Item;
use crate::layout::{Place, SORT};
use crate::records::{Listed, Page};
use crate::store::Scoped;

/// DynamoDB's limit of a sort key. A longer cursor is none of ours.
const MAX_CURSOR_BYTES: usize = 1024;

impl Scoped {
    /// A page of a partition's items.
    pub(crate) async fn list(&self, partition: String, newest_first: bool, page: &Page) -> Result<Listed<Item>> {
        let bound = page.after.as_deref().map_or(Bound::All, Bound::After);
        self.list_from(partition, newest_first, bound, page.limit).await
    }

    pub(crate) async fn list_from(
        &self,
        partition: String,
        newest_first: bool,
        bound: Bound<'_>,
        limit: usize,
    ) -> Result<Listed<Item>> {
        if matches!(bound, Bound::After(cursor) if cursor.is_empty() || cursor.len() > MAX_CURSOR_BYTES) {
            return Err(StoreError::Misuse("the cursor is none of this list".to_owned()));
        }
        let limit = limit.clamp(1, Page::MAX_LIMIT);
        // One more than asked for tells whether there is a next page.
        let range = Range { partition, bound, newest_first, limit: limit + 1 };
        let mut items = self.database().query(&range).await?;
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().and_then(|item| item.get(SORT)?.as_s().ok().cloned());
        Ok(Listed { items, next: last.filter(|_| more) })
    }

    /// A page of records that a list names: the list's items lead to keys, the keys to records. A named record that is
    /// absent is left out.
    pub(crate) async fn follow(&self, listed: &Listed<Item>, keys: &[impl AsRef<Place>]) -> Result<Listed<Item>> {
        let mut found: HashMap<Place, Item> = self.database().get_each(keys).await?;
        let items = keys.iter().filter_map(|key| found.remove(key.as_ref())).collect();
        Ok(Listed { items, next: listed.next.clone() })
    }
}

impl Listed<Item> {
    /// The records in the items.
    pub(crate) fn read<T>(&self, read: impl Fn(&Item) -> Result<T>) -> Result<Listed<T>> {
        Ok(Listed { items: self.items.iter().map(read).collect::<Result<_>>()?, next: self.next.clone() })
    }
}
