//! Why a change is proposed, in one sentence: what its lever saw, in the words of the move that it asks for. Nothing is said here
//! that the lever does not require before it proposes.

use crate::model::plan::Row;
use crate::model::scenario::Move;

use super::figures::{count, number, percent};

/// The sentence.
pub(super) fn why(row: &Row) -> String {
    // A quantized model needs less: what follows from that was not seen of the workload as it is.
    let follows = |change: &Move| {
        row.moves
            .iter()
            .any(|other| matches!(other, Move::Quantize { .. } | Move::SetTensorParallel { .. }))
            && matches!(
                change,
                Move::RequestGpus { .. } | Move::SetReplicas { .. } | Move::Autoscale { .. }
            )
    };
    let reasons = row.moves.iter().filter(|change| !follows(change)).filter_map(of_move);
    let reasons: Vec<String> = reasons.collect();
    match reasons.as_slice() {
        [] if row.subject.kind == "NodePool" => {
            "It follows from the other changes on its nodes: once they are made, these nodes are empty and go away."
                .to_owned()
        }
        [] => "Its evidence says why.".to_owned(),
        reasons => reasons.join(" "),
    }
}

fn of_move(change: &Move) -> Option<String> {
    Some(match change {
        Move::ScaleToZero => "While it was there, no sample shows work of its GPUs above the lever's limit or a request to it, and their power agrees."
            .to_owned(),
        Move::SleepDuring { hours, .. } => format!(
            "In all weeks that were seen its GPUs were at rest in the same hours, {} of the week, and it held them all the same.",
            percent(Some(hours.share()))
        ),
        Move::RequestGpus { from, to } => format!(
            "Of the {} that each of its pods holds, no more than {} were ever in use, by activity or memory.",
            count(*from as usize, "GPU", "GPUs"),
            number(f64::from(*to))
        ),
        Move::UseSpot { instance_type, .. } => format!(
            "It bears interruptions, and the same nodes ({instance_type}) cost less as spot capacity, restarts included."
        ),
        Move::SetReplicas { from, to, .. } => format!(
            "Its own requests, replayed, are served as well by {} as by {}.",
            count(*to as usize, "replica", "replicas"),
            number(f64::from(*from))
        ),
        Move::Autoscale { mean, max, .. } => format!(
            "Its own requests, replayed, need {} replicas on average; it may then have up to {max}.",
            number(*mean)
        ),
        Move::UseGpu { from, to, .. } => {
            format!("What it needs at its worst fits {to}, which costs less than {from}.")
        }
        Move::Quantize { to, .. } => format!(
            "With its weights in {} its own requests, replayed, could be served with less: to be tried first.",
            to.name()
        ),
        Move::SetBatchLimit { from, to } => {
            format!("Requests wait while only {from} are executed at once, and there is room for {to}.")
        }
        Move::CachePrefixes { found } => format!(
            "{} of its prompts' tokens were computed before and could have been kept.",
            percent(Some(*found))
        ),
        Move::SetCheckpointInterval { saves, .. } => format!(
            "Interruptions make it do work again: at this interval at least {} of its GPU hours would no longer pass without progress, \
             as computed.",
            percent(Some(*saves))
        ),
        // What it follows from is said of the others.
        Move::SetTensorParallel { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::plan::SubjectRef;
    use crate::model::serving::Precision;

    #[test]
    fn a_reason_names_what_was_seen() {
        let mut row = sample::row("r", "w", 1.0, 0.0);
        assert_eq!(
            why(&row),
            "What it needs at its worst fits L40S, which costs less than H100-80GB."
        );
        row.moves = vec![Move::RequestGpus { from: 4, to: 2 }];
        assert_eq!(
            why(&row),
            "Of the 4 GPUs that each of its pods holds, no more than 2 were ever in use, by activity or memory."
        );
        row.moves = vec![Move::ScaleToZero];
        let idle = why(&row);
        assert!(
            !idle.contains("whole window") && !idle.contains("every sample"),
            "{idle}"
        );
        let checkpoints = Move::SetCheckpointInterval {
            from_seconds: None,
            to_seconds: 1800,
            saves: 0.04,
        };
        row.moves = vec![checkpoints];
        let again = why(&row);
        assert!(
            again.contains("at least 4% of its GPU hours would no longer pass without progress"),
            "{again}"
        );
        row.moves.clear();
        row.subject = SubjectRef::pool("l40s");
        assert!(why(&row).starts_with("It follows from the other changes"));
    }

    #[test]
    fn gpus_that_all_work_are_not_said_to_rest_where_quantization_makes_fewer_do() {
        let mut row = sample::row("r", "w", 1.0, 0.0);
        row.moves = vec![
            Move::Quantize {
                from: Precision::Bf16,
                to: Precision::Fp8,
                weight_only: false,
            },
            Move::SetTensorParallel { from: 4, to: 2 },
            Move::RequestGpus { from: 4, to: 2 },
        ];
        let told = why(&row);
        assert!(
            told.starts_with("With its weights in ") && !told.contains("Of the 4 GPUs"),
            "{told}"
        );
    }
}
