//! `## Assumptions`: what the figures mean and where they come from.

use std::collections::BTreeMap;

use crate::model::plan::{Plan, Proof};
use crate::model::snapshot::PriceBasis;
use crate::model::units::{HOURS_PER_MONTH, Monthly};

use super::super::figures::{count, number, window};
use super::super::headline::basis;
use super::super::worth::Worth;
use super::escaped;

/// Price sources that are named.
const SOURCES: usize = 8;

pub(super) fn section(plan: &Plan) -> String {
    let mut lines = vec![prices(plan)];
    lines.extend(sources(plan));
    lines.push(format!(
        "A month is {} hours at the rate of the window, {}; hours of the week are those of {}.",
        number(HOURS_PER_MONTH),
        escaped(&window(plan.window)),
        escaped(&plan.timezone)
    ));
    lines.push(
        "Money leaves the bill only where a whole node goes away. A GPU freed on a node that stays only frees capacity for \
         others. Committed capacity does not leave the bill before its term ends."
            .to_owned(),
    );
    lines.push(
        "The changes are planned together, not added up one by one. What a freed node adds beyond its workloads is a row of \
         its own, under its node pool."
            .to_owned(),
    );
    lines.extend(proofs(plan));
    lines.push("Unknown means unknown: what was not measured, or has no price, is never counted as zero.".to_owned());
    let lines: String = lines.iter().map(|line| format!("- {line}\n")).collect();
    format!("## Assumptions\n\n{lines}")
}

fn prices(plan: &Plan) -> String {
    let Some(spend) = &plan.spend else {
        return "No node has a price, so no sum is known. `--costs URL` reads Kubecost or OpenCost.".to_owned();
    };
    let discounts = match spend.price_basis {
        PriceBasis::Effective => "discounts are in them.",
        PriceBasis::List if spend.commitments == 0 => {
            "discounts are not in them. `--costs URL` reads what is really paid; `prices.commitments` in the policy says what \
             has been committed to."
        }
        PriceBasis::List => "discounts are not in them. `--costs URL` reads what is really paid.",
        PriceBasis::Mixed => "where a price is a list price, discounts are not in it.",
    };
    format!("Sums are {}; {discounts}", basis(spend))
}

/// Where the prices come from, by how much stands on them.
fn sources(plan: &Plan) -> Option<String> {
    let mut found: BTreeMap<(&str, &str), Vec<Option<Monthly>>> = BTreeMap::new();
    for workload in &plan.workloads {
        if let Some(price) = &workload.price {
            let key = (price.source.as_str(), price.as_of.as_str());
            found.entry(key).or_default().push(workload.monthly);
        }
    }
    if found.is_empty() {
        return None;
    }
    let mut found: Vec<_> = found
        .into_iter()
        .map(|((source, as_of), parts)| (Worth::of(parts), source, as_of))
        .collect();
    found.sort_by(|a, b| b.0.known.get().total_cmp(&a.0.known.get()));
    let more = found.len().saturating_sub(SOURCES);
    let mut named: Vec<String> = found
        .iter()
        .take(SOURCES)
        .map(|(worth, source, as_of)| format!("{source}, {as_of} ({})", worth.text(&plan.currency)))
        .collect();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    Some(format!("Prices come from: {}.", escaped(&named.join("; "))))
}

fn proofs(plan: &Plan) -> Option<String> {
    if plan.accepted.is_empty() {
        return None;
    }
    let grades = [
        (Proof::Replayed, "replayed over the workload's own history"),
        (Proof::Arithmetic, "arithmetic on measured figures"),
        (Proof::None, "not proved"),
    ];
    let counts: Vec<String> = grades
        .into_iter()
        .filter_map(|(grade, words)| {
            let number = plan.accepted.iter().filter(|row| row.proof == grade).count();
            (number > 0).then(|| format!("{number} {words}"))
        })
        .collect();
    Some(format!(
        "Proof of the {} of the plan: {}. Only replay gives an interval; arithmetic gives one figure.",
        count(plan.accepted.len(), "row", "rows"),
        counts.join(", ")
    ))
}
