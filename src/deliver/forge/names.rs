//! Names that Git takes: of branches, so that none clashes with another, and of files, so that none leads out.

use reqsign_core::hash::hex_sha256;

/// Gitea takes no branch name that is longer, and nobody wants to read one.
const LONGEST: usize = 100;

/// Hexadecimal digits that tell names apart which were cut or flattened.
const DIGITS: usize = 10;

/// The branch of a topic, below a prefix that ends in a slash. Git keeps no `a` beside `a/b`, so a topic has no slash; which
/// other topics there are today has no say in it, or a topic would change its branch from run to run.
///
/// # Errors
/// Why Git takes no such name.
pub(super) fn branch(name: &str, prefix: &str) -> Result<String, String> {
    let bad = |why: &str| Err(format!("`{name}` is no name for a branch: {why}"));
    let Some(topic) = name.strip_prefix(prefix) else {
        return bad(&format!("it does not begin with `{prefix}`"));
    };
    if let Some(why) = unfit(name) {
        return bad(why);
    }
    let room = LONGEST.saturating_sub(prefix.len()).max(2 * DIGITS);
    if !topic.contains('/') && topic.len() <= room {
        return Ok(name.to_owned());
    }
    let mut flat = topic.replace('/', "-");
    let mut end = flat.len().min(room - DIGITS - 1);
    while !flat.is_char_boundary(end) {
        end -= 1;
    }
    flat.truncate(end);
    let hash = hex_sha256(topic.as_bytes());
    Ok(format!("{prefix}{flat}-{}", &hash[..DIGITS]))
}

/// Why a text is no name of a branch (the rules of `git check-ref-format`).
pub(super) fn unfit(name: &str) -> Option<&'static str> {
    let forbidden = |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    if name.is_empty() || name == "@" {
        return Some("it is empty");
    }
    if name.starts_with('-') {
        return Some("it begins with a dash");
    }
    if name.contains(forbidden) {
        return Some("it holds a space, a control character or one of ~^:?*[\\");
    }
    if name.contains("..") || name.contains("@{") {
        return Some("it holds `..` or `@{`");
    }
    if name.ends_with('.') {
        return Some("it ends in a dot");
    }
    let part = |part: &str| {
        let lock = part.len() >= 5 && part.as_bytes()[part.len() - 5..].eq_ignore_ascii_case(b".lock");
        part.is_empty() || part.starts_with('.') || lock
    };
    name.split('/')
        .any(part)
        .then_some("a part of it is empty, begins with a dot or ends in `.lock`")
}

/// Why a text is no path of a file within a repository.
pub(super) fn astray(path: &str) -> Option<&'static str> {
    if path.is_empty() || path.starts_with('/') || path.len() > 4096 {
        return Some("it is empty, absolute or too long");
    }
    if path.contains(|c: char| c.is_control() || c == '\\') {
        return Some("it holds a backslash or a control character");
    }
    let part = |part: &str| {
        // On other systems a trailing dot or space is no part of the name, and `.GIT` is `.git`.
        let plain = part.trim_end_matches(['.', ' ']);
        plain.is_empty() || plain.eq_ignore_ascii_case(".git") || part.len() > 255
    };
    path.split('/')
        .any(part)
        .then_some("a part of it is empty, `.`, `..`, `.git` or too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_name_is_kept() {
        assert_eq!(
            branch("gpuwise/prod/chat", "gpuwise/prod/").unwrap(),
            "gpuwise/prod/chat"
        );
    }

    #[test]
    fn names_that_would_clash_or_are_too_long_differ_and_stay_the_same() {
        let of = |name: &str| branch(&format!("gpuwise/prod/{name}"), "gpuwise/prod/").unwrap();
        let names = [
            "a",
            "a/b",
            "a-b",
            "a/b/c",
            &"x".repeat(300),
            &"x".repeat(301),
            &"é".repeat(90),
        ];
        let mut made: Vec<String> = names.iter().map(|name| of(name)).collect();
        for name in &made {
            assert!(name.len() <= LONGEST && unfit(name).is_none(), "{name}");
            assert_eq!(name.matches('/').count(), 2, "{name}");
            assert_eq!(branch(name, "gpuwise/prod/").unwrap(), *name);
        }
        made.sort();
        made.dedup();
        assert_eq!(made.len(), names.len());
    }

    #[test]
    fn what_git_takes_no_branch_for_is_refused() {
        for name in [
            "", "@", "-a", "a b", "a..b", "a.lock", "a.LOCK/b", "a//b", ".a", "a/.b", "a.", "a@{b", "a~", "a:b",
            "a\\b", "a\u{7}", "/a", "a/",
        ] {
            assert!(unfit(name).is_some(), "{name:?}");
        }
        for name in ["a", "a/b.c", "gpuwise/prod/deployment-chat", "é", "a@b", "lock"] {
            assert!(unfit(name).is_none(), "{name:?}");
        }
        assert!(branch("main", "gpuwise/prod/").unwrap_err().contains("gpuwise/prod/"));
        assert!(branch("gpuwise/prod/", "gpuwise/prod/").is_err());
    }

    #[test]
    fn no_path_leads_out() {
        for path in [
            "",
            "/etc/passwd",
            "../a",
            "a/../b",
            "a/./b",
            "a//b",
            "a/",
            ".git/config",
            "a/.GIT/hooks",
            ".git./config",
            "a\\b",
            "a\nb",
            "C:\\a",
        ] {
            assert!(astray(path).is_some(), "{path:?}");
        }
        for path in ["a", "deploy/chat.yaml", ".github/a", "a b/ü.yaml", "..a", "git"] {
            assert!(astray(path).is_none(), "{path:?}");
        }
    }
}
