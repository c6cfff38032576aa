//! What a plan tells finance, once it is made.

use jiff::tz::TimeZone;

use super::Books;
use crate::engine::{Judge, Scope};
use crate::finops::cost;
use crate::finops::finops;
use crate::finops::list_ledger;
use crate::finops::returns::returns;
use crate::model::ledger::Ledger;
use crate::model::plan::Plan;
use crate::model::snapshot::GpuNode;

/// The plan with where money goes, whether budgets hold, what was unusual, and what its changes return. Without a ledger, budgets and
/// unusual days are those of the GPUs that were held.
pub(super) fn finish(
    plan: Plan,
    nodes: Vec<GpuNode>,
    ledger: Option<Ledger>,
    (judge, scope): (&Judge, &Scope),
) -> Books {
    let policy = judge.policy();
    let zone = TimeZone::get(&policy.objectives.timezone).unwrap_or(TimeZone::UTC);
    let ledger = ledger.unwrap_or_else(|| list_ledger::of(&plan, &zone));
    let mut books = Books { plan, nodes, ledger };
    let told = finops(&books.view(judge, &zone), policy, scope, books.plan.window.end);
    books.plan.finops = Some(told);
    books.plan.returns = Some(returns(&books.plan, &policy.returns, judge.catalog().promises()));
    books
}

impl Books {
    /// What a report of money is made of, in days of `zone`.
    pub fn view<'a>(&'a self, judge: &'a Judge, zone: &'a TimeZone) -> cost::Books<'a> {
        cost::Books {
            plan: &self.plan,
            nodes: &self.nodes,
            ledger: &self.ledger,
            attribution: &judge.policy().attribution,
            catalog: judge.catalog(),
            zone,
        }
    }
}
