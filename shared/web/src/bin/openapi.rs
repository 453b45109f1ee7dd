//! Writes the derived `OpenAPI` document and the table of error codes to the files that are committed.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("openapi.json"), slipway_web::document())?;
    std::fs::write(folder.join("errors.md"), slipway_web::codes_table())
}
