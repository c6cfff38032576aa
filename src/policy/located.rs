//! YAML with the place of every key and value, and later files laid over earlier ones.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// Where something stands in a policy file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as it was named.
    pub file: String,
    /// Line, from one.
    pub line: u64,
    /// Column, from one.
    pub column: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Something wrong in a policy, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Located {
    /// The value.
    pub value: Value,
    /// Its place.
    pub place: Place,
}

/// A YAML value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Located>),
    /// Keys with their places, in the order of the file.
    Map(Vec<(String, Place, Located)>),
}

impl Value {
    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// Parses one file.
///
/// # Errors
/// The place at which it is no YAML, or where a key stands twice.
pub fn parse(file: &str, text: &str) -> Result<Located, Mistake> {
    let place = |location: serde_saphyr::Location| Place {
        file: file.to_owned(),
        line: location.line(),
        column: location.column(),
    };
    let raw: Spanned<Raw> = serde_saphyr::from_str(text).map_err(|error| Mistake {
        place: error.location().map_or_else(
            || Place {
                file: file.to_owned(),
                line: 1,
                column: 1,
            },
            place,
        ),
        what: first_line(&error.to_string()),
    })?;
    Ok(located(raw, &place))
}

/// Errors draw the line they speak of; the place says it already.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("not YAML").to_owned()
}

fn located(raw: Spanned<Raw>, place: &dyn Fn(serde_saphyr::Location) -> Place) -> Located {
    let here = place(raw.referenced);
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Bool(value) => Value::Bool(value),
        Raw::Number(value) => Value::Number(value),
        Raw::Text(value) => Value::Text(value),
        Raw::List(items) => Value::List(items.into_iter().map(|item| located(item, place)).collect()),
        Raw::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| (key.value, place(key.referenced), located(value, place)))
                .collect(),
        ),
    };
    Located { value, place: here }
}

/// Lays `over` on `under`: maps merge key by key, everything else is replaced, and an empty file changes nothing.
pub fn overlay(under: Located, over: Located) -> Located {
    match (under.value, over.value) {
        (Value::Map(mut entries), Value::Map(later)) => {
            for (key, place, value) in later {
                match entries.iter_mut().find(|(known, ..)| *known == key) {
                    Some(entry) => {
                        let below = std::mem::replace(
                            &mut entry.2,
                            Located {
                                value: Value::Null,
                                place: place.clone(),
                            },
                        );
                        *entry = (key, place, overlay(below, value));
                    }
                    None => entries.push((key, place, value)),
                }
            }
            Located {
                value: Value::Map(entries),
                place: over.place,
            }
        }
        (value @ Value::Map(_), Value::Null) => Located {
            value,
            place: under.place,
        },
        (_, value) => Located {
            value,
            place: over.place,
        },
    }
}

enum Raw {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }
    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value as f64))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value as f64))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Number(value))
    }
    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
