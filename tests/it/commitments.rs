//! What is committed to, through all levers at once: nodes that were there for a part of the window, runs that end, credits
//! that are spent, prices in other currencies.

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::plan::{Plan, Row};
use gpuwise::model::progress::Silent;
use gpuwise::model::reading::Reading;
use gpuwise::{pipeline, report};

use crate::cases::Case;
use crate::scenarios::plan;

/// A p4d.24xlarge by the public list, an hour.
const P4D: f64 = 21.957_642;

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= expected.abs() * 0.01 + 0.01
}

/// Three p4d nodes, each with a server that holds all of its GPUs and does nothing; the third may be newer than the window.
fn three_idle(since: Option<&str>, commitments: &str) -> String {
    let (joined, began) = match since {
        Some(since) => (format!(", since: {since}"), format!(", from: {since}")),
        None => (String::new(), String::new()),
    };
    let node = |at: u32, more: &str| {
        format!("  - {{name: gpu-{at}, type: p4d.24xlarge, pool: serving, capacity: on-demand{more}}}\n")
    };
    let idle = |at: u32, more: &str| {
        format!(
            "  - name: standby-{at}\n    kind: Deployment\n    namespace: serving\n    image: vllm/vllm-openai:v0.12.0\n    \
             gpus: 8\n    pods: [{{node: gpu-{at}{more}}}]\n    signals:\n      engine_active: [{{value: 0}}]\n      \
             requests_running: [{{value: 0}}]\n      memory_used: [{{value: 36 GiB}}]\n      power: [{{value: 60 W}}]\n"
        )
    };
    format!(
        "situation: three servers that nobody asks anything, on a node each, some of which are committed to\n\
         expect: {{change: scale-to-zero}}\nwindow: {{days: 14, step: 10m}}\npolicy: |\n  prices:\n    commitments:\n{commitments}\
         nodes:\n{}{}{}workloads:\n{}{}{}",
        node(1, ""),
        node(2, ""),
        node(3, &joined),
        idle(1, ""),
        idle(2, ""),
        idle(3, &began)
    )
}

fn savings_plan(nodes: u32) -> String {
    format!(
        "      - {{name: p4d plan, kind: savings-plan, instance_type: p4d.24xlarge, nodes: {nodes}, until: 2027-06-16}}\n"
    )
}

#[test]
fn a_node_that_was_there_for_half_the_window_uses_a_commitment_for_no_more_than_that() {
    let leaves = |since: Option<&str>, nodes: u32| {
        let plan = plan(&three_idle(since, &savings_plan(nodes)), None);
        assert_eq!(
            plan.accepted
                .iter()
                .filter(|row| row.subject.kind == "Workload")
                .count(),
            3
        );
        plan.saving.leaves_bill_monthly.get()
    };
    let node = P4D * 730.0;
    // Two of three nodes are committed to, and one is not: that one leaves.
    let whole = leaves(None, 2);
    assert!(near(whole, node), "{whole}");
    // Two and a half were used, so that no whole node stood beside the two that are paid for.
    let half = leaves(Some("7d"), 2);
    assert!(near(half, 0.0), "{half}");
    // Beside one that is paid for, one and a half were.
    let more = leaves(Some("7d"), 1);
    assert!(near(more, node), "{more}");
    assert!(near(leaves(None, 3), 0.0));
}

#[test]
fn credits_pay_until_they_are_spent_and_until_then_nothing_leaves_the_bill() {
    let credits = |amount: &str| {
        format!("      - {{name: start-up credits, kind: credits, gpu: A100-40GB, {amount}until: 2027-06-16}}\n")
    };
    let told = |plan: &Plan| -> Vec<String> {
        let gaps = plan.coverage.gaps.iter().filter(|gap| gap.what.contains("credits"));
        gaps.map(|gap| format!("{}: {}", gap.what, gap.why)).collect()
    };
    let unknown = plan(&three_idle(None, &credits("")), None);
    assert!(near(unknown.saving.leaves_bill_monthly.get(), 0.0));
    assert!(unknown.saving.frees_capacity_monthly.get() > 0.0);
    assert_eq!(told(&unknown).len(), 1);
    assert!(told(&unknown)[0].starts_with("how long start-up credits lasts: nobody wrote what is left of it"));
    // Forty days of three nodes, of which ten have passed.
    let amount = 3.0 * P4D * 24.0 * 40.0;
    let known = plan(
        &three_idle(None, &credits(&format!("amount: {amount}, from: 2026-11-06, "))),
        None,
    );
    assert!(near(known.saving.leaves_bill_monthly.get(), 0.0));
    assert!(
        told(&known)[0].starts_with("what start-up credits covers from 2026-12-16 on: "),
        "{:?}",
        told(&known)
    );
    let words =
        "credits pay for its nodes until 2026-12-16 (start-up credits), and what is not used makes them last longer";
    let says = |row: &Row| row.evidence.iter().any(|fact| fact.what.contains(words));
    assert!(known.accepted.iter().all(says), "{:#?}", known.accepted[0].evidence);
    // Those of nine days are spent.
    let spent = 3.0 * P4D * 24.0 * 9.0;
    let spent = plan(
        &three_idle(None, &credits(&format!("amount: {spent}, from: 2026-11-06, "))),
        None,
    );
    assert!(near(spent.saving.leaves_bill_monthly.get(), 3.0 * P4D * 730.0));
    assert!(
        told(&spent)[0].contains("were spent by 2026-11-15"),
        "{:?}",
        told(&spent)
    );
}

#[test]
fn a_commitment_that_begins_soon_does_not_count_yet_and_is_told() {
    let soon = savings_plan(3).replace("until", "from: 2026-12-01, until");
    let plan = plan(&three_idle(None, &soon), None);
    assert!(near(plan.saving.leaves_bill_monthly.get(), 3.0 * P4D * 730.0));
    let note = &plan.notes[0];
    assert_eq!((plan.notes.len(), note.what.as_str()), (1, "commitment p4d plan"));
    assert!(note.why.contains("it begins on 2026-12-01, in 15 days"), "{}", note.why);
    let report = report::markdown::markdown(&plan);
    assert!(
        report.contains("commitment p4d plan") && report.contains("2026-12-01"),
        "{report}"
    );
}

/// A job of three hours every night, on a node of its own that is there all the time, or comes and goes with it.
fn nightly(is_gone: bool, commitments: &str) -> String {
    let node = match is_gone {
        true => ", gone: true, bill: {hours: 42, hourly: 11.06125}",
        false => "",
    };
    format!(
        "situation: a job that runs every night, and does not run when it is judged\n\
         expect: {{change: L4}}\nwindow: {{days: 14, step: 5m}}\npolicy: |\n  objectives:\n    approved_gpus: [L4]\n  \
         prices:\n    rows:\n      - {{instance_type: a3-highgpu-1g, capacity_type: spot, hourly: 3}}\n    commitments:\n{commitments}\
         nodes:\n  - {{name: gpu-1, type: a3-highgpu-1g, pool: batch, capacity: on-demand{node}}}\nworkloads:\n  \
         - name: captions\n    kind: Job\n    namespace: media\n    pods: [{{node: gpu-1, from: 1h, for: 3h, every: 24h}}]\n    \
         signals:\n      engine_active: [{{value: 0.06}}]\n      memory_used: [{{value: 12 GiB}}]\n      power: [{{value: 110 W}}]\n"
    )
}

#[test]
fn runs_that_are_over_are_committed_to_where_their_nodes_are() {
    let committed =
        "      - {name: a3, kind: committed-use, instance_type: a3-highgpu-1g, nodes: 1, until: 2027-06-16}\n";
    let none = "      []\n".to_owned();
    let spot = |plan: &Plan| {
        let kept = plan.kept.iter().find(|row| row.lever == "spot-migration");
        kept.map(|row| (row.reason.clone(), row.because.clone()))
    };
    // Its node is there between its runs, and is paid for.
    let there = plan(&nightly(false, committed), None);
    let (reason, because) = spot(&there).unwrap();
    assert_eq!(reason, "committed");
    assert!(because.contains("2027-06-16 (a3)"), "{because}");
    assert!(near(there.saving.leaves_bill_monthly.get(), 0.0), "{:#?}", there.saving);
    // It is gone with the run, so that without a commitment what it cost leaves the bill.
    let free = plan(&nightly(true, &none), None);
    assert!(free.saving.leaves_bill_monthly.get() > 0.0, "{:#?}", free.saving);
    // What has been committed to is paid for all the same.
    let gone = plan(&nightly(true, committed), None);
    assert!(gone.saving.leaves_bill_monthly.get() <= 0.0, "{:#?}", gone.saving);
    let unused = |gap: &gpuwise::model::plan::GapRow| gap.what == "who uses 1 of the nodes of a3";
    assert!(gone.coverage.gaps.iter().any(unused), "{:#?}", gone.coverage.gaps);
}

/// Two replicas of a service that bears interruptions, on nodes for which a smaller GPU would do; spot capacity saves more.
const LIGHT_SERVICE: &str = "\
situation: a light service on large GPUs, which a cheaper one would hold, and which spot capacity would serve as well
expect: {change: L40S}
window: {days: 14, step: 5m}
policy: |
  objectives:
    approved_gpus: [L40S]
  prices:
    rows:
      - {gpu: L40S, hourly: 4, confirmed: true}
      - {instance_type: p5.4xlarge, capacity_type: spot, hourly: 2}
nodes:
  - {name: gpu-1, type: p5.4xlarge, pool: serving, capacity: on-demand}
  - {name: gpu-2, type: p5.4xlarge, pool: serving, capacity: on-demand}
  - {name: spot-1, type: p5.4xlarge, pool: spot, capacity: spot, since: 11d}
workloads:
  - name: tagger
    kind: Deployment
    namespace: media
    labels: {app: tagger}
    budget: 1
    pods: [{node: gpu-1}, {node: gpu-2}]
    signals:
      engine_active: [{value: 0.03}]
      memory_used: [{value: 9 GiB}]
      power: [{value: 90 W}]
";

#[test]
fn what_is_held_back_stands_beside_what_is_accepted_of_one_workload_and_is_not_counted() {
    let plan = plan(LIGHT_SERVICE, None);
    let of = |rows: &[Row]| -> Vec<(String, String)> {
        let own = rows.iter().filter(|row| row.subject.kind == "Workload");
        own.map(|row| (row.subject.id.clone(), row.levers.join("+"))).collect()
    };
    let id = plan.workloads[0].id.clone();
    assert_eq!(
        of(&plan.accepted),
        [(id.clone(), "smaller-gpu".to_owned())],
        "{:#?}",
        plan.unknown
    );
    assert_eq!(
        of(&plan.held_back),
        [(id.clone(), "spot-migration".to_owned())],
        "{:#?}",
        plan.kept
    );
    let accepted: f64 = plan.accepted.iter().map(|row| row.saving.monthly.mid.unwrap()).sum();
    assert!(near(plan.saving.monthly.mid.unwrap(), accepted), "{:#?}", plan.saving);
    let spend = plan.spend.as_ref().unwrap().monthly.get();
    assert!(accepted > 0.0 && accepted <= spend);
    let held = &plan.held_back[0];
    assert!(
        held.saving.monthly.mid.unwrap() > 0.0 && held.held_by.is_some(),
        "{held:#?}"
    );
    let story = report::explain::why(&plan, &id).unwrap();
    assert!(
        story.contains("smaller-gpu") && story.contains("held back") && story.contains("spot-migration"),
        "{story}"
    );
    let told = report::markdown::markdown(&plan);
    assert!(
        told.contains("spot capacity is advised only once it was replayed"),
        "{told}"
    );
}

fn judged(reading: &Reading, policy: &str) -> Plan {
    let judge = Judge::new(
        &[("policy.yaml".to_owned(), policy.to_owned())],
        Catalog::shipped().unwrap(),
    )
    .unwrap();
    pipeline::analyze(reading, &judge, &Scope::default(), &Silent).unwrap()
}

fn reading(case: &str) -> (Reading, String) {
    let case = Case::parse(case).unwrap();
    (case.reading(&Catalog::shipped().unwrap()), case.policy)
}

#[test]
fn a_currency_without_a_row_is_used_where_a_rate_is_known_and_else_not() {
    let (mut reading, _) = reading(&three_idle(None, "      []\n"));
    let spend = |reading: &Reading, policy: &str| {
        let plan = judged(reading, policy);
        (plan.currency.clone(), plan.spend.map(|spend| spend.monthly.get()))
    };
    let list = 3.0 * P4D * 730.0;
    let (currency, found) = spend(&reading, "prices: {currency: EUR}");
    assert!(currency == "USD" && near(found.unwrap(), list), "{currency} {found:?}");
    let (currency, found) = spend(&reading, "prices: {currency: EUR, per_usd: 0.9}");
    assert!(
        currency == "EUR" && near(found.unwrap(), list * 0.9),
        "{currency} {found:?}"
    );
    // What was billed has a currency of its own.
    for node in &reading.inventory.nodes.clone() {
        reading.inventory.node_costs.push(gpuwise::model::cluster::NodeCost {
            node: node.name.clone(),
            instance_type: None,
            region: None,
            hours: 336.0,
            total_cost: 336.0 * 20.0,
            gpus: Some(8.0),
            spot: Some(false),
            adjusted: true,
            by_default: false,
            told_by: gpuwise::model::cluster::CostProduct::default(),
        });
    }
    let (currency, found) = spend(&reading, "prices: {currency: EUR, per_usd: 0.9}");
    assert!(
        currency == "USD" && near(found.unwrap(), 3.0 * 20.0 * 730.0),
        "{currency} {found:?}"
    );
    // A commitment's price in another currency is no price here, and that is told.
    let plan = judged(
        &reading,
        "prices: {currency: EUR, commitments: [{name: p, kind: savings-plan, instance_type: p4d.24xlarge, nodes: 3, hourly: 9, \
         until: 2027-06-16}]}",
    );
    assert!(near(plan.spend.unwrap().monthly.get(), 3.0 * 20.0 * 730.0));
    let told = plan
        .coverage
        .gaps
        .iter()
        .find(|gap| gap.what == "what the nodes of p cost");
    assert!(told.unwrap().why.contains("EUR"), "{:#?}", plan.coverage.gaps);
}

#[test]
fn a_node_whose_type_only_the_bill_knows_is_offered_as_spot_capacity() {
    let (mut reading, policy) = reading(LIGHT_SERVICE);
    for node in &mut reading.inventory.nodes {
        node.labels.remove("node.kubernetes.io/instance-type");
    }
    let verdict = |reading: &Reading| {
        let plan = judged(reading, &policy);
        let spot = |levers: &[String]| levers.iter().any(|lever| lever == "spot-migration");
        let held = plan.held_back.iter().any(|row| spot(&row.levers));
        let unknown = plan.unknown.iter().find(|row| row.lever == "spot-migration");
        (held, unknown.map(|row| row.reason.clone()))
    };
    assert_eq!(verdict(&reading), (false, Some("no-instance-type".to_owned())));
    for node in &reading.inventory.nodes.clone() {
        reading.inventory.node_costs.push(gpuwise::model::cluster::NodeCost {
            node: node.name.clone(),
            instance_type: Some("p5.4xlarge".to_owned()),
            region: None,
            hours: 336.0,
            total_cost: 336.0 * if node.name == "spot-1" { 2.0 } else { 6.0 },
            gpus: Some(1.0),
            spot: Some(false),
            adjusted: true,
            by_default: false,
            told_by: gpuwise::model::cluster::CostProduct::default(),
        });
    }
    assert_eq!(verdict(&reading), (true, None));
}
