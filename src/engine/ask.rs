//! Every lever is asked about every workload while its history is there.

use super::Scope;
use super::changed::with_fewer_gpus;
use super::coverage::{self, Figures};
use crate::model::gap::{Gap, PROMETHEUS_DOWN, Reason};
use crate::model::scenario::{Candidate, Move, Proposal, Subject};
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
    /// Whose it is; of several what can be done together.
    pub(super) levers: Vec<&'static str>,
    pub(super) proposal: Proposal,
}

/// All answers, in the order of workloads and levers.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    pub(super) proposed: Vec<Proposed>,
    pub(super) kept: Vec<Left<Reason>>,
    pub(super) unknown: Vec<Left<Gap>>,
    /// By workload: what could be done once a change is made.
    pub(super) after: Vec<(usize, After)>,
}

/// What levers propose for a workload once another lever's change is made.
#[derive(Debug, Clone)]
pub(super) struct After {
    pub(super) lever: &'static str,
    pub(super) first: Proposal,
    pub(super) then: Vec<(&'static str, Proposal)>,
}

/// All that was said of a workload.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    candidates: Vec<(&'static str, Candidate)>,
    after: Vec<After>,
}

/// What was heard of one workload while its history was there.
#[derive(Debug)]
pub struct Heard {
    /// Without its history.
    workload: Workload,
    figures: Figures,
    said: Said,
}

pub(super) fn hear(levers: &[Box<dyn Recommender>], mut workload: Workload, world: &World<'_>, scope: &Scope) -> Heard {
    let mut said = Said::default();
    let mut figures = Figures::default();
    if scope.holds(&workload) {
        figures = coverage::figures(&workload, world);
        said.candidates = candidates(levers, &workload, world).collect();
        said.after = after(levers, &said.candidates, &workload, world);
    }
    workload.forget_history();
    Heard {
        workload,
        figures,
        said,
    }
}

fn candidates<'c>(
    levers: &'c [Box<dyn Recommender>],
    workload: &'c Workload,
    world: &'c World<'_>,
) -> impl Iterator<Item = (&'static str, Candidate)> + 'c {
    levers.iter().flat_map(move |lever| {
        let said = lever.propose(Subject::Workload(workload), world).into_iter();
        said.map(|candidate| (lever.id(), unless_overturned(candidate, world)))
    })
}

/// A pod with fewer GPUs is another workload: what fits it may not fit this one.
fn after(
    levers: &[Box<dyn Recommender>],
    said: &[(&'static str, Candidate)],
    workload: &Workload,
    world: &World<'_>,
) -> Vec<After> {
    let mut all = Vec::new();
    for (lever, candidate) in said {
        let Candidate::Move(first) = candidate else { continue };
        let [Move::RequestGpus { from, to }] = first.moves[..] else {
            continue;
        };
        let changed = with_fewer_gpus(workload, from, to);
        let then = candidates(levers, &changed, world).filter(|(id, _)| id != lever);
        let then = then.filter_map(|(id, candidate)| match candidate {
            Candidate::Move(proposal) => Some((id, *proposal)),
            Candidate::Keep { .. } | Candidate::Unknown { .. } => None,
        });
        all.push(After {
            lever,
            first: (**first).clone(),
            then: then.collect(),
        });
    }
    all
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
pub(super) fn answers(heard: Vec<Said>) -> Answers {
    let mut answers = Answers::default();
    for (workload, said) in heard.into_iter().enumerate() {
        answers
            .after
            .extend(said.after.into_iter().map(|after| (workload, after)));
        for (lever, candidate) in said.candidates {
            match candidate {
                Candidate::Move(proposal) => answers.proposed.push(Proposed {
                    workload,
                    levers: vec![lever],
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
    pub(super) fn split(self) -> (Workload, Figures, Said) {
        (self.workload, self.figures, self.said)
    }
}
