//! From what the cost source says to the total of a report: every correction is a row.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::amount::Amount;

/// A step from the source's own total to the report's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Correction {
    /// A stable code.
    pub code: &'static str,
    /// What it is, in words.
    pub what: String,
    /// What it adds to the total; nothing where money is only laid elsewhere.
    pub amount: Amount,
    /// What it lays elsewhere within the total; nothing where it adds to it.
    pub moved: Amount,
}

/// From the source's own total to the report's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reconciliation {
    /// What the cost source's allocations add up to over the same days, what is idle and shared included.
    pub source_total: Amount,
    /// Each step.
    pub corrections: Vec<Correction>,
    /// The report's total, in exact figures.
    pub total: Amount,
}

/// Corrections as they come up.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Corrections {
    pub(super) source_total: Amount,
    steps: BTreeMap<(&'static str, String), (Amount, Amount)>,
}

impl Corrections {
    /// Something that is added to the total.
    pub(super) fn adds(&mut self, code: &'static str, what: String, amount: Amount) {
        if !amount.is_zero() {
            self.steps.entry((code, what)).or_default().0 += amount;
        }
    }

    /// Something that is laid elsewhere.
    pub(super) fn moves(&mut self, code: &'static str, what: &str, amount: Amount) {
        if !amount.is_zero() {
            self.steps.entry((code, what.to_owned())).or_default().1 += amount;
        }
    }

    /// As a report has them. `rounded` is the report's total in cents; of a part of the cluster what is outside of the part is a
    /// step, too.
    pub(super) fn settled(self, partial: bool, rounded: Amount) -> Reconciliation {
        let mut corrections: Vec<Correction> = self
            .steps
            .into_iter()
            .map(|((code, what), (amount, moved))| Correction {
                code,
                what,
                amount,
                moved,
            })
            .collect();
        let added: Amount = corrections.iter().map(|one| one.amount).sum();
        let rest = rounded - (self.source_total + added);
        let (code, what) = match partial {
            true => ("out-of-scope", "left out by --namespace, --owner or --selector"),
            false => ("rounding", "rounding to the cent"),
        };
        if !rest.is_zero() {
            corrections.push(Correction {
                code,
                what: what.to_owned(),
                amount: rest,
                moved: Amount::ZERO,
            });
        }
        Reconciliation {
            source_total: self.source_total,
            corrections,
            total: rounded,
        }
    }
}
