//! What became of an earlier plan's changes, told from two plans of one world.

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, NotComparable, Scope, since};
use gpuwise::model::gap::{UNKNOWN_WITHOUT_KUBERNETES, UNKNOWN_WITHOUT_PROMETHEUS, unknown_without};
use gpuwise::model::plan::{GapRow, Plan, Row};
use gpuwise::model::progress::Silent;
use gpuwise::model::reading::Reading;
use gpuwise::model::scenario::Move;
use gpuwise::model::since::{Outcome, Since};
use gpuwise::model::time::Window;
use gpuwise::pipeline;
use jiff::SignedDuration;

use crate::generator::{Size, World};

fn analyze(reading: &Reading, scope: &Scope) -> Plan {
    let judge = Judge::new(&[], Catalog::shipped().unwrap()).unwrap();
    pipeline::analyze(reading, &judge, scope, &Silent).unwrap()
}

/// The plan as it would have been a week before.
fn a_week_ago(plan: &Plan) -> Plan {
    let mut earlier = plan.clone();
    let back = SignedDuration::from_hours(7 * 24);
    earlier.window = Window {
        start: plan.window.start - back,
        end: plan.window.end - back,
    };
    earlier
}

fn of<'s>(since: &'s Since, row: &Row) -> (Outcome, Option<&'s str>) {
    let found = since.changes.iter().find(|change| change.id == row.id).unwrap();
    (found.outcome, found.because.as_deref())
}

#[test]
fn what_became_of_each_change_is_seen_in_the_world() {
    let reading = World::generate(2, Size::Medium, 21).to_reading(900);
    let earlier = analyze(&reading, &Scope::default());
    let decided = |wanted: fn(&Move) -> bool| {
        let found = earlier
            .accepted
            .iter()
            .find(|row| row.moves.first().is_some_and(wanted));
        found.expect("the world has such a change")
    };
    let idle = decided(|change| matches!(change, Move::ScaleToZero));
    let smaller = decided(|change| matches!(change, Move::UseGpu { .. }));
    let Move::UseGpu { to, .. } = &smaller.moves[0] else {
        unreachable!()
    };
    // One owner scaled to zero, one moved to the smaller GPU, the rest did nothing.
    let name = |row: &Row| earlier.workload(&row.subject.id).unwrap().name.clone();
    let mut later = reading.clone();
    let gone = name(idle);
    later.inventory.pods.retain(|pod| !pod.name.starts_with(&gone));
    let mut now = analyze(&later, &Scope::default());
    now.accepted.retain(|row| row.id != smaller.id);
    let moved = now
        .workloads
        .iter_mut()
        .find(|row| row.id == smaller.subject.id)
        .unwrap();
    moved.gpu = Some(to.to_string());
    let told = since(&a_week_ago(&earlier), &now, &Scope::default()).unwrap();
    assert_eq!(of(&told, idle), (Outcome::Done, None));
    assert_eq!(of(&told, smaller), (Outcome::Done, None));
    let decisions = earlier.accepted.iter().filter(|row| !row.moves.is_empty());
    assert_eq!(
        told.changes.len(),
        decisions.count(),
        "every change is told of, and no node pool's row"
    );
    let done = told
        .changes
        .iter()
        .filter(|change| change.outcome == Outcome::Done)
        .count();
    assert_eq!(done, 2, "{:#?}", told.changes);
    assert!(
        told.changes
            .iter()
            .all(|change| change.monthly.is_some() && change.name.contains('/'))
    );
}

#[test]
fn what_is_measured_since_can_withdraw_a_change() {
    let reading = World::generate(2, Size::Medium, 21).to_reading(900);
    let now = analyze(&reading, &Scope::default());
    let mut earlier = a_week_ago(&now);
    let kept = now.kept.iter().find(|kept| kept.lever == "idle-gpu").unwrap();
    let pattern = earlier
        .accepted
        .iter()
        .find(|row| !row.moves.is_empty())
        .unwrap()
        .clone();
    let row = |id: &str, lever: &str, subject: &str| {
        let mut row = pattern.clone();
        row.id = id.to_owned();
        row.levers = vec![lever.to_owned()];
        row.subject.id = subject.to_owned();
        row.moves = vec![Move::ScaleToZero];
        row
    };
    earlier.accepted = vec![
        row("idle-gpu:kept", "idle-gpu", &kept.subject.id),
        row("idle-gpu:lost", "idle-gpu", "no such workload"),
        row("other:kept", "other", &kept.subject.id),
    ];
    earlier.held_back.clear();
    let told = since(&earlier, &now, &Scope::default()).unwrap();
    assert_eq!(
        of(&told, &earlier.accepted[0]),
        (Outcome::Withdrawn, Some(kept.because.as_str()))
    );
    assert_eq!(of(&told, &earlier.accepted[1]), (Outcome::Gone, None));
    assert_eq!(of(&told, &earlier.accepted[2]), (Outcome::NotAsked, None));
    let changes = now.accepted.iter().filter(|row| !row.moves.is_empty());
    assert_eq!(told.new.len(), changes.count());
    // Asked about another namespace, nothing is said to be withdrawn.
    let namespace = Scope {
        namespaces: vec!["nowhere".to_owned()],
        ..Scope::default()
    };
    // A plan keeps no labels, so that what a selector leaves out is not told from what is gone.
    let labels = Scope {
        selector: "team in (nobody)".parse().unwrap(),
        ..Scope::default()
    };
    for elsewhere in [namespace, labels] {
        let narrow = analyze(&reading, &elsewhere);
        let told = since(&a_week_ago(&now), &narrow, &elsewhere).unwrap();
        assert!(
            told.changes.iter().all(|change| change.outcome == Outcome::NotAsked),
            "{:#?}",
            told.changes
        );
    }
}

/// Who owns pods is not read: a workload that only its owner named stands under another name, and is not lost.
#[test]
fn what_was_kept_from_us_is_not_said_to_be_gone() {
    let now = analyze(&World::generate(4, Size::Small, 3).to_reading(900), &Scope::default());
    let change = now.accepted.iter().find(|row| !row.moves.is_empty()).unwrap();
    let kind = now.workload(&change.subject.id).unwrap().kind.clone();
    let mut later = now.clone();
    later.workloads.retain(|row| row.id != change.subject.id);
    later.accepted.clear();
    let told = |later: &Plan| {
        let told = since(&a_week_ago(&now), later, &Scope::default()).unwrap();
        let (outcome, because) = of(&told, change);
        (outcome, because.map(str::to_owned))
    };
    assert_eq!(told(&later), (Outcome::Gone, None));
    for what in [
        UNKNOWN_WITHOUT_KUBERNETES.to_owned(),
        UNKNOWN_WITHOUT_PROMETHEUS.to_owned(),
        unknown_without(&kind),
    ] {
        later.coverage.gaps = vec![GapRow {
            what,
            why: "it is down".to_owned(),
            fix: "bring it back".to_owned(),
            monthly: None,
        }];
        assert_eq!(told(&later), (Outcome::Unknown, Some("it is down".to_owned())));
    }
    later.coverage.gaps[0].what = unknown_without("Other");
    assert_eq!(told(&later), (Outcome::Gone, None));
}

#[test]
fn only_an_earlier_plan_of_the_same_cluster_is_compared() {
    let reading = World::generate(4, Size::Small, 2).to_reading(3600);
    let now = analyze(&reading, &Scope::default());
    assert!(matches!(
        since(&now, &now, &Scope::default()),
        Err(NotComparable::NotEarlier { .. })
    ));
    let mut other = a_week_ago(&now);
    other.coverage.clusters = vec!["elsewhere".to_owned()];
    assert!(matches!(
        since(&other, &now, &Scope::default()),
        Err(NotComparable::Clusters { .. })
    ));
}
