//! `gpuwise patch`: the plan as edits of manifests.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::exit::{self, Usage};
use super::output::Told;
use super::planned::Planned;
use crate::catalog::Catalog;
use crate::deliver::{self, checkout};
use crate::model::plan::{Plan, Row};
use crate::model::progress::Progress;
use crate::model::repository::{Origin, without_login};
use crate::model::tree::Tree;
use crate::patch::component;
use crate::patch::index::index;
use crate::patch::patches::{Made, With, patches, together};
use crate::patch::told;
use crate::pipeline::{self, Kubernetes};
use crate::policy::patches::Patches;
use crate::sources::manifests;

/// Why there is nothing to lay patches over.
const NO_CLUSTER: &str = "give --manifests DIR: neither a recording nor metrics alone hold the objects that patches would be laid over; \
                          with a cluster's Kubernetes API they are read from it";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For a terminal.
    Table,
    /// Every patch and refusal, for scripts.
    Json,
}

/// Arguments of `patch`.
#[derive(Debug, Args)]
pub(super) struct Patch {
    /// The root of a checkout, or any folder of manifests; without one, patches are laid over what the cluster has, and go to
    /// --output
    #[arg(
        long,
        value_name = "DIR",
        help_heading = "Manifests",
        required_unless_present = "output"
    )]
    manifests: Option<PathBuf>,
    /// URL of the repository whose root that is [default: the remotes of the checkout around it]
    #[arg(long, value_name = "URL", help_heading = "Manifests", requires = "manifests")]
    repository: Option<String>,
    #[command(flatten)]
    planned: Planned,
    /// Print unified diffs, with the reason above each
    #[arg(long, help_heading = "Output", conflicts_with_all = ["write", "format"])]
    diff: bool,
    /// Change the files
    #[arg(long, help_heading = "Output", requires = "manifests")]
    write: bool,
    /// Change files that have changes which are not committed, too
    #[arg(long, help_heading = "Output", requires = "write")]
    allow_dirty: bool,
    /// Write the changed and new files below this folder instead; without --manifests, a kustomize component for each namespace
    #[arg(long, value_name = "DIR", help_heading = "Output", conflicts_with = "write")]
    output: Option<PathBuf>,
    /// How patches are listed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    told: Told,
}

/// Where the objects are that patches are about.
enum Objects {
    /// In these files.
    Files(Tree),
    /// In the cluster behind this API.
    Cluster(Kubernetes),
}

impl Patch {
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        let progress = self.told.progress();
        // A folder that is not there is told before a cluster is read for minutes.
        let objects = match &self.manifests {
            Some(folder) => Objects::Files(self.files(folder, &*progress)?),
            None => Objects::Cluster(self.planned.kubernetes()?.ok_or_else(|| Usage(NO_CLUSTER.to_owned()))?),
        };
        let over = match &objects {
            Objects::Cluster(kubernetes) => Some(kubernetes),
            Objects::Files(_) => None,
        };
        let (plan, settings) = self.planned.plan(over, &*progress).await?;
        let tree = match objects {
            Objects::Files(tree) => tree,
            Objects::Cluster(kubernetes) => {
                let (objects, gaps) = pipeline::objects(&kubernetes, &plan, &*progress).await?;
                gaps.iter()
                    .for_each(|gap| progress.note(&format!("{}: {}", gap.what, gap.why)));
                component::tree(&objects)
            }
        };
        let is_live = tree.is_live;
        let made = made(&plan, tree, &settings, &*progress)?;
        drop(progress);
        let all = together(&made);
        match (&self.output, &self.manifests) {
            (Some(folder), _) if is_live => checkout::components(folder, &component::component(&all))?,
            (Some(folder), _) => checkout::copies(folder, &all)?,
            (None, Some(root)) if self.write => checkout::write(root, &all, self.allow_dirty)?,
            (None, _) => {}
        }
        let text = match (self.diff, self.format) {
            (true, _) => told::diffs(&plan, &made),
            (false, Format::Json) => told::json(&plan, &made)?,
            (false, Format::Table) => told::summary(&made, self.write || self.output.is_some()),
        };
        deliver::text(&text, None)?;
        let refused = made
            .iter()
            .any(|made| matches!(made, Made::Refused(one) if one.is_failure()));
        Ok(if refused {
            ExitCode::from(exit::REFUSED)
        } else {
            ExitCode::SUCCESS
        })
    }
}

impl Patch {
    fn files(&self, folder: &Path, progress: &dyn Progress) -> anyhow::Result<Tree> {
        progress.stage("reading manifests", None);
        let mut tree = manifests::read(folder)?;
        if let Some(url) = &self.repository {
            tree.origin = Origin {
                repositories: vec![without_login(url)],
                ..Origin::default()
            };
        }
        Ok(tree)
    }
}

fn made(plan: &Plan, mut tree: Tree, settings: &Patches, progress: &dyn Progress) -> anyhow::Result<Vec<Made>> {
    let mut index = index(&tree);
    let catalog = Catalog::shipped().context("the catalogue inside this binary")?;
    let rows: Vec<&Row> = plan.accepted.iter().collect();
    progress.stage("making patches", None);
    let with = With {
        catalog: &catalog,
        settings,
    };
    Ok(patches(plan, &rows, &mut tree, &mut index, with))
}
