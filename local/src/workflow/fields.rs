//! Reads a JSON object field by field, so that what nobody asked for can be refused at its path.

use serde_json::{Map, Value};

use super::definition::Refused;

/// The fields of one object of the definition that have not been read yet.
pub(super) struct Fields {
    path: String,
    left: Map<String, Value>,
}

impl Fields {
    pub fn of(path: &str, value: Value) -> Result<Self, Refused> {
        match value {
            Value::Object(left) => Ok(Self { path: path.to_owned(), left }),
            _ => Err(Refused::at(path, "must be an object")),
        }
    }

    /// The path of `key` in this object, as a refusal shows it.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.left.remove(key)
    }

    pub fn required(&mut self, key: &str) -> Result<Value, Refused> {
        self.take(key).ok_or_else(|| self.refuse(key, "is missing"))
    }

    pub fn text(&mut self, key: &str) -> Result<Option<String>, Refused> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.refuse(key, "must be a string")),
        }
    }

    pub fn required_text(&mut self, key: &str) -> Result<String, Refused> {
        self.text(key)?.ok_or_else(|| self.refuse(key, "is missing"))
    }

    /// A whole number of at least `least`.
    pub fn whole(&mut self, key: &str, least: u64) -> Result<Option<u64>, Refused> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value.as_u64() {
            Some(number) if (least..=99_999_999).contains(&number) => Ok(Some(number)),
            _ => Err(self.refuse(key, &format!("must be a whole number from {least} to 99999999"))),
        }
    }

    pub fn number(&mut self, key: &str, least: f64) -> Result<Option<f64>, Refused> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if number >= least => Ok(Some(number)),
            _ => Err(self.refuse(key, &format!("must be a number of at least {least}"))),
        }
    }

    /// The objects of a list that may be absent; each knows its own path, as in `States.Route.Choices[2]`.
    pub fn objects(&mut self, key: &str) -> Result<Vec<Fields>, Refused> {
        let path = self.path_of(key);
        let Some(value) = self.take(key) else { return Ok(Vec::new()) };
        let Value::Array(items) = value else { return Err(self.refuse(key, "must be a list")) };
        items.into_iter().enumerate().map(|(index, item)| Fields::of(&format!("{path}[{index}]"), item)).collect()
    }

    pub fn refuse(&self, key: &str, problem: &str) -> Refused {
        Refused::at(&self.path_of(key), problem)
    }

    /// Refuses what is left. `Comment` means nothing anywhere.
    pub fn finish(mut self) -> Result<(), Refused> {
        self.text("Comment")?;
        match self.left.keys().next() {
            None => Ok(()),
            Some(key) => Err(self.refuse(key, "is not supported by the local runner")),
        }
    }
}
