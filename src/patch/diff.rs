//! Changes of files as unified diffs, which `git apply` and `patch -p1` take.

use similar::TextDiff;

use super::place::Changes;

/// Unified diffs of all files, by path.
pub fn diff(changes: &Changes) -> String {
    let one = |(path, change): (&String, &super::place::FileChange)| {
        let before = change.before.as_deref();
        let diff = TextDiff::from_lines(before.unwrap_or_default(), &change.after);
        let old = before.map_or_else(|| "/dev/null".to_owned(), |_| format!("a/{path}"));
        let new = format!("b/{path}");
        diff.unified_diff().context_radius(3).header(&old, &new).to_string()
    };
    changes.iter().map(one).collect()
}
