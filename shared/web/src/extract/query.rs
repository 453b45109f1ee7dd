//! Query strings: every parameter is known, given once, and valid UTF-8.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::problem::{Answer, Problem};

/// A query string that was read as a `T`.
pub struct Query<T>(pub T);

/// What can be read from parameters. Takes what it knows; what is left over is refused.
pub trait FromParameters: Sized {
    fn from_parameters(parameters: &mut Parameters) -> Answer<Self>;
}

impl<S: Send + Sync, T: FromParameters> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answer<Self> {
        let mut parameters = Parameters::parse(parts.uri.query().unwrap_or(""))?;
        let value = T::from_parameters(&mut parameters)?;
        parameters.nothing_left()?;
        Ok(Self(value))
    }
}

/// The parameters of one request that were not taken yet.
#[derive(Debug)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub fn parse(query: &str) -> Answer<Self> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let key = decoded(key, "")?;
            let value = decoded(value, &key)?;
            if pairs.iter().any(|(other, _)| *other == key) {
                return Err(refused(&key, "is given twice"));
            }
            pairs.push((key, value));
        }
        Ok(Self(pairs))
    }

    /// The text of a parameter, if it was given.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(index).1)
    }

    /// A parameter that is parsed, if it was given.
    pub fn parsed<T: FromStr>(&mut self, name: &str) -> Answer<Option<T>>
    where
        T::Err: Display,
    {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|error: T::Err| refused(name, &error.to_string()))
    }

    /// A whole number within bounds, or the default.
    pub fn number(&mut self, name: &str, default: u64, bounds: std::ops::RangeInclusive<u64>) -> Answer<u64> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| bounds.contains(number));
        number.ok_or_else(|| {
            refused(name, &format!("must be a whole number from {} to {}", bounds.start(), bounds.end()))
        })
    }

    /// What was not taken yet, in an order that does not depend on how it was sent.
    pub fn sorted(&self) -> String {
        let mut parts: Vec<String> = self.0.iter().map(|(key, value)| format!("{key:?}={value:?}")).collect();
        parts.sort();
        parts.join("&")
    }

    fn nothing_left(&self) -> Answer<()> {
        match self.0.first() {
            None => Ok(()),
            Some((key, _)) => Err(refused(key, "is no parameter of this operation")),
        }
    }
}

/// The refusal of one parameter.
pub fn refused(name: &str, message: &str) -> Problem {
    Problem::malformed("invalid_query", format!("the query parameter {name} {message}")).field(name, message)
}

fn decoded(text: &str, name: &str) -> Answer<String> {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| refused(name, "must be UTF-8, percent-encoded"))
}

/// A query of an operation that has no parameters.
impl FromParameters for () {
    fn from_parameters(_: &mut Parameters) -> Answer<Self> {
        Ok(())
    }
}

/// How long a reader waits for something new, in seconds. Below the half minute after which proxies give up.
pub const MAX_WAIT_SECONDS: u64 = 25;

/// Where a reader of a growing list stands.
#[derive(Clone, Copy, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Follow {
    /// The number of the last one that was seen; 0 is from the start.
    #[param(minimum = 0, default = 0, required = false)]
    pub after: u64,
    /// Seconds to wait for something new before answering with nothing.
    #[param(minimum = 0, maximum = 25, default = 0, required = false)]
    pub wait: u64,
}

impl Follow {
    pub fn wait(self) -> Duration {
        Duration::from_secs(self.wait)
    }
}

/// How long a reader waits for a thing to end.
#[derive(Clone, Copy, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wait {
    /// Seconds to wait for it to end before answering with how it stands.
    #[param(minimum = 0, maximum = 25, default = 0, required = false)]
    pub wait: u64,
}

impl Wait {
    pub fn wait(self) -> Duration {
        Duration::from_secs(self.wait)
    }
}

impl FromParameters for Wait {
    fn from_parameters(parameters: &mut Parameters) -> Answer<Self> {
        Ok(Self { wait: parameters.number("wait", 0, 0..=MAX_WAIT_SECONDS)? })
    }
}

impl FromParameters for Follow {
    fn from_parameters(parameters: &mut Parameters) -> Answer<Self> {
        Ok(Self {
            after: parameters.number("after", 0, 0..=u64::from(u32::MAX))?,
            wait: parameters.number("wait", 0, 0..=MAX_WAIT_SECONDS)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: FromParameters>(query: &str) -> Result<T, (String, String)> {
        let read = || {
            let mut parameters = Parameters::parse(query)?;
            let value = T::from_parameters(&mut parameters)?;
            parameters.nothing_left()?;
            Ok(value)
        };
        read().map_err(|problem: Problem| {
            let field = problem.error.fields[0].clone();
            (field.pointer, field.message)
        })
    }

    #[test]
    fn each_fault_names_its_parameter() {
        let table = [
            ("wait=26", "wait", "must be a whole number from 0 to 25"),
            ("wait=-1", "wait", "must be a whole number from 0 to 25"),
            ("wait=", "wait", "must be a whole number from 0 to 25"),
            ("after=1&after=2", "after", "is given twice"),
            ("aftr=1", "aftr", "is no parameter of this operation"),
            ("after=%FF", "after", "must be UTF-8, percent-encoded"),
        ];
        for (query, name, message) in table {
            assert_eq!(read::<Follow>(query).unwrap_err(), (name.to_owned(), message.to_owned()), "{query}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let mut parameters = Parameters::parse("contains=a+b%20c%2B&&x").unwrap();
        assert_eq!(parameters.text("contains").as_deref(), Some("a b c+"));
        assert_eq!(parameters.text("x").as_deref(), Some(""));
        assert_eq!(parameters.text("x"), None);
    }
}
