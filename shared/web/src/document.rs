//! The `OpenAPI` 3.1 document, derived from handlers and types.

use std::fmt::Write;

use http::StatusCode;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr};
use utoipa::{Modify, OpenApi};

use crate::codes::CODES;
use crate::problem::ProblemDocument;
use crate::router;

/// What the document says besides the operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Slipway",
        description = "Build, release and promote as three separate acts. Errors are problem documents (RFC 9457) with \
                       a stable code; every answer bears an X-Request-Id.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "tenants", description = "Customers of a hosted installation, made by its operator"),
        (name = "clusters", description = "EKS clusters that processes run in"),
        (name = "apps", description = "Names that hold builds, releases and environments"),
        (name = "environments", description = "Where an app runs"),
        (name = "builds", description = "Images made from one commit"),
        (name = "releases", description = "A build frozen with variables and a manifest"),
        (name = "variables", description = "Changing them makes a release and ships nothing"),
        (name = "promotions", description = "The only acts that touch what users see"),
        (name = "processes", description = "What is running, and what it wrote"),
        (name = "runs", description = "Commands in a fresh process of any release"),
        (name = "meta", description = "About the API itself"),
    ),
    components(schemas(ProblemDocument)),
    security(("token" = [])),
    modifiers(&Token)
)]
struct Frame;

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("slp_…").build();
        document.components.get_or_insert_default().add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The document without its operations.
pub(crate) fn frame() -> Document {
    Frame::openapi()
}

/// Gives every answer the description that the standard asks for.
pub(crate) fn complete(document: &mut Document) {
    for item in document.paths.paths.values_mut() {
        let methods = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch];
        for operation in methods.into_iter().filter_map(Option::as_mut) {
            for (status, response) in &mut operation.responses.responses {
                if let RefOr::T(response) = response
                    && response.description.is_empty()
                {
                    let status = status.parse::<StatusCode>().ok();
                    let reason = status.and_then(|status| status.canonical_reason());
                    response.description = reason.map(str::to_owned).unwrap_or_default();
                }
            }
        }
    }
}

/// The whole document, as it is served and committed.
pub fn document() -> String {
    text(&router::parts().1)
}

pub(crate) fn text(document: &Document) -> String {
    let mut text = document.to_pretty_json().expect("a derived document holds nothing that JSON cannot");
    text.push('\n');
    text
}

/// Every error code as a table in Markdown, as it is committed.
pub fn codes_table() -> String {
    let mut table =
        "# Error codes\n\nGenerated from the code.\n\n| status | code | meaning |\n| --- | --- | --- |\n".to_owned();
    for known in CODES {
        writeln!(table, "| {} | `{}` | {} |", known.status, known.code, known.title)
            .expect("writing to a string does not fail");
    }
    table
}
