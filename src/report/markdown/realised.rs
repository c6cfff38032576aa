//! `## What came of it`: what changes of the earlier plan were to save, beside what was measured since.

use crate::model::plan::Plan;
use crate::model::since::Followed;

use super::super::figures::maybe_money;
use super::super::realised::{calibration, correction, figure};
use super::super::words::bare;
use super::{escaped, table_row};

/// Rows of the table; the rest is counted.
const ROWS: usize = 30;

/// Nothing where no change was made, or no earlier plan was given.
pub(super) fn section(plan: &Plan) -> Option<String> {
    let since = plan.since.as_ref()?;
    let made: Vec<&Followed> = since
        .changes
        .iter()
        .filter(|change| change.measured.is_some())
        .collect();
    if made.is_empty() {
        return None;
    }
    let mut text = "## What came of it\n\n".to_owned();
    if let Some(sums) = calibration(since, &plan.currency) {
        text.push_str(&format!("{}\n\n", escaped(&sums)));
    }
    text.push_str(
        "| Change | Predicted a month | Measured a month (90 %) | Days before, after | Load and what is left open |\n",
    );
    text.push_str("|---|---|---|---|---|\n");
    for change in made.iter().take(ROWS) {
        text.push_str(&row(plan, change));
    }
    if made.len() > ROWS {
        let more = made.len() - ROWS;
        text.push_str(&format!(
            "\nAnd {more} more: `gpuwise analyze --format json` lists them under `since`.\n"
        ));
    }
    Some(text)
}

fn row(plan: &Plan, change: &Followed) -> String {
    let Some(measured) = &change.measured else {
        return String::new();
    };
    let notes: Vec<String> = correction(measured)
        .into_iter()
        .chain(measured.because.as_deref().map(|why| bare(why).to_owned()))
        .collect();
    let (before, after) = measured.days;
    table_row(&[
        format!("{}: {}", change.name, change.title),
        maybe_money(change.monthly, &plan.currency),
        figure(measured, &plan.currency),
        format!("{before}, {after}"),
        notes.join("; "),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::super::markdown;
    use crate::model::plan::SubjectRef;
    use crate::model::returns::Measured;
    use crate::model::scenario::Interval;
    use crate::model::since::{Followed, Outcome, Since};
    use crate::model::units::Monthly;

    fn followed(name: &str, mid: Option<f64>) -> Followed {
        Followed {
            id: format!("idle-gpu:{name}"),
            subject: SubjectRef::workload(name),
            name: name.to_owned(),
            title: "Switch off".to_owned(),
            monthly: Some(Monthly::new(1000.0)),
            outcome: Outcome::Done,
            because: None,
            measured: Some(Measured {
                monthly: Interval {
                    mid,
                    ..Interval::default()
                },
                uncorrected_monthly: None,
                corrected_by: None,
                load: None,
                days: (14, 5),
                because: mid.is_none().then(|| "no history".to_owned()),
            }),
        }
    }

    #[test]
    fn predicted_and_measured_stand_beside_each_other_and_names_cannot_break_the_table() {
        let mut plan = sample::plan();
        assert!(!markdown(&plan).contains("## What came of it"));
        plan.since = Some(Since {
            window: plan.window,
            spend_monthly: None,
            changes: vec![followed("ml/a|b", Some(900.0)), followed("ml/c", None)],
            new: Vec::new(),
        });
        let text = markdown(&plan);
        let (_, section) = text.split_once("## What came of it\n\n").unwrap();
        assert!(
            section.starts_with(
                "Of 1 change that could be measured, $1,000 a month was predicted and $900 is measured, 90% of that."
            ),
            "{section}"
        );
        let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| ml")).collect();
        assert_eq!(rows.len(), 2, "{section}");
        assert!(
            rows[1].contains("unknown") && rows[1].contains("no history"),
            "{section}"
        );
        assert_eq!(rows[0].matches(" | ").count(), 4, "{section}");
    }
}
