//! `## Not visible`: what could not be told, by the thing that is missing, with its fix and the spend behind it.

use std::collections::BTreeSet;

use crate::model::plan::{GapRow, Plan};

use super::super::figures::count;
use super::super::groups::{Hole, UnknownGroup, holes, listed, subjects_in_words, unknown};
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
    let rest = rest(plan, names, &groups);
    for hole in holes(plan, groups, MISSING) {
        let line = match hole {
            Hole::Missing(group) => missing(plan, names, &group),
            Hole::Gap(gap) => gap_in_words(plan, gap),
        };
        text.push_str(&format!("- {line}\n"));
    }
    text.push_str(&rest);
    let more = plan.coverage.gaps.len().saturating_sub(MISSING);
    if more > 0 {
        text.push_str(&format!(
            "- And {more} more: `gpuwise analyze --format json` lists them under `coverage.gaps`.\n"
        ));
    }
    text
}

/// What is missing besides what is shown; empty where all is.
fn rest(plan: &Plan, names: &Names<'_>, groups: &[UnknownGroup<'_>]) -> String {
    let Some(rest) = groups.get(MISSING..).filter(|rest| !rest.is_empty()) else {
        return String::new();
    };
    let amounts: BTreeSet<_> = rest.iter().flat_map(|group| &group.subjects).copied().collect();
    let worth = Worth::of(amounts.into_iter().map(|subject| names.monthly(subject)));
    format!(
        "- And {}, {} behind them: `gpuwise analyze --format json` lists them under `unknown`.\n",
        count(rest.len(), "more missing thing", "more missing things"),
        escaped(&worth.text(&plan.currency))
    )
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

fn gap_in_words(plan: &Plan, gap: &GapRow) -> String {
    format!(
        "**{}** ({}): {} Fix: {}",
        escaped(&bare(&gap.what)),
        escaped(&behind(plan, gap)),
        escaped(&sentence(&gap.why)),
        escaped(&sentence(&gap.fix))
    )
}
