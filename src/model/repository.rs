//! Where manifests are kept: repositories by their URLs, which people write in many ways, and the folder in them that is deployed.

use serde::{Deserialize, Serialize};

/// Where a deployer takes an object from.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Kept {
    /// The repository's URL, without who logs in: of Git, or of charts.
    pub repository: String,
    /// The folder in it, from its root; empty for the root. `None` where it is no folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Of Argo CD: whether, of a folder that holds no kustomization, the folders in it are deployed, too. Flux always deploys them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recurse: bool,
    /// What of it is deployed: a branch, a tag, a commit, a range of versions; `None` for its default branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Whether that stays where it is when a branch moves on, as tags and commits do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// The chart that it is rendered from: its name, or, where the folder is one, the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<String>,
    /// Files of values for the chart, by their paths from the root of a repository.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Settings of the deployer itself that may change this object on its way, by their fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed_by: Vec<String>,
}

/// Where the files of a folder are from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// URLs of the repository, all of the same one; none where nobody knows.
    pub repositories: Vec<String>,
    /// The folder's own path from the repository's root; empty where it is the root.
    pub folder: String,
    /// The branch that changes go to, where somebody told.
    pub branch: Option<String>,
}

/// Whether two URLs are of one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alike {
    /// They are.
    Same,
    /// Nothing tells: one is a path, or the same name is on two hosts, of which one may mirror the other.
    Unknown,
    /// They are not.
    Other,
}

impl Origin {
    /// Whether a repository is the one of these files.
    pub fn is(&self, repository: &str) -> Alike {
        let all = || self.repositories.iter().map(|own| alike(own, repository));
        match () {
            () if all().any(|one| one == Alike::Same) => Alike::Same,
            () if self.repositories.is_empty() || all().any(|one| one == Alike::Unknown) => Alike::Unknown,
            () => Alike::Other,
        }
    }

    /// A path of the repository as a path among these files, empty for all of them; `None` where it lies beside them.
    pub fn path(&self, from_root: &str) -> Option<String> {
        if self.folder.is_empty() || from_root == self.folder {
            return Some(from_root.strip_prefix(&self.folder)?.to_owned());
        }
        if let Some(rest) = from_root.strip_prefix(&self.folder) {
            return rest.strip_prefix('/').map(str::to_owned);
        }
        let holds = from_root.is_empty()
            || self
                .folder
                .strip_prefix(from_root)
                .is_some_and(|rest| rest.starts_with('/'));
        holds.then(String::new)
    }
}

/// A URL without who logs in and what follows the path. That `git` logs in over SSH is no secret.
pub fn without_login(url: &str) -> String {
    let url = url.trim();
    let url = &url[..url.find(['?', '#']).unwrap_or(url.len())];
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = authority(rest);
            let host = authority.rsplit('@').next().unwrap_or(authority);
            let user = if scheme == "ssh" && authority == format!("git@{host}") {
                "git@"
            } else {
                ""
            };
            format!("{scheme}://{user}{host}{path}")
        }
        // The last `@` before the path, as a password may hold one.
        None => match url.rsplit_once('@') {
            Some(("git", _)) | None => url.to_owned(),
            Some((_, rest)) => rest.to_owned(),
        },
    }
}

/// Who is asked, and the path. A password with a slash in it belongs to the former, though it is no URL then.
fn authority(rest: &str) -> (&str, &str) {
    let slash = rest.find('/').unwrap_or(rest.len());
    let port = rest[..slash].rsplit('@').next().and_then(|host| host.split_once(':'));
    let is_port = port.is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let from = if is_port { 0 } else { rest.rfind('@').unwrap_or(0) };
    rest.split_at(rest[from..].find('/').map_or(rest.len(), |at| from + at))
}

/// Words that some servers put before the path in one kind of URL, and not in the other: Bitbucket, Gerrit, Azure.
const WORDS: [&str; 3] = ["scm", "a", "v3"];

/// Whether two URLs are of one repository, whatever the scheme, who logs in, the port, capitals and `.git`.
pub fn alike(one: &str, other: &str) -> Alike {
    let (Some(one), Some(other)) = (Parts::of(one), Parts::of(other)) else {
        return Alike::Unknown;
    };
    let behind = |long: &Parts, short: &Parts| {
        let (word, rest) = long.path.split_first().unwrap_or((&long.host, &[]));
        WORDS.contains(&word.as_str()) && *rest == short.path[..]
    };
    let one_host = one.host == other.host;
    if one.path == other.path || (one_host && (behind(&one, &other) || behind(&other, &one))) {
        return Alike::Same;
    }
    // A mirror keeps whose it is and its name; on one host, another folder of groups has repositories of its own.
    let named = |parts: &Parts| parts.path[parts.path.len().saturating_sub(2)..].to_vec();
    match named(&one) == named(&other) && !one_host {
        true => Alike::Unknown,
        false => Alike::Other,
    }
}

struct Parts {
    host: String,
    path: Vec<String>,
}

impl Parts {
    /// Host and path; `None` for what is no URL of a server.
    fn of(url: &str) -> Option<Self> {
        let url = without_login(url).to_lowercase();
        let (host, path) = match url.split_once("://") {
            Some(("file", _)) => return None,
            Some((_, rest)) => rest.split_once('/')?,
            // As scp has it: a host, a colon, a path. One letter is a drive.
            None => url
                .split_once(':')
                .filter(|(host, _)| host.len() > 1 && !host.contains('/'))?,
        };
        let host = host.rsplit('@').next()?;
        let host = host.split(':').next()?.to_owned();
        let mut path: Vec<String> = path
            .split('/')
            // Azure's word for "here is a repository".
            .filter(|part| !part.is_empty() && *part != "_git")
            .map(str::to_owned)
            .collect();
        let last = path.last_mut()?;
        *last = last.strip_suffix(".git").unwrap_or(last).to_owned();
        (!host.is_empty() && path.last().is_some_and(|name| !name.is_empty())).then_some(Self { host, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_who_logs_in_is_kept() {
        for (url, kept) in [
            (
                "https://bob:s3cret@git.example.com/acme/deploy.git",
                "https://git.example.com/acme/deploy.git",
            ),
            (
                "https://ghp_abc@git.example.com:8443/acme/deploy",
                "https://git.example.com:8443/acme/deploy",
            ),
            (
                "https://bob:p@ss@git.example.com/a/b?private_token=x#y",
                "https://git.example.com/a/b",
            ),
            (
                "ssh://git@git.example.com:7999/acme/deploy.git",
                "ssh://git@git.example.com:7999/acme/deploy.git",
            ),
            ("https://bob:s/3cret@git.example.com/a/b", "https://git.example.com/a/b"),
            ("ssh://bob:s3cret@git.example.com/a/b", "ssh://git.example.com/a/b"),
            (
                "git@git.example.com:acme/deploy.git",
                "git@git.example.com:acme/deploy.git",
            ),
            ("ghp_abc@git.example.com:acme/deploy", "git.example.com:acme/deploy"),
            (
                " https://git.example.com/acme/deploy ",
                "https://git.example.com/acme/deploy",
            ),
        ] {
            assert_eq!(without_login(url), kept);
        }
    }

    #[test]
    fn one_repository_has_many_urls() {
        let own = "https://git.example.com/acme/deploy";
        for same in [
            "https://git.example.com/acme/deploy.git",
            "HTTPS://Git.Example.com/Acme/Deploy/",
            "http://bob:x@git.example.com:8443/acme/deploy.git",
            "git@git.example.com:acme/deploy.git",
            "ssh://git@git.example.com:7999/acme/deploy.git",
            "ssh://git@ssh.git.example.com:443/acme/deploy.git",
            "https://git.example.com/scm/acme/deploy.git",
        ] {
            assert_eq!(
                (alike(own, same), alike(same, own)),
                (Alike::Same, Alike::Same),
                "{same}"
            );
        }
        assert_eq!(
            alike(
                "https://dev.azure.com/acme/infra/_git/deploy",
                "git@dev.azure.com:v3/acme/infra/deploy"
            ),
            Alike::Same
        );
        for other in [
            "https://git.example.com/acme/apps",
            "https://git.example.com/bob/deploy",
            "https://git.example.com/acme/deploy-eu",
            "https://elsewhere.example.com/acme/apps",
            "https://git.example.com/eu/acme/deploy",
            "https://elsewhere.example.com/someone/deploy.git",
        ] {
            assert_eq!(
                (alike(own, other), alike(other, own)),
                (Alike::Other, Alike::Other),
                "{other}"
            );
        }
        for unknown in [
            "https://mirror.example.org/mirrors/acme/deploy.git",
            "/srv/git/deploy.git",
            "file:///srv/git/apps.git",
            "../deploy",
            "",
            "https://git.example.com",
            "C:\\deploy",
        ] {
            assert_eq!(alike(own, unknown), Alike::Unknown, "{unknown}");
        }
    }

    #[test]
    fn a_path_of_the_repository_is_found_among_files_of_a_part_of_it() {
        let part = Origin {
            folder: "clusters/prod".to_owned(),
            ..Origin::default()
        };
        let path = |from_root: &str| part.path(from_root);
        assert_eq!(path("clusters/prod/chat").as_deref(), Some("chat"));
        assert_eq!(path("clusters/prod").as_deref(), Some(""));
        assert_eq!(path("clusters").as_deref(), Some(""), "all of it is deployed");
        assert_eq!(path("").as_deref(), Some(""));
        assert_eq!(
            (path("clusters/prod-eu"), path("apps"), path("clust")),
            (None, None, None)
        );
        assert_eq!(Origin::default().path("apps/chat").as_deref(), Some("apps/chat"));
    }

    #[test]
    fn any_remote_of_a_checkout_tells_that_it_is_the_one() {
        let fork = Origin {
            repositories: [
                "git@git.example.com:bob/deploy.git",
                "https://git.example.com/acme/deploy",
            ]
            .map(str::to_owned)
            .into(),
            ..Origin::default()
        };
        assert_eq!(fork.is("https://git.example.com/acme/deploy.git"), Alike::Same);
        assert_eq!(fork.is("https://git.example.com/acme/apps"), Alike::Other);
        assert_eq!(
            Origin::default().is("https://git.example.com/acme/apps"),
            Alike::Unknown
        );
    }
}
