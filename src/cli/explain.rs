//! `gpuwise explain`: what a lever looks for, or the whole story of one workload.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::earlier::Earlier;
use super::exit::Usage;
use super::files::judge;
use super::output::Output;
use super::sources::{About, By, From, Levers};
use crate::{pipeline, report};

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The lever; without one, all are listed
    #[arg(value_name = "LEVER", conflicts_with = "why")]
    about: Option<String>,
    /// The workload whose story to tell: NAMESPACE/NAME, its name or its id
    #[arg(long, value_name = "WORKLOAD")]
    why: Option<String>,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    asked: About,
    #[command(flatten)]
    levers: Levers,
    /// With --why, an earlier plan (JSON) of this cluster: the story tells what became of its changes of the workload
    #[arg(
        long,
        visible_alias = "compare",
        value_name = "FILE",
        requires = "why",
        help_heading = "Judgement"
    )]
    previous: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl Explain {
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        let text = match (&self.why, &self.about) {
            (Some(workload), _) => self.story(workload).await?,
            (None, Some(lever)) => page(lever)?,
            (None, None) => list()?,
        };
        self.output.write(&text)?;
        Ok(ExitCode::SUCCESS)
    }

    async fn story(&self, workload: &str) -> anyhow::Result<String> {
        let mut judge = self.levers.of(self.by.judge(&self.from)?)?;
        let previous = self.previous.as_deref().map(Earlier::read).transpose()?;
        // As `analyze` does, or the story would be of another plan.
        if let Some(earlier) = &previous {
            judge = judge.remembering(&earlier.plan);
        }
        let progress = self.output.progress();
        let source = self.from.source(&judge.policy().objectives.timezone, &*progress)?;
        let scope = self.asked.scope();
        let mut plan = pipeline::plan(&source, &judge, &scope, &*progress).await?;
        drop(progress);
        if let Some(earlier) = &previous {
            earlier.compare(&mut plan, &scope)?;
        }
        report::explain::why(&plan, workload).map_err(|error| Usage(error.to_string()).into())
    }
}

fn page(lever: &str) -> anyhow::Result<String> {
    let judge = judge(&[], &[])?.only(&[lever.to_owned()]).map_err(Usage)?;
    Ok(judge.levers().iter().map(|lever| lever.page()).collect())
}

/// Each lever with the first sentence of its page.
fn list() -> anyhow::Result<String> {
    let mut text = String::new();
    for lever in judge(&[], &[])?.levers() {
        let about = lever
            .page()
            .lines()
            .skip(1)
            .find(|line| !line.is_empty())
            .unwrap_or_default();
        text.push_str(&format!("{:14} {about}\n", lever.id()));
    }
    text.push_str(
        "\ngpuwise explain LEVER prints its page; gpuwise explain --why WORKLOAD tells a workload's story.\n",
    );
    Ok(text)
}
