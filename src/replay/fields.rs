//! An object of Kubernetes read field by field, as its API server reads one: what is unknown, of a wrong kind, missing or out of
//! bounds is told with its path, all of it at once.

use std::fmt;

use serde_json::{Map, Value};

use super::hpa::quantity::Quantity;

/// A field that an API server would refuse, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The path, as `spec.metrics[0].type`.
    pub field: String,
    /// Why.
    pub why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.why),
            field => write!(f, "{field}: {}", self.why),
        }
    }
}

/// Everything that is wrong with an object, one line each.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.0.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// One fault of the object as a whole.
    pub fn of(why: impl Into<String>) -> Self {
        let mut faults = Self::default();
        faults.add("", why);
        faults
    }

    /// Notes a fault.
    pub fn add(&mut self, field: impl Into<String>, why: impl Into<String>) {
        let (field, why) = (field.into(), why.into());
        self.0.push(Fault { field, why });
    }

    /// A value that may not be.
    pub fn invalid(&mut self, field: impl Into<String>, value: impl Into<Value>, why: &str) {
        self.add(field, format!("Invalid value: {}: {why}", value.into()));
    }

    /// A value that must be.
    pub fn required(&mut self, field: impl Into<String>, why: &str) {
        let colon = if why.is_empty() { "" } else { ": " };
        self.add(field, format!("Required value{colon}{why}"));
    }

    /// A field that may not stand beside another.
    pub fn forbidden(&mut self, field: impl Into<String>, why: &str) {
        self.add(field, format!("Forbidden: {why}"));
    }

    /// A word that is none of those that there are.
    pub fn unsupported(&mut self, field: impl Into<String>, value: &str, supported: &[&str]) {
        let all: Vec<String> = supported.iter().map(|one| format!("\"{one}\"")).collect();
        let value = Value::from(value);
        self.add(
            field,
            format!("Unsupported value: {value}: supported values: {}", all.join(", ")),
        );
    }

    /// What was read, where nothing is wrong with it.
    ///
    /// # Errors
    /// All faults.
    pub fn or<T>(self, read: Option<T>) -> Result<T, Self> {
        match (self.0.is_empty(), read) {
            (true, Some(read)) => Ok(read),
            (true, None) => Err(Self::of("nothing can be read of it")),
            (false, _) => Err(self),
        }
    }
}

/// The documents of a YAML or JSON text, lists taken apart.
///
/// # Errors
/// Where it is neither, or a key stands twice.
pub fn documents(text: &str) -> Result<Vec<Value>, Faults> {
    let read: Result<Vec<Value>, _> = serde_saphyr::from_multiple(text);
    let all = read.map_err(|error| {
        let text = error.to_string();
        let what = text.lines().next().unwrap_or("it is no YAML");
        Faults::of(match error.location() {
            // The parser's own words may begin with the place, too.
            Some(at) => {
                let place = format!("line {} column {}: ", at.line(), at.column());
                let what = what.split_once(&place).map_or(what, |(_, what)| what);
                format!("line {}, column {}: {what}", at.line(), at.column())
            }
            None => what.to_owned(),
        })
    })?;
    let apart = |one: Value| match (one.get("kind").and_then(Value::as_str), one.get("items")) {
        (Some("List"), Some(Value::Array(items))) => items.clone(),
        _ => vec![one],
    };
    Ok(all.into_iter().flat_map(apart).collect())
}

/// The one document of this group and kind, of several kinds.
///
/// # Errors
/// Where there is none, or more than one, or it is of a version that is not read.
pub fn the_one<'v>(documents: &'v [Value], version: &str, kind: &str) -> Result<&'v Value, Faults> {
    let text = |one: &'v Value, field: &str| one.get(field).and_then(Value::as_str).unwrap_or("");
    let found: Vec<&Value> = documents.iter().filter(|one| text(one, "kind") == kind).collect();
    match found.as_slice() {
        [] => Err(Faults::of(format!("there is no {kind} of {version} in it"))),
        [one] if text(one, "apiVersion") == version => Ok(one),
        [one] => {
            let mut faults = Faults::default();
            let given = text(one, "apiVersion");
            faults.invalid("apiVersion", given, &format!("a {kind} is read of {version}"));
            Err(faults)
        }
        several => Err(Faults::of(format!(
            "there are {} of kind {kind} in it; give one",
            several.len()
        ))),
    }
}

/// An object's fields; none of one that is absent.
#[derive(Debug, Clone)]
pub struct Fields<'v> {
    path: String,
    map: Option<&'v Map<String, Value>>,
}

impl<'v> Fields<'v> {
    /// An object at a path, of which these fields are known.
    pub fn read(value: Option<&'v Value>, path: &str, known: &[&str], faults: &mut Faults) -> Self {
        let fields = Self::free(value, path, faults);
        for field in fields.map.into_iter().flat_map(Map::keys) {
            if !known.contains(&field.as_str()) {
                faults.add(fields.path(field), "unknown field");
            }
        }
        fields
    }

    /// An object whose keys are its owner's own.
    pub fn free(value: Option<&'v Value>, path: &str, faults: &mut Faults) -> Self {
        let path = path.to_owned();
        let map = match value {
            None | Some(Value::Null) => None,
            Some(Value::Object(map)) => Some(map),
            Some(other) => {
                faults.invalid(&path, other.clone(), "must be an object");
                None
            }
        };
        Self { path, map }
    }

    /// Whether it is there.
    pub fn is_there(&self) -> bool {
        self.map.is_some()
    }

    /// The path of one of its fields.
    pub fn path(&self, field: &str) -> String {
        match self.path.as_str() {
            "" => field.to_owned(),
            path => format!("{path}.{field}"),
        }
    }

    /// The path of itself.
    pub fn own_path(&self) -> &str {
        &self.path
    }

    /// Its keys, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &'v str> + use<'v> {
        self.map.into_iter().flat_map(Map::keys).map(String::as_str)
    }

    /// A field; null is none.
    pub fn value(&self, field: &str) -> Option<&'v Value> {
        self.map?.get(field).filter(|value| !value.is_null())
    }

    /// An object below it.
    pub fn object(&self, field: &str, known: &[&str], faults: &mut Faults) -> Self {
        Self::read(self.value(field), &self.path(field), known, faults)
    }

    /// A text.
    pub fn text(&self, field: &str, faults: &mut Faults) -> Option<&'v str> {
        let value = self.value(field)?;
        if value.as_str().is_none() {
            faults.invalid(self.path(field), value.clone(), "must be a string");
        }
        value.as_str()
    }

    /// True or false.
    pub fn flag(&self, field: &str, faults: &mut Faults) -> Option<bool> {
        let value = self.value(field)?;
        if value.as_bool().is_none() {
            faults.invalid(self.path(field), value.clone(), "must be true or false");
        }
        value.as_bool()
    }

    /// A whole number of 32 bits.
    pub fn whole(&self, field: &str, faults: &mut Faults) -> Option<i32> {
        let value = self.value(field)?;
        // YAML's 3.0 is sent as 3.
        let float = value.as_f64().filter(|float| float.fract() == 0.0);
        let whole = value.as_i64().or(float.map(|float| float as i64));
        let whole = whole.and_then(|whole| i32::try_from(whole).ok());
        if whole.is_none() {
            faults.invalid(self.path(field), value.clone(), "must be a whole number of 32 bits");
        }
        whole
    }

    /// A number within bounds, which are told by `why`.
    pub fn number(&self, field: &str, within: impl Fn(f64) -> bool, why: &str, faults: &mut Faults) -> Option<f64> {
        let value = self.value(field)?;
        let number = value.as_f64().filter(|number| number.is_finite() && within(*number));
        if number.is_none() {
            faults.invalid(self.path(field), value.clone(), why);
        }
        number
    }

    /// A quantity, written as a text or as a number.
    pub fn quantity(&self, field: &str, faults: &mut Faults) -> Option<Quantity> {
        let value = self.value(field)?;
        let text = match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let quantity = text.and_then(|text| text.parse().ok());
        if quantity.is_none() {
            faults.invalid(
                self.path(field),
                value.clone(),
                "must be a quantity such as 1500m, 2, 1Gi or 1e3",
            );
        }
        quantity
    }

    /// The items of a list, each with its path; `None` where there is no list.
    pub fn list(&self, field: &str, faults: &mut Faults) -> Option<Vec<(String, &'v Value)>> {
        let value = self.value(field)?;
        let Some(items) = value.as_array() else {
            faults.invalid(self.path(field), value.clone(), "must be a list");
            return None;
        };
        let path = self.path(field);
        let items = items.iter().enumerate();
        Some(items.map(|(at, item)| (format!("{path}[{at}]"), item)).collect())
    }

    /// A map of texts, as labels and annotations are.
    pub fn texts(&self, field: &str, faults: &mut Faults) -> Vec<(&'v str, &'v str)> {
        let all = Self::free(self.value(field), &self.path(field), faults);
        let keys: Vec<&str> = all.keys().collect();
        let text = |key: &'v str, faults: &mut Faults| Some((key, all.text(key, faults)?));
        keys.into_iter().filter_map(|key| text(key, faults)).collect()
    }
}

/// Fields of every object's `metadata`.
pub const METADATA: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// What an object is called, with its namespace; its labels and annotations are texts.
pub fn named(metadata: &Fields<'_>, faults: &mut Faults) -> (String, Option<String>) {
    let name = metadata.text("name", faults).unwrap_or("");
    if name.is_empty() && metadata.text("generateName", faults).is_none() {
        faults.required(metadata.path("name"), "name or generateName is required");
    } else if !name.is_empty() && !is_subdomain(name) {
        let why = "a lowercase RFC 1123 subdomain has lower case letters, digits, '-' and '.', and begins and ends with a letter or digit";
        faults.invalid(metadata.path("name"), name, why);
    }
    metadata.texts("labels", faults);
    metadata.texts("annotations", faults);
    let namespace = metadata.text("namespace", faults).map(str::to_owned);
    (name.to_owned(), namespace)
}

/// Whether a text is a DNS label of RFC 1123.
pub fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// A subdomain's parts may be longer than a label.
fn is_subdomain(text: &str) -> bool {
    let end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let part = |part: &str| part.starts_with(end) && part.ends_with(end) && part.chars().all(|c| end(c) || c == '-');
    text.len() <= 253 && text.split('.').all(part)
}

/// Tells of a name that cannot be part of a path.
pub fn path_segment(field: &str, name: &str, faults: &mut Faults) {
    match name {
        "." | ".." => faults.invalid(field, name, &format!("may not be '{name}'")),
        _ => {
            for part in ["/", "%"].into_iter().filter(|part| name.contains(part)) {
                faults.invalid(field, name, &format!("may not contain '{part}'"));
            }
        }
    }
}
