//! What rules are told of a change.

use super::Priced;
use crate::model::cluster::Labels;
use crate::model::scenario::{Level, Move};
use crate::model::snapshot::Snapshot;
use crate::model::units::Hourly;
use crate::model::workload::{CapacityType, Class, Workload};
use crate::policy::rules::{Fact, Facts};

/// What is the same for every change of a plan.
pub(super) fn cluster(snapshot: &Snapshot) -> Facts {
    let mut facts = Facts::default();
    let mut set = |field, fact| facts.set("cluster", field, fact);
    set("name", text(&snapshot.cluster));
    set("gpus", Some(Fact::Whole(i64::from(snapshot.gpus))));
    set("nodes", whole(snapshot.nodes.len()));
    set("workloads", whole(snapshot.workloads.len()));
    set(
        "monthly",
        snapshot.spend.as_ref().and_then(|spend| number(spend.monthly.get())),
    );
    set("currency", text(&snapshot.currency));
    facts
}

/// Adds what is said of one change. Labels that nobody could read are not told, so that a rule that asks for them holds it.
pub(super) fn of(
    mut facts: Facts,
    (priced, lever): (&Priced, &str),
    workload: &Workload,
    labels: Option<&Labels>,
    history_days: f64,
) -> Facts {
    about(&mut facts, workload, history_days);
    facts.set("workload", "labels", labels.cloned().map(Fact::Labels));
    let mut set = |field, fact| facts.set("proposal", field, fact);
    let proposal = &priced.proposal;
    set("lever", text(lever));
    set(
        "moves",
        Some(Fact::Texts(proposal.moves.iter().map(Move::kind).collect())),
    );
    for change in &proposal.moves {
        match change {
            Move::UseGpu { from, to, slowdown, .. } => {
                set("from_gpu", text(&from.to_string()));
                set("to_gpu", text(&to.to_string()));
                set("slowdown", number(*slowdown));
            }
            Move::SleepDuring { hours, .. } => set("hours_asleep", whole(hours.hours().len())),
            _ => {}
        }
    }
    set("confidence", text(level(proposal.confidence)));
    set("risk", text(level(proposal.risk)));
    let monthly = |hourly: Hourly| number(hourly.monthly().get());
    set("saving_monthly", monthly(priced.net()));
    set("added_monthly", monthly(priced.added));
    set("frees_gpus", number(priced.gpus.get()));
    set("needs_human", Some(Fact::Texts(proposal.needs_human.clone())));
    facts
}

fn about(facts: &mut Facts, workload: &Workload, history_days: f64) {
    let mut set = |field, fact| facts.set("workload", field, fact);
    set("name", text(&workload.name));
    set("namespace", text(&workload.namespace));
    set("kind", text(&workload.kind));
    set("owner", workload.owner.as_deref().and_then(text));
    set("class", text(class(workload.class.class)));
    set("class_confidence", number(workload.class.confidence));
    set(
        "replicas",
        workload.replicas.map(|replicas| Fact::Whole(i64::from(replicas))),
    );
    set("pods", whole(workload.running().count()));
    set("gpus", number(workload.gpus.get()));
    set("gpu", workload.gpu.as_ref().and_then(|gpu| text(&gpu.to_string())));
    set("gpus_per_pod", Some(Fact::Whole(i64::from(workload.gpus_per_pod()))));
    set("capacity_type", text(capacity(workload.capacity)));
    set("monthly", workload.monthly.and_then(|monthly| number(monthly.get())));
    set("queue", workload.queue.as_ref().and_then(|queue| text(&queue.queue)));
    set("autoscaled", Some(Fact::Bool(workload.autoscaler.is_some())));
    set("family", Some(Fact::Bool(workload.family)));
    set("history_days", number(history_days));
}

fn text(text: &str) -> Option<Fact> {
    Some(Fact::Text(text.to_owned()))
}

fn whole(count: usize) -> Option<Fact> {
    i64::try_from(count).ok().map(Fact::Whole)
}

/// What is not a number is not known.
fn number(number: f64) -> Option<Fact> {
    number.is_finite().then_some(Fact::Number(number))
}

pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::Low => "low",
        Level::Medium => "medium",
        Level::High => "high",
    }
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Training => "training",
        Class::Inference => "inference",
        Class::Batch => "batch",
        Class::Notebook => "notebook",
        Class::Unknown => "unknown",
    }
}

fn capacity(capacity: CapacityType) -> &'static str {
    match capacity {
        CapacityType::OnDemand => "on-demand",
        CapacityType::Spot => "spot",
        CapacityType::Reserved => "reserved",
        CapacityType::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{policy, priced, snapshot, workload};
    use super::super::{guard, history_days};
    use super::*;
    use crate::model::gpu::{GpuKind, GpuModel};
    use crate::model::scenario::WeekHours;

    fn smaller() -> Priced {
        let kind = |name: &str| GpuKind {
            model: GpuModel(name.to_owned()),
            mig: None,
        };
        let mut priced = priced(0, 100.0);
        let hours = WeekHours::new([1, 2, 3]);
        priced.proposal.moves = vec![
            Move::UseGpu {
                from: kind("H100-80GB"),
                to: kind("L40S"),
                per_pod: 1,
                slowdown: 1.5,
            },
            Move::SleepDuring {
                hours,
                timezone: "UTC".to_owned(),
            },
        ];
        priced
    }

    #[test]
    fn what_rules_are_told_is_what_they_are_checked_by() {
        let snapshot = snapshot(vec![workload("prod", "chat")]);
        let chat = &snapshot.workloads[0];
        let told = of(
            cluster(&snapshot),
            (&smaller(), "smaller-gpu"),
            chat,
            Some(&chat.labels),
            history_days(chat, snapshot.grid.window.end),
        );
        assert_eq!(told.strangers(), Vec::<String>::new());
        let mut bare = chat.clone();
        (bare.owner, bare.replicas) = (None, None);
        bare.pods.clear();
        let told = of(
            cluster(&snapshot),
            (&priced(0, 1.0), "idle-gpu"),
            &bare,
            Some(&bare.labels),
            0.0,
        );
        assert_eq!(told.strangers(), Vec::<String>::new());
    }

    #[test]
    fn a_rule_holds_what_it_is_not_true_of_with_its_message_and_place() {
        let snapshot = snapshot(vec![workload("prod", "chat")]);
        let held = |expression: &str| {
            let row = format!("name: r, message: so it is, expression: \"{expression}\"");
            let policy = policy(&format!("permissions:\n  rules:\n    - {{{row}}}\n"));
            guard(vec![smaller()], &policy, &[], &snapshot).remove(0).held
        };
        for right in [
            "workload.namespace == 'prod' && workload.name == 'chat' && workload.kind == 'Deployment'",
            "proposal.to_gpu == 'L40S' && proposal.from_gpu == 'H100-80GB' && proposal.slowdown == 1.5",
            "proposal.hours_asleep == 3 && size(proposal.moves) == 2 && 'use-gpu' in proposal.moves",
            "proposal.saving_monthly > 99.9 && proposal.saving_monthly < 100.1 && proposal.added_monthly == 0.0",
            "workload.owner == 'chat' && workload.replicas == 1 && workload.pods == 1 && workload.labels.team == 'chat'",
            "workload.history_days == 10.0 && workload.gpus == 1.0 && workload.gpus_per_pod == 1 && !workload.family",
            "cluster.gpus == 4 && cluster.workloads == 1 && cluster.nodes == 0 && !has(cluster.monthly)",
        ] {
            // Every field that may be missing is asked for first.
            let asked = [
                "proposal.to_gpu",
                "proposal.from_gpu",
                "proposal.slowdown",
                "proposal.hours_asleep",
            ];
            let asked = asked
                .into_iter()
                .chain(["workload.owner", "workload.replicas", "workload.labels.team"]);
            let asked: Vec<String> = asked.map(|path| format!("has({path})")).collect();
            let guarded = format!("{} && {right}", asked.join(" && "));
            assert_eq!(held(&guarded), None, "{right}");
        }
        let refused = held("proposal.lever != 'idle-gpu'").unwrap();
        assert_eq!(
            (refused.rule.as_str(), refused.place.as_str()),
            ("rule `r`: so it is", "mine.yaml:3")
        );
        let failed = held("10 / (cluster.gpus - 4) > 1").unwrap();
        assert_eq!(
            failed.rule,
            "rule `r` cannot be told, so nothing is changed: it divides by zero"
        );
    }
}
