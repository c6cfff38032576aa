//! Which repository a folder is a checkout of, by the configuration that Git keeps beside it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::model::repository::{Origin, without_login};

/// The most of a file of Git's that is read, bytes.
const MOST: u64 = 1 << 20;

/// Where a folder is from: the remotes of the repository around it, and its path in that. Empty where it is in none, or where that
/// cannot be read.
pub fn origin(folder: &Path) -> Origin {
    let around = || {
        let own = folder.canonicalize().ok()?;
        let root = own.ancestors().find(|above| above.join(".git").exists())?;
        let parts = own.strip_prefix(root).ok()?.components();
        let parts: Vec<String> = parts
            .map(|part| part.as_os_str().to_string_lossy().into_owned())
            .collect();
        Some((remotes(root), parts.join("/")))
    };
    let (repositories, folder) = around().unwrap_or_default();
    Origin {
        repositories,
        folder,
        branch: None,
    }
}

/// URLs of the remotes of a repository, without who logs in: a checkout, or a bare one.
pub fn remotes(root: &Path) -> Vec<String> {
    let checkout = git_folder(root).and_then(|git| text(&git.join("config")));
    let config = checkout.or_else(|| text(&root.join("config")));
    urls(&config.unwrap_or_default())
}

/// The folder of a checkout in which Git keeps its configuration: a worktree, or a submodule, has it elsewhere.
fn git_folder(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let told = text(&git)?;
    let own = root.join(told.trim().strip_prefix("gitdir:")?.trim());
    let common = text(&own.join("commondir"));
    Some(common.map_or_else(|| own.clone(), |common| own.join(common.trim())))
}

fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(MOST).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The URLs of all remotes in a configuration of Git's.
fn urls(config: &str) -> Vec<String> {
    let (mut found, mut in_remote) = (Vec::new(), false);
    for line in config.lines().map(str::trim) {
        let mut rest = line;
        if let Some(section) = line.strip_prefix('[') {
            in_remote = section.trim_start().starts_with("remote ");
            // A setting may stand on the same line.
            rest = section.split_once(']').map_or("", |(_, rest)| rest.trim());
        }
        let Some((key, value)) = rest.split_once('=').filter(|_| in_remote) else {
            continue;
        };
        let value = value.trim().trim_matches('"');
        if key.trim().eq_ignore_ascii_case("url") && !value.is_empty() {
            found.push(without_login(value));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn remotes_are_read_without_who_logs_in() {
        let config = "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = https://bob:s3cret@git.example.com/acme/deploy.git\n\
                      \tfetch = +refs/heads/*:refs/remotes/origin/*\n[branch \"main\"]\n\turl = no\n\
                      [remote \"up\"] URL = \"git@git.example.com:acme/deploy\"\n[url \"x\"]\n\tinsteadOf = y\n";
        assert_eq!(
            urls(config),
            [
                "https://git.example.com/acme/deploy.git",
                "git@git.example.com:acme/deploy"
            ]
        );
        assert!(urls("").is_empty() && urls("[remote \"a\"]\nurl\nurl =\n=\n").is_empty());
    }

    #[test]
    fn a_folder_of_a_checkout_knows_its_path_and_a_worktree_its_repository() {
        let place = tempfile::TempDir::new().unwrap();
        let (main, tree) = (place.path().join("main"), place.path().join("tree"));
        fs::create_dir_all(main.join(".git/worktrees/tree")).unwrap();
        fs::create_dir_all(main.join("clusters/prod")).unwrap();
        let config = "[remote \"origin\"]\n\turl = https://git.example.com/acme/deploy\n";
        fs::write(main.join(".git/config"), config).unwrap();
        fs::write(main.join(".git/worktrees/tree/commondir"), "../..\n").unwrap();
        fs::create_dir_all(&tree).unwrap();
        let named = format!("gitdir: {}\n", main.join(".git/worktrees/tree").display());
        fs::write(tree.join(".git"), named).unwrap();
        let url = "https://git.example.com/acme/deploy".to_owned();
        let of = |folder: &Path| (origin(folder).repositories, origin(folder).folder);
        assert_eq!(
            of(&main.join("clusters/prod")),
            (vec![url.clone()], "clusters/prod".to_owned())
        );
        assert_eq!(of(&tree), (vec![url.clone()], String::new()));
        assert_eq!(of(place.path()), (Vec::new(), String::new()));
        assert_eq!(remotes(&main.join(".git")), [url], "as of a bare repository");
    }
}
