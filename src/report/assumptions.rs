//! What the figures of a plan mean and where they come from, sentence by sentence, not yet escaped for any format.

use std::collections::BTreeMap;

use crate::model::plan::{Plan, Proof};
use crate::model::snapshot::PriceBasis;
use crate::model::units::{HOURS_PER_MONTH, Monthly};

use super::figures::{count, number, window};
use super::headline::basis;
use super::worth::Worth;

/// Price sources that are named.
const SOURCES: usize = 8;

/// A piece of a sentence.
pub(super) enum Piece {
    /// Our own words; what stands between backticks is to be typed.
    Own(&'static str),
    /// What the plan tells.
    Told(String),
}

/// A sentence or some.
pub(super) type Assumption = Vec<Piece>;

/// All of them.
pub(super) fn assumptions(plan: &Plan) -> Vec<Assumption> {
    let mut all = vec![prices(plan)];
    all.extend(sources(plan));
    all.push(vec![
        Piece::Own("A month is "),
        Piece::Told(number(HOURS_PER_MONTH)),
        Piece::Own(" hours at the rate of the window, "),
        Piece::Told(window(plan.window)),
        Piece::Own("; hours of the week are those of "),
        Piece::Told(plan.timezone.clone()),
        Piece::Own("."),
    ]);
    all.push(vec![Piece::Own(
        "Money leaves the bill only where a whole node goes away. A GPU freed on a node that stays only frees capacity for \
         others. Committed capacity does not leave the bill before its term ends.",
    )]);
    all.push(vec![Piece::Own(
        "The changes are planned together, not added up one by one. What a freed node adds beyond its workloads is a row of \
         its own, under its node pool.",
    )]);
    all.extend(proofs(plan));
    all.push(vec![Piece::Own(
        "Unknown means unknown: what was not measured, or has no price, is never counted as zero.",
    )]);
    all
}

fn prices(plan: &Plan) -> Assumption {
    let Some(spend) = &plan.spend else {
        return vec![Piece::Own(
            "No node has a price, so no sum is known. `--costs URL` reads Kubecost or OpenCost.",
        )];
    };
    let discounts = match spend.price_basis {
        PriceBasis::Effective => "; discounts are in them.",
        PriceBasis::List if spend.commitments == 0 => {
            "; discounts are not in them. `--costs URL` reads what is really paid; `prices.commitments` in the policy says what \
             has been committed to."
        }
        PriceBasis::List => "; discounts are not in them. `--costs URL` reads what is really paid.",
        PriceBasis::Mixed => "; where a price is a list price, discounts are not in it.",
    };
    vec![Piece::Own("Sums are "), Piece::Own(basis(spend)), Piece::Own(discounts)]
}

/// Where the prices come from, by how much stands on them.
fn sources(plan: &Plan) -> Option<Assumption> {
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
    Some(vec![
        Piece::Own("Prices come from: "),
        Piece::Told(named.join("; ")),
        Piece::Own("."),
    ])
}

fn proofs(plan: &Plan) -> Option<Assumption> {
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
    Some(vec![
        Piece::Own("Proof of the "),
        Piece::Told(count(plan.accepted.len(), "row", "rows")),
        Piece::Own(" of the plan: "),
        Piece::Told(counts.join(", ")),
        Piece::Own(". Only replay gives an interval; arithmetic gives one figure."),
    ])
}
