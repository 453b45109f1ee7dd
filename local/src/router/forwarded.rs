//! What a proxy changes of a request and an answer: the headers of one hop, and who asked.

use std::net::SocketAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{PathAndQuery, Uri};

/// RFC 9110, 7.6.1, with the old ones that are still sent.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Whether the client asks for another protocol on this connection.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE) && named(headers).any(|name| name.eq_ignore_ascii_case("upgrade"))
}

/// The names in `Connection`.
fn named(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// Removes what is meant for one hop only. An upgrade is asked for anew.
pub fn strip(headers: &mut HeaderMap, upgrade: bool) {
    let protocol = if upgrade { headers.get(header::UPGRADE).cloned() } else { None };
    let more: Vec<HeaderName> = named(headers).filter_map(|name| name.parse().ok()).collect();
    for name in more.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    if let Some(protocol) = protocol {
        headers.insert(header::UPGRADE, protocol);
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    }
}

/// Makes the client's headers those that the target gets.
pub fn prepare(headers: &mut HeaderMap, peer: SocketAddr, upgrade: bool) {
    strip(headers, upgrade);
    // The router has answered it already, by reading the body.
    headers.remove(header::EXPECT);
    let peer = peer.ip().to_string();
    let before = headers.get_all("x-forwarded-for").into_iter().filter_map(|value| value.to_str().ok());
    let chain: Vec<&str> = before.chain([peer.as_str()]).collect();
    if let Ok(chain) = HeaderValue::from_str(&chain.join(", ")) {
        headers.insert("x-forwarded-for", chain);
    }
    headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    // HTTP/1.0 may leave it out; the request goes on as HTTP/1.1.
    let host = headers.entry(header::HOST).or_insert(HeaderValue::from_static("localhost")).clone();
    headers.entry("x-forwarded-host").or_insert(host);
}

/// Path and query alone, as an origin server expects them.
pub fn origin_form(uri: &Uri) -> Uri {
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    Uri::from(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn headers_of_one_hop_go_no_further() {
        let mut map = headers(&[
            ("connection", "keep-alive, X-Mine"),
            ("keep-alive", "timeout=5"),
            ("x-mine", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("expect", "100-continue"),
            ("host", "shop.test"),
            ("x-forwarded-for", "10.0.0.9"),
            ("x-forwarded-proto", "https"),
            ("accept", "*/*"),
        ]);
        prepare(&mut map, "127.0.0.1:9".parse().unwrap(), false);
        let expected = headers(&[
            ("host", "shop.test"),
            ("x-forwarded-for", "10.0.0.9, 127.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("accept", "*/*"),
            ("x-forwarded-host", "shop.test"),
        ]);
        assert_eq!(map, expected);
    }

    #[test]
    fn an_upgrade_is_asked_for_anew() {
        let mut map = headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]);
        assert!(is_upgrade(&map));
        strip(&mut map, true);
        assert_eq!(map, headers(&[("upgrade", "websocket"), ("connection", "upgrade")]));
        assert!(!is_upgrade(&headers(&[("upgrade", "websocket")])));
    }
}
