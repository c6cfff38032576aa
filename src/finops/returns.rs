//! Return on investment: what is promised beside what a plan brings, spend before and after, and how soon each change has paid for the
//! work of making it.

use super::promises::{DAYS_PER_MONTH, promises};
use crate::catalog::promises::Promised;
use crate::model::plan::{Plan, PlanSpend, Row};
use crate::model::returns::{CategoryReturn, ChangeReturn, Returns};
use crate::model::units::{Money, Monthly};
use crate::policy::returns::Effort;

/// The return of a plan: `effort` is what changes take, and `promised` what is commonly said.
pub fn returns(plan: &Plan, effort: &Effort, promised: &[Promised]) -> Returns {
    let changes: Vec<ChangeReturn> = plan
        .accepted
        .iter()
        // What follows from other rows takes nothing by itself.
        .filter(|row| !row.moves.is_empty())
        .map(|row| change(row, plan, effort))
        .collect();
    let effort_hours: f64 = changes.iter().map(|change| change.effort_hours).sum();
    let effort_cost = cost(effort_hours, effort);
    let leaves = plan.saving.leaves_bill_monthly;
    Returns {
        promised: promises(plan, promised),
        categories: categories(plan),
        total: of_category("total", plan.spend.as_ref().map(|spend| spend.monthly), leaves),
        effort_hours,
        effort_cost,
        payback_days: payback_days(effort_cost, leaves).filter(|_| plan.spend.is_some()),
        changes,
    }
}

fn change(row: &Row, plan: &Plan, effort: &Effort) -> ChangeReturn {
    let hours = effort.hours(row.levers.iter().map(String::as_str), row.needs_human.len());
    let cost = cost(hours, effort);
    let leaves = row.saving.leaves_bill_monthly;
    ChangeReturn {
        id: row.id.clone(),
        effort_hours: hours,
        effort_cost: cost,
        payback_days: payback_days(cost, leaves).filter(|_| plan.spend.is_some()),
    }
}

fn cost(hours: f64, effort: &Effort) -> Money {
    Money::new((hours * effort.engineer_hourly.get() * 100.0).round() / 100.0)
}

/// Days until what leaves the bill has paid for it, to a tenth; `None` where nothing leaves it.
fn payback_days(cost: Money, leaves: Monthly) -> Option<f64> {
    let day = leaves.get() / DAYS_PER_MONTH;
    (day > 0.0).then(|| (cost.get() / day * 10.0).round() / 10.0)
}

/// GPUs are the one category that the levers change.
fn categories(plan: &Plan) -> Vec<CategoryReturn> {
    let by = |of: fn(&PlanSpend) -> Option<Monthly>| plan.spend.as_ref().and_then(of);
    vec![
        of_category(
            "gpu",
            by(|spend| Some(spend.by_category.gpu)),
            plan.saving.leaves_bill_monthly,
        ),
        of_category("storage", by(|spend| spend.by_category.storage), Monthly::ZERO),
        of_category("network", by(|spend| spend.by_category.network), Monthly::ZERO),
        of_category("other", by(|spend| spend.by_category.other), Monthly::ZERO),
    ]
}

fn of_category(category: &str, before: Option<Monthly>, leaves: Monthly) -> CategoryReturn {
    CategoryReturn {
        category: category.to_owned(),
        before_monthly: before,
        after_monthly: before.map(|before| (before - leaves).to_cents()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_pays_for_itself_only_out_of_what_leaves_the_bill() {
        let a_day = Monthly::new(10.0 * DAYS_PER_MONTH);
        assert_eq!(payback_days(Money::new(400.0), a_day), Some(40.0));
        assert_eq!(payback_days(Money::ZERO, a_day), Some(0.0));
        assert_eq!(payback_days(Money::new(400.0), Monthly::ZERO), None);
        assert_eq!(payback_days(Money::new(400.0), Monthly::new(-5.0)), None);
    }

    #[test]
    fn what_nobody_told_is_unknown_after_as_before() {
        let row = of_category("storage", None, Monthly::ZERO);
        assert_eq!((row.before_monthly, row.after_monthly), (None, None));
    }
}
