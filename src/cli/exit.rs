//! Exit codes, and how a failure is told.

use std::io::Write;
use std::process::ExitCode;

use crate::deliver::DeliverError;
use crate::deliver::checkout::CheckoutError;
use crate::deliver::forge::ForgeError;
use crate::deliver::webhook::WebhookError;
use crate::finops::cost::NoReport;
use crate::pipeline::PipelineError;
use crate::policy::Mistakes;
use crate::report::safe;
use crate::sources::discovery::DiscoveryError;
use crate::sources::manifests::ManifestsError;
use crate::sources::nvml::NvmlReadError;
use crate::sources::opencost::OpenCostError;
use crate::sources::prometheus::error::PrometheusError;
use crate::sources::recording::RecordingError;

/// Wrong usage or policy.
pub(super) const USAGE: u8 = 2;
/// Done, but part of the world could not be read; with `--strict` only.
pub(super) const PARTIAL: u8 = 3;
/// A source could not be reached or refused.
pub(super) const SOURCE: u8 = 4;
/// Nothing to analyze.
pub(super) const NOTHING: u8 = 5;
/// A patch or pull request was refused.
pub(super) const REFUSED: u8 = 6;
/// Over budget; with `budget --check` only.
pub(super) const OVER_BUDGET: u8 = 10;
/// A failure that is ours.
const INTERNAL: u8 = 1;

/// A mistake in the arguments that clap cannot see.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// Writes an error to stderr, each of its causes on a line of its own, and answers with its code.
pub(super) fn tell(error: &anyhow::Error) -> ExitCode {
    let mut stderr = std::io::stderr().lock();
    let mut text = format!("error: {error}\n");
    for cause in error.chain().skip(1) {
        // Most errors name their cause already.
        if !text.contains(&cause.to_string()) {
            text.push_str(&format!("  because {cause}\n"));
        }
    }
    // Nothing can be done where even stderr is gone.
    let _ = stderr.write_all(safe::lines(&text).as_bytes());
    ExitCode::from(code_of(error))
}

fn code_of(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() || error.is::<Mistakes>() {
        return USAGE;
    }
    // A folder or file that cannot be written was named by whoever called.
    if error.is::<DeliverError>() {
        return USAGE;
    }
    if error.is::<CheckoutError>() || error.is::<ManifestsError>() || error.is::<ForgeError>() {
        return REFUSED;
    }
    if error.is::<NvmlReadError>() || error.is::<WebhookError>() {
        return SOURCE;
    }
    if error.is::<NoReport>() {
        return NOTHING;
    }
    match error.downcast_ref::<PipelineError>() {
        Some(PipelineError::Nothing(_)) => NOTHING,
        Some(
            PipelineError::Window(_)
            | PipelineError::NoMetricFacts(_)
            | PipelineError::NoLabels { down: false, .. }
            | PipelineError::Deliver(_)
            | PipelineError::Recording(RecordingError::Unstored { .. })
            | PipelineError::Endpoint(_)
            // What was not found is to be named.
            | PipelineError::Discovery(
                DiscoveryError::NoCluster { .. } | DiscoveryError::Nothing { .. } | DiscoveryError::Several { .. },
            )
            | PipelineError::Prometheus(
                PrometheusError::Endpoint(_)
                | PrometheusError::SeveralClusters { .. }
                | PrometheusError::OtherNodes { .. }
                | PrometheusError::NoSuchCluster { .. },
            )
            | PipelineError::Costs(OpenCostError::Endpoint(_)),
        ) => USAGE,
        Some(
            PipelineError::Prometheus(_)
            | PipelineError::Costs(_)
            | PipelineError::Kubernetes(_)
            | PipelineError::NotToldApart { .. }
            | PipelineError::NoLabels { down: true, .. }
            | PipelineError::Discovery(DiscoveryError::List { .. })
            | PipelineError::Recording(_),
        ) => SOURCE,
        Some(PipelineError::Catalog(_)) | None => INTERNAL,
    }
}
