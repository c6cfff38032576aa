//! Unusual days: who spent far more than was to be expected, and why.

use crate::model::finops::{Anomaly, AnomalyKind, Cause};
use crate::model::units::Monthly;

use super::Page;
use super::element::{Element, cell, chapter, el, p, table};

/// Days that are shown.
const SHOWN: usize = 20;

pub(super) fn section(page: &Page<'_>) -> Option<Element> {
    let anomalies = &page.plan.finops.as_ref()?.anomalies;
    let found = chapter("unusual", "Unusual days", "");
    if anomalies.is_empty() {
        return Some(found.add(p("On no day did anybody spend far more than was to be expected.")));
    }
    let rows = anomalies.iter().take(SHOWN).map(|anomaly| {
        vec![
            cell(&anomaly.who),
            cell(when(anomaly)),
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

fn when(anomaly: &Anomaly) -> String {
    if anomaly.first == anomaly.last {
        anomaly.first.to_string()
    } else {
        format!("{} to {}", anomaly.first, anomaly.last)
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
