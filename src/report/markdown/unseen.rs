//! `## Not visible`: what could not be told, by the thing that is missing, with its fix and the spend behind it.

use std::collections::BTreeSet;

use crate::model::plan::Plan;

use super::super::figures::count;
use super::super::groups::{UnknownGroup, listed, subjects_in_words, unknown};
use super::super::headline::behind;
use super::super::names::Names;
use super::super::words::{bare, sentence};
use super::super::worth::Worth;
use super::{NAMES, escaped};

/// Missing things that the section shows.
const MISSING: usize = 15;

pub(super) fn section(plan: &Plan, names: &Names<'_>) -> String {
    let mut text = "## Not visible\n\n".to_owned();
    if plan.unknown.is_empty() && plan.coverage.gaps.is_empty() {
        text.push_str("Nothing that was asked for is missing.\n");
        return text;
    }
    let groups = unknown(plan, names);
    for group in groups.iter().take(MISSING) {
        text.push_str(&format!("- {}\n", missing(plan, names, group)));
    }
    if let Some(rest) = groups.get(MISSING..).filter(|rest| !rest.is_empty()) {
        let amounts: BTreeSet<_> = rest.iter().flat_map(|group| &group.subjects).copied().collect();
        let worth = Worth::of(amounts.into_iter().map(|subject| names.monthly(subject)));
        text.push_str(&format!(
            "- And {}, {} behind them: `gpuwise analyze --format json` lists them under `unknown`.\n",
            count(rest.len(), "more missing thing", "more missing things"),
            escaped(&worth.text(&plan.currency))
        ));
    }
    text.push_str(&gaps(plan));
    text
}

fn missing(plan: &Plan, names: &Names<'_>, group: &UnknownGroup<'_>) -> String {
    let first = group.subjects.first().map(|subject| names.of(subject));
    let what = match first {
        Some(first) if !group.same => format!("{} (so said of {first})", bare(group.missing)),
        _ => bare(group.missing),
    };
    let levers: Vec<&str> = group.levers.iter().copied().collect();
    let scope = format!(
        "{}, {}: {}. Fix: {} Asked for by {}.",
        subjects_in_words(group.subjects.iter().copied()),
        group.worth.text(&plan.currency),
        listed(group.subjects.iter().map(|subject| names.of(subject)), NAMES),
        sentence(group.fix),
        levers.join(", ")
    );
    format!("**{}** is missing for {}", escaped(&what), escaped(&scope))
}

fn gaps(plan: &Plan) -> String {
    let gaps = &plan.coverage.gaps;
    let mut text = String::new();
    for gap in gaps.iter().take(MISSING) {
        text.push_str(&format!(
            "- **{}** ({}): {} Fix: {}\n",
            escaped(&bare(&gap.what)),
            escaped(&behind(plan, gap)),
            escaped(&sentence(&gap.why)),
            escaped(&sentence(&gap.fix))
        ));
    }
    let more = gaps.len().saturating_sub(MISSING);
    if more > 0 {
        text.push_str(&format!(
            "- And {more} more: `gpuwise analyze --format json` lists them under `coverage.gaps`.\n"
        ));
    }
    text
}
