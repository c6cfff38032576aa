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

use crate::engine::Scope;
use crate::model::finops::Finops;
use crate::model::time::Window;
use crate::policy::Policy;

/// Where money goes, how budgets stand and what was unusual, by everything that the ledger tells.
pub fn finops(books: &Books<'_>, policy: &Policy) -> Finops {
    let spend = books.plan.spend.as_ref();
    let days = &books.ledger.days;
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return Finops {
            composition: spend.map_or_else(Vec::new, |spend| composition::composition(&spend.by_category)),
            ..Finops::default()
        };
    };
    let span = Window {
        start: first.window.start,
        end: last.window.end,
    };
    let (lines, _) = cost::lines(books, span, &Scope::default());
    let now = books.plan.window.end;
    Finops {
        composition: spend.map_or_else(Vec::new, |spend| composition::composition(&spend.by_category)),
        budgets: budget::budgets(books, &lines, &policy.budgets, now, &policy.objectives.prices),
        anomalies: anomalies::anomalies(books, &lines),
        ..Finops::default()
    }
}
