//! What was left alone and what could not be seen, gathered, so that four thousand workloads read like forty.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::plan::{GapRow, Kept, Plan, Row, SubjectRef, Unknown};
use crate::model::units::Monthly;

use super::figures::count;
use super::names::Names;
use super::safe::plain;
use super::worth::{Worth, is_to_do, saved};

/// What one lever leaves alone for one reason.
pub(super) struct KeptGroup<'a> {
    pub(super) lever: &'a str,
    pub(super) reason: &'a str,
    /// Most expensive first.
    pub(super) rows: Vec<&'a Kept>,
    pub(super) worth: Worth,
}

/// Kept rows by lever and, within one, by reason, most expensive first.
pub(super) fn kept<'a>(plan: &'a Plan, names: &Names<'_>) -> Vec<KeptGroup<'a>> {
    let mut found: BTreeMap<(&str, &str), Vec<&Kept>> = BTreeMap::new();
    for row in &plan.kept {
        found.entry((&row.lever, &row.reason)).or_default().push(row);
    }
    let mut groups: Vec<KeptGroup<'_>> = found
        .into_iter()
        .map(|((lever, reason), mut rows)| {
            rows.sort_by(|a, b| dearest(names, &a.subject, &b.subject));
            let worth = Worth::of(rows.iter().map(|row| names.monthly(&row.subject)));
            KeptGroup {
                lever,
                reason,
                rows,
                worth,
            }
        })
        .collect();
    groups.sort_by(|a, b| {
        let money = b.worth.known.get().total_cmp(&a.worth.known.get());
        a.lever.cmp(b.lever).then(money).then(a.reason.cmp(b.reason))
    });
    groups
}

/// What one missing thing keeps from being judged.
pub(super) struct UnknownGroup<'a> {
    /// In the words of the most expensive subject.
    pub(super) missing: &'a str,
    /// Whether the words are those of every subject.
    pub(super) same: bool,
    pub(super) fix: &'a str,
    pub(super) levers: BTreeSet<&'a str>,
    /// Each once, most expensive first.
    pub(super) subjects: Vec<&'a SubjectRef>,
    pub(super) worth: Worth,
}

/// Unknown verdicts by what is missing, most expensive first.
pub(super) fn unknown<'a>(plan: &'a Plan, names: &Names<'_>) -> Vec<UnknownGroup<'a>> {
    let mut found: BTreeMap<(&str, &str), Vec<&Unknown>> = BTreeMap::new();
    for row in &plan.unknown {
        found.entry((&row.reason, &row.fix)).or_default().push(row);
    }
    let mut groups: Vec<UnknownGroup<'_>> = found
        .into_iter()
        .filter_map(|((_, fix), mut rows)| {
            rows.sort_by(|a, b| dearest(names, &a.subject, &b.subject));
            let missing = rows.first()?.missing.as_str();
            let mut subjects: Vec<&SubjectRef> = rows.iter().map(|row| &row.subject).collect();
            subjects.dedup();
            Some(UnknownGroup {
                missing,
                same: rows.iter().all(|row| row.missing == missing),
                fix,
                levers: rows.iter().map(|row| row.lever.as_str()).collect(),
                worth: Worth::of(subjects.iter().map(|subject| names.monthly(subject))),
                subjects,
            })
        })
        .collect();
    groups.sort_by(|a, b| {
        let money = b.worth.known.get().total_cmp(&a.worth.known.get());
        money.then(b.subjects.len().cmp(&a.subjects.len()))
    });
    groups
}

/// What could not be seen: of workloads, or of the cluster.
pub(super) enum Hole<'a> {
    Missing(UnknownGroup<'a>),
    Gap(&'a GapRow),
}

impl Hole<'_> {
    /// The spend behind it, as far as it is known.
    fn monthly(&self) -> Option<f64> {
        match self {
            Self::Missing(group) => group.worth.known().map(Monthly::get),
            Self::Gap(gap) => gap.monthly.map(Monthly::get),
        }
    }
}

/// Both kinds of holes, the first of each up to a limit, the most expensive first and those of unknown worth last.
pub(super) fn holes<'a>(plan: &'a Plan, groups: Vec<UnknownGroup<'a>>, limit: usize) -> Vec<Hole<'a>> {
    let missing = groups.into_iter().take(limit).map(Hole::Missing);
    let gaps = plan.coverage.gaps.iter().take(limit).map(Hole::Gap);
    let mut holes: Vec<Hole<'_>> = missing.chain(gaps).collect();
    let worth = |hole: &Hole<'_>| hole.monthly().unwrap_or(f64::NEG_INFINITY);
    holes.sort_by(|a, b| worth(b).total_cmp(&worth(a)));
    holes
}

/// What one rule holds back.
pub(super) struct HeldGroup<'a> {
    pub(super) rule: &'a str,
    pub(super) place: &'a str,
    pub(super) until: Option<&'a str>,
    /// Most saving first.
    pub(super) rows: Vec<&'a Row>,
    pub(super) worth: Worth,
}

impl HeldGroup<'_> {
    /// The rule, where it stands and until when.
    pub(super) fn rule_in_words(&self) -> String {
        let rule = match self.rule {
            "" => "a rule that the plan does not name",
            rule => rule,
        };
        let place = match self.place {
            "" => String::new(),
            place => format!(" ({place})"),
        };
        let until = self.until.map_or_else(String::new, |until| format!(", until {until}"));
        plain(&format!("{rule}{place}{until}"))
    }
}

/// Rows held back by rule, most saving first.
pub(super) fn held(plan: &Plan) -> Vec<HeldGroup<'_>> {
    let mut found: BTreeMap<(&str, &str, Option<&str>), Vec<&Row>> = BTreeMap::new();
    for row in &plan.held_back {
        let key = row.held_by.as_ref().map_or(("", "", None), |by| {
            (by.rule.as_str(), by.place.as_str(), by.until.as_deref())
        });
        found.entry(key).or_default().push(row);
    }
    let amount = |row: &Row| saved(plan, row).map_or(0.0, Monthly::get);
    let mut groups: Vec<HeldGroup<'_>> = found
        .into_iter()
        .map(|((rule, place, until), mut rows)| {
            rows.sort_by(|a, b| amount(b).total_cmp(&amount(a)).then_with(|| a.id.cmp(&b.id)));
            let worth = Worth::of(rows.iter().map(|row| saved(plan, row)));
            HeldGroup {
                rule,
                place,
                until,
                rows,
                worth,
            }
        })
        .collect();
    groups.sort_by(|a, b| b.worth.known.get().total_cmp(&a.worth.known.get()));
    groups
}

/// What people must do before these changes are merged, and for which: a need that several share is said once. Of what only follows
/// from others nothing is to be done.
pub(super) fn needs<'a>(names: &Names<'_>, rows: &'a [Row]) -> Vec<(&'a str, Vec<String>)> {
    let mut needs: Vec<(&str, Vec<String>)> = Vec::new();
    for row in rows.iter().filter(|row| is_to_do(row)) {
        for need in &row.needs_human {
            let name = names.of(&row.subject);
            match needs.iter_mut().find(|(known, _)| known == need) {
                Some((_, whose)) => whose.push(name),
                None => needs.push((need, vec![name])),
            }
        }
    }
    needs
}

/// Most expensive first; those without a price last; by name where the price is the same.
fn dearest(names: &Names<'_>, a: &SubjectRef, b: &SubjectRef) -> std::cmp::Ordering {
    let amount = |subject: &SubjectRef| names.monthly(subject).map_or(-1.0, Monthly::get);
    amount(b)
        .total_cmp(&amount(a))
        .then_with(|| names.of(a).cmp(&names.of(b)))
        .then_with(|| a.cmp(b))
}

/// How many subjects there are, and of what.
pub(super) fn subjects_in_words<'a>(subjects: impl Iterator<Item = &'a SubjectRef>) -> String {
    let (workloads, others): (Vec<_>, Vec<_>) = subjects.partition(|subject| subject.kind == "Workload");
    let words = [
        (workloads.len(), "workload", "workloads"),
        (others.len(), "node pool", "node pools"),
    ];
    let words: Vec<String> = words
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, many)| count(number, one, many))
        .collect();
    words.join(" and ")
}

/// The first names of a list, with how many more there are.
pub(super) fn listed(names: impl ExactSizeIterator<Item = String>, limit: usize) -> String {
    let more = names.len().saturating_sub(limit);
    let shown: Vec<String> = names.take(limit).collect();
    match more {
        0 => shown.join(", "),
        _ => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_workload_unknown_to_two_levers_is_counted_once() {
        let mut plan = sample::plan();
        let mut again = plan.unknown[0].clone();
        again.lever = "batching".to_owned();
        plan.unknown.push(again);
        let groups = unknown(&plan, &Names::new(&plan));
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].subjects.len(), 1);
        assert_eq!(groups[0].levers.len(), 2);
    }

    #[test]
    fn the_most_expensive_workload_stands_first() {
        let mut plan = sample::plan();
        plan.kept = ["w-small", "w-none", "w-large"]
            .map(|id| sample::kept("idle-gpu", id, "in-use", "busy"))
            .to_vec();
        plan.workloads = vec![
            sample::workload("w-none", "a", "none", None),
            sample::workload("w-small", "a", "small", Some(10.0)),
            sample::workload("w-large", "a", "large", Some(900.0)),
        ];
        let groups = kept(&plan, &Names::new(&plan));
        let ids: Vec<&str> = groups[0].rows.iter().map(|row| row.subject.id.as_str()).collect();
        assert_eq!(ids, ["w-large", "w-small", "w-none"]);
        assert_eq!(groups[0].worth.text("USD"), "$910 a month and 1 without a price");
    }

    #[test]
    fn holes_of_workloads_and_of_the_cluster_stand_by_what_is_behind_them() {
        let mut plan = sample::plan();
        let gap = |what: &str, monthly: Option<f64>| GapRow {
            what: what.to_owned(),
            monthly: monthly.map(Monthly::new),
            ..plan.coverage.gaps[0].clone()
        };
        plan.coverage.gaps = vec![
            gap("large", Some(90_000.0)),
            gap("small", Some(10.0)),
            gap("dark", None),
        ];
        let names = Names::new(&plan);
        let holes = holes(&plan, unknown(&plan, &names), 15);
        let said: Vec<&str> = holes
            .iter()
            .map(|hole| match hole {
                Hole::Missing(group) => group.missing,
                Hole::Gap(gap) => gap.what.as_str(),
            })
            .collect();
        assert_eq!(said, ["large", "GPU activity of its pods", "small", "dark"]);
    }

    #[test]
    fn a_long_list_is_cut() {
        let names = |number: usize| (0..number).map(|n| n.to_string()).collect::<Vec<_>>().into_iter();
        assert_eq!(listed(names(2), 5), "0, 1");
        assert_eq!(listed(names(9), 2), "0, 1 and 7 more");
    }
}
