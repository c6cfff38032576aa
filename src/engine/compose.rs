//! Scenarios of several levers on one workload: moves that go together stack, and those that exclude each other compete.

use super::ask::{After, Answers, Proposed};
use crate::model::scenario::{Move, Proposal};

/// Sets of one workload's proposals beyond which none is made: three alternatives of each lever make fewer.
const SETS_AT_MOST: usize = 64;

/// Adds to what was proposed of each workload what can be done of it together.
pub(super) fn compose(answers: &mut Answers) {
    let singles = std::mem::take(&mut answers.proposed);
    let mut after = std::mem::take(&mut answers.after).into_iter().peekable();
    for own in singles.chunk_by(|a, b| a.workload == b.workload) {
        let at = own[0].workload;
        let mut together = sets(own.to_vec());
        while let Some((_, next)) = after.next_if(|(workload, _)| *workload <= at) {
            together.extend(one_after_the_other(at, next));
        }
        together.retain(|scenario| scenario.levers.len() > 1);
        together.sort_by(|a, b| a.levers.cmp(&b.levers));
        answers.proposed.extend_from_slice(own);
        answers.proposed.extend(together);
    }
}

/// A change, and every set of those that can follow it.
fn one_after_the_other(workload: usize, after: After) -> Vec<Proposed> {
    let alone = |lever: &'static str, proposal: Proposal| Proposed {
        workload,
        levers: vec![lever],
        proposal,
    };
    let first = alone(after.lever, after.first);
    let then = after.then.into_iter().map(|(lever, proposal)| alone(lever, proposal));
    sets(then.collect()).iter().map(|then| both(&first, then)).collect()
}

/// Every set of proposals for one workload whose moves go together.
fn sets(mut own: Vec<Proposed>) -> Vec<Proposed> {
    // Not the order in which levers are asked, so that it does not matter.
    own.sort_by_key(|proposed| (proposed.proposal.moves.iter().map(place).max(), proposed.levers.clone()));
    let mut sets: Vec<Proposed> = Vec::new();
    for next in own {
        let go = |base: &&Proposed| go_together(&base.proposal.moves, &next.proposal.moves);
        let together: Vec<Proposed> = sets.iter().filter(go).map(|base| both(base, &next)).collect();
        sets.push(next);
        sets.extend(together);
        sets.truncate(SETS_AT_MOST);
    }
    sets
}

/// Where a move stands among others: first how many GPUs, then which, then when.
fn place(change: &Move) -> u8 {
    match change {
        Move::Quantize { .. } | Move::SetTensorParallel { .. } | Move::RequestGpus { .. } => 0,
        Move::UseGpu { .. } | Move::SetBatchLimit { .. } | Move::CachePrefixes { .. } => 1,
        Move::UseSpot { .. } | Move::SetCheckpointInterval { .. } => 2,
        Move::SleepDuring { .. } => 3,
        Move::SetReplicas { .. } | Move::Autoscale { .. } => 4,
        Move::ScaleToZero => 5,
    }
}

/// Whether each of these moves was judged as if the others were not there, and holds beside them all the same: on another kind
/// of GPU a workload rests in the same hours. Of fewer GPUs that is not so, and spot capacity has the price of one kind.
fn go_together(a: &[Move], b: &[Move]) -> bool {
    let goes = |a: &Move, b: &Move| {
        matches!(
            (a, b),
            (Move::UseGpu { .. }, Move::SleepDuring { .. }) | (Move::SleepDuring { .. }, Move::UseGpu { .. })
        )
    };
    a.iter().all(|a| b.iter().all(|b| goes(a, b)))
}

/// Whether of two lists of moves only one can be made, whatever comes first.
pub(super) fn exclude(a: &[Move], b: &[Move]) -> bool {
    let either = |a: &Move, b: &Move| match (a, b) {
        // What was replayed was replayed with all else as it is.
        (
            Move::ScaleToZero
            | Move::SetReplicas { .. }
            | Move::Autoscale { .. }
            | Move::Quantize { .. }
            | Move::SetTensorParallel { .. }
            | Move::SetBatchLimit { .. }
            | Move::CachePrefixes { .. }
            | Move::SetCheckpointInterval { .. },
            _,
        ) => true,
        (Move::UseSpot { .. }, other) => !matches!(other, Move::RequestGpus { .. }),
        (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
    };
    a.iter().any(|a| b.iter().any(|b| either(a, b) || either(b, a)))
}

/// Two scenarios as one.
fn both(base: &Proposed, next: &Proposed) -> Proposed {
    Proposed {
        workload: base.workload,
        levers: base.levers.iter().chain(&next.levers).copied().collect(),
        proposal: joined(&base.proposal, &next.proposal),
    }
}

/// The proposal of both: as sure as the less sure, as risky as the riskier.
fn joined(base: &Proposal, next: &Proposal) -> Proposal {
    let mut joined = Proposal {
        moves: base.moves.iter().chain(&next.moves).cloned().collect(),
        title: format!("{}, and {}", base.title, next.title),
        evidence: base.evidence.clone(),
        service: base.service.clone().or_else(|| next.service.clone()),
        confidence: base.confidence.min(next.confidence),
        risk: base.risk.max(next.risk),
        needs_human: base.needs_human.clone(),
        rollback: format!("{}; {}", base.rollback, next.rollback),
        experiment: base.experiment.clone().or_else(|| next.experiment.clone()),
        // Together nothing was replayed.
        replayed: None,
        effective: None,
    };
    let new = next.evidence.iter().filter(|figure| !base.evidence.contains(figure));
    joined.evidence.extend(new.cloned());
    let new = next.needs_human.iter().filter(|need| !base.needs_human.contains(need));
    joined.needs_human.extend(new.cloned());
    let in_steps = "these changes can be made one after the other: watch the service after each".to_owned();
    joined.needs_human.retain(|need| *need != in_steps);
    joined.needs_human.push(in_steps);
    joined
}

#[cfg(test)]
mod tests;
