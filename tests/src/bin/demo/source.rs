//! The example's source in a folder of the demo's own, and the changes that the story makes to it.

use std::fs;
use std::path::{Path, PathBuf};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/web");
const PAGE: &str = "src/web.mjs";
const FORGOTTEN: &str = "import \"./pricing.mjs\";\n";

/// A copy of `examples/web`.
pub struct Source(PathBuf);

impl Source {
    pub fn copy(folder: &Path) -> Result<Self, String> {
        copy(Path::new(EXAMPLE), folder).map_err(|error| format!("could not copy {EXAMPLE}: {error}"))?;
        Ok(Self(folder.to_owned()))
    }

    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Imports a file that nobody wrote: every process ends at its start.
    pub fn break_start(&self) -> Result<(), String> {
        self.edit(PAGE, |text| format!("{FORGOTTEN}{text}"))
    }

    /// Takes it back.
    pub fn repair_start(&self) -> Result<(), String> {
        self.edit(PAGE, |text| text.replace(FORGOTTEN, ""))
    }

    /// Gives the app another version, which makes another image.
    pub fn set_version(&self, from: &str, to: &str) -> Result<(), String> {
        self.edit("package.json", |text| text.replace(&format!("\"{from}\""), &format!("\"{to}\"")))
    }

    fn edit(&self, file: &str, change: impl Fn(&str) -> String) -> Result<(), String> {
        let path = self.0.join(file);
        let failed = |error| format!("could not edit {}: {error}", path.display());
        let before = fs::read_to_string(&path).map_err(failed)?;
        let after = change(&before);
        if after == before {
            return Err(format!("{file} is not as the story expects it"));
        }
        fs::write(&path, after).map_err(failed)
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
