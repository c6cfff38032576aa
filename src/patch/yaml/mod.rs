//! Edits of YAML that change no byte but those that are meant: values are spliced into the text at the places that the parser
//! under our reader gives, because no library that edits YAML keeps flow maps, line endings and shared anchors safe at once.
//!
//! What an edit came to is read again and compared before anyone sees it, so that whatever is written in a way that is not
//! understood here is refused and never spoiled.

mod differences;
mod flow;
mod lines;
mod members;
mod place;
mod pointer;
mod read;
mod replace;
mod scalar;
mod tree;
mod values;
mod write;
#[cfg(test)]
mod tests;

use serde_json::Value;

use differences::Operation;
use place::{Page, Splices};
use values::{Effect, shown};

pub use pointer::{NoPointer, Pointer, Step};
pub use read::{MOST_BYTES, documents};
pub use values::changed;

/// What becomes of a place.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// It becomes this value, in as few changes as that takes; what is not there is added: a key at the end of its mapping,
    /// with parents as need be, an element where the number is the sequence's length.
    Set(Value),
    /// It goes away, with the comment in its last line; what is not there is gone already. Comment lines directly above it, in
    /// its own column, go too, unless the next member follows in the very next line and they may head both. The last member
    /// leaves `{}` or `[]`.
    Remove,
}

/// One edit of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Where.
    pub at: Pointer,
    /// What becomes of it.
    pub change: Change,
}

/// Why a text is not read or not edited.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum YamlError {
    /// Larger than is read.
    #[error("{bytes} bytes are more than the {most} that are read")]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The bound in bytes.
        most: usize,
    },
    /// It is no YAML, or holds what no manifest holds, as a key that stands twice.
    #[error("line {line}, column {column}: {what}")]
    Syntax {
        /// Line, from one.
        line: usize,
        /// Column, from one.
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// A template that is filled in before it is YAML.
    #[error("line {line}: a template ({{{{ }}}}) is filled in before it is YAML: edit the values it is filled with")]
    Template {
        /// The first line that holds one, from one.
        line: usize,
    },
    /// The stream has fewer documents.
    #[error("there is no document {document}, counted from 0: there are {of}")]
    NoDocument {
        /// The document asked for, from zero.
        document: usize,
        /// How many there are.
        of: usize,
    },
    /// The path leads nowhere, or the place does not take the value.
    #[error("{}: {why}", shown(at))]
    NoPlace {
        /// The path that was given.
        at: Pointer,
        /// What is in the way.
        why: String,
    },
    /// An edit here would change what stands elsewhere, too.
    #[error("{}, line {line}: {why}, and an edit would change that, too", shown(at))]
    Shared {
        /// The path that was given.
        at: Pointer,
        /// The line of the anchor, alias or merge key, from one.
        line: usize,
        /// How it is shared.
        why: &'static str,
    },
    /// It is written in a way in which the edit would change something else; nothing was changed.
    #[error("{0}")]
    Refused(String),
}

/// The text with these edits made, one after the other, to one of its documents, everything else byte for byte as it was.
///
/// Comments, order, quotes, anchors, line endings and indentation stay. What is new takes the indentation and the quotes of
/// what stands beside it, and is quoted where a reader of YAML 1.1 would take it for something else. Edits made already change
/// nothing. An element is therefore not removed by its number, unless it is the last: set the sequence that it stands in,
/// which takes out of the text what is gone and leaves the rest alone.
///
/// # Errors
/// As [`documents`]; where there is no such document or place; where what is edited is shared through an anchor, an alias or
/// a merge key; and where the edited text, read again, is not what the edits make of the values of the text given.
pub fn edit(text: &str, document: usize, edits: &[Edit]) -> Result<String, YamlError> {
    let before = documents(text)?;
    if document >= before.len() {
        return Err(YamlError::NoDocument {
            document,
            of: before.len(),
        });
    }
    let (edited, after) = made(text, &before, document, edits)?;
    if edited != text && made(&edited, &after, document, edits)?.0 != edited {
        let why = "the same edits made again would change it again: set the sequence that an element is removed from";
        return Err(YamlError::Refused(why.to_owned()));
    }
    Ok(edited)
}

/// The text with these edits made, and its documents.
fn made(text: &str, before: &[Value], document: usize, edits: &[Edit]) -> Result<(String, Vec<Value>), YamlError> {
    match checked(text, before, document, edits, true) {
        // A comment that stands far in below a value would become part of a text that is written as lines.
        Err(YamlError::Refused(why)) => {
            checked(text, before, document, edits, false).map_err(|_| YamlError::Refused(why))
        }
        made => made,
    }
}

/// The text with these edits made, if it then says what it must, and its documents.
fn checked(
    text: &str,
    before: &[Value],
    document: usize,
    edits: &[Edit],
    literals: bool,
) -> Result<(String, Vec<Value>), YamlError> {
    let value = before.get(document).unwrap_or(&Value::Null);
    let (edited, wanted) = apply(text, document, value, edits, literals)?;
    if edited == text {
        return Ok((edited, before.to_vec()));
    }
    let unread = |error| YamlError::Refused(format!("the edited text cannot be read: {error}"));
    let after = documents(&edited).map_err(unread)?;
    check(before, &after, document, &wanted)?;
    if tree::is_open(text) != tree::is_open(&edited) {
        let why = "its last lines are a text that ends without a line break, of which readers differ";
        return Err(YamlError::Refused(why.to_owned()));
    }
    Ok((edited, after))
}

/// A value as a document of its own.
pub fn document(value: &Value) -> String {
    let layout = write::Layout {
        step: 2,
        dash: 2,
        gap: 1,
        keys: scalar::Quote::Plain,
        literals: true,
    };
    let mut text = layout.block(value, 0).join("\n");
    text.push('\n');
    text
}

/// Makes the edits, in the text and in its value.
fn apply(
    text: &str,
    document: usize,
    value: &Value,
    edits: &[Edit],
    literals: bool,
) -> Result<(String, Value), YamlError> {
    let (mut text, mut value) = (text.to_owned(), value.clone());
    for edit in edits {
        let effect = values::effect(&value, edit)?;
        for operation in operations(&value, &effect) {
            let splices = splices(&text, document, &operation, literals).map_err(|error| named(error, &edit.at))?;
            text = spliced(&text, splices);
        }
        values::apply(&mut value, &effect);
    }
    Ok((text, value))
}

fn named(error: YamlError, at: &Pointer) -> YamlError {
    match error {
        YamlError::Refused(why) => YamlError::Refused(format!("{}: {why}", shown(at))),
        other => other,
    }
}

/// What an effect comes to in the text.
fn operations(value: &Value, effect: &Effect) -> Vec<Operation> {
    let mut found = Vec::new();
    let filled = |path: &Pointer| values::at(value, path).is_some_and(write::is_filled);
    match effect {
        Effect::None => {}
        Effect::Value(path, new) => {
            if let Some(old) = values::at(value, path) {
                differences::between(path, old, new, &mut found);
            }
        }
        Effect::Add(path, step, new) if filled(path) => {
            found.push(Operation::Insert(path.clone(), step.clone(), new.clone()));
        }
        Effect::Add(path, ..) => {
            let mut new = values::at(value, path).cloned().unwrap_or_default();
            let inner = match effect {
                Effect::Add(_, step, value) => Effect::Add(Pointer::default(), step.clone(), value.clone()),
                _ => Effect::None,
            };
            values::apply(&mut new, &inner);
            found.push(Operation::Replace(path.clone(), new));
        }
        Effect::Drop(path, step) => found.push(Operation::Remove(path.clone(), step.clone())),
    }
    found
}

fn splices(text: &str, document: usize, operation: &Operation, literals: bool) -> Result<Splices, YamlError> {
    let root = tree::of(text, document)?;
    let page = Page {
        text,
        root: &root,
        literals: literals && text.ends_with('\n'),
    };
    match operation {
        Operation::Replace(path, value) => page.replace(path, value),
        Operation::Insert(path, step, value) => page.insert(path, step, value).map_err(|error| match error {
            YamlError::Shared { line, why, .. } => YamlError::Shared {
                at: path.then(step.clone()),
                line,
                why,
            },
            other => other,
        }),
        Operation::Remove(path, step) => page.remove(path, step),
    }
}

fn spliced(text: &str, mut splices: Splices) -> String {
    splices.sort_by_key(|(range, _)| (range.start, range.end));
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for (range, new) in splices {
        out.push_str(text.get(at..range.start).unwrap_or_default());
        out.push_str(&new);
        at = range.end.max(at);
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Holds an edited text to what it must say.
fn check(before: &[Value], after: &[Value], document: usize, wanted: &Value) -> Result<(), YamlError> {
    if before.len() != after.len() {
        let counts = format!("{} documents would become {}", before.len(), after.len());
        return Err(YamlError::Refused(counts));
    }
    for (number, (old, new)) in before.iter().zip(after).enumerate() {
        let wanted = if number == document { wanted } else { old };
        if let Some(place) = changed(wanted, new).first() {
            let of = if number == document {
                String::new()
            } else {
                format!(" of document {number}")
            };
            let why = format!(
                "{}{of} would not become what is meant: the way it is written is not edited",
                shown(place)
            );
            return Err(YamlError::Refused(why));
        }
    }
    Ok(())
}
