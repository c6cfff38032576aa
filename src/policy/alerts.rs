//! When somebody is told without asking: thresholds of alert rules, and the labels by which alerts find their way.

use std::collections::BTreeMap;

use super::located::{Mistake, Place};
use super::section::Section;

/// Labels that every alert has of its own.
const OWN: [&str; 2] = ["alertname", "severity"];

/// Labels by which the alerts of one rule are told apart. One of the policy would overwrite them, and Prometheus refuses to evaluate a
/// rule whose results then have the same labels.
const TELLING: [&str; 3] = ["budget", "namespace", "node"];

/// The section `alerts`.
#[derive(Debug, Clone, PartialEq)]
pub struct Alerts {
    /// What a day may cost, in the plan's currency.
    pub daily_cost: f64,
    /// The share of an hour (0 to 1) in which a GPU must have been busy not to be idle.
    pub busy_below: f64,
    /// What idle GPUs must cost a day, in the plan's currency, to be worth a word.
    pub idle_daily_cost: f64,
    /// How many times its baseline an hour's spend may be.
    pub spike: f64,
    /// How many times too fast a budget may be used up over hours.
    pub burn_fast: f64,
    /// How many times too fast a budget may be used up over days.
    pub burn_slow: f64,
    /// The share (0 to 1) of pods with GPUs that may have no metrics.
    pub unmeasured: f64,
    /// The severity of what cannot wait.
    pub page: String,
    /// The severity of what can wait for a working day.
    pub ticket: String,
    /// Labels of every alert.
    pub labels: BTreeMap<String, String>,
    /// Where the alerts' runbooks are, each under its alert's name; `None` where there are none.
    pub runbooks: Option<String>,
}

impl Alerts {
    /// Reads the section.
    pub(super) fn read(section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let labels: BTreeMap<String, String> = section.map_of_texts("labels", mistakes).into_iter().collect();
        if !labels.is_empty() {
            let place = section.place_of("labels");
            mistakes.extend(labels.keys().filter_map(|name| wrong_label(name, &place)));
        }
        let runbooks = section
            .optional_text("runbooks", mistakes)
            .filter(|(url, _)| !url.is_empty());
        if let Some((url, place)) = &runbooks
            && !(url.starts_with("http://") || url.starts_with("https://"))
        {
            let what = format!("`{url}` is no URL; give one such as https://wiki.example.com/runbooks");
            mistakes.push(Mistake {
                place: place.clone(),
                what,
            });
        }
        Self {
            daily_cost: section.number("daily_cost", 0.0, 1e9, mistakes),
            busy_below: section.number("busy_below", 0.01, 1.0, mistakes),
            idle_daily_cost: section.number("idle_daily_cost", 0.0, 1e9, mistakes),
            spike: section.number("spike", 1.0, 1000.0, mistakes),
            burn_fast: section.number("burn_fast", 1.0, 1000.0, mistakes),
            burn_slow: section.number("burn_slow", 1.0, 1000.0, mistakes),
            unmeasured: section.number("unmeasured", 0.0, 0.99, mistakes),
            page: severity(section, "page", mistakes),
            ticket: severity(section, "ticket", mistakes),
            labels,
            runbooks: runbooks.map(|(url, _)| url.trim_end_matches('/').to_owned()),
        }
    }
}

fn severity(section: &mut Section<'_>, key: &'static str, mistakes: &mut Vec<Mistake>) -> String {
    let (text, place) = section.text(key, mistakes);
    if text.trim().is_empty() {
        let what = format!("`alerts.{key}` names a severity, such as critical or warning");
        mistakes.push(Mistake { place, what });
    }
    text
}

fn wrong_label(name: &str, place: &Place) -> Option<Mistake> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = name.starts_with(|c: char| plain(c) && !c.is_ascii_digit()) && name.chars().all(plain);
    let what = if !is_name || name.starts_with("__") {
        format!("`alerts.labels.{name}`: a label's name has letters, digits and `_`, and begins with no digit")
    } else if OWN.contains(&name) {
        format!("`alerts.labels.{name}`: every alert has a label `{name}` of its own")
    } else if TELLING.contains(&name) {
        let instead = match name {
            "namespace" => {
                "an AlertmanagerConfig takes the alerts of its own namespace alone: set `alertmanagerConfigMatcherStrategy.type: None` \
                 of the Alertmanager, or route in its own configuration, by another label"
            }
            _ => "give the label another name",
        };
        format!(
            "`alerts.labels.{name}`: alerts are told apart by their own `{name}`, which this would overwrite; {instead}"
        )
    } else {
        return None;
    };
    Some(Mistake {
        place: place.clone(),
        what,
    })
}

#[cfg(test)]
mod tests {
    use super::super::layered;
    use super::*;

    fn read(text: &str) -> (Alerts, Vec<String>) {
        let root = layered(&[("mine.yaml".to_owned(), text.to_owned())], &[]).unwrap();
        let mut mistakes = Vec::new();
        let mut whole = Section::open("", &root, &mut mistakes);
        let mut section = whole.section("alerts", &mut mistakes);
        let alerts = Alerts::read(&mut section, &mut mistakes);
        section.finish(&mut mistakes);
        (alerts, mistakes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_defaults_are_those_that_are_documented() {
        let (alerts, mistakes) = read("");
        assert!(mistakes.is_empty(), "{mistakes:?}");
        assert_eq!((alerts.daily_cost, alerts.busy_below, alerts.spike), (1000.0, 0.3, 2.0));
        assert!(alerts.labels.is_empty() && alerts.runbooks.is_none());
    }

    /// Prometheus fails a rule whose results have the same labels after its own are put over them.
    #[test]
    fn labels_that_tell_alerts_apart_are_refused_with_what_to_do() {
        let (_, told) = read("alerts:\n  labels: {namespace: monitoring, node: all, budget: mine, cluster: eu}\n");
        assert_eq!(told.len(), 3, "{}", told.join("\n"));
        for (name, instead) in [
            (
                "namespace",
                "an AlertmanagerConfig takes the alerts of its own namespace",
            ),
            ("node", "give the label another name"),
            ("budget", "give the label another name"),
        ] {
            let has = |line: &&String| line.contains(&format!("`alerts.labels.{name}`")) && line.contains(instead);
            assert!(told.iter().any(|line| has(&line)), "{}", told.join("\n"));
        }
    }

    #[test]
    fn what_no_rule_can_carry_is_told_with_its_place() {
        let text = "alerts:\n  busy_below: 30\n  page: ''\n  labels: {team: platform, severity: high, a-b: c}\n  runbooks: wiki\n";
        let (_, told) = read(text);
        let expected = [
            "mine.yaml:2:15: `alerts.busy_below` is 30; it must be from 0.01 to 1",
            "mine.yaml:3:9: `alerts.page` names a severity",
            "`alerts.labels.severity`: every alert has a label `severity` of its own",
            "`alerts.labels.a-b`: a label's name has letters",
            "mine.yaml:5:13: `wiki` is no URL",
        ];
        for expected in expected {
            assert!(
                told.iter().any(|line| line.contains(expected)),
                "{expected}\nnot in\n{}",
                told.join("\n")
            );
        }
        assert_eq!(told.len(), expected.len(), "{}", told.join("\n"));
    }
}
