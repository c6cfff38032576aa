//! Money of rows and of groups of rows, with what is not known kept apart from what is nothing.

use crate::model::plan::{Plan, Row};
use crate::model::scenario::Move;
use crate::model::units::{GpuCount, Monthly};

use super::figures::{UNKNOWN, count, gpus, gpus_in_words, money};

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

    /// The sum of what has a price; `None` where nothing has one.
    pub(super) fn known(self) -> Option<Monthly> {
        (self.priced > 0).then_some(self.known)
    }

    /// The sum, where every part of it has a price.
    pub(super) fn whole(self) -> Option<Monthly> {
        (self.unpriced == 0).then_some(self.known)
    }

    /// `$1,200`, with how many parts have no price; `unknown` where none has one.
    pub(super) fn amount(self, currency: &str) -> String {
        match (self.priced, self.unpriced) {
            (0, missing) if missing > 0 => UNKNOWN.to_owned(),
            (_, 0) => money(self.known, currency),
            (_, missing) => format!("{} and {missing} without a price", money(self.known, currency)),
        }
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

/// Whether a change takes other capacity for the GPUs that it gives back.
pub(super) fn replaces(row: &Row) -> bool {
    let other = |change: &Move| matches!(change, Move::UseGpu { .. } | Move::UseSpot { .. });
    row.moves.iter().any(other)
}

/// GPUs that a change gives back, as a column of their own tells it.
pub(super) fn gpus_of(row: &Row) -> String {
    let freed = gpus(row.saving.frees_gpus);
    if replaces(row) {
        format!("{freed} replaced")
    } else {
        freed
    }
}

/// GPUs that changes give back, those in whose place others come apart: `13.9 GPUs freed, 33 GPUs replaced`.
pub(super) fn given_back<'r>(rows: impl IntoIterator<Item = &'r Row>) -> String {
    let (mut freed, mut replaced) = (GpuCount::ZERO, GpuCount::ZERO);
    for row in rows {
        let of = if replaces(row) { &mut replaced } else { &mut freed };
        *of += row.saving.frees_gpus;
    }
    match (freed.get() > 0.0, replaced.get() > 0.0) {
        (_, false) => format!("{} freed", gpus_in_words(freed)),
        (false, true) => format!("{} replaced", gpus_in_words(replaced)),
        (true, true) => format!("{} freed, {} replaced", gpus_in_words(freed), gpus_in_words(replaced)),
    }
}

/// What a row saves, in words: what leaves the bill and what is only freed.
pub(super) fn effect(plan: &Plan, row: &Row) -> String {
    let freed = match row.saving.frees_gpus {
        GpuCount::ZERO => String::new(),
        _ => format!(" ({})", given_back([row])),
    };
    if !is_priced(plan, row) {
        return format!("saving {UNKNOWN}{freed}");
    }
    let (leaves, frees) = (row.saving.leaves_bill_monthly, row.saving.frees_capacity_monthly);
    let nothing = |amount: Monthly| amount.to_cents() == Monthly::ZERO;
    let amount = |amount: Monthly| money(Monthly::new(amount.get().abs()), &plan.currency);
    let sum = match (nothing(leaves), nothing(frees)) {
        (false, false) if leaves.get() < 0.0 => format!(
            "{} a month more on the bill, {} of capacity freed",
            amount(leaves),
            amount(frees)
        ),
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

/// What the changes would save one by one and do not save together, or the other way round.
pub(super) fn overlap(plan: &Plan) -> Option<String> {
    plan.spend.as_ref()?;
    plan.saving.monthly.mid?;
    if plan.accepted.is_empty() {
        return None;
    }
    let overlap = plan.saving.overlap_monthly.to_cents().get();
    let amount = money(Monthly::new(overlap.abs()), &plan.currency);
    Some(if overlap > 0.0 {
        format!("{amount} a month: one by one the changes would seem to save so much more than they do together")
    } else if overlap < 0.0 {
        format!("-{amount} a month: together the changes save so much more than one by one")
    } else {
        "none: together the changes save what they save one by one".to_owned()
    })
}

/// Whether a row is something to do: what a node pool adds follows from the changes on its nodes.
pub(super) fn is_to_do(row: &Row) -> bool {
    !row.moves.is_empty()
}

/// Rows that are something to do.
pub(super) fn to_do(rows: &[Row]) -> usize {
    rows.iter().filter(|row| is_to_do(row)).count()
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
        assert_eq!(effect(&plan, &row), "saving unknown (4 GPUs replaced)");
    }

    #[test]
    fn gpus_in_whose_place_others_come_are_not_called_free() {
        let moved = sample::row("r", "w", 1.0, 0.0);
        let mut stopped = moved.clone();
        stopped.moves = vec![Move::ScaleToZero];
        assert_eq!(given_back([&moved]), "4 GPUs replaced");
        assert_eq!(given_back([&stopped, &stopped]), "8 GPUs freed");
        assert_eq!(given_back([&moved, &stopped]), "4 GPUs freed, 4 GPUs replaced");
        assert_eq!(given_back([]), "0 GPUs freed");
    }

    #[test]
    fn the_overlap_is_told_whether_there_is_any_or_not() {
        let mut plan = sample::plan();
        let told = |plan: &Plan| overlap(plan).unwrap_or_default();
        assert_eq!(told(&plan), "none: together the changes save what they save one by one");
        plan.saving.overlap_monthly = Monthly::new(1200.0);
        assert!(told(&plan).starts_with("$1,200 a month: one by one"), "{}", told(&plan));
        plan.saving.overlap_monthly = Monthly::new(-1200.0);
        assert!(told(&plan).starts_with("-$1,200 a month: together"), "{}", told(&plan));
        plan.spend = None;
        assert_eq!(overlap(&plan), None, "without prices nobody knows");
    }

    #[test]
    fn what_adds_to_the_bill_is_not_said_to_be_off_it() {
        let plan = sample::plan();
        let mut row = plan.accepted[0].clone();
        row.saving.leaves_bill_monthly = Monthly::new(-500.0);
        row.saving.frees_capacity_monthly = Monthly::new(1500.0);
        row.saving.frees_gpus = GpuCount::new(1.0);
        assert_eq!(
            effect(&plan, &row),
            "$500 a month more on the bill, $1,500 of capacity freed (1 GPU replaced)"
        );
    }
}
