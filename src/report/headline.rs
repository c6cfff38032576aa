//! The five lines that every report for people begins with: spend, saving, what was judged, what has happened since, and the
//! first thing to do.

use crate::model::plan::{GapRow, Plan, PlanSpend, Row};
use crate::model::snapshot::PriceBasis;
use crate::model::units::Monthly;

use super::figures::{UNKNOWN, count, maybe_money, money, percent, window};
use super::groups::listed;
use super::names::{Names, change};
use super::safe::plain;
use super::since;
use super::words::{Line, bare, sentence};
use super::worth::{effect, given_back, is_to_do, to_do};

/// Clusters that are named rather than counted.
const NAMED_CLUSTERS: usize = 3;

/// The five lines.
pub(super) fn headline(plan: &Plan, names: &Names<'_>) -> [Line; 5] {
    [
        spend(plan),
        saving(plan),
        judged(plan),
        since::line(plan, names),
        first(plan, names),
    ]
}

fn spend(plan: &Plan) -> Line {
    let clusters = &plan.coverage.clusters;
    let place = match clusters.len() {
        0 => String::new(),
        number if number > NAMED_CLUSTERS => format!(" in {number} clusters"),
        number => format!(" in {}", listed(clusters.iter().map(|name| plain(name)), number)),
    };
    let gpus = count(plan.coverage.gpus as usize, "GPU", "GPUs");
    let scene = format!("{gpus}{place}, {}.", window(plan.window));
    let (text, more) = match &plan.spend {
        Some(spend) => (
            format!(
                "{} a month {}; {scene}",
                money(spend.monthly, &plan.currency),
                basis(spend)
            ),
            Some(format!(
                "No workload held {} of it.",
                money(spend.unallocated_monthly, &plan.currency)
            )),
        ),
        None => (format!("{UNKNOWN}, because no node has a price; {scene}"), None),
    };
    Line {
        label: "Spend",
        text,
        more,
    }
}

pub(super) fn basis(spend: &PlanSpend) -> &'static str {
    match spend.price_basis {
        PriceBasis::List if spend.commitments == 0 => "at list prices, commitments unknown",
        PriceBasis::List => "at list prices",
        PriceBasis::Effective => "at the prices really paid",
        PriceBasis::Mixed => "partly at list prices, partly at prices really paid",
    }
}

fn saving(plan: &Plan) -> Line {
    let changes = count(to_do(&plan.accepted), "change", "changes");
    let freed = given_back(&plan.accepted);
    let text = match (&plan.spend, plan.saving.monthly.mid) {
        _ if plan.accepted.is_empty() => "Nothing: no change can be proposed as it stands.".to_owned(),
        (Some(spend), Some(_)) => {
            let share = plan.saving.leaves_bill_monthly.get() / spend.monthly.get();
            format!(
                "{} a month ({} of spend) leaves the bill with {changes}; {} more is only freed for others. {freed}.",
                money(plan.saving.leaves_bill_monthly, &plan.currency),
                percent(Some(share)),
                money(plan.saving.frees_capacity_monthly, &plan.currency)
            )
        }
        _ => format!("{UNKNOWN}, because prices are missing; with {changes}: {freed}."),
    };
    let aside: Vec<String> = [
        (plan.held_back.len(), "held back by a rule", "held back by rules"),
        (plan.experiments.len(), "to try out first", "to try out first"),
    ]
    .into_iter()
    .filter(|(number, ..)| *number > 0)
    .map(|(number, one, many)| format!("{number} {}", if number == 1 { one } else { many }))
    .collect();
    let mut more: Vec<String> = both(plan).into_iter().collect();
    if !aside.is_empty() {
        more.push(format!("Not in it: {}.", aside.join(", ")));
    }
    Line {
        label: "Saving",
        text,
        more: (!more.is_empty()).then(|| more.join(" ")),
    }
}

/// The whole saving with its interval, where replay gave one.
fn both(plan: &Plan) -> Option<String> {
    let saving = &plan.saving.monthly;
    let amount = |value| money(Monthly::new(value), &plan.currency);
    plan.spend.as_ref()?;
    Some(format!(
        "Both together: {}, between {} and {}.",
        amount(saving.mid?),
        amount(saving.low?),
        amount(saving.high?)
    ))
}

fn judged(plan: &Plan) -> Line {
    let coverage = &plan.coverage;
    let shares = [
        coverage.spend_judged,
        coverage.spend_unknown,
        coverage.spend_out_of_scope,
    ];
    let text = if shares.iter().all(Option::is_none) {
        let workloads = count(coverage.workloads as usize, "workload", "workloads");
        format!("The share of spend is {UNKNOWN}; {workloads} with GPUs seen.")
    } else {
        let [judged, untold, outside] = shares.map(percent);
        format!("{judged} of spend; {untold} cannot be told, {outside} is out of scope.")
    };
    let more = match coverage.gaps.first() {
        Some(gap) => format!(
            "Largest gap in what was read: {} ({}). Fix: {}",
            bare(&gap.what),
            behind(plan, gap),
            sentence(&gap.fix)
        ),
        None => "No gap in what was read.".to_owned(),
    };
    Line {
        label: "Judged",
        text,
        more: Some(more),
    }
}

/// The spend behind a gap, in words.
pub(super) fn behind(plan: &Plan, gap: &GapRow) -> String {
    match gap.monthly {
        Some(_) => format!("{} a month behind it", maybe_money(gap.monthly, &plan.currency)),
        None => "spend behind it unknown".to_owned(),
    }
}

fn first(plan: &Plan, names: &Names<'_>) -> Line {
    let about = |row: &Row| format!("{}: {}", names.of(&row.subject), change(row));
    let (text, more) = match (
        plan.accepted.iter().find(|row| is_to_do(row)),
        plan.coverage.gaps.first(),
        plan.held_back.first(),
    ) {
        (Some(row), ..) => (
            format!("{}; {}.", about(row), effect(plan, row)),
            row.needs_human
                .first()
                .map(|need| format!("Before it: {}", sentence(need))),
        ),
        (None, Some(gap), _) => (
            format!("Close the largest gap: {}", sentence(&gap.fix)),
            Some(format!("It hides {}", sentence(&gap.what))),
        ),
        (None, None, Some(row)) => (format!("Decide on what is held back: {}.", about(row)), None),
        (None, None, None) => match plan.experiments.first() {
            Some(row) => (format!("Try out {}.", about(row)), None),
            None => ("Nothing to do.".to_owned(), None),
        },
    };
    Line {
        label: "First",
        text,
        more,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn lines(plan: &Plan) -> [Line; 5] {
        headline(plan, &Names::new(plan))
    }

    #[test]
    fn the_totals_are_the_plans() {
        let plan = sample::plan();
        let [spend, saving, ..] = lines(&plan);
        assert!(
            spend
                .text
                .starts_with("$412,000 a month at list prices, commitments unknown; 128 GPUs in prod-eu")
        );
        assert!(
            saving
                .text
                .starts_with("$84,000 a month (20% of spend) leaves the bill")
        );
        assert!(saving.text.contains("; $23,000 more is only freed"));
    }

    #[test]
    fn an_interval_is_shown_where_there_is_one() {
        let mut plan = sample::plan();
        assert!(!lines(&plan)[1].more.as_ref().unwrap().contains("between"));
        plan.saving.monthly.low = Some(90_000.0);
        plan.saving.monthly.high = Some(120_000.0);
        let more = lines(&plan)[1].more.clone().unwrap();
        assert!(more.starts_with("Both together: $107,000, between $90,000 and $120,000."));
    }

    #[test]
    fn without_prices_nothing_is_zero() {
        let [spend, saving, judged, _, first] = lines(&sample::unpriced());
        for text in [spend.text, saving.text, judged.text, first.text] {
            assert!(text.contains("unknown") && !text.contains("$0"), "{text}");
        }
    }

    #[test]
    fn the_first_thing_to_do_is_none_that_only_follows() {
        let plan = sample::with_a_pool_first();
        let [.., first] = lines(&plan);
        assert!(first.text.starts_with("chat/llama-70b: "), "{}", first.text);
        assert!(!first.more.unwrap().contains("nothing is to be done"));
    }

    #[test]
    fn the_first_thing_to_do_is_what_there_is() {
        let mut plan = sample::plan();
        plan.accepted.clear();
        assert!(lines(&plan)[4].text.starts_with("Close the largest gap: Scrape"));
        plan.coverage.gaps.clear();
        assert!(lines(&plan)[4].text.starts_with("Decide on what is held back: "));
        plan.held_back.clear();
        assert!(lines(&plan)[4].text.starts_with("Try out "));
        plan.experiments.clear();
        assert_eq!(lines(&plan)[4].text, "Nothing to do.");
    }
}
