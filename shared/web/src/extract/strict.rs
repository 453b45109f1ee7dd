//! JSON, read more strictly than serde does by itself: a key that appears twice and nesting beyond the limit are
//! refused, with a pointer to the place.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Arrays and objects inside each other, counted from the outermost.
const MAX_DEPTH: usize = 32;

/// Where and why the text was refused. Never contains a value of the text.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// None: the text is no JSON at all.
    pub pointer: Option<String>,
    pub message: String,
}

/// Reads exactly one JSON value.
pub fn parse(bytes: &[u8]) -> Result<Value, Fault> {
    let mut fault = None;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let seed = Seed { pointer: String::new(), depth: 0, fault: &mut fault };
    let value = seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| {
        fault.unwrap_or_else(|| Fault {
            pointer: None,
            message: format!("is not JSON at line {} column {}", error.line(), error.column()),
        })
    })
}

/// `key` as one part of a JSON pointer.
pub fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

struct Seed<'f> {
    pointer: String,
    depth: usize,
    fault: &'f mut Option<Fault>,
}

impl Seed<'_> {
    fn child(&mut self, part: &str) -> Seed<'_> {
        Seed { pointer: format!("{}/{}", self.pointer, escaped(part)), depth: self.depth + 1, fault: &mut *self.fault }
    }

    fn refuse<E: serde::de::Error>(&mut self, pointer: String, message: String) -> E {
        *self.fault = Some(Fault { pointer: Some(pointer), message });
        E::custom("refused")
    }

    fn enter<E: serde::de::Error>(&mut self) -> Result<(), E> {
        if self.depth < MAX_DEPTH {
            return Ok(());
        }
        let pointer = self.pointer.clone();
        Err(self.refuse(pointer, format!("is nested more than {MAX_DEPTH} deep")))
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        self.enter()?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self.child(&values.len().to_string()))? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        self.enter()?;
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self.child(&key))?;
            if map.contains_key(&key) {
                let pointer = format!("{}/{}", self.pointer, escaped(&key));
                return Err(self.refuse(pointer, "is there twice".to_owned()));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_appears_twice_is_refused_with_its_pointer() {
        let fault = parse(br#"{"a": {"b/c": 1, "x": [0], "b/c": 2}}"#).unwrap_err();
        assert_eq!(fault, Fault { pointer: Some("/a/b~1c".to_owned()), message: "is there twice".to_owned() });
    }

    #[test]
    fn nesting_is_allowed_to_the_limit_and_refused_beyond() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        let fault = parse(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err();
        assert_eq!(fault.pointer, Some("/0".repeat(MAX_DEPTH)));
        assert_eq!(fault.message, "is nested more than 32 deep");
        assert!(parse(nested(200_000).as_bytes()).is_err());
    }

    #[test]
    fn what_is_no_json_is_refused_with_line_and_column() {
        for (text, message) in [
            (&b"{\"a\": }"[..], "is not JSON at line 1 column 7"),
            (b"{} {}", "is not JSON at line 1 column 4"),
            (b"", "is not JSON at line 1 column 0"),
            (b"{\"a\": \"\xff\"}", "is not JSON at line 1 column 8"),
            (b"[1e999]", "is not JSON at line 1 column 6"),
        ] {
            let fault = parse(text).unwrap_err();
            assert_eq!((fault.pointer, fault.message.as_str()), (None, message));
        }
    }

    #[test]
    fn a_value_is_read_as_it_stands() {
        let text = r#"{"z":1,"a":[true,null,-2,0.5,"é\n"]}"#;
        assert_eq!(parse(text.as_bytes()).unwrap().to_string(), text);
    }
}
