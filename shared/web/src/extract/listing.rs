//! Lists: which part is asked for, and the cursor of the next one.

use axum::extract::FromRequestParts;
use http::request::Parts;
use slipway_domain::id::TenantId;
use slipway_service::caller::Caller;
use slipway_service::request::{self, Paged};

use super::query::{FromParameters, Parameters, Query};
use crate::problem::{Answer, Problem};
use crate::state::State;
use crate::wire::Page;

/// How many items one answer has at most.
pub const MAX_LIMIT: u64 = 100;

const DEFAULT_LIMIT: u64 = 50;

/// Which part of a list is asked for, and with which filter.
pub struct Listing<F> {
    pub filter: F,
    limit: u32,
    cursor: Option<String>,
    /// Path and filter as they were sent: a cursor continues this list and no other.
    list: String,
}

/// The parameters that every list has.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u32>,
    /// `next_cursor` of the part before.
    #[param(max_length = 1024)]
    pub cursor: Option<String>,
}

struct Parsed<F> {
    filter: F,
    paging: Paging,
    filter_text: String,
}

impl<F: FromParameters> FromParameters for Parsed<F> {
    fn from_parameters(parameters: &mut Parameters) -> Answer<Self> {
        let limit = parameters.number("limit", DEFAULT_LIMIT, 1..=MAX_LIMIT)?;
        let paging = Paging { limit: u32::try_from(limit).ok(), cursor: parameters.text("cursor") };
        let filter_text = parameters.sorted();
        Ok(Self { filter: F::from_parameters(parameters)?, paging, filter_text })
    }
}

impl<S: Send + Sync, F: FromParameters> FromRequestParts<S> for Listing<F> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Answer<Self> {
        let Query(parsed) = Query::<Parsed<F>>::from_request_parts(parts, state).await?;
        Ok(Self {
            filter: parsed.filter,
            limit: parsed.paging.limit.unwrap_or_default(),
            cursor: parsed.paging.cursor,
            list: format!("{}?{}", parts.uri.path(), parsed.filter_text),
        })
    }
}

impl<F> Listing<F> {
    /// What the use case is asked for.
    pub async fn page(&self, state: &State, caller: &Caller) -> Answer<request::Page> {
        let after = match &self.cursor {
            None => None,
            Some(cursor) => Some(state.cursor_key(caller).await?.open(&self.name(caller.tenant()), cursor)?),
        };
        Ok(request::Page { limit: self.limit, after })
    }

    /// The answer for what the use case gave.
    pub async fn answer<T, U: for<'item> From<&'item T>>(
        &self,
        state: &State,
        caller: &Caller,
        paged: &Paged<T>,
    ) -> Answer<Page<U>> {
        let next_cursor = match &paged.next {
            None => None,
            Some(position) => Some(state.cursor_key(caller).await?.seal(&self.name(caller.tenant()), position)),
        };
        Ok(Page { items: paged.items.iter().map(U::from).collect(), next_cursor })
    }

    fn name(&self, tenant: &TenantId) -> String {
        format!("{tenant} {}", self.list)
    }
}

/// A part of a list that is short enough to be read as a whole.
pub fn part<T>(items: Vec<T>, page: &request::Page) -> Paged<T> {
    let start = page.after.as_deref().and_then(|after| after.parse::<usize>().ok()).unwrap_or(0);
    let end = start.saturating_add(usize::try_from(page.limit).unwrap_or(usize::MAX));
    let next = (end < items.len()).then(|| end.to_string());
    Paged { items: items.into_iter().take(end).skip(start).collect(), next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_list_make_the_whole_list() {
        let mut page = request::Page { limit: 2, after: None };
        let mut seen = Vec::new();
        for _ in 0..10 {
            let paged = part(vec![1, 2, 3, 4, 5], &page);
            seen.extend(paged.items);
            page.after = paged.next;
            if page.after.is_none() {
                break;
            }
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
        assert_eq!(part(vec![1, 2], &request::Page { limit: 2, after: None }).next, None);
    }
}
