//! Unusual days: who spent far more than was to be expected, and why.

use crate::finops::anomalies::LEAST_DAYS;
use crate::model::finops::{Anomaly, AnomalyKind, Cause};
use crate::model::units::Monthly;

use super::super::figures::{count, on_days};
use super::Page;
use super::element::{Element, cell, chapter, el, p, table};

/// Days that are shown.
const SHOWN: usize = 20;

pub(super) fn section(page: &Page<'_>) -> Option<Element> {
    let finops = page.plan.finops.as_ref()?;
    let anomalies = &finops.anomalies;
    let found = chapter("unusual", "Unusual days", "");
    if anomalies.is_empty() {
        return Some(found.add(p(nothing_found(finops.days_judged))));
    }
    let rows = anomalies.iter().take(SHOWN).map(|anomaly| {
        vec![
            cell(&anomaly.who),
            cell(on_days(anomaly.first, anomaly.last)),
            cell(page.sum(anomaly.cost)),
            cell(expected(page, anomaly)),
            cell(page.sum(anomaly.excess)),
            causes(page, anomaly),
        ]
    });
    let shown = table(
        "Days on which far more was spent than was to be expected, the most expensive first",
        &["Who", "When", "#Spent", "#Expected", "#More", "Because of"],
        rows,
    );
    let more = anomalies.len().saturating_sub(SHOWN);
    let more = (more > 0)
        .then(|| p(format!("And {more} more in the plan's JSON, under finops.anomalies.")).class("small quiet"));
    Some(found.add(el("div").class("card").add(shown).all(more)))
}

/// What is said where nothing stands out: that nobody could look is not that there was nothing to see.
fn nothing_found(days_judged: usize) -> String {
    match days_judged {
        0 => format!(
            "Unknown: a day is held against {LEAST_DAYS} whole days or more before it of which the cost is known, and no day has so \
             many. Let Prometheus, Kubecost or OpenCost (--costs URL) keep some weeks more, and ask again; a recording tells only of the \
             days that are in it."
        ),
        days => format!(
            "On the {} that could be judged nobody spent far more than was to be expected.",
            count(days, "day", "days")
        ),
    }
}

fn expected(page: &Page<'_>, anomaly: &Anomaly) -> String {
    if anomaly.kind == AnomalyKind::NewSpender {
        return "nothing: it is new".to_owned();
    }
    let amount = |value| page.money(Monthly::new(value));
    match (anomaly.expected.mid, anomaly.expected.low, anomaly.expected.high) {
        (Some(mid), Some(low), Some(high)) => format!("{} ({} to {})", amount(mid), amount(low), amount(high)),
        (Some(mid), ..) => amount(mid),
        _ => "unknown".to_owned(),
    }
}

fn causes(page: &Page<'_>, anomaly: &Anomaly) -> Element {
    let words = |cause: &Cause| {
        let what = match cause.what.as_str() {
            "quantity" => "held more",
            "price" => "an hour cost more",
            "new" => "is new",
            other => other,
        };
        format!("{} {what} ({})", cause.who, page.sum(cause.amount))
    };
    let all: Vec<String> = anomaly.causes.iter().map(words).collect();
    cell(all.join("; "))
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::super::html;
    use crate::model::finops::Finops;
    use crate::model::plan::Plan;

    #[test]
    fn where_nobody_could_look_nothing_is_said_to_be_usual() {
        let mut plan = sample::plan();
        let said = |plan: &Plan| {
            let page = html(plan);
            let (_, section) = page.split_once("<section id=\"unusual\"").unwrap();
            section.split("</section>").next().unwrap().to_owned()
        };
        plan.finops = Some(Finops::default());
        let none = said(&plan);
        assert!(
            none.contains("Unknown: ") && none.contains("14 whole days") && !none.contains("nobody spent"),
            "{none}"
        );
        plan.finops = Some(Finops {
            days_judged: 12,
            ..Finops::default()
        });
        let some = said(&plan);
        assert!(
            some.contains("On the 12 days that could be judged nobody spent far more"),
            "{some}"
        );
    }
}
