//! The objects behind a plan's rows, as they are in the cluster now.

use serde_json::Value;

use super::PipelineError;
use super::live::Kubernetes;
use crate::model::gap::Gap;
use crate::model::plan::Plan;
use crate::model::progress::Progress;
use crate::sources::kubernetes::{self, Named};

/// Workloads with accepted rows, their autoscalers, and pools of nodes; and what could not be read. Nothing without a Kubernetes API.
///
/// # Errors
/// Where it does not answer.
pub async fn objects(
    kubernetes: &Kubernetes,
    plan: &Plan,
    progress: &dyn Progress,
) -> Result<(Vec<Value>, Vec<Gap>), PipelineError> {
    let Kubernetes::Read { kubeconfig, context } = kubernetes else {
        return Ok((Vec::new(), Vec::new()));
    };
    let rows = plan.accepted.iter().filter_map(|row| plan.workload(&row.subject.id));
    let wanted = rows.map(|workload| Named {
        group: workload.group.clone(),
        kind: workload.kind.clone(),
        namespace: workload.namespace.clone(),
        name: workload.name.clone(),
    });
    let connection = kubernetes::connect(kubeconfig.as_deref(), context.as_deref(), None).await?;
    Ok(kubernetes::manifests(&connection, &wanted.collect(), progress).await?)
}
