//! Why a change is proposed, in one sentence: what its lever saw, in the words of the move that it asks for. Nothing is said here
//! that the lever does not require before it proposes.

use crate::model::plan::Row;
use crate::model::scenario::Move;

use super::figures::{count, number, percent};

/// The sentence.
pub(super) fn why(row: &Row) -> String {
    let reasons: Vec<String> = row.moves.iter().filter_map(of_move).collect();
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
        Move::ScaleToZero => "In every sample of the whole window its GPUs did nothing.".to_owned(),
        Move::SleepDuring { hours, .. } => format!(
            "It rests in the same hours of every week, {} of the time, and holds its GPUs all the same.",
            percent(Some(hours.share()))
        ),
        Move::RequestGpus { from, to } => format!(
            "Of the {} that each of its pods holds, no more than {} ever worked.",
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
            "Interruptions make it do work again: {} of its GPU hours.",
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
            "Of the 4 GPUs that each of its pods holds, no more than 2 ever worked."
        );
        row.moves.clear();
        row.subject = SubjectRef::pool("l40s");
        assert!(why(&row).starts_with("It follows from the other changes"));
    }
}
