//! Money of rows and of groups of rows, with what is not known kept apart from what is nothing.

use crate::model::plan::{Plan, Row};
use crate::model::units::{GpuCount, Monthly};

use super::figures::{UNKNOWN, count, gpus, money};

/// A sum in which some parts may have no price.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Worth {
    pub(super) known: Monthly,
    priced: usize,
    unpriced: usize,
}

impl Worth {
    pub(super) fn of(parts: impl IntoIterator<Item = Option<Monthly>>) -> Self {
        let mut worth = Self::default();
        for part in parts {
            match part.filter(|amount| amount.get().is_finite()) {
                Some(amount) => {
                    worth.known += amount;
                    worth.priced += 1;
                }
                None => worth.unpriced += 1,
            }
        }
        worth
    }

    /// `$1,200 a month`, with how many parts have no price; `unknown` where none has one.
    pub(super) fn text(self, currency: &str) -> String {
        match (self.priced, self.unpriced) {
            (0, _) => "an unknown sum a month".to_owned(),
            (_, 0) => format!("{} a month", money(self.known, currency)),
            (_, missing) => format!(
                "{} a month and {}",
                money(self.known, currency),
                count(missing, "without a price", "without a price")
            ),
        }
    }
}

/// Whether the plan knows what this row saves. Without prices its zeros mean nothing.
pub(super) fn is_priced(plan: &Plan, row: &Row) -> bool {
    plan.spend.is_some() && row.saving.monthly.mid.is_some()
}

/// What a row saves in all.
pub(super) fn saved(plan: &Plan, row: &Row) -> Option<Monthly> {
    row.saving
        .monthly
        .mid
        .filter(|_| is_priced(plan, row))
        .map(Monthly::new)
}

/// What of a row leaves the bill.
pub(super) fn leaves_bill(plan: &Plan, row: &Row) -> Option<Monthly> {
    is_priced(plan, row).then_some(row.saving.leaves_bill_monthly)
}

/// What a row saves, in words: what leaves the bill and what is only freed.
pub(super) fn effect(plan: &Plan, row: &Row) -> String {
    let freed = match row.saving.frees_gpus {
        GpuCount::ZERO => String::new(),
        freed => format!(" ({} GPUs freed)", gpus(freed)),
    };
    if !is_priced(plan, row) {
        return format!("saving {UNKNOWN}{freed}");
    }
    let (leaves, frees) = (row.saving.leaves_bill_monthly, row.saving.frees_capacity_monthly);
    let nothing = |amount: Monthly| amount.to_cents() == Monthly::ZERO;
    let amount = |amount| money(amount, &plan.currency);
    let sum = match (nothing(leaves), nothing(frees)) {
        (false, true) => format!("{} a month off the bill", amount(leaves)),
        (true, false) => format!("nothing off the bill, {} a month of capacity freed", amount(frees)),
        (true, true) => "no money saved".to_owned(),
        (false, false) => format!(
            "{} a month off the bill, {} of capacity freed",
            amount(leaves),
            amount(frees)
        ),
    };
    format!("{sum}{freed}")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_sum_says_what_it_lacks() {
        let part = |value| Some(Monthly::new(value));
        let text = |parts: &[Option<Monthly>]| Worth::of(parts.iter().copied()).text("USD");
        assert_eq!(text(&[part(1200.0), part(300.0)]), "$1,500 a month");
        assert_eq!(text(&[part(1200.0), None]), "$1,200 a month and 1 without a price");
        assert_eq!(text(&[None]), "an unknown sum a month");
    }

    #[test]
    fn without_prices_a_zero_is_unknown() {
        let mut plan = sample::plan();
        let row = sample::row("r", "w", 0.0, 0.0);
        assert_eq!(leaves_bill(&plan, &row), Some(Monthly::ZERO));
        plan.spend = None;
        assert_eq!(leaves_bill(&plan, &row), None);
        assert_eq!(effect(&plan, &row), "saving unknown (4 GPUs freed)");
    }
}
