//! Source archives, built in memory.

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Result, failed};

/// A `.tgz` of these files.
pub fn archive(files: &[(&str, &str)]) -> Result<Vec<u8>> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        builder.append_data(&mut header, name, text.as_bytes()).map_err(failed(format!("pack {name}")))?;
    }
    builder.into_inner().and_then(GzEncoder::finish).map_err(failed("pack the source"))
}
