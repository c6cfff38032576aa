//! The line of what has happened since an earlier plan.

use crate::model::plan::Plan;
use crate::model::since::{Followed, Outcome, Since};

use super::figures::{count, moment, money};
use super::groups::listed;
use super::names::Names;
use super::realised::calibration;
use super::safe::plain;
use super::words::{Line, bare};
use super::worth::Worth;

/// Its label.
pub(super) const LABEL: &str = "Since last time";

/// Changes that are named for an outcome; the rest is counted.
const NAMED: usize = 3;

/// Outcomes in the order in which they are told, each in words for one and for many.
const OUTCOMES: [(Outcome, &str, &str); 7] = [
    (Outcome::Done, "is done", "are done"),
    (Outcome::Open, "is still open", "are still open"),
    (Outcome::Held, "is held back by a rule", "are held back by rules"),
    (Outcome::Withdrawn, "no longer holds", "no longer hold"),
    (Outcome::Unknown, "can no longer be told", "can no longer be told"),
    (Outcome::Gone, "has lost its workload", "have lost their workloads"),
    (Outcome::NotAsked, "was not asked about", "were not asked about"),
];

/// What became of one change, in words.
pub(super) fn outcome_in_words(outcome: Outcome) -> &'static str {
    let found = OUTCOMES.iter().find(|(known, ..)| *known == outcome);
    found.map_or("", |(_, one, _)| one)
}

pub(super) fn line(plan: &Plan, names: &Names<'_>) -> Line {
    let Some(since) = &plan.since else {
        return Line {
            label: LABEL,
            text: "No earlier plan was given (--previous FILE), so nothing is compared.".to_owned(),
            more: None,
        };
    };
    let more = [spend(since, plan), told(since), new(since, plan, names)];
    let more: Vec<String> = more.into_iter().flatten().collect();
    Line {
        label: LABEL,
        text: [Some(outcomes(since, plan)), calibration(since, &plan.currency)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" "),
        more: (!more.is_empty()).then(|| more.join(" ")),
    }
}

fn outcomes(since: &Since, plan: &Plan) -> String {
    let day = moment(since.window.end);
    let new = match since.new.len() {
        0 => String::new(),
        number => format!("; {number} {} new", if number == 1 { "is" } else { "are" }),
    };
    if since.changes.is_empty() {
        return format!("The plan of {day} had no change{new}.");
    }
    let parts: Vec<String> = OUTCOMES
        .iter()
        .filter_map(|(outcome, one, many)| {
            let those: Vec<&Followed> = of(since, *outcome).collect();
            let worth = Worth::of(those.iter().map(|change| change.monthly)).text(&plan.currency);
            let number = those.len();
            let words = if number == 1 { one } else { many };
            (number > 0).then(|| format!("{number} {words} ({worth})"))
        })
        .collect();
    let changes = count(since.changes.len(), "change", "changes");
    format!("Of {changes} planned up to {day}, {}{new}.", parts.join(", "))
}

fn of(since: &Since, outcome: Outcome) -> impl Iterator<Item = &Followed> {
    since.changes.iter().filter(move |change| change.outcome == outcome)
}

fn spend(since: &Since, plan: &Plan) -> Option<String> {
    let now = plan.spend.as_ref()?.monthly;
    let before = since.spend_monthly?;
    let amount = |value| money(value, &plan.currency);
    Some(format!("Spend was {} a month and is {}.", amount(before), amount(now)))
}

/// What is done, and what fell away with its reason.
fn told(since: &Since) -> Option<String> {
    let done: Vec<&Followed> = of(since, Outcome::Done).collect();
    let named = |those: &[&Followed]| listed(those.iter().map(|change| plain(&change.name)), NAMED);
    let mut parts = Vec::new();
    if !done.is_empty() {
        parts.push(format!("Done: {}.", named(&done)));
    }
    let fallen: Vec<&Followed> = [Outcome::Withdrawn, Outcome::Unknown]
        .into_iter()
        .flat_map(|outcome| of(since, outcome))
        .collect();
    for change in fallen.iter().take(NAMED) {
        let why = change.because.as_deref().unwrap_or("no reason is known");
        parts.push(format!("No longer proposed: {} ({}).", plain(&change.name), bare(why)));
    }
    if fallen.len() > NAMED {
        parts.push(format!("{} more are no longer proposed.", fallen.len() - NAMED));
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn new(since: &Since, plan: &Plan, names: &Names<'_>) -> Option<String> {
    let rows = plan.accepted.iter().filter(|row| since.new.contains(&row.id));
    let rows: Vec<String> = rows.map(|row| names.of(&row.subject)).collect();
    (!rows.is_empty()).then(|| format!("New: {}.", listed(rows.into_iter(), NAMED)))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::plan::SubjectRef;
    use crate::model::units::Monthly;

    fn followed(name: &str, outcome: Outcome, monthly: Option<f64>, because: Option<&str>) -> Followed {
        Followed {
            id: format!("idle-gpu:{name}"),
            subject: SubjectRef::workload(name),
            name: format!("chat/{name}"),
            title: String::new(),
            monthly: monthly.map(Monthly::new),
            outcome,
            because: because.map(str::to_owned),
            measured: None,
        }
    }

    fn said(changes: Vec<Followed>, new: &[&str]) -> (String, Option<String>) {
        let mut plan = sample::plan();
        plan.since = Some(Since {
            window: plan.window,
            spend_monthly: Some(Monthly::new(430_000.0)),
            changes,
            new: new.iter().map(|id| (*id).to_owned()).collect(),
        });
        let line = line(&plan, &Names::new(&plan));
        (line.text, line.more)
    }

    #[test]
    fn every_change_is_counted_once_with_its_money() {
        let (text, more) = said(
            vec![
                followed("a", Outcome::Done, Some(1000.0), None),
                followed("b", Outcome::Done, Some(500.0), None),
                followed("c", Outcome::Open, None, None),
                followed("d", Outcome::Withdrawn, Some(70.0), Some("its GPUs worked.")),
            ],
            &["r-1"],
        );
        let end = "2 are done ($1,500 a month), 1 is still open (an unknown sum a month), 1 no longer holds ($70.00 a month); \
                   1 is new.";
        assert!(
            text.starts_with("Of 4 changes planned up to ") && text.ends_with(end),
            "{text}"
        );
        let more = more.unwrap();
        assert!(
            more.starts_with("Spend was $430,000 a month and is $412,000."),
            "{more}"
        );
        assert!(
            more.contains("Done: chat/a, chat/b. No longer proposed: chat/d (its GPUs worked). New: chat/llama-70b."),
            "{more}"
        );
    }

    #[test]
    fn without_an_earlier_plan_it_says_how_to_give_one() {
        let plan = sample::plan();
        assert!(line(&plan, &Names::new(&plan)).text.contains("--previous FILE"));
        assert!(said(Vec::new(), &[]).0.contains("had no change."));
    }
}
