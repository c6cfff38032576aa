//! Every lever is asked about every workload.

use super::Scope;
use crate::model::gap::{Gap, Reason};
use crate::model::progress::Progress;
use crate::model::scenario::{Candidate, Proposal, Subject};
use crate::recommenders::{Recommender, World};

/// What a lever left alone, by the workload's place in the snapshot.
#[derive(Debug, Clone)]
pub(super) struct Left<T> {
    pub(super) workload: usize,
    pub(super) lever: &'static str,
    pub(super) why: T,
}

/// A scenario worth pricing.
#[derive(Debug, Clone)]
pub(super) struct Proposed {
    pub(super) workload: usize,
    pub(super) lever: &'static str,
    pub(super) proposal: Proposal,
}

/// All answers, in the order of workloads and levers.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    pub(super) proposed: Vec<Proposed>,
    pub(super) kept: Vec<Left<Reason>>,
    pub(super) unknown: Vec<Left<Gap>>,
}

pub(super) fn ask(
    levers: &[Box<dyn Recommender>],
    world: &World<'_>,
    scope: &Scope,
    progress: &dyn Progress,
) -> Answers {
    let mut answers = Answers::default();
    for (workload, found) in world.snapshot.workloads.iter().enumerate() {
        progress.advance(1);
        if !scope.holds(found) {
            continue;
        }
        for lever in levers {
            let lever_id = lever.id();
            for candidate in lever.propose(Subject::Workload(found), world) {
                match candidate {
                    Candidate::Move(proposal) => answers.proposed.push(Proposed {
                        workload,
                        lever: lever_id,
                        proposal: *proposal,
                    }),
                    Candidate::Keep { because } => answers.kept.push(Left {
                        workload,
                        lever: lever_id,
                        why: because,
                    }),
                    Candidate::Unknown { missing } => answers.unknown.push(Left {
                        workload,
                        lever: lever_id,
                        why: missing,
                    }),
                }
            }
        }
    }
    answers
}
