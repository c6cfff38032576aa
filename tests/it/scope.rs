//! What is asked about: by labels, and by time as people write it.

use std::collections::BTreeSet;

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::plan::Plan;
use gpuwise::model::progress::Silent;
use gpuwise::model::reading::Reading;
use gpuwise::pipeline;

use crate::generator::{Size, World};

fn analyze(reading: &Reading, selector: &str) -> Plan {
    let judge = Judge::new(&[], Catalog::shipped().unwrap()).unwrap();
    let scope = Scope {
        selector: selector.parse().unwrap(),
        ..Scope::default()
    };
    pipeline::analyze(reading, &judge, &scope, &Silent).unwrap()
}

fn ids(plan: &Plan) -> BTreeSet<String> {
    plan.workloads.iter().map(|row| row.id.clone()).collect()
}

fn named(plan: &Plan) -> BTreeSet<&str> {
    let kept = plan.kept.iter().map(|row| row.subject.id.as_str());
    let unknown = plan.unknown.iter().map(|row| row.subject.id.as_str());
    let rows = plan.accepted.iter().chain(&plan.held_back);
    let changes = rows.filter(|row| !row.moves.is_empty());
    kept.chain(unknown)
        .chain(changes.map(|row| row.subject.id.as_str()))
        .collect()
}

#[test]
fn a_selector_divides_the_cluster_and_its_spend() {
    let reading = World::generate(4, Size::Small, 2).to_reading(900);
    let all = analyze(&reading, "");
    let team = all.workloads.iter().find_map(|row| row.owner.clone()).unwrap();
    for (one, other) in [
        ("team".to_owned(), "!team".to_owned()),
        (format!("team={team}"), format!("team!={team}")),
        (
            format!("team in ({team}, nobody)"),
            format!("team notin ({team}, nobody)"),
        ),
    ] {
        let (held, left) = (analyze(&reading, &one), analyze(&reading, &other));
        assert!(!held.workloads.is_empty() && !left.workloads.is_empty(), "{one}");
        assert!(ids(&held).is_disjoint(&ids(&left)), "{one}");
        let both: BTreeSet<String> = ids(&held).union(&ids(&left)).cloned().collect();
        assert_eq!(both, ids(&all), "{one}");
        // Nothing is said of what was not asked about, and its spend is called so.
        for plan in [&held, &left] {
            let known = ids(plan);
            assert!(named(plan).iter().all(|id| known.contains(*id)), "{one}");
        }
        let outside = |plan: &Plan| plan.coverage.spend_out_of_scope.unwrap();
        let asked = |plan: &Plan| plan.coverage.spend_judged.unwrap() + plan.coverage.spend_unknown.unwrap();
        let (inside, whole) = (asked(&held) + asked(&left), asked(&all));
        assert!((inside - whole).abs() < 0.001, "{one}: {inside} of {whole}");
        assert!((outside(&held) + asked(&held) - 1.0).abs() < 0.001, "{one}");
    }
    let mine = analyze(&reading, &format!("team={team}"));
    assert!(mine.workloads.iter().all(|row| row.owner.as_ref() == Some(&team)));
    assert!(analyze(&reading, "team=nobody").workloads.is_empty());
}
