//! What owners said that has no effect: annotations that may not ask for what they ask for, lines that nobody can read, and
//! commitments that have yet to begin.

use jiff::Timestamp;

use super::guard;
use crate::model::commitment::day;
use crate::model::plan::Note;
use crate::model::snapshot::Snapshot;
use crate::model::workload::Workload;
use crate::policy::Policy;
use crate::policy::overrides::Refused;
use crate::policy::scope::Known;

pub(super) fn notes(policy: &Policy, snapshot: &Snapshot) -> Vec<Note> {
    let (known, now) = (Known::of(snapshot), snapshot.grid.window.end);
    let annotated = snapshot.workloads.iter().filter(|one| !one.overrides.is_empty());
    let of_one = |workload: &Workload| {
        let mut refused = guard::refused(workload, &policy.permissions);
        refused.extend(policy.objectives.latency.of(workload, known).refused);
        refused.extend(policy.attribution.refused(workload));
        refused
            .into_iter()
            .map(|refused| note(workload, refused))
            .collect::<Vec<_>>()
    };
    annotated
        .flat_map(of_one)
        .chain(lines(policy))
        .chain(to_come(policy, now))
        .collect()
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

/// Days before a commitment begins from which on it is told.
const SOON: i64 = 90;

fn to_come(policy: &Policy, now: Timestamp) -> impl Iterator<Item = Note> {
    policy.objectives.prices.commitments.iter().filter_map(move |one| {
        let from = one.from?;
        let seconds = from.as_second() - now.as_second();
        let days = (seconds + 86_399).div_euclid(86_400);
        let in_words = if days == 1 { "day" } else { "days" };
        (seconds > 0 && seconds <= SOON * 86_400).then(|| Note {
            what: format!("commitment {}", one.name),
            why: format!(
                "it begins on {}, in {days} {in_words}; until then its nodes are priced and judged as if nobody had committed to \
                 them",
                day(from)
            ),
            place: one.place.clone(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::guard::tests::{policy, snapshot, workload};
    use super::*;
    use crate::policy::codeowners::Codeowners;

    /// What is told at noon of the 20th of November 2026 of a plan that begins on a day.
    fn told(from: &str) -> Vec<(String, String, String)> {
        let text = format!(
            "prices:\n  commitments:\n    - {{name: p5 plan, kind: savings-plan, instance_type: p5.48xlarge, nodes: 4, \
             from: {from}, until: 2030-01-01}}\n"
        );
        let notes = notes(&policy(&text), &snapshot(Vec::new())).into_iter();
        notes.map(|note| (note.what, note.why, note.place)).collect()
    }

    #[test]
    fn a_commitment_that_begins_soon_is_told_and_one_that_is_far_or_in_force_is_not() {
        let soon = told("2026-12-01");
        let (what, why, place) = &soon[0];
        assert_eq!(
            (soon.len(), what.as_str(), place.as_str()),
            (1, "commitment p5 plan", "mine.yaml:3")
        );
        assert!(
            why.starts_with("it begins on 2026-12-01, in 11 days; until then its nodes are"),
            "{why}"
        );
        assert!(
            told("2026-11-21")[0]
                .1
                .starts_with("it begins on 2026-11-21, in 1 day;")
        );
        assert_eq!(told("2027-02-18").len(), 1);
        assert_eq!(told("2027-02-19"), []);
        assert_eq!(told("2026-11-20"), []);
    }

    #[test]
    fn lines_of_a_codeowners_file_that_mean_nothing_are_told() {
        let mut policy = policy("attribution: {codeowners: C}");
        policy.attribution.codeowners = Some(Codeowners::read("C", "* @all\n/a chat\n"));
        let notes = notes(&policy, &snapshot(Vec::new()));
        assert_eq!((notes.len(), notes[0].place.as_str()), (1, "C:2"));
        assert!(notes[0].why.starts_with("`chat` is no owner"), "{}", notes[0].why);
    }

    #[test]
    fn a_manifest_that_is_no_path_has_no_effect() {
        let told = |text: &str, file: Option<&str>, path: &str| {
            let mut policy = policy(text);
            policy.attribution.codeowners = file.map(|text| Codeowners::read("C", text));
            let mut chat = workload("prod", "chat");
            chat.overrides
                .insert("gpuwise.dev/manifest".to_owned(), path.to_owned());
            notes(&policy, &snapshot(vec![chat]))
                .into_iter()
                .map(|note| note.why)
                .collect::<Vec<_>>()
        };
        let named = "attribution: {codeowners: C}";
        // Patches go there, whoever owns it.
        assert_eq!(told("", None, "deploy/a.yaml#chat"), Vec::<String>::new());
        assert_eq!(told(named, Some("/src/ @a"), "deploy/a.yaml"), Vec::<String>::new());
        assert_eq!(told(named, Some("* @a"), "deploy/a.yaml"), Vec::<String>::new());
        assert!(told(named, Some("* @a"), "a/../b")[0].starts_with("it must be a path from the root"));
        let forbidden = "permissions: {overrides: [owner]}";
        assert_eq!(
            told(forbidden, None, "a"),
            ["the policy does not allow it (mine.yaml:1)"]
        );
    }
}
