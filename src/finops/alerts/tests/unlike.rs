//! Rules where something is unlike most clusters: labels and amounts of the policy, a currency that nobody told, exporters of two
//! vendors, counters that may never count.

use super::*;

/// What is told is of the result, also where a label of the policy has the same name.
#[test]
fn annotations_are_filled_in_from_the_result_alone() {
    let mut rule = rules(&made(&facts()))
        .find(|rule| rule.alert == "GpuwiseIdleGpus")
        .unwrap()
        .clone();
    rule.labels.insert("namespace".to_owned(), "monitoring".to_owned());
    let expected = rule.expected(&[("namespace", "team-a")], 3.0);
    assert!(
        expected.annotations["summary"].contains("held in team-a"),
        "{expected:?}"
    );
    assert_eq!(expected.labels["namespace"], "monitoring");
}

#[test]
fn requests_are_of_pods_that_run_or_follow_no_budget() {
    let mut facts = facts();
    facts.metrics.retain(|metric| metric.role != MetricRole::GpuAllocation);
    let unbilled = made(&facts);
    let of_team = |rule: &&Rule| rule.labels.get("budget").is_some_and(|name| name.starts_with("chat"));
    for rule in rules(&unbilled).filter(of_team) {
        assert!(rule.expr.contains("kube_pod_status_phase"), "{}", rule.expr);
    }
    facts.metrics.retain(|metric| metric.role != MetricRole::PodRunning);
    let left = made(&facts).left_out;
    let of_budget = |one: &&LeftOut| {
        one.about
            .as_deref()
            .is_some_and(|about| about.starts_with("budget chat"))
    };
    let of_budget: Vec<&LeftOut> = left.iter().filter(of_budget).collect();
    assert_eq!(of_budget.len(), 3, "{left:?}");
    assert!(of_budget.iter().all(|one| one.why.contains("no kube_pod_status_phase")));
}

#[test]
fn of_a_budget_of_nothing_only_the_projection_is_told() {
    let mut nothing = budgets();
    nothing.truncate(1);
    nothing[0].monthly = 0.0;
    let made = |budgets: &[Budget]| alerts(&facts(), &thresholds(), budgets, ("eu", None));
    let none = made(&nothing);
    let left: Vec<&str> = none.left_out.iter().map(|one| one.alert).collect();
    assert_eq!(left, ["GpuwiseBudgetBurnsFast", "GpuwiseBudgetBurnsSlow"]);
    assert!(rules(&none).any(|rule| rule.alert == "GpuwiseBudgetProjectedOver"));
    // In one month something may be spent.
    nothing[0].months.insert("2026-12".to_owned(), 730.0);
    let some = made(&nothing);
    let fast = rules(&some)
        .find(|rule| rule.alert == "GpuwiseBudgetBurnsFast")
        .unwrap();
    let amount = "(vector(730) and on () (month() == 12) and on () (year() == 2026)\n    or vector(0)) > 0)";
    assert!(fast.expr.contains(amount), "{}", fast.expr);
    assert!(promql_parser::parser::parse(&fast.expr).is_ok(), "{}", fast.expr);
}

#[test]
fn a_currency_that_nobody_told_is_not_called_one() {
    let made = alerts(&facts(), &thresholds(), &budgets(), ("eu", None));
    assert_eq!(made.currency, None);
    assert!(
        made.notes
            .iter()
            .any(|note| note.contains("nothing tells in which currency"))
    );
    for rule in rules(&made) {
        assert!(rule.annotations.values().all(|text| !text.contains("USD")), "{rule:?}");
    }
}

/// Exporters of two vendors each tell of their own nodes.
#[test]
fn gpus_of_another_vendor_are_not_lost_and_it_is_told_what_no_rule_sees() {
    let mut facts = facts();
    let labels = [
        ("hostname", "amd-1"),
        ("gpu_uuid", "x"),
        ("namespace", "chat"),
        ("pod", "chat-1"),
    ];
    let pod = Some(("namespace", "pod", false));
    let mut amd = metric(MetricRole::GpuUtil, "gpu_gfx_activity", &labels, &["hostname"], pod);
    amd.series = 4;
    amd.device = Some("gpu_uuid".to_owned());
    facts.metrics.insert(0, amd);
    let made = made(&facts);
    for alert in ["GpuwiseGpuMetricsLost", "GpuwisePodMetricsLost"] {
        let rule = rules(&made).find(|rule| rule.alert == alert).unwrap();
        let both = ["gpu_gfx_activity", "DCGM_FI_PROF_GR_ENGINE_ACTIVE"];
        assert!(both.iter().all(|name| rule.expr.contains(name)), "{}", rule.expr);
    }
    let left: Vec<(&str, &str)> = made
        .left_out
        .iter()
        .map(|one| (one.alert, one.about.as_deref().unwrap_or_default()))
        .collect();
    let about = "GPUs that only gpu_gfx_activity tells of";
    assert_eq!(left, [("GpuwiseIdleGpus", about), ("GpuwiseUnheldGpus", about)]);
}

/// Karpenter's counter of disruptions has reasons of which none may be an interruption.
#[test]
fn a_counter_with_reasons_is_found_beside_one_without_and_nodes_tell_until_it_does() {
    let mut facts = facts();
    let labels = [
        ("reason", "drifted"),
        ("job", "karpenter"),
        ("instance", "10.0.0.1:8080"),
    ];
    let counter = |name, labels| metric(MetricRole::NodeDisruptions, name, labels, &[], None);
    facts
        .metrics
        .push(counter("karpenter_nodeclaims_disrupted_total", &labels));
    let mut many = counter("karpenter_nodeclaims_terminated_total", &labels[1..]);
    many.series = 100;
    facts.metrics.push(many);
    let made = made(&facts);
    let spot = rules(&made)
        .find(|rule| rule.alert == "GpuwiseSpotInterrupted")
        .unwrap();
    for part in [
        "karpenter_nodeclaims_disrupted_total{reason=~\"(?i:.*spot.*)\",cluster=\"eu\"}",
        "kubecost_node_is_spot",
        "on (instance, job) (up{cluster=\"eu\"} offset 15m == 1)",
    ] {
        assert!(spot.expr.contains(part), "no {part} in {}", spot.expr);
    }
}
