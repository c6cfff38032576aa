//! What images are made for.

use super::run::Doing;
use super::words::{in_name, split};
use super::{Class, Hint, Lasts, of, rows_of};
use crate::catalog::work::{Sign, Tells, WorkSigns};
use crate::model::cluster::Container;

/// How much an image says of a container that runs something of its own in it; more where the image is a tool for files,
/// which a program of one's own only calls.
const OWN_PROGRAM: f64 = 0.5;
const OWN_CALLS: f64 = 0.8;

/// How much a server's image says where it ends by itself: it may fetch a model or convert it.
const ENDS: f64 = 0.5;

/// An image's name without registry, tag and digest; and its tag.
fn parts(image: &str) -> (String, String) {
    let image = image.split('@').next().unwrap_or(image).to_lowercase();
    let (path, tag) = match image.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, tag),
        _ => (image.as_str(), ""),
    };
    let is_registry = |first: &str| first.contains(['.', ':']) || first == "localhost";
    let name = match path.split_once('/') {
        Some((first, rest)) if is_registry(first) => rest,
        _ => path,
    };
    (name.to_owned(), tag.to_owned())
}

/// Whether a text stands in a name between separators.
fn stands_in(text: &str, name: &str) -> bool {
    name.match_indices(text).any(|(at, _)| {
        let before = name[..at].chars().next_back();
        let after = name[at + text.len()..].chars().next();
        let parts = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
        parts(before) && parts(after)
    })
}

/// What says that it looks after the GPUs themselves.
pub(super) fn cares_for_gpus(containers: &[&Container], rows: &WorkSigns) -> Option<String> {
    for container in containers {
        let (name, _) = parts(&container.image);
        let made = rows_of(rows, Sign::Image).filter(|row| row.tells == Tells::Infrastructure);
        if let Some(row) = made.into_iter().find(|row| stands_in(&row.text, &name)) {
            return Some(format!(
                "`{}` in its image: it looks after the GPUs themselves",
                row.text
            ));
        }
        let folders = rows_of(rows, Sign::Mount).filter(|row| row.tells == Tells::Infrastructure);
        let mut folders = folders.flat_map(|row| {
            container
                .mounts
                .iter()
                .filter(|mount| stands_in(&row.text, &mount.path))
        });
        if let Some(mount) = folders.next() {
            return Some(format!(
                "a volume at `{}`: it looks after the GPUs themselves",
                mount.path
            ));
        }
    }
    None
}

/// What the images say.
pub(super) fn hints(containers: &[&Container], doing: Doing, lasts: Lasts, rows: &WorkSigns) -> Vec<Hint> {
    let mut hints = Vec::new();
    for container in containers {
        let (name, tag) = parts(&container.image);
        let last = name.rsplit('/').next().unwrap_or(&name);
        for (class, weight, word) in in_name(&format!("{last}:{tag}"), lasts, rows) {
            hints.push(Hint::new(
                class,
                "image",
                weight * 0.8,
                format!("`{word}` in its image's name"),
            ));
        }
        let words = [split(last), split(&tag)].concat();
        let whole = format!("{name}:{tag}");
        if rows_of(rows, Sign::Helper).any(|row| words.contains(&row.text)) {
            continue;
        }
        for row in rows_of(rows, Sign::Image).filter(|row| stands_in(&row.text, &whole)) {
            let because = format!("`{}` in its image", row.text);
            let made_for = of(row.tells).map(|class| match (class, doing, lasts) {
                // What ends by itself and has a program of its own there asks the model of its data.
                (Class::Inference, Doing::Own, Lasts::Ends) => Class::Batch,
                (class, ..) => class,
            });
            let trusted = match (doing, row.tells) {
                (Doing::Own, Tells::Batch) if lasts == Lasts::Ends => OWN_CALLS,
                (Doing::Own, _) => OWN_PROGRAM,
                (_, Tells::Inference) if lasts == Lasts::Ends => ENDS,
                _ => 1.0,
            };
            hints.extend(made_for.map(|class| Hint::new(class, "image", row.weight * trusted, because)));
        }
    }
    hints
}
