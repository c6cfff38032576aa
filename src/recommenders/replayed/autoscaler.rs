//! An autoscaler that is there already: what is wrong with it by its own words, and how a change of it is told.

use crate::model::gap::{Gap, Reason};
use crate::model::scenario::Candidate;
use crate::model::workload::{Autoscaler, Workload};
use crate::replay::given::Subject;
use crate::replay::keda::lint::Finding;
use crate::replay::lint;
use crate::replay::served::binding::Unbound;
use crate::replay::served::ran;

/// The code of a verdict that tells what is wrong with an autoscaler, and proposes nothing.
const FLAWED: &str = "autoscaler-flawed";

/// What is wrong with a workload's autoscaler by its own words; nothing where there is none, or it was not read.
pub(in crate::recommenders) fn findings(workload: &Workload) -> Vec<Finding> {
    let subject = workload
        .autoscaler
        .as_ref()
        .and_then(|autoscaler| ran::subject(autoscaler).ok());
    subject.map_or_else(Vec::new, |subject| lint::findings(&subject))
}

/// The same verdict, with what is wrong with the autoscaler that it is about.
pub(in crate::recommenders) fn with_findings(
    candidate: Candidate,
    autoscaler: &Autoscaler,
    findings: &[Finding],
) -> Candidate {
    if findings.is_empty() {
        return candidate;
    }
    let all: Vec<String> = findings
        .iter()
        .map(|found| format!("{}: {}", found.field, found.words))
        .collect();
    let told = format!("of its {}, {}", name(autoscaler), all.join("; "));
    let is_grave = findings.iter().any(Finding::is_grave);
    match candidate {
        Candidate::Keep { because } => {
            let code = if is_grave { FLAWED } else { because.code.as_str() };
            let words = format!("{}; {told}", because.because);
            Candidate::Keep {
                because: Reason::new(code, words),
            }
        }
        Candidate::Unknown { missing } => {
            let is_not_read = missing.code == super::requests_not_read().code;
            let missing = if is_grave && is_not_read {
                flawed(autoscaler, &all.join("; "))
            } else {
                Gap {
                    why: format!("{}; {told}", missing.why),
                    ..missing
                }
            };
            Candidate::Unknown { missing }
        }
        Candidate::Move(mut proposal) => {
            proposal.needs_human.push(told);
            Candidate::Move(proposal)
        }
    }
}

/// What is wrong, where nothing else is known.
fn flawed(autoscaler: &Autoscaler, findings: &str) -> Gap {
    Gap::new(
        FLAWED,
        format!("whether its {} keeps as many replicas as it needs", name(autoscaler)),
        format!("{findings}; and its requests were not read"),
        "mend these, and let Prometheus scrape its model server, so that other settings can be replayed",
    )
}

/// `HorizontalPodAutoscaler chat`, or the ScaledObject that made it.
pub(in crate::recommenders) fn name(autoscaler: &Autoscaler) -> String {
    let name = &autoscaler.name;
    match (&autoscaler.scaled_object, name.strip_prefix("keda-hpa-")) {
        (None, _) => format!("HorizontalPodAutoscaler {name}"),
        (Some(_), Some(own)) => format!("ScaledObject {own}"),
        // Its owner may call what it makes otherwise.
        (Some(_), None) => format!("ScaledObject (of the HorizontalPodAutoscaler {name})"),
    }
}

/// How it is set: `vllm:num_requests_running at 4 each, between 1 and 6 replicas`.
pub(in crate::recommenders) fn as_it_is(autoscaler: &Autoscaler) -> String {
    let Ok(subject) = ran::subject(autoscaler) else {
        return bounds(autoscaler);
    };
    format!("{}, {}", ran::in_words(&subject).join(", "), bounds(autoscaler))
}

fn bounds(autoscaler: &Autoscaler) -> String {
    format!(
        "between {} and {} replicas",
        autoscaler.min_replicas, autoscaler.max_replicas
    )
}

/// What its owner must see to where it is to look at something else.
pub(super) fn needs(autoscaler: &Autoscaler, metric: &str) -> Vec<String> {
    let mut needs = vec![format!(
        "{metric} must be there as a metric of its {}, summed over its replicas, with its target as an average for each",
        name(autoscaler)
    )];
    let (metrics, has_rules) = ran::subject(autoscaler).map_or((1, false), |subject| match &subject {
        Subject::Hpa { manifest, .. } => (manifest.metrics.len(), manifest.autoscaler.behavior.is_some()),
        Subject::Keda(object) => (object.triggers.len(), object.behavior.is_some()),
    });
    if has_rules {
        needs.push(
            "it was replayed with the usual rules of scaling but for the window before it goes down: those of its `behavior` go with its target"
                .to_owned(),
        );
    }
    if metrics > 1 {
        needs.push(format!(
            "it takes the place of all {metrics} metrics that it has now: keep what is there for another reason"
        ));
    }
    needs
}

/// Why it cannot be run again by what was read of it.
pub(super) fn not_read(autoscaler: &Autoscaler, why: Option<String>) -> Gap {
    Gap::new(
        "autoscaler-not-read",
        format!("what its {} is told to do", name(autoscaler)),
        why.map_or_else(
            || "its spec was not read".to_owned(),
            |why| format!("its spec is not one that is known here: {}", why.replace('\n', "; ")),
        ),
        "record the cluster anew with a role that lists autoscalers (and ScaledObjects, where KEDA runs), or compare settings with `gpuwise replay hpa`",
    )
}

/// Why what it looks at is not known of a replayed pool.
pub(super) fn metric_is_not_replayed(autoscaler: &Autoscaler, unbound: &[Unbound]) -> Gap {
    let why = |one: &Unbound| match one {
        Unbound::OfPods(resource) => format!("{resource} of its pods does not follow from its requests"),
        Unbound::Name(name) => format!("what `{name}` would be under other replicas does not follow from its requests"),
        Unbound::Query(name, what) => format!("of the query of `{name}`, {what} does not follow from its requests"),
    };
    let all: Vec<String> = unbound.iter().map(why).collect();
    Gap::new(
        "autoscaler-metric-not-replayed",
        format!("whether another setting of its {} would do with less", name(autoscaler)),
        all.join("; "),
        "let it scale on requests that run or wait on its servers, which are replayed, or compare settings with `gpuwise replay hpa --service`, which can be told what a metric shows",
    )
}

/// Why nothing is said of another change beside it.
pub(super) fn is_not_replayed_with_this(autoscaler: &Autoscaler) -> Gap {
    Gap::new(
        "autoscaler-not-replayed",
        format!("how its {} would answer to servers that were changed", name(autoscaler)),
        "its target is for servers as they are, and a new one for changed servers is not searched yet",
        "compare settings with `gpuwise replay hpa --service`",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::scenario::{Level, Proposal};

    fn keda(query: &str, more: &Value) -> Autoscaler {
        let mut spec = json!({
            "scaleTargetRef": {"name": "chat"},
            "minReplicaCount": 1,
            "maxReplicaCount": 4,
            "triggers": [{"type": "prometheus", "metadata": {
                "serverAddress": "http://p", "query": query, "threshold": "5", "ignoreNullValues": "false",
            }}],
        });
        let more = more.as_object().unwrap().clone();
        spec.as_object_mut().unwrap().extend(more);
        Autoscaler {
            name: "keda-hpa-chat".to_owned(),
            min_replicas: 1,
            max_replicas: 4,
            spec: None,
            scaled_object: Some(spec),
        }
    }

    fn said(candidate: Candidate, autoscaler: &Autoscaler) -> (String, String) {
        let findings = lint::findings(&ran::subject(autoscaler).unwrap());
        match with_findings(candidate, autoscaler, &findings) {
            Candidate::Keep { because } => (because.code, because.because),
            Candidate::Unknown { missing } => (missing.code, missing.why),
            Candidate::Move(proposal) => ("move".to_owned(), proposal.needs_human.join("\n")),
        }
    }

    fn keep() -> Candidate {
        Candidate::Keep {
            because: Reason::new("well-set", "nothing is cheaper"),
        }
    }

    fn unknown(missing: Gap) -> Candidate {
        Candidate::Unknown { missing }
    }

    const CAPS: &str = "of its ScaledObject chat, spec.triggers[0].metadata.query: `max` does not grow";

    #[test]
    fn what_caps_it_is_told_whatever_else_is_said() {
        let caps = keda("max(vllm:num_requests_waiting)", &json!({}));
        let (code, words) = said(keep(), &caps);
        assert_eq!(code, "autoscaler-flawed");
        assert!(words.starts_with(&format!("nothing is cheaper; {CAPS}")), "{words}");
        let (code, words) = said(unknown(super::super::requests_not_read()), &caps);
        assert_eq!(code, "autoscaler-flawed");
        assert!(words.starts_with("spec.triggers[0].metadata.query: `max`"), "{words}");
        let (code, words) = said(unknown(Gap::new("not-calibrated", "x", "it is off", "y")), &caps);
        assert_eq!(code, "not-calibrated");
        assert!(words.starts_with(&format!("it is off; {CAPS}")), "{words}");
        let proposal = Proposal {
            moves: Vec::new(),
            title: String::new(),
            evidence: Vec::new(),
            service: None,
            confidence: Level::Low,
            risk: Level::Low,
            needs_human: vec!["first".to_owned()],
            rollback: String::new(),
            experiment: None,
            replayed: None,
            effective: None,
        };
        let (_, needs) = said(Candidate::Move(Box::new(proposal)), &caps);
        assert!(needs.starts_with(&format!("first\n{CAPS}")), "{needs}");
    }

    #[test]
    fn what_does_nothing_is_told_and_is_no_flaw() {
        let inert = keda("sum(vllm:num_requests_running)", &json!({"cooldownPeriod": 60}));
        let (code, words) = said(keep(), &inert);
        assert!(
            code == "well-set" && words.contains("spec.cooldownPeriod: it does nothing"),
            "{words}"
        );
        let (code, _) = said(unknown(super::super::requests_not_read()), &inert);
        assert_eq!(code, "requests-not-read");
        let sound = keda("sum(vllm:num_requests_running)", &json!({}));
        assert_eq!(
            said(keep(), &sound),
            ("well-set".to_owned(), "nothing is cheaper".to_owned())
        );
    }

    #[test]
    fn a_change_names_it_and_what_goes_with_its_target() {
        let two = json!({
            "triggers": [
                {"type": "prometheus", "metadata": {"serverAddress": "http://p", "query": "sum(vllm:num_requests_running)", "threshold": "5"}},
                {"type": "cron", "metadata": {"timezone": "UTC", "start": "0 8 * * *", "end": "0 18 * * *", "desiredReplicas": "3"}},
            ],
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}}}},
        });
        let own = keda("", &two);
        assert_eq!(
            as_it_is(&own),
            "sum(vllm:num_requests_running) at 5 each, the clock, between 1 and 4 replicas"
        );
        let needs = needs(&own, "requests-in-flight");
        assert!(needs[0].contains("a metric of its ScaledObject chat"), "{needs:?}");
        assert!(
            needs[1].contains("`behavior`") && needs[2].contains("all 2 metrics"),
            "{needs:?}"
        );
        let plain = Autoscaler {
            scaled_object: None,
            ..own
        };
        assert_eq!(name(&plain), "HorizontalPodAutoscaler keda-hpa-chat");
        assert_eq!(as_it_is(&plain), "between 1 and 4 replicas");
    }

    #[test]
    fn what_does_not_follow_is_named() {
        let own = keda("x", &json!({}));
        let unbound = [
            Unbound::OfPods("cpu".to_owned()),
            Unbound::Query("s0".to_owned(), "the function `rate`".to_owned()),
        ];
        assert_eq!(
            metric_is_not_replayed(&own, &unbound).why,
            "cpu of its pods does not follow from its requests; of the query of `s0`, the function `rate` does not follow from its requests"
        );
        assert_eq!(not_read(&own, None).why, "its spec was not read");
        assert_eq!(
            not_read(&own, Some("a: x\nb: y".to_owned())).why,
            "its spec is not one that is known here: a: x; b: y"
        );
    }
}
