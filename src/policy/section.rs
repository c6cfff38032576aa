//! Reading a section of a policy: every mistake is kept, none stops the reading.

use super::located::{Located, Mistake, Place, Value};
use super::schema::{Shape, asks};

/// A map of a policy file that is being read key by key.
#[derive(Debug)]
pub struct Section<'a> {
    path: String,
    place: Place,
    entries: &'a [(String, Place, Located)],
    taken: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// Opens a map; anything else is a mistake and reads as an empty one.
    pub fn open(path: &str, node: &'a Located, mistakes: &mut Vec<Mistake>) -> Self {
        let entries = match &node.value {
            Value::Map(entries) => entries.as_slice(),
            other => {
                let what = format!("`{path}` must be a map, not {}", other.kind());
                mistakes.push(mistake(&node.place, what));
                &[]
            }
        };
        Self {
            path: path.to_owned(),
            place: node.place.clone(),
            entries,
            taken: Vec::new(),
        }
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Located> {
        self.taken.push(key);
        self.entries
            .iter()
            .find(|(name, ..)| name == key)
            .map(|(.., node)| node)
    }

    /// Whether a key that may be left out is there.
    pub fn has(&mut self, key: &'static str) -> bool {
        self.take(key).is_some()
    }

    fn named(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The section of this name.
    pub fn section(&mut self, key: &'static str, mistakes: &mut Vec<Mistake>) -> Section<'a> {
        let path = self.named(key);
        asks(&path, Shape::Section, true);
        match self.take(key) {
            Some(node) => Section::open(&path, node, mistakes),
            None => {
                mistakes.push(mistake(&self.place, format!("`{path}` is missing")));
                Section {
                    path,
                    place: self.place.clone(),
                    entries: &[],
                    taken: Vec::new(),
                }
            }
        }
    }

    /// A number between two bounds, both included; the lower bound where it is none, with a mistake.
    pub fn number(&mut self, key: &'static str, least: f64, most: f64, mistakes: &mut Vec<Mistake>) -> f64 {
        let path = self.named(key);
        asks(&path, Shape::Number(least, most), true);
        let Some(node) = self.take(key) else {
            mistakes.push(mistake(&self.place, format!("`{path}` is missing")));
            return least;
        };
        match node.value {
            Value::Number(value) if (least..=most).contains(&value) => value,
            Value::Number(value) => {
                let what = format!("`{path}` is {value}; it must be from {least} to {most}");
                mistakes.push(mistake(&node.place, what));
                least
            }
            ref other => {
                let what = format!("`{path}` must be a number from {least} to {most}, not {}", other.kind());
                mistakes.push(mistake(&node.place, what));
                least
            }
        }
    }

    /// A list of texts with their places.
    pub fn texts(&mut self, key: &'static str, mistakes: &mut Vec<Mistake>) -> Vec<(String, Place)> {
        let path = self.named(key);
        asks(&path, Shape::Texts, true);
        let Some(node) = self.take(key) else {
            mistakes.push(mistake(&self.place, format!("`{path}` is missing")));
            return Vec::new();
        };
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            Value::Null => &[],
            other => {
                let what = format!("`{path}` must be a list of texts, not {}", other.kind());
                mistakes.push(mistake(&node.place, what));
                &[]
            }
        };
        let mut texts = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(text) => texts.push((text.clone(), item.place.clone())),
                other => {
                    let what = format!("`{path}` holds texts, not {}", other.kind());
                    mistakes.push(mistake(&item.place, what));
                }
            }
        }
        texts
    }

    /// A list of texts with their places, where there is one.
    pub fn optional_texts(&mut self, key: &'static str, mistakes: &mut Vec<Mistake>) -> Vec<(String, Place)> {
        let texts = if self.has(key) {
            self.texts(key, mistakes)
        } else {
            Vec::new()
        };
        asks(&self.named(key), Shape::Texts, false);
        texts
    }

    /// A map of texts by their keys, whatever these are.
    pub fn map_of_texts(&mut self, key: &'static str, mistakes: &mut Vec<Mistake>) -> Vec<(String, String)> {
        let mut texts = Vec::new();
        self.each_of(key, (Shape::TextMap, "text"), mistakes, |key, node| match &node.value {
            Value::Text(text) => {
                texts.push((key.to_owned(), text.clone()));
                Ok(())
            }
            other => Err(format!("must be a text, not {}", other.kind())),
        });
        texts
    }

    /// A map of numbers that are not negative, by their keys, whatever these are, each with its place.
    pub fn map_of_numbers(&mut self, key: &'static str, mistakes: &mut Vec<Mistake>) -> Vec<(String, f64, Place)> {
        let mut numbers = Vec::new();
        self.each_of(key, (Shape::NumberMap, "number"), mistakes, |key, node| {
            match &node.value {
                Value::Number(number) if number.is_finite() && *number >= 0.0 => {
                    numbers.push((key.to_owned(), *number, node.place.clone()));
                    Ok(())
                }
                Value::Number(number) => Err(format!("is {number}, and must not be negative")),
                other => Err(format!("must be a number, not {}", other.kind())),
            }
        });
        numbers
    }

    /// Hands over each entry of a map; what `take` says is wrong with one is a mistake there.
    fn each_of(
        &mut self,
        key: &'static str,
        (shape, of): (Shape, &str),
        mistakes: &mut Vec<Mistake>,
        mut take: impl FnMut(&str, &Located) -> Result<(), String>,
    ) {
        let path = self.named(key);
        asks(&path, shape, false);
        let entries = match self.take(key).map(|node| (&node.value, &node.place)) {
            Some((Value::Map(entries), _)) => entries.as_slice(),
            Some((Value::Null, _)) | None => &[],
            Some((other, place)) => {
                let what = format!("`{path}` must be a map of {of}s, not {}", other.kind());
                mistakes.push(mistake(place, what));
                &[]
            }
        };
        for (key, _, node) in entries {
            if let Err(what) = take(key, node) {
                mistakes.push(mistake(&node.place, format!("`{path}.{key}` {what}")));
            }
        }
    }

    /// A text.
    pub fn text(&mut self, key: &'static str, mistakes: &mut Vec<Mistake>) -> (String, Place) {
        let path = self.named(key);
        asks(&path, Shape::Text, true);
        let Some(node) = self.take(key) else {
            mistakes.push(mistake(&self.place, format!("`{path}` is missing")));
            return (String::new(), self.place.clone());
        };
        if let Value::Text(text) = &node.value {
            return (text.clone(), node.place.clone());
        }
        let what = format!("`{path}` must be a text, not {}", node.value.kind());
        mistakes.push(mistake(&node.place, what));
        (String::new(), node.place.clone())
    }

    /// The items of a list, whatever they are.
    pub fn list(&mut self, key: &'static str, mistakes: &mut Vec<Mistake>) -> &'a [Located] {
        let path = self.named(key);
        asks(&path, Shape::List, false);
        match self.take(key).map(|node| (&node.value, &node.place)) {
            Some((Value::List(items), _)) => items,
            Some((Value::Null, _)) | None => &[],
            Some((other, place)) => {
                mistakes.push(mistake(place, format!("`{path}` must be a list, not {}", other.kind())));
                &[]
            }
        }
    }

    /// A key that may be left out, or be empty: what `read` makes of its value, or a mistake that names what it must be.
    fn optional<T>(
        &mut self,
        key: &'static str,
        must_be: &str,
        mistakes: &mut Vec<Mistake>,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<(T, Place)> {
        let path = self.named(key);
        let node = self.take(key).filter(|node| node.value != Value::Null)?;
        let value = read(&node.value);
        if value.is_none() {
            let what = format!("`{path}` must be {must_be}, not {}", node.value.kind());
            mistakes.push(mistake(&node.place, what));
        }
        Some((value?, node.place.clone()))
    }

    /// A text, where there is one.
    pub fn optional_text(&mut self, key: &'static str, mistakes: &mut Vec<Mistake>) -> Option<(String, Place)> {
        self.optional_measure(key, "a text", mistakes)
    }

    /// The same of a text that must be something, such as a time with its unit.
    pub fn optional_measure(
        &mut self,
        key: &'static str,
        must_be: &str,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<(String, Place)> {
        asks(&self.named(key), Shape::Text, false);
        self.optional(key, must_be, mistakes, |value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// True or false, where it is said.
    pub fn optional_bool(&mut self, key: &'static str, mistakes: &mut Vec<Mistake>) -> Option<bool> {
        asks(&self.named(key), Shape::Bool, false);
        let read = self.optional(key, "true or false", mistakes, |value| match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        });
        read.map(|(value, _)| value)
    }

    /// A number between two bounds, both included, where there is one.
    pub fn optional_number(
        &mut self,
        key: &'static str,
        least: f64,
        most: f64,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<f64> {
        asks(&self.named(key), Shape::Number(least, most), false);
        let must_be = format!("a number from {least} to {most}");
        let (value, place) = self.optional(key, &must_be, mistakes, |value| match value {
            Value::Number(value) => Some(*value),
            _ => None,
        })?;
        if !(least..=most).contains(&value) {
            let what = format!("`{}` is {value}; it must be from {least} to {most}", self.named(key));
            mistakes.push(mistake(&place, what));
            return None;
        }
        Some(value)
    }

    /// The keys within the section of this name, which is not taken by that.
    pub fn keys_of(&self, key: &str) -> Vec<String> {
        let entry = self.entries.iter().find(|(name, ..)| name == key);
        match entry.map(|(.., node)| &node.value) {
            Some(Value::Map(entries)) => entries.iter().map(|(key, ..)| key.clone()).collect(),
            _ => Vec::new(),
        }
    }

    /// Where a key's value stands; the section's own place where it has none.
    pub fn place_of(&self, key: &str) -> Place {
        let entry = self.entries.iter().find(|(name, ..)| name == key);
        entry.map_or_else(|| self.place.clone(), |(.., node)| node.place.clone())
    }

    /// Ends the reading: every key that nobody took is a mistake, with the nearest one that exists.
    pub fn finish(self, mistakes: &mut Vec<Mistake>) {
        for (key, place, _) in self.entries {
            if self.taken.iter().any(|taken| taken == key) {
                continue;
            }
            let nearest = self.taken.iter().min_by_key(|taken| distance(taken, key));
            let hint = match nearest.filter(|taken| distance(taken, key) <= 1 + key.len() / 3) {
                Some(nearest) => format!("; did you mean `{nearest}`?"),
                None => format!("; known here: {}", self.taken.join(", ")),
            };
            mistakes.push(mistake(place, format!("unknown key `{}`{hint}", self.named(key))));
        }
    }
}

fn mistake(place: &Place, what: String) -> Mistake {
    Mistake {
        place: place.clone(),
        what,
    }
}

/// Levenshtein's edit distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replace = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
