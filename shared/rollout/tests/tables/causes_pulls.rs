//! The table "why a new process failed": images that do not arrive. Messages are containerd's, as kubelets pass them on.

use crate::causes::{verdict, words};
use crate::world::waiting;

const IMAGE: &str = "registry.example/shop@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// The two states that a failing pull alternates between.
fn pulls(answer: &str) -> [String; 2] {
    let error = format!(
        r#"rpc error: code = Unknown desc = failed to pull and unpack image "{IMAGE}": failed to resolve reference "{IMAGE}": {answer}"#
    );
    let backing_off = format!(r#"Back-off pulling image "{IMAGE}": ErrImagePull: {error}"#);
    [verdict(&waiting("ErrImagePull", &error)), verdict(&waiting("ImagePullBackOff", &backing_off))]
}

#[test]
fn what_the_registry_answers_decides_about_a_pull() {
    let rows = [
        ("registry.example/shop@sha256:9f86d0: not found", "fail image_not_found"),
        ("unexpected status: 404 Not Found", "fail image_not_found"),
        ("manifest unknown: Requested image not found", "fail image_not_found"),
        ("name unknown: The repository with name 'shop' does not exist in the registry", "fail image_not_found"),
        ("pull access denied, repository does not exist or may require authorization", "twice image_denied"),
        ("server message: insufficient_scope: authorization failed", "twice image_denied"),
        (
            "unexpected status from HEAD request to https://registry.example/v2/shop: 403 Forbidden",
            "twice image_denied",
        ),
        ("failed to authorize: failed to fetch oauth token: 401 Unauthorized", "twice image_denied"),
        ("no basic auth credentials", "twice image_denied"),
        ("dial tcp 10.0.0.7:443: i/o timeout", "wait image_pull_slow"),
        (
            "unexpected status from HEAD request to https://registry.example/v2/shop: 429 Too Many Requests",
            "wait image_pull_slow",
        ),
        (
            "unexpected status from GET request to https://registry.example/v2/shop: 503 Service Unavailable",
            "wait image_pull_slow",
        ),
        ("net/http: TLS handshake timeout", "wait image_pull_slow"),
        ("failed to do request: dial tcp: lookup access-denied.example: no such host", "wait image_pull_slow"),
        (
            "get image config descriptor: no match for platform in manifest sha256:9f86d0: not found",
            "fail image_invalid",
        ),
    ];
    for (answer, expected) in rows {
        assert_eq!(pulls(answer), [expected, expected], "{answer}");
    }
}

#[test]
fn the_name_of_an_image_is_no_answer() {
    let error = r#"failed to pull image "registry.example/forbidden/unauthorized-denied:1": registry.example/forbidden/unauthorized-denied:1: 502 Bad Gateway"#;
    assert_eq!(verdict(&waiting("ErrImagePull", error)), "wait image_pull_slow");
}

#[test]
fn a_back_off_that_does_not_say_why_waits() {
    assert_eq!(verdict(&waiting("ImagePullBackOff", r#"Back-off pulling image "shop""#)), "wait image_pull_slow");
    assert_eq!(verdict(&waiting("RegistryUnavailable", "connection refused")), "wait image_pull_slow");
}

#[test]
fn an_image_that_cannot_be_named_or_pulled_is_invalid() {
    let name = waiting("InvalidImageName", r#"Failed to apply default image tag "Shop:": couldn't parse image name"#);
    assert_eq!(verdict(&name), "fail image_invalid");
    let never = waiting("ErrImageNeverPull", r#"Container image "shop:1" is not present with pull policy of Never"#);
    assert_eq!(verdict(&never), "fail image_invalid");
    assert!(words(&never).ends_with(r#"Container image "shop:1" is not present with pull policy of Never"#));
}
