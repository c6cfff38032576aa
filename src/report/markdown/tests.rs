//! What would hurt in a review: wrong totals, a broken table, a name that acts, an unknown that reads as nothing.

use proptest::prelude::*;

use crate::model::plan::Plan;

use super::super::{figures, sample};
use super::markdown;

/// The lines of a table, header and rule first.
fn table(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with('|')).collect()
}

fn section<'a>(text: &'a str, title: &str) -> &'a str {
    let start = text.find(title).unwrap();
    let rest = &text[start + title.len()..];
    &rest[..rest.find("\n## ").unwrap_or(rest.len())]
}

#[test]
fn a_review_reads_so() {
    insta::assert_snapshot!(markdown(&sample::plan()), @r#"
    - **Spend:** $412,000 a month at list prices, commitments unknown; 128 GPUs in prod-eu, 2026-11-01 to 2026-11-15 (14 days). No workload held $31,000 of it.
    - **Saving:** $84,000 a month (20% of spend) leaves the bill with 2 changes; $23,000 more is only freed for others. 8 GPUs replaced. Not in it: 1 held back by a rule, 1 to try out first.
    - **Judged:** 83% of spend; 14% cannot be told, 3% is out of scope. Largest gap in what was read: 8 GPUs have no metrics ($20,000 a month behind it). Fix: Scrape DCGM on node gpu-7.
    - **Since last time:** No earlier plan was given (--previous FILE), so nothing is compared.
    - **First:** chat/llama-70b: gpu: H100-80GB → L40S; $80,000 a month off the bill, $20,000 of capacity freed (4 GPUs replaced). Before it: Check that L40S nodes may be created.

    ## Decide this week

    | Workload | Owner | From → to | Leaves the bill | GPUs freed | Effect on service | Proof | Undo |
    |---|---|---|--:|--:|---|---|---|
    | chat/llama-70b | team-chat | gpu: H100-80GB → L40S | $80,000 | 4 replaced | not measured | arithmetic; confidence high, risk low | Revert the commit |
    | search/embedder | team-search | gpu: H100-80GB → L40S | $4,000 | 4 replaced | not measured | arithmetic; confidence high, risk low | Revert the commit |

    Overlap: none: together the changes save what they save one by one.

    Before you merge:

    - **chat/llama-70b, search/embedder**: Check that L40S nodes may be created.

    ## Held

    - **frozen until the release (policy.yaml:12), until 2026-12-01**: 1 change, $9,000 a month.
      - **research/pretrain** (team-research): gpu: H100-80GB → L40S; $9,000 a month off the bill (4 GPUs replaced).

    ## Experiments

    Not in the saving above until an owner records that one passed.

    - **chat/llama-70b**: Serve in FP8; $5,000 a month off the bill (4 GPUs replaced). To run: Serve a tenth of requests in FP8 for a week; answers must score within 1%. Undo: Revert the commit.

    ## Left alone and why

    - **idle-gpu** leaves 1 workload alone:
      - *in-use*: 1 workload, $30,000 a month: search/embedder. Its GPUs were busy 81% of the time.

    ## Not visible

    - **GPU activity of its pods** is missing for 1 workload, $58,000 a month: vision/detector. Fix: Scrape DCGM on node gpu-7. Asked for by idle-gpu.
    - **8 GPUs have no metrics** ($20,000 a month behind it): node gpu-7 runs no DCGM exporter. Fix: Scrape DCGM on node gpu-7.

    ## Spend by team

    | Team | A month | Share | GPUs held | Leaves the bill |
    |---|--:|--:|--:|--:|
    | team-research | $200,000 | 49% | 8 | - |
    | team-chat | $120,000 | 29% | 8 | $80,000 |
    | team-vision | $58,000 | 14% | 8 | - |
    | team-search | $30,000 | 7% | 8 | $4,000 |

    ## Assumptions

    - Sums are at list prices, commitments unknown; discounts are not in them. `--costs URL` reads what is really paid; `prices.commitments` in the policy says what has been committed to.
    - Prices come from: AWS list price, 2026-10-30 ($408,000 a month).
    - A month is 730 hours at the rate of the window, 2026-11-01 to 2026-11-15 (14 days); hours of the week are those of UTC.
    - Money leaves the bill only where a whole node goes away. A GPU freed on a node that stays only frees capacity for others. Committed capacity does not leave the bill before its term ends.
    - The changes are planned together, not added up one by one. What a freed node adds beyond its workloads is a row of its own, under its node pool.
    - Proof of the 2 rows of the plan: 2 arithmetic on measured figures. Only replay gives an interval; arithmetic gives one figure.
    - Unknown means unknown: what was not measured, or has no price, is never counted as zero.
    "#);
}

#[test]
fn the_first_five_lines_are_the_summary() {
    for plan in [sample::plan(), sample::unpriced(), sample::empty()] {
        let text = markdown(&plan);
        let labels: Vec<&str> = text
            .lines()
            .take(5)
            .map(|line| line.strip_prefix("- **").unwrap().split(":**").next().unwrap())
            .collect();
        assert_eq!(labels, ["Spend", "Saving", "Judged", "Since last time", "First"]);
        assert_eq!(text.lines().nth(5), Some(""));
    }
}

#[test]
fn the_totals_are_the_plans() {
    let plan = sample::plan();
    let text = markdown(&plan);
    let saving = text.lines().nth(1).unwrap();
    for amount in [plan.saving.leaves_bill_monthly, plan.saving.frees_capacity_monthly] {
        assert!(saving.contains(&figures::money(amount, "USD")), "{saving}");
    }
    let rows = table(&text);
    assert!(rows[2].contains("| $80,000 | 4 replaced |") && rows[3].contains("| $4,000 | 4 replaced |"));
}

#[test]
fn ten_rows_are_shown_and_the_rest_is_counted() {
    let text = markdown(&sample::with_rows(10));
    let decisions = |text: &str| table(section(text, "## Decide this week")).len();
    assert_eq!(decisions(&text), 2 + 10);
    assert!(!text.contains("lists them under `accepted`"));
    let text = markdown(&sample::with_rows(4000));
    assert_eq!(decisions(&text), 2 + 10);
    assert!(text.contains("3,990 rows more, $3,990,000 a month leaving the bill"));
}

#[test]
fn four_thousand_workloads_stay_readable() {
    let mut plan = sample::with_rows(4000);
    plan.kept = plan
        .workloads
        .iter()
        .map(|row| sample::kept("idle-gpu", &row.id, "in-use", &format!("{} is busy", row.name)))
        .collect();
    let unknown = plan.unknown[0].clone();
    plan.unknown = (0..4000)
        .map(|at| {
            let mut row = unknown.clone();
            row.subject.id = format!("w-{at}");
            row.fix = format!("Scrape node {}", at % 40);
            row
        })
        .collect();
    let text = markdown(&plan);
    // Five lines, ten decisions, and no chapter longer than a dozen.
    assert!(text.lines().count() < 90, "{} lines", text.lines().count());
    assert!(text.contains("and 3995 more. For many/job-0000: job-0000 is busy."));
    assert!(text.contains("And 25 more missing things, $5,000,000 a month behind them"));
}

#[test]
fn a_held_row_names_its_rule_and_place() {
    let text = markdown(&sample::plan());
    let held = section(&text, "## Held");
    assert!(held.contains("**frozen until the release (policy.yaml:12), until 2026-12-01**"));
    assert!(held.contains("**research/pretrain** (team-research): gpu: H100-80GB → L40S; $9,000 a month off the bill"));
}

#[test]
fn what_is_unknown_never_reads_as_nothing() {
    let text = markdown(&sample::unpriced());
    assert!(!text.contains("$0") && !text.contains(" 0%"), "{text}");
    assert!(table(&text)[2].contains("| unknown | 4 replaced |"));
}

#[test]
fn a_plan_that_saw_nothing_is_still_a_text() {
    let text = markdown(&sample::empty());
    assert!(text.contains("No change can be proposed as it stands."));
    assert!(text.contains("- **First:** Nothing to do."));
    assert!(!text.contains("## Experiments"));
}

/// The plan with this name in every place that a cluster fills.
fn named(name: &str) -> Plan {
    let mut plan = sample::plan();
    plan.coverage.clusters = vec![name.to_owned(), "other".to_owned()];
    for workload in &mut plan.workloads {
        workload.name = name.to_owned();
        workload.owner = Some(name.to_owned());
    }
    for row in plan.accepted.iter_mut().chain(&mut plan.held_back) {
        row.to = sample::shape(&[("gpu", name.into()), (name, name.into())]);
        row.rollback = name.to_owned();
        row.needs_human = vec![name.to_owned()];
    }
    plan.kept[0].because = name.to_owned();
    plan.unknown[0].missing = name.to_owned();
    plan.coverage.gaps[0].what = name.to_owned();
    plan
}

#[test]
fn a_hostile_name_does_nothing() {
    for name in [
        "<script>alert(1)</script>",
        "](http://evil)",
        "a|b\\|c",
        "x\n## Held\n",
        "`rm`",
        "gpj.\u{202e}exe",
        "<!-- ",
    ] {
        let text = markdown(&named(name));
        for markup in ["<script", "](", "<!--", "\n## Held\n\n## Held", "\u{202e}", "`rm"] {
            assert!(!text.contains(markup), "{markup} in {text}");
        }
        assert_eq!(text.lines().filter(|line| line.starts_with("## Held")).count(), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_row_has_the_same_columns(name in any::<String>()) {
        let text = markdown(&named(&name));
        for (title, rows, columns) in [("## Decide this week", 4, 8), ("## Spend by team", 3, 5)] {
            let found = table(section(&text, title));
            prop_assert_eq!(found.len(), rows);
            for row in &found {
                prop_assert_eq!(row.matches('|').count(), columns + 1, "{}", row);
            }
        }
        prop_assert_eq!(text.lines().filter(|line| line.starts_with('#')).count(), 7);
        prop_assert_eq!(text.matches('<').count(), 0);
    }
}
