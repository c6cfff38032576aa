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

/// What several teams cost together.
pub(super) fn together(teams: &[Team<'_>]) -> Worth {
    let workloads = teams.iter().flat_map(|team| &team.workloads);
    Worth::of(workloads.map(|row| row.monthly))
}

impl Team<'_> {
    /// GPUs that it held on average.
    pub(super) fn gpus(&self) -> GpuCount {
        self.workloads.iter().map(|row| row.gpus).sum()
    }

    /// What it costs of what all cost; `None` where any part of either has no price.
    pub(super) fn share(&self, all: Worth) -> Option<f64> {
        let share = self.worth.whole()?.get() / all.whole()?.get();
        share.is_finite().then_some(share)
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

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_share_is_of_what_is_priced_in_full() {
        let mut plan = sample::plan();
        for (workload, owner) in plan.workloads.iter_mut().zip(["chat", "chat", "vision", "search"]) {
            workload.owner = Some(owner.to_owned());
        }
        let told = |plan: &Plan| {
            let teams = teams(plan);
            let all = together(&teams);
            let of = |team: &Team<'_>| (team.worth.amount("USD"), team.share(all));
            teams.iter().map(of).collect::<Vec<_>>()
        };
        let known = told(&plan);
        assert_eq!(known[0].0, "$320,000");
        assert!(known.iter().all(|(_, share)| share.is_some()));
        plan.workloads[1].monthly = None;
        plan.workloads[2].monthly = None;
        let partly = told(&plan);
        assert_eq!(partly[0].0, "$120,000 and 1 without a price");
        assert_eq!(partly[2], ("unknown".to_owned(), None));
        assert!(partly.iter().all(|(_, share)| share.is_none()), "{partly:?}");
        assert_eq!(Worth::of([None::<Monthly>]).amount("USD"), "unknown");
    }
}
