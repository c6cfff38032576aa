//! What a row is about, by the name that its owner uses.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::plan::{Plan, Row, Shape, SubjectRef, WorkloadRow};
use crate::model::units::Monthly;

use super::figures::{UNKNOWN, number};
use super::safe::{plain, short};

/// Longest value of a field that a line shows.
const LONGEST_VALUE: usize = 60;

/// The workloads of a plan by id, with names that tell them apart.
pub(super) struct Names<'a> {
    by_id: BTreeMap<&'a str, &'a WorkloadRow>,
    /// How many workloads share a namespace and a name.
    namesakes: BTreeMap<(&'a str, &'a str), usize>,
    many_clusters: bool,
}

impl<'a> Names<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let mut namesakes = BTreeMap::new();
        let first = plan.workloads.first().map(|row| row.cluster.as_str());
        for row in &plan.workloads {
            *namesakes
                .entry((row.namespace.as_str(), row.name.as_str()))
                .or_insert(0) += 1;
        }
        Self {
            by_id: plan.workloads.iter().map(|row| (row.id.as_str(), row)).collect(),
            namesakes,
            many_clusters: plan.coverage.clusters.len() > 1
                || plan.workloads.iter().any(|row| Some(row.cluster.as_str()) != first),
        }
    }

    /// The workload a row is about; `None` where it is about something else.
    pub(super) fn workload(&self, subject: &SubjectRef) -> Option<&'a WorkloadRow> {
        (subject.kind == "Workload")
            .then(|| self.by_id.get(subject.id.as_str()).copied())
            .flatten()
    }

    /// `namespace/name`, with the cluster where there are several and the kind where another has the same name.
    pub(super) fn of_workload(&self, row: &WorkloadRow) -> String {
        let mut name = format!("{}/{}", row.namespace, row.name);
        if self.many_clusters {
            name = format!("{}/{name}", row.cluster);
        }
        let namesakes = self.namesakes.get(&(row.namespace.as_str(), row.name.as_str()));
        if namesakes.is_some_and(|count| *count > 1) {
            name = format!("{name} ({})", row.kind);
        }
        plain(&name)
    }

    /// The subject in words.
    pub(super) fn of(&self, subject: &SubjectRef) -> String {
        match (self.workload(subject), subject.kind.as_str()) {
            (Some(row), _) => self.of_workload(row),
            (None, "NodePool") => plain(&format!("node pool {}", subject.id)),
            (None, _) => plain(&format!("{} {}", subject.kind, subject.id)),
        }
    }

    /// Who owns it; empty where nobody is named.
    pub(super) fn owner(&self, subject: &SubjectRef) -> Option<String> {
        let owner = self.workload(subject)?.owner.as_deref()?;
        Some(plain(owner)).filter(|owner| !owner.is_empty())
    }

    /// What it costs.
    pub(super) fn monthly(&self, subject: &SubjectRef) -> Option<Monthly> {
        self.workload(subject)?.monthly
    }
}

/// What a row changes, field by field: `gpu: H100-80GB → L40S`. Its title where the fields say nothing.
pub(super) fn change(row: &Row) -> String {
    let fields = fields(&row.from, &row.to);
    if fields.is_empty() {
        plain(&row.title)
    } else {
        fields.join("; ")
    }
}

fn fields(from: &Shape, to: &Shape) -> Vec<String> {
    let mut keys: Vec<&String> = from.keys().chain(to.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let side = |shape: &Shape, key: &str| shape.get(key).map_or_else(|| "not set".to_owned(), value);
    keys.into_iter()
        .filter(|key| from.get(*key) != to.get(*key))
        .map(|key| {
            let name = plain(&key.replace('_', " "));
            match from.get(key) {
                // What is only said of the time after has no before.
                None => format!("{name}: {}", side(to, key)),
                Some(_) => format!("{name}: {} → {}", side(from, key), side(to, key)),
            }
        })
        .collect()
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => UNKNOWN.to_owned(),
        Value::String(text) => plain(&short(text, LONGEST_VALUE)),
        Value::Number(figure) => figure.as_f64().map_or_else(|| figure.to_string(), number),
        other => plain(&short(&other.to_string(), LONGEST_VALUE)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_change_names_only_what_changes() {
        let mut row = sample::row("r", "w", 10.0, 0.0);
        row.from = sample::shape(&[("gpu", "H100-80GB".into()), ("gpus", 8.into()), ("same", 1.into())]);
        row.to = sample::shape(&[("gpu", "L40S".into()), ("same", 1.into())]);
        assert_eq!(change(&row), "gpu: H100-80GB → L40S; gpus: 8 → not set");
        row.to = row.from.clone();
        assert_eq!(change(&row), "Run on a smaller GPU");
    }

    #[test]
    fn namesakes_are_told_apart() {
        let mut plan = sample::plan();
        plan.workloads[1].namespace = plan.workloads[0].namespace.clone();
        plan.workloads[1].name = plan.workloads[0].name.clone();
        plan.workloads[1].kind = "StatefulSet".to_owned();
        let names = Names::new(&plan);
        let of = |at: usize| names.of(&SubjectRef::workload(&plan.workloads[at].id));
        assert_eq!(of(0), "chat/llama-70b (Deployment)");
        assert_eq!(of(1), "chat/llama-70b (StatefulSet)");
        assert_eq!(names.of(&SubjectRef::pool("h100")), "node pool h100");
    }
}
