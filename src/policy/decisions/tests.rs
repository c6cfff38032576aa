//! Decisions as people write them, and the mistakes they make.

use super::*;

fn told(text: &str) -> Vec<String> {
    match read(&[("d.yaml".to_owned(), text.to_owned())], &["idle-gpu", "smaller-gpu"]) {
        Ok(_) => Vec::new(),
        Err(Mistakes(mistakes)) => mistakes.iter().map(ToString::to_string).collect(),
    }
}

fn row(text: &str) -> String {
    format!("- {{reason: r, owner: o, {text}}}\n")
}

#[test]
fn decisions_are_read_by_id_or_by_workload() {
    let text = row("id: 'idle-gpu:arn:aws:eks/prod/ml/Deployment/chat', decision: accept")
        + &row("workload: ml/chat, lever: smaller-gpu, decision: snooze, until: 2026-12-01, date: 2026-11-01")
        + "# the end\n";
    let files = [
        ("d.yaml".to_owned(), text),
        ("none.yaml".to_owned(), "# nothing\n".to_owned()),
    ];
    let read = read(&files, &["idle-gpu", "smaller-gpu"]).unwrap();
    assert_eq!(read[0].workload, "arn:aws:eks/prod/ml/Deployment/chat");
    assert_eq!(read[0].levers, ["idle-gpu"]);
    assert_eq!((read[1].word, read[1].place.line), (Word::Snooze, 2));
    let end = read[1].end(&TimeZone::UTC).unwrap();
    assert!(!read[1].is_over("2026-11-30T23:59:59Z".parse().unwrap(), &TimeZone::UTC));
    assert!(read[1].is_over(end.timestamp(), &TimeZone::UTC));
    assert!(read[1].asks(&["smaller-gpu"]) && !read[1].asks(&["idle-gpu"]));
}

#[test]
fn a_rejected_change_stays_rejected_beside_others_and_an_accepted_one_was_accepted_by_itself() {
    let read = |text: String| read(&[("d.yaml".to_owned(), text)], &["idle-gpu", "smaller-gpu"]);
    let one = |text: &str| read(row(text)).unwrap().remove(0);
    let both = ["smaller-gpu", "idle-gpu"];
    for (text, single, together) in [
        ("id: 'smaller-gpu:a/b', decision: reject", true, true),
        ("id: 'smaller-gpu:a/b', decision: accept", true, false),
        ("id: 'smaller-gpu+idle-gpu:a/b', decision: reject", false, true),
        ("id: 'smaller-gpu+idle-gpu:a/b', decision: accept", false, true),
        (
            "workload: a/b, lever: idle-gpu + smaller-gpu, decision: accept",
            false,
            true,
        ),
        ("workload: a/b, decision: accept", true, true),
    ] {
        let decision = one(text);
        assert_eq!(decision.asks(&["smaller-gpu"]), single, "{text}");
        assert_eq!(decision.asks(&both), together, "{text}");
    }
    let contradict = |first: &str, second: &str| read(row(first) + &row(second)).is_err();
    let accepted = "id: 'smaller-gpu+idle-gpu:a/b', decision: accept";
    assert!(contradict(accepted, "id: 'idle-gpu:a/b', decision: reject"));
    assert!(contradict(accepted, "workload: a/b, decision: reject"));
    let rejected = "id: 'smaller-gpu+idle-gpu:a/b', decision: reject";
    assert!(!contradict(rejected, "id: 'idle-gpu:a/b', decision: accept"));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = row("decision: accept")
        + &row("id: chat, decision: accept")
        + &row("id: 'idle-gpu:a/b', workload: a/b, decision: accept")
        + &row("workload: chat, decision: accept")
        + &row("workload: a/b, lever: idle, decision: accept")
        + &row("workload: a/b, decision: maybe, colour: red")
        + &row("workload: a/b, decision: snooze")
        + &row("workload: a/b, decision: reject, until: soon")
        + &row("workload: a/c, decision: reject, until: 2026-11-01, date: 2026-11-02")
        + "- {workload: a/d, decision: reject, owner: ''}\n";
    let expected = [
        "d.yaml:1:3: a decision needs the `id` of a row, or a `workload`",
        "d.yaml:2:29: an `id` is that of a row of the plan",
        "d.yaml:3:29: a decision has an `id`, or a `workload` and perhaps a `lever`, not both",
        "d.yaml:4:35: a `workload` is named as namespace/name, or by its id",
        "d.yaml:5:47: `idle` is no lever; there are idle-gpu, smaller-gpu",
        "d.yaml:6:50: `maybe` is no decision; there are accept, snooze, reject, experiment-passed",
        "d.yaml:6:57: unknown key `decision.colour`",
        "d.yaml:7:3: what is snoozed needs an `until`",
        "d.yaml:8:65: `soon` is no day",
        "d.yaml:9:65: the decision ends before it was taken: `date` is 2026-11-02 at d.yaml:9:83",
        "d.yaml:10:3: `decision.reason` is missing",
        "d.yaml:10:44: `decision.owner` is empty",
    ];
    let told = told(&text);
    for expected in expected {
        let found = told.iter().any(|line| line.starts_with(expected));
        assert!(found, "{expected}\nnot in\n{}", told.join("\n"));
    }
    assert_eq!(told.len(), expected.len(), "{}", told.join("\n"));
    assert!(super::read(&[("d.yaml".to_owned(), "a: b".to_owned())], &[]).is_err());
}

#[test]
fn two_decisions_that_contradict_each_other_are_told_with_both_places() {
    let both = |a: &str, b: &str| told(&(row(a) + &row(b)));
    let accept = "workload: ml/chat, decision: accept";
    for other in [
        "workload: ml/chat, decision: reject",
        "workload: ml/chat, lever: idle-gpu, decision: reject",
        "workload: c/ml/chat, decision: snooze, until: 2026-12-01",
        "id: 'idle-gpu:c/ml/Deployment/chat', decision: reject",
    ] {
        let told = both(accept, other);
        assert_eq!(told.len(), 1, "{other}: {told:?}");
        assert!(
            told[0].starts_with("d.yaml:2:3: `") && told[0].contains("`accept` at d.yaml:1:3"),
            "{told:?}"
        );
    }
    for other in [
        "workload: ml/chat, decision: accept",
        "workload: ml/chat, decision: experiment-passed",
        "workload: ml/other, decision: reject",
        "workload: dev/chat, decision: reject",
    ] {
        assert!(both(accept, other).is_empty(), "{other}");
    }
    let before = "workload: ml/chat, decision: accept, until: 2026-11-01";
    assert!(both(before, "workload: ml/chat, decision: reject, date: 2026-11-01").is_empty());
    assert_eq!(
        both(before, "workload: ml/chat, decision: reject, date: 2026-10-31").len(),
        1
    );
    let id = |kind: &str, word: &str| format!("id: 'idle-gpu:c/ml/{kind}/chat', decision: {word}");
    assert!(both(&id("Deployment", "accept"), &id("StatefulSet", "reject")).is_empty());
}
