//! Which app and environment a command is about.

use std::path::Path;

use crate::arguments::Arguments;
use crate::config::variable;
use crate::failure::Failure;

/// An app and one of its environments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub app: String,
    pub environment: String,
}

impl Target {
    /// The app: `--app`, else `SLIPWAY_APP`, else `.slipway/app`, else the name of the folder.
    pub fn of(arguments: &Arguments) -> Result<Self, Failure> {
        let app = match arguments.app.clone() {
            Some(app) => app,
            None => here(&std::env::current_dir()?)?,
        };
        Ok(Self { app: segment("app", app)?, environment: segment("environment", arguments.environment.clone())? })
    }

    pub fn app_path(&self) -> String {
        format!("/v1/apps/{}", self.app)
    }

    pub fn environment_path(&self) -> String {
        format!("/v1/apps/{}/environments/{}", self.app, self.environment)
    }
}

fn here(folder: &Path) -> Result<String, Failure> {
    if let Some(app) = variable("SLIPWAY_APP") {
        return Ok(app);
    }
    for folder in folder.ancestors() {
        if let Ok(text) = std::fs::read_to_string(folder.join(".slipway/app")) {
            return Ok(text.trim().trim_start_matches("app:").trim().to_owned());
        }
    }
    let name = folder.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase());
    name.ok_or_else(|| Failure::Usage("name the app with --app".to_owned()))
}

/// Text that is safe as one segment of a path; the API checks the rest.
pub fn segment(what: &str, text: String) -> Result<String, Failure> {
    let safe = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if !text.is_empty() && text.chars().all(safe) && !text.starts_with('.') {
        return Ok(text);
    }
    let advice = if what == "app" { "; name the app with --app" } else { "" };
    Err(Failure::Usage(format!("{text:?} is no name of the {what}{advice}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_is_named_by_its_file_or_by_its_folder() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("Shop/deep/er");
        std::fs::create_dir_all(&folder).unwrap();
        assert_eq!(here(&root.path().join("Shop")).unwrap(), "shop");
        std::fs::create_dir(root.path().join("Shop/.slipway")).unwrap();
        for text in ["httpd\n", "app: httpd\n"] {
            std::fs::write(root.path().join("Shop/.slipway/app"), text).unwrap();
            assert_eq!(here(&folder).unwrap(), "httpd");
        }
    }

    #[test]
    fn a_name_cannot_leave_its_place_in_the_path() {
        for text in ["", "..", "a/b", "a?b", "a#b", "a b", "%2e", "ä"] {
            assert!(segment("app", text.to_owned()).is_err(), "{text}");
        }
        assert_eq!(segment("release", "v1.4.0".to_owned()).unwrap(), "v1.4.0");
    }
}
