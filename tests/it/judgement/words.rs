//! Changes in the words of the truths.

use gpuwise::model::plan::Row;
use gpuwise::model::scenario::Move;

/// What a row changes to, in the words of the truths.
pub(crate) fn target(row: &Row) -> String {
    let moves: Vec<String> = row.moves.iter().map(in_words).collect();
    moves.join(" and ")
}

/// The same of one change.
pub(super) fn in_words(change: &Move) -> String {
    match change {
        Move::ScaleToZero => "scale-to-zero".to_owned(),
        Move::SleepDuring { .. } => "schedule".to_owned(),
        Move::RequestGpus { to, .. } => format!("{to} GPUs"),
        Move::UseSpot { .. } => "spot".to_owned(),
        Move::Quantize { to, .. } => format!("{} weights", to.name()),
        Move::SetTensorParallel { to, .. } => format!("layers over {to}"),
        Move::SetBatchLimit { to, .. } => format!("{to} at once"),
        Move::CachePrefixes { .. } => "prefixes cached".to_owned(),
        Move::SetCheckpointInterval { to_seconds, .. } => format!("a checkpoint every {to_seconds} s"),
        Move::SetReplicas { to, .. } => format!("{to} replicas"),
        Move::Autoscale { min, max, .. } => format!("{min} to {max} replicas"),
        Move::UseGpu { to, .. } => to.to_string(),
    }
}
