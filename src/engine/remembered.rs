//! What an earlier plan chose: where another choice is hardly better, this one stays, so that a plan does not turn with every
//! small change of a price or a load.

use std::collections::BTreeMap;

use super::price::Priced;
use crate::model::plan::Plan;
use crate::model::scenario::Move;
use crate::model::snapshot::Snapshot;

/// By which share another choice must save more to take the place of an earlier one.
const BETTER_BY: f64 = 0.1;

/// Changes that an earlier plan proposed, by workload.
#[derive(Debug, Clone, Default)]
pub(super) struct Remembered(BTreeMap<String, Vec<Earlier>>);

/// Whose it was, and its moves.
type Earlier = (Vec<String>, Vec<Move>);

impl Remembered {
    /// Those that it accepted.
    pub(super) fn of(plan: &Plan) -> Self {
        let mut by_workload: BTreeMap<String, Vec<Earlier>> = BTreeMap::new();
        for row in &plan.accepted {
            let own = by_workload.entry(row.subject.id.clone()).or_default();
            own.push((row.levers.clone(), row.moves.clone()));
        }
        Self(by_workload)
    }

    /// What a scenario counts beside others on the same workload: what it saves, and a little more where it was chosen before.
    pub(super) fn weight(&self, priced: &Priced, snapshot: &Snapshot) -> f64 {
        let id = &snapshot.workloads[priced.workload].id;
        let mut before = self.0.get(id).into_iter().flatten();
        let same = |(levers, moves): &Earlier| *levers == priced.levers && alike(moves, &priced.proposal.moves);
        let favour = if before.any(same) { 1.0 + BETTER_BY } else { 1.0 };
        priced.net().get() * favour
    }
}

/// Whether two lists of moves lead to the same; their figures may differ.
fn alike(a: &[Move], b: &[Move]) -> bool {
    let same = |(a, b): (&Move, &Move)| match (a, b) {
        (Move::UseGpu { to, .. }, Move::UseGpu { to: other, .. }) => to == other,
        (
            Move::UseSpot { instance_type, .. },
            Move::UseSpot {
                instance_type: other, ..
            },
        ) => instance_type == other,
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}
