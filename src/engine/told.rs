//! What owners said that has no effect: annotations that may not ask for what they ask for, and lines that nobody can read.

use super::guard;
use crate::model::plan::Note;
use crate::model::snapshot::Snapshot;
use crate::model::workload::Workload;
use crate::policy::Policy;
use crate::policy::overrides::Refused;
use crate::policy::scope::Known;

pub(super) fn notes(policy: &Policy, snapshot: &Snapshot) -> Vec<Note> {
    let known = Known::of(snapshot);
    let annotated = snapshot.workloads.iter().filter(|one| !one.overrides.is_empty());
    let of_one = |workload: &Workload| {
        let mut refused = guard::refused(workload, &policy.permissions);
        refused.extend(policy.objectives.latency.of(workload, known).refused);
        refused
            .into_iter()
            .map(|refused| note(workload, refused))
            .collect::<Vec<_>>()
    };
    annotated.flat_map(of_one).chain(lines(policy)).collect()
}

/// Lines of the CODEOWNERS file that mean nothing.
fn lines(policy: &Policy) -> impl Iterator<Item = Note> {
    let file = policy.attribution.codeowners.iter();
    file.flat_map(|file| {
        file.skipped.iter().map(|(line, why)| Note {
            what: format!("a line of {}", file.file),
            why: why.clone(),
            place: format!("{}:{line}", file.file),
        })
    })
}

fn note(workload: &Workload, refused: Refused) -> Note {
    let Workload {
        kind, namespace, name, ..
    } = workload;
    Note {
        what: format!("annotation {}: {:?} of {namespace}/{name}", refused.key, refused.value),
        why: refused.why,
        place: format!("{kind} {namespace}/{name}"),
    }
}
