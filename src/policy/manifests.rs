//! Where owners say that a workload is written down, by annotation: a file or folder of the repository, or a file of values.

use super::attribution::{MANIFEST, clean};
use super::helm_values::{VALUES, annotated};
use super::overrides::Overrides;
use super::overrides::PREFIX;
use crate::model::cluster::Labels;
use crate::model::helm_values::ValuesFile;

/// Whether the annotations count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ManifestFacts {
    counts: bool,
    values: bool,
}

impl ManifestFacts {
    pub(super) fn new(overrides: &Overrides) -> Self {
        Self {
            counts: overrides.allows("manifest"),
            values: overrides.allows(VALUES),
        }
    }

    /// `path` or `path#name`; `None` where nothing is said, or nothing that is a path. Those without effect are told where all
    /// annotations are.
    pub fn of(self, annotations: &Labels) -> Option<String> {
        let (path, name) = written_at(annotations.get(MANIFEST).filter(|_| self.counts)?).ok()?;
        Some(match name {
            Some(name) => format!("{path}#{name}"),
            None => path,
        })
    }

    /// Where its settings stand in a file of values; `None` where nothing is said, or nothing that can be read.
    pub fn values_of(self, annotations: &Labels) -> Option<ValuesFile> {
        annotated(annotations.get(&format!("{PREFIX}{VALUES}")).filter(|_| self.values)?).ok()
    }
}

/// The path in what an annotation says, and the name behind it.
///
/// # Errors
/// Why it is no path.
pub(super) fn written_at(value: &str) -> Result<(String, Option<&str>), &'static str> {
    let (path, name) = value.split_once('#').unwrap_or((value, ""));
    let name = name.trim();
    Ok((clean(path)?, (!name.is_empty()).then_some(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_where_the_policy_lets_it_be() {
        let says = |value: &str| Labels::from([(MANIFEST.to_owned(), value.to_owned())]);
        let counts = ManifestFacts {
            counts: true,
            values: false,
        };
        assert_eq!(counts.of(&says("./apps/chat.yaml")).as_deref(), Some("apps/chat.yaml"));
        assert_eq!(
            counts.of(&says("apps/prod/#llama")).as_deref(),
            Some("apps/prod/#llama")
        );
        assert_eq!(counts.of(&says("apps/chat.yaml#")).as_deref(), Some("apps/chat.yaml"));
        for odd in ["", "#llama", "../../etc/passwd", "apps/../../x"] {
            assert_eq!(counts.of(&says(odd)), None, "{odd}");
        }
        assert_eq!(ManifestFacts::default().of(&says("apps/chat.yaml")), None);
    }
}
