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

/// The same verdict, with what is wrong with the autoscaler of its workload.
pub(in crate::recommenders) fn with_findings(
    candidate: Candidate,
    workload: &Workload,
    findings: &[Finding],
) -> Candidate {
    let Some(autoscaler) = workload.autoscaler.as_ref().filter(|_| !findings.is_empty()) else {
        return candidate;
    };
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
