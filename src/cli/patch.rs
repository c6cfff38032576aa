//! `gpuwise patch`: the plan as edits of manifests.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::exit;
use super::output::Told;
use super::planned::Planned;
use crate::catalog::Catalog;
use crate::deliver::{self, checkout};
use crate::model::plan::{Plan, Row};
use crate::model::progress::Progress;
use crate::model::repository::{Origin, without_login};
use crate::model::tree::Tree;
use crate::patch::index::index;
use crate::patch::patches::{Made, With, patches, together};
use crate::patch::told;
use crate::policy::patches::Patches;
use crate::sources::manifests;

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
    /// The root of a checkout, or any folder of manifests
    #[arg(long, value_name = "DIR", help_heading = "Manifests")]
    manifests: PathBuf,
    /// URL of the repository whose root that is [default: the remotes of the checkout around it]
    #[arg(long, value_name = "URL", help_heading = "Manifests")]
    repository: Option<String>,
    #[command(flatten)]
    planned: Planned,
    /// Print unified diffs, with the reason above each
    #[arg(long, help_heading = "Output", conflicts_with_all = ["write", "format"])]
    diff: bool,
    /// Change the files
    #[arg(long, help_heading = "Output")]
    write: bool,
    /// Change files that have changes which are not committed, too
    #[arg(long, help_heading = "Output", requires = "write")]
    allow_dirty: bool,
    /// Write the changed and new files below this folder instead
    #[arg(long, value_name = "DIR", help_heading = "Output", conflicts_with = "write")]
    output: Option<PathBuf>,
    /// How patches are listed
    #[arg(long, value_enum, default_value = "table", help_heading = "Output")]
    format: Format,
    #[command(flatten)]
    told: Told,
}

impl Patch {
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        let progress = self.told.progress();
        progress.stage("reading manifests", None);
        // A folder that is not there is told before a cluster is read for minutes.
        let mut tree = manifests::read(&self.manifests)?;
        if let Some(url) = &self.repository {
            tree.origin = Origin {
                repositories: vec![without_login(url)],
                ..Origin::default()
            };
        }
        let (plan, settings) = self.planned.plan(&*progress).await?;
        let made = made(&plan, tree, &settings, &*progress)?;
        drop(progress);
        let all = together(&made);
        if self.write {
            checkout::write(&self.manifests, &all, self.allow_dirty)?;
        } else if let Some(folder) = &self.output {
            checkout::copies(folder, &all)?;
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
