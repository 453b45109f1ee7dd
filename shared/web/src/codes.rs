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
    code(404, "app_not_found", "There is no such app"),
    code(404, "build_not_found", "There is no such build"),
    code(404, "cluster_not_found", "There is no such cluster"),
    code(404, "environment_not_found", "There is no such environment"),
    code(404, "not_found", "There is no such thing"),
    code(404, "promotion_not_found", "There is no such promotion"),
    code(404, "release_not_found", "There is no such release"),
    code(404, "run_not_found", "There is no such run"),
    code(404, "service_not_found", "There is no such service"),
    code(404, "tenant_not_found", "The tenant is gone"),
    code(405, "method_not_allowed", "The resource does not take this method"),
    code(409, "already_exists", "It exists already"),
    code(409, "app_exists", "An app of this name exists"),
    code(409, "build_ended", "The build has ended"),
    code(409, "build_incomplete", "The release's build is not complete"),
    code(409, "build_running", "The build is running"),
    code(409, "changed_meanwhile", "It was changed meanwhile"),
    code(409, "cluster_exists", "A cluster of this name exists"),
    code(409, "cluster_in_use", "Environments are in the cluster"),
    code(409, "cluster_refused", "The cluster does not take it"),
    code(409, "cluster_unauthorized", "The cluster refuses our access"),
    code(409, "environment_busy", "A promotion is running in the environment"),
    code(409, "environment_deleting", "The environment is being deleted"),
    code(409, "environment_exists", "An environment of this name exists"),
    code(409, "environment_in_use", "Something runs in the environment"),
    code(409, "image_missing", "The image is not in the registry"),
    code(409, "no_active_release", "Nothing is active in the environment"),
    code(409, "no_release", "The environment has no release yet"),
    code(409, "nothing_to_roll_back_to", "No earlier release was good"),
    code(409, "promotion_ended", "The promotion has ended"),
    code(409, "promotion_restoring", "The promotion is turning back already"),
    code(409, "registry_unauthorized", "The registry refuses our access"),
    code(409, "registry_unusable", "The address of the registry leads to something else"),
    code(409, "release_older", "The release is older than the active one"),
    code(409, "sealed", "It is complete and never changes"),
    code(409, "tag_taken", "Another release bears the tag"),
    code(409, "upload_missing", "The archive was not uploaded"),
    code(409, "wrong_environment", "The release belongs to another environment"),
    code(412, "base_changed", "The base is no longer the one that was seen"),
    code(412, "stale_version", "The environment is no longer at the version that was seen"),
    code(413, "body_too_large", "The body is larger than the limit"),
    code(413, "too_large", "It is larger than what can be kept"),
    code(415, "unsupported_media_type", "The body is not application/json"),
    code(422, "archive_too_large", "The archive is larger than the limit"),
    code(422, "cluster_required", "There are several clusters, and none is named"),
    code(422, "cluster_unknown", "There is no cluster of this name"),
    code(422, "clusters_not_taken", "This installation connects no clusters"),
    code(422, "external_builds_not_taken", "This installation builds images itself and has no registry"),
    code(422, "formation_too_large", "The rollout would be too long to be carried out"),
    code(422, "idempotency_key_reused", "The Idempotency-Key was used for another request"),
    code(422, "image_missing", "The image is not in the registry"),
    code(422, "invalid_build", "The build breaks a rule"),
    code(422, "invalid_commit", "The commit breaks a rule"),
    code(422, "invalid_manifest", "The manifest breaks a rule"),
    code(422, "invalid_promotion", "The promotion breaks a rule"),
    code(422, "invalid_release", "The release breaks a rule"),
    code(422, "invalid_run", "The run breaks a rule"),
    code(422, "invalid_scale", "The formation breaks a rule"),
    code(422, "invalid_tenant", "The tenant breaks a rule"),
    code(422, "invalid_token", "The token breaks a rule"),
    code(422, "invalid_value", "A value breaks the rule of its field"),
    code(422, "invalid_variables", "A variable breaks a rule"),
    code(422, "manifest_required", "No manifest is known for the image"),
    code(422, "service_not_found", "There is no such service"),
    code(422, "source_builds_not_taken", "This installation has no builder"),
    code(422, "variables_missing", "A variable that the app requires is not set"),
    code(500, "internal", "A mistake of ours"),
    code(503, "cluster_unreachable", "The cluster does not answer"),
    code(503, "registry_unreachable", "The registry does not answer"),
    code(503, "too_busy", "Too many changes at once"),
    code(503, "unavailable", "Something that we depend on is away"),
];

/// What a code means, the same for every request.
pub fn title(code: &str) -> &'static str {
    CODES.iter().find(|known| known.code == code).map_or("The request was refused", |known| known.title)
}
