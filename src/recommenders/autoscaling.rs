//! `autoscaling`: replicas of a model server that requests do not need, found by replaying the requests themselves.

use super::evidence::keep;
use super::replayed::{self, Answer, Rigor, counted, not_serving, nothing_was_read, replicas};
use super::{Recommender, World};
use crate::model::scenario::{Candidate, Level, Move, Proposal, Subject};
use crate::model::workload::Workload;
use crate::policy::located::Mistake;
use crate::policy::section::Section;
use crate::replay::service::proof::Proof;
use crate::replay::service::variant::Variant;

/// The lever.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoscaling {
    /// What a replay must come to.
    pub rigor: Rigor,
}

impl Autoscaling {
    /// Its settings, under its id.
    pub fn read(levers: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let mut own = levers.section("autoscaling", mistakes);
        let lever = Self {
            rigor: Rigor::read(&mut own, mistakes),
        };
        own.finish(mistakes);
        lever
    }

    fn judge(&self, workload: &Workload, world: &World<'_>) -> Result<Candidate, Answer> {
        if let Some(answer) = not_serving(workload) {
            return Ok(answer);
        }
        // An autoscaler has as many as the hour asks for.
        if workload.running().count() < 2 && workload.autoscaler.is_none() {
            return Ok(keep(
                "one-replica",
                "it has one replica: fewer is none, which is idle-gpu's to tell",
            ));
        }
        let proof = self.rigor.prove(workload, world, (&Variant::AS_IT_IS, None))?;
        Ok(match replicas(workload, &proof, &Variant::AS_IT_IS) {
            Ok(Some(change)) => Candidate::Move(Box::new(proposal(workload, &proof, change))),
            Ok(None) => keep("well-set", "the best setting takes as many replicas as it runs now"),
            Err(keep) => keep,
        })
    }
}

fn proposal(workload: &Workload, proof: &Proof, change: Move) -> Proposal {
    let name = format!("{}/{}", workload.namespace, workload.name);
    let title = match (&change, &workload.autoscaler) {
        (
            Move::Autoscale {
                metric,
                target,
                min,
                max,
                ..
            },
            Some(autoscaler),
        ) => {
            let own = replayed::name(autoscaler);
            format!("change the {own} of {name}: {target} {metric} for each of {min} to {max} replicas")
        }
        (change, _) => title(&name, change),
    };
    Proposal {
        title,
        evidence: replayed::evidence(proof),
        service: Some(replayed::service(proof)),
        confidence: replayed::confidence(proof),
        risk: Level::Medium,
        needs_human: replayed::needs(workload, proof, Some(&change)),
        rollback: match (&change, &workload.autoscaler) {
            (_, Some(autoscaler)) => format!("set it back to {}", replayed::as_it_is(autoscaler)),
            (Move::SetReplicas { from, .. }, None) => format!("set its replicas back to {from}"),
            (_, None) => "remove the autoscaler, and set its replicas back".to_owned(),
        },
        experiment: None,
        replayed: Some(replayed::shown(proof)),
        effective: None,
        moves: vec![change],
    }
}

fn title(name: &str, change: &Move) -> String {
    match change {
        Move::SetReplicas { from, to, .. } => format!("run {name} with {} in place of {from}", counted(*to)),
        Move::Autoscale { min, max, .. } => {
            format!("let {name} scale between {min} and {max} replicas with its requests")
        }
        _ => format!("change the replicas of {name}"),
    }
}

impl Recommender for Autoscaling {
    fn id(&self) -> &'static str {
        "autoscaling"
    }

    fn page(&self) -> &'static str {
        include_str!("autoscaling.md")
    }

    fn propose(&self, subject: Subject<'_>, world: &World<'_>) -> Vec<Candidate> {
        let Subject::Workload(workload) = subject;
        // What stands in an autoscaler is wrong whether or not requests were read.
        let findings = match not_serving(workload) {
            None => replayed::findings(workload),
            Some(_) => Vec::new(),
        };
        if findings.is_empty() && nothing_was_read(workload, world) {
            return Vec::new();
        }
        let judged = self.judge(workload, world).unwrap_or_else(Candidate::from);
        vec![match &workload.autoscaler {
            Some(autoscaler) => replayed::with_findings(judged, autoscaler, &findings),
            None => judged,
        }]
    }
}
