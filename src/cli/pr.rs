//! `gpuwise pr`: the plan as pull requests, or as branches of a repository on this machine.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::exit::{self, Usage};
use super::files::read;
use super::output::Told;
use super::planned::Planned;
use crate::catalog::Catalog;
use crate::deliver::forge::{self, Done, Forge, GitDir, GitHub, GitLab, Gitea, Outcome, Settings, System};
use crate::deliver::{self, requests};
use crate::model::repository::Origin;
use crate::model::tree::{Tree, TreeFile};
use crate::patch::index::index;
use crate::patch::patches::{Refused, With};
use crate::patch::topics::{self, prefix, topics};
use crate::policy::patches::Patches;
use crate::sources::endpoint::{Endpoint, Login, Secret, Tls};
use crate::sources::manifests;

/// Whose API it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// GitHub, or an Enterprise Server.
    Github,
    /// GitLab.
    Gitlab,
    /// Gitea or Forgejo.
    Gitea,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For a terminal.
    Table,
    /// Every outcome, for scripts.
    Json,
}

/// Arguments of `pr`.
#[derive(Debug, Args)]
pub(super) struct Pr {
    /// The repository: owner/name, or a project of GitLab such as group/team/name
    #[arg(
        long,
        value_name = "NAME",
        env = "GPUWISE_REPOSITORY",
        help_heading = "Repository",
        required_unless_present = "git"
    )]
    repository: Option<String>,
    /// Whose API it has [default: by the host of --forge-url, and github without it]
    #[arg(long, value_enum, env = "GPUWISE_FORGE", help_heading = "Repository")]
    forge: Option<Kind>,
    /// The server, where that is not github.com or gitlab.com
    #[arg(long, value_name = "URL", env = "GPUWISE_FORGE_URL", help_heading = "Repository")]
    forge_url: Option<String>,
    /// A file with the token; GPUWISE_FORGE_TOKEN holds it otherwise
    #[arg(
        long,
        value_name = "FILE",
        env = "GPUWISE_FORGE_TOKEN_FILE",
        help_heading = "Repository"
    )]
    forge_token_file: Option<PathBuf>,
    /// Certificate authorities (PEM) to trust besides the system's
    #[arg(
        long,
        value_name = "FILE",
        env = "GPUWISE_FORGE_CA_FILE",
        help_heading = "Repository"
    )]
    forge_ca_file: Option<PathBuf>,
    /// A repository on this machine, in which only branches are made: nothing is pushed, and no work tree is touched
    #[arg(long, value_name = "DIR", help_heading = "Repository", conflicts_with_all = ["repository", "forge", "forge_url", "forge_token_file"])]
    git: Option<PathBuf>,
    /// The branch to merge to [default: the repository's own]
    #[arg(long, value_name = "NAME", help_heading = "Repository")]
    base: Option<String>,
    /// A checkout of that branch [default: the files are read through the API]
    #[arg(long, value_name = "DIR", help_heading = "Repository")]
    manifests: Option<PathBuf>,
    #[command(flatten)]
    planned: Planned,
    /// Tell what would be written, in full, and write nothing
    #[arg(long, help_heading = "Output")]
    dry_run: bool,
    /// Open new pull requests as drafts
    #[arg(long, help_heading = "Output")]
    draft: bool,
    /// How outcomes are listed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    told: Told,
}

impl Pr {
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        // What is wrong with the repository's arguments is told before a cluster is read for minutes.
        let forge = self.open()?;
        let progress = self.told.progress();
        progress.stage("reading manifests", None);
        let tree = self.tree(&*forge).await?;
        let (plan, settings) = self.planned.plan(None, &*progress).await?;
        let index = index(&tree);
        let catalog = Catalog::shipped().context("the catalogue inside this binary")?;
        progress.stage("making patches", None);
        let with = With {
            catalog: &catalog,
            settings: &settings,
        };
        let (topics, refused) = topics(&plan, &tree, &index, with);
        let wanted: Vec<forge::Topic> = topics.into_iter().map(|topic| delivered(topic, &settings)).collect();
        let failures = refused.iter().any(Refused::is_failure);
        let run = Settings {
            base: self.base.clone(),
            tidies: self.planned.is_whole() && !failures,
            material: settings.material,
            most_open: settings.most_open as usize,
            draft: self.draft,
            dry_run: self.dry_run,
            ..Settings::new(prefix(&plan), Timestamp::now())
        };
        let outcomes = forge::reconcile(&*forge, &wanted, &run, &*progress).await?;
        drop(progress);
        let text = match self.format {
            Format::Table => requests::table(&outcomes, &wanted, &refused, self.dry_run),
            Format::Json => requests::json(&outcomes, &wanted, &refused, self.dry_run)?,
        };
        deliver::text(&text, None)?;
        let refusal = |outcome: &Outcome| Done::is_refusal(&outcome.done);
        Ok(if failures || outcomes.iter().any(refusal) {
            ExitCode::from(exit::REFUSED)
        } else {
            ExitCode::SUCCESS
        })
    }

    fn open(&self) -> anyhow::Result<Box<dyn Forge>> {
        if let Some(folder) = &self.git {
            return Ok(Box::new(GitDir::open(folder)?));
        }
        let repository = self.repository.as_deref().unwrap_or_default();
        let kind = self.kind()?;
        let url = match (&self.forge_url, kind) {
            (Some(url), _) => url.clone(),
            (None, Kind::Github) => "https://api.github.com".to_owned(),
            (None, Kind::Gitlab) => "https://gitlab.com".to_owned(),
            (None, Kind::Gitea) => {
                return Err(Usage("--forge gitea: name its server with --forge-url https://HOST".to_owned()).into());
            }
        };
        let mut endpoint = Endpoint::new(url);
        endpoint.login = self.login()?;
        endpoint.tls = Tls {
            ca_pem: self.forge_ca_file.as_deref().map(read).transpose()?,
            ..Tls::default()
        };
        let clock = Arc::new(System);
        Ok(match kind {
            Kind::Github => Box::new(GitHub::open(&endpoint, repository, clock)?),
            Kind::Gitlab => Box::new(GitLab::open(&endpoint, repository, clock)?),
            Kind::Gitea => Box::new(Gitea::open(&endpoint, repository, clock)?),
        })
    }

    fn kind(&self) -> Result<Kind, Usage> {
        let host = self.forge_url.as_deref().map(str::to_lowercase);
        let has = |name: &str| host.as_deref().is_some_and(|host| host.contains(name));
        match self.forge {
            Some(kind) => Ok(kind),
            None if host.is_none() || has("github") => Ok(Kind::Github),
            None if has("gitlab") => Ok(Kind::Gitlab),
            None if has("gitea") || has("forgejo") || has("codeberg.org") => Ok(Kind::Gitea),
            None => Err(Usage(format!(
                "whose API {} has is not told by its name: say --forge github, gitlab or gitea",
                host.unwrap_or_default()
            ))),
        }
    }

    /// The token, which is in no argument: those can be seen by everybody on the machine.
    fn login(&self) -> Result<Login, Usage> {
        if let Some(path) = &self.forge_token_file {
            return Ok(Login::TokenFile(path.clone()));
        }
        match std::env::var("GPUWISE_FORGE_TOKEN") {
            Ok(token) if !token.trim().is_empty() => Ok(Login::Token(Secret::new(token.trim()))),
            _ => Err(Usage(
                "no token: give one in GPUWISE_FORGE_TOKEN, or a file with --forge-token-file; it must be allowed to write contents and \
                 pull requests of this repository"
                    .to_owned(),
            )),
        }
    }

    /// The files: of a checkout, under the paths that they have in the repository, or of the base branch through the API.
    async fn tree(&self, forge: &dyn Forge) -> anyhow::Result<Tree> {
        if let Some(folder) = &self.manifests {
            let own = manifests::read(folder)?;
            let place = place_in_repository(folder);
            let path = |path: String| {
                if place.is_empty() {
                    path
                } else {
                    format!("{place}/{path}")
                }
            };
            return Ok(Tree {
                files: own.files.into_iter().map(|(name, file)| (path(name), file)).collect(),
                left_out: own.left_out.into_iter().map(|(name, why)| (path(name), why)).collect(),
                origin: self.origin(),
                ..Tree::default()
            });
        }
        let read = forge::checkout(forge, self.base.as_deref(), &|path| {
            path.ends_with('/') || manifests::is_manifest(path)
        })
        .await?;
        let file = |(path, text)| {
            (
                path,
                TreeFile {
                    text,
                    executable: false,
                },
            )
        };
        Ok(Tree {
            files: read.files.into_iter().map(file).collect(),
            left_out: read
                .left_out
                .into_iter()
                .map(|(path, why)| (path, why.to_owned()))
                .collect(),
            origin: self.origin(),
            ..Tree::default()
        })
    }

    /// The repository, as deployers name it: by the host that people see, not by that of an API.
    fn origin(&self) -> Origin {
        let repositories = match (&self.git, &self.repository) {
            (Some(folder), _) => manifests::remotes(folder),
            (None, Some(name)) => {
                let host = web(self.forge_url.as_deref(), self.kind().ok());
                host.map(|host| format!("https://{host}/{name}")).into_iter().collect()
            }
            (None, None) => Vec::new(),
        };
        Origin {
            repositories,
            folder: String::new(),
            branch: self.base.clone(),
        }
    }
}

/// The host under which people see a server's repositories.
fn web(url: Option<&str>, kind: Option<Kind>) -> Option<&str> {
    let Some(url) = url else {
        return match kind? {
            Kind::Github => Some("github.com"),
            Kind::Gitlab => Some("gitlab.com"),
            Kind::Gitea => None,
        };
    };
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    Some(host.strip_prefix("api.").unwrap_or(host))
}

/// Where a folder lies in the repository around it; empty for its root, and where there is none.
fn place_in_repository(folder: &Path) -> String {
    let Ok(own) = folder.canonicalize() else {
        return String::new();
    };
    let root = own.ancestors().find(|above| above.join(".git").exists());
    let place = root.and_then(|root| own.strip_prefix(root).ok());
    let parts = place.into_iter().flat_map(Path::components);
    let parts: Vec<String> = parts
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    parts.join("/")
}

fn delivered(topic: topics::Topic, settings: &Patches) -> forge::Topic {
    let file = |(path, change): (String, crate::patch::place::FileChange)| forge::FileChange {
        path,
        before: change.before,
        after: change.after,
    };
    forge::Topic {
        branch: topic.branch,
        title: topic.title,
        body: topic.body,
        message: topic.message,
        labels: settings.labels.clone(),
        reviewers: topic.reviewers,
        files: topic.changes.into_iter().map(file).collect(),
        monthly: topic.monthly,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_known_by_the_host_that_people_see() {
        let of = |url: &str| web(Some(url), None).map(str::to_owned);
        assert_eq!(
            of("https://git.example.com:8443/api/v3").as_deref(),
            Some("git.example.com")
        );
        assert_eq!(of("https://api.acme.ghe.com").as_deref(), Some("acme.ghe.com"));
        assert_eq!(
            of("https://bob:s3cret@git.example.com").as_deref(),
            Some("git.example.com")
        );
        assert_eq!(web(None, Some(Kind::Github)), Some("github.com"));
        assert_eq!(web(None, Some(Kind::Gitlab)), Some("gitlab.com"));
        assert_eq!(web(None, Some(Kind::Gitea)), None);
    }
}
