//! What a plan tells finance, once it is made.

use jiff::tz::TimeZone;

use crate::engine::Judge;
use crate::finops::cost::Books;
use crate::finops::finops;
use crate::finops::list_ledger;
use crate::finops::returns::returns;
use crate::model::ledger::Ledger;
use crate::model::plan::Plan;
use crate::model::snapshot::GpuNode;

/// The plan with where money goes, whether budgets hold, what was unusual, and what its changes return. Without a ledger, budgets and
/// unusual days are those of the GPUs that were held.
pub(super) fn finish(mut plan: Plan, nodes: &[GpuNode], ledger: Option<&Ledger>, judge: &Judge) -> Plan {
    let policy = judge.policy();
    let zone = TimeZone::get(&policy.objectives.timezone).unwrap_or(TimeZone::UTC);
    let by_prices;
    let ledger = match ledger {
        Some(ledger) => ledger,
        None => {
            by_prices = list_ledger::of(&plan, &zone);
            &by_prices
        }
    };
    let books = Books {
        plan: &plan,
        nodes,
        ledger,
        attribution: &policy.attribution,
        catalog: judge.catalog(),
        zone: &zone,
    };
    plan.finops = Some(finops(&books, policy));
    plan.returns = Some(returns(&plan, &policy.returns, judge.catalog().promises()));
    plan
}
