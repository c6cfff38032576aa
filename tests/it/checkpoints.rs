//! What interruptions cost training in a whole world, and what is said of checkpoints there.

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::plan::Plan;
use gpuwise::model::progress::Silent;
use gpuwise::model::reading::Reading;
use gpuwise::pipeline;

use crate::generator::{Size, World};

fn analyze(reading: &Reading, policy: &str) -> Plan {
    let files = [("mine.yaml".to_owned(), policy.to_owned())];
    let judge = Judge::new(&files, Catalog::shipped().unwrap()).unwrap();
    let judge = judge.only(&["checkpointing".to_owned()]).unwrap();
    pipeline::analyze(reading, &judge, &Scope::default(), &Silent).unwrap()
}

/// The reason that stands on a workload, whether it is kept or not known.
fn reason<'p>(plan: &'p Plan, name: &str) -> &'p str {
    let row = plan.workloads.iter().find(|row| row.name == name).unwrap();
    let kept = plan.kept.iter().map(|kept| (&kept.subject, &kept.reason));
    let unknown = plan.unknown.iter().map(|untold| (&untold.subject, &untold.reason));
    let mut own = kept.chain(unknown).filter(|(subject, _)| subject.id == row.id);
    own.next().unwrap_or_else(|| panic!("nothing is said of {name}")).1
}

#[test]
fn an_interruption_is_seen_and_no_write_time_is_made_up() {
    let reading = World::generate(2, Size::Medium, 14).to_reading(1800);
    let plain = analyze(&reading, "");
    let told = analyze(&reading, "levers: {checkpointing: {write_seconds: 60}}");
    for plan in [&plain, &told] {
        assert!(plan.accepted.is_empty() && plan.experiments.is_empty() && plan.held_back.is_empty());
        assert_eq!(reason(plan, "distil"), "resumes");
        assert_eq!(reason(plan, "lora-nightly"), "not-interrupted");
        assert_eq!(reason(plan, "chat-70b"), "not-training");
    }
    assert_eq!(reason(&plain, "distil-legacy"), "checkpoint-cost-unknown");
    // One interruption in two weeks tells too little of how often they come.
    assert_eq!(reason(&told, "distil-legacy"), "too-few-interruptions");
}
