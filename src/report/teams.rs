//! What each team holds and pays, and what the plan would take off its bill.

use std::collections::BTreeMap;

use crate::model::plan::{Plan, WorkloadRow};
use crate::model::units::{GpuCount, Monthly};

use super::names::Names;
use super::worth::{Worth, leaves_bill};

/// What a team holds and pays.
pub(super) struct Team<'a> {
    /// `None` for what nobody is named for.
    pub(super) name: Option<&'a str>,
    /// What it has.
    pub(super) workloads: Vec<&'a WorkloadRow>,
    /// What that costs, as far as it is known.
    pub(super) worth: Worth,
}

/// Teams, the most expensive first.
pub(super) fn teams(plan: &Plan) -> Vec<Team<'_>> {
    let mut found: BTreeMap<Option<&str>, Vec<&WorkloadRow>> = BTreeMap::new();
    for row in &plan.workloads {
        let owner = row.owner.as_deref().filter(|owner| !owner.trim().is_empty());
        found.entry(owner).or_default().push(row);
    }
    let mut teams: Vec<Team<'_>> = found
        .into_iter()
        .map(|(name, workloads)| Team {
            name,
            worth: Worth::of(workloads.iter().map(|row| row.monthly)),
            workloads,
        })
        .collect();
    teams.sort_by(|a, b| b.worth.known.get().total_cmp(&a.worth.known.get()));
    teams
}

impl Team<'_> {
    /// GPUs that it held on average.
    pub(super) fn gpus(&self) -> GpuCount {
        self.workloads.iter().map(|row| row.gpus).sum()
    }

    /// What it costs; `None` where no price is known of any of it.
    pub(super) fn monthly(&self) -> Option<Monthly> {
        let known = self.workloads.iter().any(|row| row.monthly.is_some());
        known.then_some(self.worth.known)
    }

    /// What accepted changes of it take off the bill; `None` where it has none.
    pub(super) fn leaves(&self, plan: &Plan, names: &Names<'_>) -> Option<Worth> {
        let own = |id: &str| self.workloads.iter().any(|row| row.id == id);
        let rows = plan
            .accepted
            .iter()
            .filter(|row| names.workload(&row.subject).is_some_and(|about| own(&about.id)));
        let parts: Vec<Option<Monthly>> = rows.map(|row| leaves_bill(plan, row)).collect();
        (!parts.is_empty()).then(|| Worth::of(parts))
    }
}
