//! What it takes to make a change: hours by lever, and what an hour costs.

use std::collections::BTreeMap;

use super::located::Mistake;
use super::section::Section;
use crate::model::units::Hourly;

/// Levers with hours of their own.
const LEVERS: [&str; 9] = [
    "idle-gpu",
    "unused-gpus",
    "smaller-gpu",
    "spot-migration",
    "autoscaling",
    "batching",
    "caching",
    "quantization",
    "checkpointing",
];

/// Hours of work at most: a year of one person.
const MOST_HOURS: f64 = 2000.0;

/// The section `returns`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Effort {
    /// What an hour of an engineer costs, in the plan's currency.
    pub engineer_hourly: Hourly,
    /// Hours that a change takes, by lever.
    hours: BTreeMap<&'static str, f64>,
    /// The same of any other lever.
    other_hours: f64,
    /// Hours for each thing that a person must check, ask or decide first.
    pub hours_for_a_check: f64,
}

impl Effort {
    /// Reads the section.
    pub(super) fn read(section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let engineer_hourly = Hourly::new(section.number("engineer_hourly", 0.0, 1e9, mistakes));
        let mut hours = section.section("hours", mistakes);
        let mut of = |lever: &'static str| hours.number(lever, 0.0, MOST_HOURS, mistakes);
        let by_lever = LEVERS.into_iter().map(|lever| (lever, of(lever))).collect();
        let other_hours = of("other");
        hours.finish(mistakes);
        Self {
            engineer_hourly,
            hours: by_lever,
            other_hours,
            hours_for_a_check: section.number("hours_for_a_check", 0.0, MOST_HOURS, mistakes),
        }
    }

    /// Hours that a change of these levers takes, of which a person must check so many things first.
    pub fn hours<'l>(&self, levers: impl IntoIterator<Item = &'l str>, checks: usize) -> f64 {
        let of = |lever: &str| self.hours.get(lever).copied().unwrap_or(self.other_hours);
        levers.into_iter().map(of).sum::<f64>() + self.hours_for_a_check * checks as f64
    }
}
