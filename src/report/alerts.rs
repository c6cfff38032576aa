//! Alert rules as YAML: an object for the Prometheus operator, a plain file of rules, and the tests that `promtool test rules` runs.
//! Every text stands in quotes or as a literal block, so that nothing in it is read as YAML.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::safe::{self, plain};
use crate::finops::alerts::{Alerts, LeftOut, Rule, RuleTest};
use crate::model::plan::API_VERSION;

/// What the object is called, and by which labels a Prometheus finds it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// Its name.
    pub name: String,
    /// Its namespace; `None` where whoever applies it says.
    pub namespace: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// How often rules are evaluated in tests: hours pass in which nothing is looked at, and no test waits for a shorter time than that.
const EVALUATED: &str = "1h";

/// A `PrometheusRule` (monitoring.coreos.com/v1).
pub fn prometheus_rule(alerts: &Alerts, metadata: &Metadata) -> String {
    let mut text = header(alerts);
    text.push_str("apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n");
    line(&mut text, 1, &format!("name: {}", quoted(&metadata.name)));
    if let Some(namespace) = &metadata.namespace {
        line(&mut text, 1, &format!("namespace: {}", quoted(namespace)));
    }
    map(&mut text, 1, "labels", &metadata.labels);
    text.push_str("spec:\n");
    groups(&mut text, alerts, 1);
    text
}

/// A file of rules, as Prometheus and promtool read it.
pub fn rules(alerts: &Alerts) -> String {
    let mut text = header(alerts);
    groups(&mut text, alerts, 0);
    text
}

/// Everything, for scripts.
///
/// # Errors
/// When a figure is none that JSON has.
pub fn json(alerts: &Alerts) -> Result<String, serde_json::Error> {
    let mut all = json!({"apiVersion": API_VERSION, "kind": "Alerts"});
    if let (Value::Object(all), Value::Object(own)) = (&mut all, serde_json::to_value(alerts)?) {
        all.extend(own);
    }
    Ok(safe::json(&serde_json::to_string_pretty(&all)?) + "\n")
}

/// A file of tests for `promtool test rules`, of the rules in these files, as seen from where the tests are.
pub fn tests(alerts: &Alerts, rule_files: &[String]) -> String {
    let mut text = comment(
        "Tests of the rules that gpuwise made, for `promtool test rules`: each fires once and stays quiet once.",
    );
    text.push_str(&comment(
        "Series have the labels that the cluster's own have, with names of nodes and pods put in.",
    ));
    line(&mut text, 0, "rule_files:");
    for file in rule_files {
        line(&mut text, 1, &format!("- {}", quoted(file)));
    }
    line(&mut text, 0, &format!("evaluation_interval: {EVALUATED}"));
    line(&mut text, 0, "tests:");
    for rule in alerts.groups.iter().flat_map(|group| &group.rules) {
        for test in &rule.tests {
            one_test(&mut text, rule, test);
        }
    }
    text
}

/// Why an alert is left out, on one line.
pub fn left_out(one: &LeftOut) -> String {
    let about = one
        .about
        .as_ref()
        .map_or_else(String::new, |about| format!(" of {about}"));
    plain(&format!("{}{about} is left out: {}; {}", one.alert, one.why, one.fix))
}

fn header(alerts: &Alerts) -> String {
    let currency = alerts.currency.as_deref().unwrap_or("the cost source's currency");
    let mut text = comment(&format!(
        "Alert rules of gpuwise for cluster {}; amounts are in {currency}. Thresholds: `alerts` in the policy.",
        alerts.cluster
    ));
    for note in &alerts.notes {
        text.push_str(&comment(note));
    }
    for one in &alerts.left_out {
        text.push_str(&comment(&left_out(one)));
    }
    text
}

fn comment(text: &str) -> String {
    format!("# {}\n", plain(text))
}

fn line(text: &mut String, depth: usize, content: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{}{content}", "  ".repeat(depth));
}

/// A text in double quotes: JSON's strings are YAML's as well.
fn quoted(text: &str) -> String {
    safe::json(&Value::from(text).to_string())
}

fn map(text: &mut String, depth: usize, name: &str, entries: &BTreeMap<String, String>) {
    if entries.is_empty() {
        return;
    }
    line(text, depth, &format!("{name}:"));
    for (key, value) in entries {
        line(text, depth + 1, &format!("{}: {}", quoted(key), quoted(value)));
    }
}

fn groups(text: &mut String, alerts: &Alerts, depth: usize) {
    line(text, depth, "groups:");
    for group in &alerts.groups {
        line(text, depth + 1, &format!("- name: {}", group.name));
        line(text, depth + 2, &format!("interval: {}", group.interval));
        line(text, depth + 2, "rules:");
        for rule in &group.rules {
            one_rule(text, depth + 3, rule);
        }
    }
}

fn one_rule(text: &mut String, depth: usize, rule: &Rule) {
    line(text, depth, &format!("- alert: {}", rule.alert));
    // A block shows an expression as it is; it can hold nothing that cannot be seen.
    if safe::json(&rule.expr) == rule.expr {
        line(text, depth + 1, "expr: |-");
        rule.expr.lines().for_each(|part| line(text, depth + 2, part));
    } else {
        line(text, depth + 1, &format!("expr: {}", quoted(&rule.expr)));
    }
    if let Some(hold) = rule.hold {
        line(text, depth + 1, &format!("for: {hold}"));
    }
    map(text, depth + 1, "labels", &rule.labels);
    map(text, depth + 1, "annotations", &rule.annotations);
}

fn one_test(text: &mut String, rule: &Rule, test: &RuleTest) {
    line(
        text,
        1,
        &format!("- name: {}", quoted(&format!("{}: {}", rule.alert, test.name))),
    );
    line(text, 2, &format!("interval: {}", test.interval));
    line(text, 2, "input_series:");
    for (series, values) in &test.input {
        line(text, 3, &format!("- series: {}", quoted(series)));
        line(text, 4, &format!("values: {}", quoted(values)));
    }
    line(text, 2, "alert_rule_test:");
    line(text, 3, &format!("- eval_time: {}", test.at));
    line(text, 4, &format!("alertname: {}", rule.alert));
    if test.expected.is_empty() {
        line(text, 4, "exp_alerts: []");
        return;
    }
    line(text, 4, "exp_alerts:");
    for expected in &test.expected {
        line(text, 5, "-");
        map(text, 6, "exp_labels", &expected.labels);
        map(text, 6, "exp_annotations", &expected.annotations);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finops::alerts::Group;

    fn alerts() -> Alerts {
        let rule = Rule {
            alert: "GpuwiseCostSpike",
            expr: "sum (\n  x{cluster=\"eu\"}\n) > 2".to_owned(),
            hold: Some("30m"),
            labels: BTreeMap::from([("severity".to_owned(), "yes: # no".to_owned())]),
            annotations: BTreeMap::from([("summary".to_owned(), "{{ $value }} \"times\"\nmore".to_owned())]),
            tests: Vec::new(),
        };
        Alerts {
            cluster: "eu\nkind: Secret".to_owned(),
            currency: Some("USD".to_owned()),
            groups: vec![Group {
                name: "gpuwise-cost",
                interval: "5m",
                rules: vec![rule],
            }],
            left_out: vec![LeftOut {
                alert: "GpuwiseIdleGpus",
                about: None,
                why: "no metric".to_owned(),
                fix: "install it".to_owned(),
            }],
            notes: Vec::new(),
        }
    }

    fn read(text: &str) -> Value {
        serde_saphyr::from_str(text).unwrap()
    }

    #[test]
    fn texts_come_back_as_they_were_and_nothing_breaks_out() {
        let metadata = Metadata {
            name: "gpuwise".to_owned(),
            namespace: Some("monitoring".to_owned()),
            labels: BTreeMap::from([("release".to_owned(), "true".to_owned())]),
        };
        let text = prometheus_rule(&alerts(), &metadata);
        let object = read(&text);
        assert_eq!(object["kind"], "PrometheusRule");
        assert_eq!(object["metadata"]["labels"]["release"], "true");
        let rule = &object["spec"]["groups"][0]["rules"][0];
        assert_eq!(rule["expr"], "sum (\n  x{cluster=\"eu\"}\n) > 2");
        assert_eq!(rule["labels"]["severity"], "yes: # no");
        assert_eq!(rule["annotations"]["summary"], "{{ $value }} \"times\"\nmore");
        assert!(
            text.contains("# GpuwiseIdleGpus is left out: no metric; install it\n"),
            "{text}"
        );
    }

    #[test]
    fn an_expression_with_what_cannot_be_seen_is_quoted() {
        let mut alerts = alerts();
        let odd = "x{a=\"\u{7}b\u{200b}\"} > 2";
        odd.clone_into(&mut alerts.groups[0].rules[0].expr);
        let text = rules(&alerts);
        assert!(!text.contains('\u{7}') && !text.contains('\u{200b}'));
        assert_eq!(read(&text)["groups"][0]["rules"][0]["expr"], odd);
    }

    #[test]
    fn scripts_get_what_is_left_out_as_well() {
        let all: Value = serde_json::from_str(&json(&alerts()).unwrap()).unwrap();
        assert_eq!(
            (&all["kind"], &all["left_out"][0]["alert"]),
            (&json!("Alerts"), &json!("GpuwiseIdleGpus"))
        );
        assert_eq!(all["groups"][0]["rules"][0]["for"], "30m");
    }
}
