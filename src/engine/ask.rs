//! Every lever is asked about every workload while its history is there.

use super::Scope;
use super::coverage::{self, Figures};
use crate::model::gap::{Gap, PROMETHEUS_DOWN, Reason};
use crate::model::scenario::{Candidate, Proposal, Subject};
use crate::model::workload::Workload;
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

/// What was heard of one workload while its history was there.
#[derive(Debug)]
pub struct Heard {
    /// Without its history.
    workload: Workload,
    figures: Figures,
    said: Vec<(&'static str, Candidate)>,
}

pub(super) fn hear(levers: &[Box<dyn Recommender>], mut workload: Workload, world: &World<'_>, scope: &Scope) -> Heard {
    let mut said = Vec::new();
    let mut figures = Figures::default();
    if scope.holds(&workload) {
        figures = coverage::figures(&workload, world);
        for lever in levers {
            let candidates = lever.propose(Subject::Workload(&workload), world).into_iter();
            said.extend(candidates.map(|candidate| (lever.id(), unless_overturned(candidate, world))));
        }
    }
    workload.forget_history();
    Heard {
        workload,
        figures,
        said,
    }
}

/// Who owns a workload, what scales it and what must not be disturbed could overturn any change, and so could what it has done
/// since a window of the past; where they are not known, there is none.
fn unless_overturned(candidate: Candidate, world: &World<'_>) -> Candidate {
    let overturns = world.snapshot.gaps.iter().find(|gap| gap.gap.overturns());
    match (candidate, overturns) {
        (Candidate::Move(_), Some(gap)) => Candidate::Unknown {
            missing: gap.gap.clone(),
        },
        // What a lever misses is there, and could not be asked for.
        (Candidate::Unknown { .. }, Some(gap)) if gap.gap.code == PROMETHEUS_DOWN => Candidate::Unknown {
            missing: gap.gap.clone(),
        },
        (candidate, _) => candidate,
    }
}

/// What was heard of all workloads, which stand in the order of the snapshot.
pub(super) fn answers(heard: Vec<Vec<(&'static str, Candidate)>>) -> Answers {
    let mut answers = Answers::default();
    for (workload, said) in heard.into_iter().enumerate() {
        for (lever, candidate) in said {
            match candidate {
                Candidate::Move(proposal) => answers.proposed.push(Proposed {
                    workload,
                    lever,
                    proposal: *proposal,
                }),
                Candidate::Keep { because } => answers.kept.push(Left {
                    workload,
                    lever,
                    why: because,
                }),
                Candidate::Unknown { missing } => answers.unknown.push(Left {
                    workload,
                    lever,
                    why: missing,
                }),
            }
        }
    }
    answers
}

impl Heard {
    /// The workload, its figures, and what was said of it.
    pub(super) fn split(self) -> (Workload, Figures, Vec<(&'static str, Candidate)>) {
        (self.workload, self.figures, self.said)
    }
}
