//! `gpuwise patch`: the plan as edits of manifests.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::exit::{self, Usage};
use super::output::Told;
use super::sources::{About, By, From, Levers, read};
use crate::catalog::Catalog;
use crate::deliver::{self, checkout};
use crate::model::plan::{Plan, Row};
use crate::model::progress::Progress;
use crate::patch::index::index;
use crate::patch::patches::{Made, With, patches};
use crate::patch::place::{Changes, FileChange};
use crate::patch::told;
use crate::policy::patches::Patches;
use crate::sources::manifests;
use crate::{pipeline, report};

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
    /// A plan (JSON) that `gpuwise analyze` made, instead of reading and judging now
    #[arg(long, value_name = "FILE", help_heading = "Source", conflicts_with_all = ["demo", "recording", "prometheus"])]
    plan: Option<PathBuf>,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    about: About,
    #[command(flatten)]
    levers: Levers,
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
        let judge = self.levers.of(self.by.judge(&self.from)?)?;
        let settings = judge.policy().patches.clone();
        let progress = self.told.progress();
        let plan = match &self.plan {
            Some(path) => recent(path, &settings)?,
            None => {
                let source = self.from.source(&judge.policy().objectives.timezone, &*progress)?;
                pipeline::plan(&source, &judge, &self.about.scope(), &*progress).await?
            }
        };
        let made = self.made(&plan, &settings, &*progress)?;
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
            (false, Format::Table) => told::summary(&made),
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

    fn made(&self, plan: &Plan, settings: &Patches, progress: &dyn Progress) -> anyhow::Result<Vec<Made>> {
        progress.stage("reading manifests", None);
        let mut tree = manifests::read(&self.manifests)?;
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
}

/// A plan in a file, which must be of today: what it saw may be otherwise by now.
fn recent(path: &Path, settings: &Patches) -> Result<Plan, Usage> {
    let wrong = |why: String| Usage(format!("--plan {}: {why}", path.display()));
    let text = String::from_utf8(read(path)?).map_err(|_| wrong("it is not UTF-8 text".to_owned()))?;
    let plan = report::json::read(&text).map_err(|why| wrong(why.to_string()))?;
    let hours = (Timestamp::now().as_second() - plan.window.end.as_second()) as f64 / 3600.0;
    if hours > settings.most_plan_age_hours {
        return Err(wrong(format!(
            "it is {hours:.0} hours old, and what it saw may be otherwise by now: analyze again, or raise \
             patches.most_plan_age_hours ({}) in the policy",
            settings.most_plan_age_hours
        )));
    }
    Ok(plan)
}

/// All changes as one: each file as it was before the first and as it is after the last.
fn together(made: &[Made]) -> Changes {
    let mut all = Changes::new();
    for made in made {
        let Made::Patch(patch) = made else { continue };
        for (path, change) in &patch.changes {
            let before = all
                .get(path)
                .map_or_else(|| change.before.clone(), |earlier: &FileChange| earlier.before.clone());
            all.insert(
                path.clone(),
                FileChange {
                    before,
                    after: change.after.clone(),
                },
            );
        }
    }
    all
}
