//! What owners decided: some of it holds changes back, all of it stands on the rows, and what has no effect is told.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::rule;
use crate::model::plan::{Decided, HeldBy, Note, Plan, Row};
use crate::model::snapshot::Snapshot;
use crate::model::workload::Workload;
use crate::policy::decisions::{Decision, Word};
use crate::policy::moment;

/// Decisions by the name that each gives its workload.
pub(in crate::engine) struct Decisions<'a> {
    all: &'a [Decision],
    by_name: BTreeMap<&'a str, Vec<&'a Decision>>,
    now: Timestamp,
    zone: &'a TimeZone,
}

impl<'a> Decisions<'a> {
    pub(in crate::engine) fn new(all: &'a [Decision], now: Timestamp, zone: &'a TimeZone) -> Self {
        let mut by_name: BTreeMap<&str, Vec<&Decision>> = BTreeMap::new();
        for decision in all {
            by_name.entry(&decision.workload).or_default().push(decision);
        }
        Self {
            all,
            by_name,
            now,
            zone,
        }
    }

    /// The decision that counts for what levers propose together: the one that forbids most, and of those the newest.
    fn counts(&self, workload: &Workload, levers: &[&str]) -> Option<&'a Decision> {
        if self.all.is_empty() {
            return None;
        }
        let own = workload.names();
        let found = own.iter().filter_map(|name| self.by_name.get(name.as_str())).flatten();
        let holding = found.filter(|decision| decision.asks(levers) && !decision.is_over(self.now, self.zone));
        holding
            .copied()
            .max_by_key(|decision| (weight(decision.word), decision.date))
    }

    /// What a decision holds back.
    pub(super) fn held(&self, workload: &Workload, levers: &[&str]) -> Option<HeldBy> {
        let decision = self.counts(workload, levers)?;
        let word = match decision.word {
            Word::Reject => "rejected",
            Word::Snooze => "snoozed",
            Word::Accept | Word::ExperimentPassed => return None,
        };
        Some(HeldBy {
            until: self.until(decision),
            ..rule(
                format!("{word} by {}: {}", decision.owner, decision.reason),
                &decision.place,
            )
        })
    }

    /// Whether somebody tried out what these levers propose together, and it held.
    pub(super) fn passed(&self, workload: &Workload, levers: &[&str]) -> bool {
        let own = workload.names();
        let found = own.iter().filter_map(|name| self.by_name.get(name.as_str())).flatten();
        let mut passed = found.filter(|decision| decision.word == Word::ExperimentPassed);
        passed.any(|decision| decision.asks(levers) && !decision.is_over(self.now, self.zone))
    }

    /// Writes decisions on the rows they speak of, and those without effect into the notes.
    pub(in crate::engine) fn mark(&self, plan: &mut Plan, snapshot: &Snapshot) {
        if self.all.is_empty() {
            return;
        }
        let by_id: BTreeMap<&str, &Workload> = snapshot.workloads.iter().map(|one| (one.id.as_str(), one)).collect();
        let lists = [&mut plan.accepted, &mut plan.experiments, &mut plan.held_back];
        for row in lists.into_iter().flatten() {
            if let Some(workload) = by_id.get(row.subject.id.as_str()) {
                row.decision = self.on(row, workload);
            }
        }
        let known: std::collections::BTreeSet<String> = snapshot.workloads.iter().flat_map(Workload::names).collect();
        for decision in self.all {
            let why = if !known.contains(&decision.workload) {
                "no workload with GPUs is called so".to_owned()
            } else if decision.is_over(self.now, self.zone) {
                format!("it is over since {}", self.until(decision).unwrap_or_default())
            } else {
                continue;
            };
            let lever = match decision.levers.join("+") {
                all if all.is_empty() => all,
                levers => format!("{levers} of "),
            };
            plan.notes.push(Note {
                what: format!("{} {lever}{} by {}", decision.word, decision.workload, decision.owner),
                why,
                place: place(decision),
            });
        }
    }

    fn on(&self, row: &Row, workload: &Workload) -> Option<Decided> {
        let levers: Vec<&str> = row.levers.iter().map(String::as_str).collect();
        let decision = self.counts(workload, &levers)?;
        Some(Decided {
            decision: decision.word.to_string(),
            by: decision.owner.clone(),
            reason: decision.reason.clone(),
            until: self.until(decision),
            date: decision.date.map(|date| date.to_string()),
            place: place(decision),
        })
    }

    fn until(&self, decision: &Decision) -> Option<String> {
        decision.end(self.zone).map(|end| moment::in_words(&end))
    }
}

fn weight(word: Word) -> u8 {
    match word {
        Word::Accept => 0,
        Word::ExperimentPassed => 1,
        Word::Snooze => 2,
        Word::Reject => 3,
    }
}

fn place(decision: &Decision) -> String {
    format!("{}:{}", decision.place.file, decision.place.line)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{policy, priced, snapshot, workload};
    use super::super::{Guarded, guard};
    use super::*;
    use crate::policy::decisions::read;

    fn decisions(text: &str) -> Vec<Decision> {
        read(&[("d.yaml".to_owned(), text.to_owned())], &["idle-gpu", "smaller-gpu"]).unwrap()
    }

    /// What holds the change of idle-gpu for `prod/chat`, at noon of the 20th of November 2026.
    fn held(text: &str) -> Option<HeldBy> {
        let snapshot = snapshot(vec![workload("prod", "chat"), workload("prod", "other")]);
        let changes = vec![priced(0, 100.0), priced(1, 100.0)];
        let mut guarded: Vec<Guarded> = guard(changes, &policy(""), &decisions(text), &snapshot);
        assert_eq!(guarded.pop().unwrap().held, None, "another workload is held");
        guarded.remove(0).held
    }

    fn row(text: &str) -> String {
        format!("- {{owner: chat, reason: the load is seasonal, {text}}}\n")
    }

    #[test]
    fn what_was_rejected_or_snoozed_is_held_with_its_reason_until_its_end() {
        let rejected = held(&row("workload: prod/chat, decision: reject")).unwrap();
        assert_eq!(rejected.rule, "rejected by chat: the load is seasonal");
        assert_eq!((rejected.place.as_str(), rejected.until), ("d.yaml:1", None));
        for name in [
            "workload: prod/chat",
            "workload: c/prod/chat",
            "id: 'idle-gpu:c/prod/Deployment.apps/chat'",
        ] {
            let snoozed = held(&row(&format!("{name}, decision: snooze, until: 2026-12-01"))).unwrap();
            assert_eq!(snoozed.rule, "snoozed by chat: the load is seasonal");
            assert_eq!(snoozed.until.as_deref(), Some("2026-12-01"), "{name}");
        }
        for none in [
            "workload: prod/chat, decision: snooze, until: 2026-11-20",
            "workload: prod/chat, decision: reject, until: 2026-11-20 12:00",
            "workload: prod/chat, decision: accept",
            "workload: prod/chat, decision: experiment-passed",
            "workload: prod/chat, lever: smaller-gpu, decision: reject",
            "workload: dev/chat, decision: reject",
        ] {
            assert_eq!(held(&row(none)), None, "{none}");
        }
    }

    #[test]
    fn of_two_names_for_one_workload_the_word_that_forbids_more_counts() {
        let text = row("workload: prod/chat, lever: idle-gpu, decision: reject, until: 2027-01-01")
            + &row("workload: prod/chat, decision: snooze, until: 2027-02-01, date: 2027-01-01");
        assert!(held(&text).unwrap().rule.starts_with("rejected"));
    }
}
