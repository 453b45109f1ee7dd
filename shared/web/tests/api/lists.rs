//! Lists are read in parts, each with the cursor of the next.

use serde_json::{Value, json};

use crate::Api;
use crate::world::WEB;

/// Ids of all items, read in parts of this size.
async fn read_all(api: &Api, path: &str, limit: usize) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    for _ in 0..50 {
        let join = if path.contains('?') { '&' } else { '?' };
        let page = api.get(&format!("{path}{join}limit={limit}{cursor}")).await.ok();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        ids.extend(items.iter().map(|item| item["id"].as_str().or(item["name"].as_str()).unwrap().to_owned()));
        match &page["next_cursor"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return ids,
        }
    }
    panic!("the list does not end");
}

#[tokio::test]
async fn parts_of_any_size_make_the_same_list() {
    let api = Api::new().await;
    for number in 1..=5 {
        api.world.build(number, WEB).await;
        api.post("/v1/apps", &json!({ "name": format!("app-{number}") })).await.ok();
        api.post("/v1/apps/shop/environments", &json!({ "name": format!("test-{number}") })).await.ok();
    }
    let lists = [
        ("/v1/apps", 6),
        ("/v1/apps/shop/builds", 5),
        ("/v1/apps/shop/releases", 5),
        ("/v1/apps/shop/releases?environment=production", 5),
        ("/v1/apps/shop/environments", 6),
    ];
    for (path, count) in lists {
        let whole = read_all(&api, path, 100).await;
        assert_eq!(whole.len(), count, "{path}");
        for limit in [1, 2, 3] {
            assert_eq!(read_all(&api, path, limit).await, whole, "{path} in parts of {limit}");
        }
    }
}

#[tokio::test]
async fn a_cursor_continues_only_the_list_that_gave_it_out() {
    let api = Api::new().await;
    for number in 1..=2 {
        api.world.build(number, WEB).await;
    }
    let page = api.get("/v1/apps/shop/releases?environment=production&limit=1").await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    assert!(cursor.len() <= 1024);
    let good = api.get(&format!("/v1/apps/shop/releases?cursor={cursor}&environment=production&limit=2")).await;
    assert_eq!(good.ok()["items"].as_array().unwrap().len(), 1);
    for path in ["/v1/apps/shop/releases?", "/v1/apps/shop/builds?", "/v1/apps/shop/releases?environment=staging&"] {
        let refused = api.get(&format!("{path}cursor={cursor}")).await.refusal();
        assert_eq!(refused, (400, "invalid_query".to_owned(), vec!["cursor".to_owned()]), "{path}");
    }
}
