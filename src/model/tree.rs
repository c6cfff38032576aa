//! A folder of manifests, read: what patches are made of.

use std::collections::BTreeMap;

use super::repository::Origin;

/// A text file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Its text, byte for byte.
    pub text: String,
    /// Whether it may be executed, which a commit keeps.
    pub executable: bool,
}

/// The manifests of a checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Files that may hold manifests, by their path from the root, with `/` between folders.
    pub files: BTreeMap<String, TreeFile>,
    /// Files that were not read, and why.
    pub left_out: BTreeMap<String, String>,
    /// Where they are from.
    pub origin: Origin,
    /// Whether these are objects of a cluster and no files of anybody: changes are laid over them.
    pub is_live: bool,
}

/// The folder of a path; empty for the root.
pub fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path as seen from a folder, `.` and `..` resolved; `None` where it leads out of the root, or to another place altogether.
pub fn joined(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains("://") {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_root() {
        assert_eq!(joined("apps/prod", "../base").as_deref(), Some("apps/base"));
        assert_eq!(joined("apps", "./a//b.yaml").as_deref(), Some("apps/a/b.yaml"));
        assert_eq!(joined("apps", "..").as_deref(), Some(""));
        for out in ["../../x", "/etc/passwd", "https://example.com/base", "../../../apps"] {
            assert_eq!(joined("apps", out), None, "{out}");
        }
        assert_eq!((folder("a/b/c.yaml"), folder("c.yaml")), ("a/b", ""));
    }
}
