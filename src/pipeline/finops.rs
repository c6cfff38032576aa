//! What a plan tells finance, once it is made.

use crate::engine::Judge;
use crate::finops::composition::composition;
use crate::finops::returns::returns;
use crate::model::finops::Finops;
use crate::model::plan::Plan;

/// The plan with where money goes, and what its changes return.
pub(super) fn finish(mut plan: Plan, judge: &Judge) -> Plan {
    let spend = plan.spend.as_ref();
    plan.finops = Some(Finops {
        composition: spend.map(|spend| composition(&spend.by_category)).unwrap_or_default(),
        ..Finops::default()
    });
    plan.returns = Some(returns(&plan, &judge.policy().returns, judge.catalog().promises()));
    plan
}
