//! Every error code of the API, with the status that it comes with and what it means. Codes are stable: one that was
//! given out keeps its meaning.

/// One code.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    pub code: &'static str,
    pub status: u16,
    /// The `title` of the problem document.
    pub title: &'static str,
}

const fn code(status: u16, code: &'static str, title: &'static str) -> Code {
    Code { code, status, title }
}

/// By status, then by name.
pub const CODES: &[Code] = &[
    code(400, "idempotency_key_required", "The operation needs an Idempotency-Key"),
    code(400, "invalid_body", "The body has the wrong shape"),
    code(400, "invalid_header", "A header cannot be read"),
    code(400, "invalid_idempotency_key", "The Idempotency-Key is empty, too long or not printable"),
    code(400, "invalid_json", "The body is not JSON"),
    code(400, "invalid_path", "The path cannot be read"),
    code(400, "invalid_query", "A query parameter cannot be read"),
    code(401, "unauthenticated", "The token is missing, unknown, revoked or expired"),
    code(403, "forbidden", "The token lacks the right"),
    code(404, "not_found", "There is no such thing here"),
    code(405, "method_not_allowed", "The resource does not take this method"),
    code(413, "body_too_large", "The body is larger than the limit"),
    code(415, "unsupported_media_type", "The body is not application/json"),
    code(422, "invalid_value", "A value breaks the rule of its field"),
    code(500, "internal", "A mistake of ours"),
    code(503, "unavailable", "Something that we depend on is away"),
];

/// What a code means, the same for every request.
pub fn title(code: &str) -> &'static str {
    CODES.iter().find(|known| known.code == code).map_or("The request was refused", |known| known.title)
}
