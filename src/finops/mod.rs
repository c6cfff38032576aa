//! Money for people: where it goes, whether budgets hold, what was unusual, what to be alerted of, and what changes bring. Pure:
//! the same plan, ledger and policy give the same answer.

pub mod composition;
pub mod cost;
pub mod list_ledger;
pub mod forecast;
pub mod budget;
pub mod anomalies;
pub mod alerts;
mod load;
mod promises;
pub mod realised;
mod regime;
pub mod returns;

use cost::Books;
use jiff::Timestamp;

use crate::engine::Scope;
use crate::model::finops::Finops;
use crate::model::time::Window;
use crate::policy::Policy;

/// Where money goes, how budgets stand at `now` and what was unusual until then, by everything that the ledger tells. Of a plan of
/// some workloads only, nobody can say how budgets stand.
pub fn finops(books: &Books<'_>, policy: &Policy, scope: &Scope, now: Timestamp) -> Finops {
    let spend = books.plan.spend.as_ref();
    let composition = spend.map_or_else(Vec::new, |spend| composition::composition(&spend.by_category));
    if !scope.is_everything() {
        let note = "this plan is of a part of the cluster: `gpuwise budget` tells how budgets stand";
        return Finops {
            composition,
            budgets: budget::untold(&policy.budgets, (books.zone, now), note),
            ..Finops::default()
        };
    }
    let days = &books.ledger.days;
    let span = Window {
        start: days.first().map_or(now, |day| day.window.start),
        end: days.last().map_or(now, |day| day.window.end),
    };
    let (lines, _) = cost::lines(books, span, scope);
    let (anomalies, days_judged) = anomalies::anomalies(books, &lines, now);
    Finops {
        composition,
        budgets: budget::budgets(books, &lines, &policy.budgets, now, &policy.objectives.prices),
        anomalies,
        days_judged,
    }
}
