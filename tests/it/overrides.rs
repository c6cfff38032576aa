//! What workloads ask for by annotation, and whose they are, in a whole world.

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::plan::Plan;
use gpuwise::model::progress::Silent;
use gpuwise::model::reading::Reading;
use gpuwise::model::workload::Class;
use gpuwise::pipeline;

use crate::generator::{Size, World};

fn analyze(reading: &Reading, policy: &str) -> Plan {
    let files = [("mine.yaml".to_owned(), policy.to_owned())];
    let judge = Judge::new(&files, Catalog::shipped().unwrap()).unwrap();
    pipeline::analyze(reading, &judge, &Scope::default(), &Silent).unwrap()
}

/// What holds each change of a workload back.
fn held<'p>(plan: &'p Plan, id: &str) -> Vec<&'p str> {
    assert!(!plan.accepted.iter().any(|row| row.subject.id == id), "{id} is changed");
    let rows = plan.held_back.iter().filter(|row| row.subject.id == id);
    rows.map(|row| row.held_by.as_ref().unwrap().rule.as_str()).collect()
}

#[test]
fn an_annotation_holds_names_the_owner_and_never_loosens() {
    let mut reading = World::generate(2, Size::Medium, 5).to_reading(900);
    let plain = analyze(&reading, "");
    let of_deployment = |row: &&gpuwise::model::plan::Row| {
        let workload = plain.workload(&row.subject.id);
        workload.is_some_and(|workload| workload.kind == "Deployment" && workload.owner.is_some())
    };
    let id = plain.accepted.iter().find(of_deployment).unwrap().subject.id.clone();
    let workload = plain.workload(&id).unwrap().clone();
    let mine = |name: &str, namespace: &str| (name, namespace) == (&workload.name, &workload.namespace);
    let mut controllers = reading.inventory.controllers.iter_mut();
    let own = controllers.find(|one| one.this.kind == "Deployment" && mine(&one.this.name, &one.namespace));
    let annotations = &mut own.unwrap().annotations;
    annotations.insert("gpuwise.dev/ignore".to_owned(), "true".to_owned());
    annotations.insert("gpuwise.dev/owner".to_owned(), "the-annotated".to_owned());
    annotations.insert("gpuwise.dev/min-replicas".to_owned(), "many".to_owned());
    // The object's word counts before that of its pods, which complete it.
    for pod in &mut reading.inventory.pods {
        if pod.name.starts_with(&workload.name) {
            pod.annotations
                .insert("gpuwise.dev/ignore".to_owned(), "false".to_owned());
            pod.annotations
                .insert("gpuwise.dev/colour".to_owned(), "red".to_owned());
        }
    }
    let plan = analyze(&reading, "");
    assert_eq!(
        held(&plan, &id),
        ["annotation gpuwise.dev/ignore: nothing of it is changed"]
    );
    let row = plan.workload(&id).unwrap();
    assert_eq!(row.owner.as_deref(), Some("the-annotated"));
    assert_eq!(row.owner_because.as_deref(), Some("annotation gpuwise.dev/owner"));
    let place = format!("Deployment {}/{}", workload.namespace, workload.name);
    let told = plan.notes.iter().filter(|note| note.place == place);
    let told: Vec<&str> = told.map(|note| note.what.split(':').next().unwrap()).collect();
    assert_eq!(
        told,
        ["annotation gpuwise.dev/colour", "annotation gpuwise.dev/min-replicas"]
    );

    let strict = analyze(&reading, "permissions: {overrides: []}");
    assert_eq!(strict.accepted, plain.accepted);
    assert_eq!(strict.notes.iter().filter(|note| note.place == place).count(), 4);
    assert_eq!(strict.workload(&id).unwrap().owner, workload.owner);
}

#[test]
fn what_no_label_tells_is_told_by_the_policy() {
    let mut reading = World::generate(1, Size::Small, 3).to_reading(900);
    let inventory = &mut reading.inventory;
    let labels = inventory.controllers.iter_mut().map(|one| &mut one.labels);
    for labels in labels.chain(inventory.pods.iter_mut().map(|pod| &mut pod.labels)) {
        labels.remove("team");
    }
    let nobody = analyze(&reading, "attribution: {owner_labels: [team]}");
    assert!(nobody.workloads.iter().all(|row| row.owner.is_none()));
    let namespace = &nobody.workloads[0].namespace;
    let policy = format!(
        "attribution: {{owner_labels: [team], owners_of_namespaces: {{{namespace}: chat}}, default_owner: finops}}"
    );
    let plan = analyze(&reading, &policy);
    for row in &plan.workloads {
        let expected = if row.namespace == *namespace { "chat" } else { "finops" };
        assert_eq!(row.owner.as_deref(), Some(expected), "{}", row.id);
        let because = row.owner_because.as_deref().unwrap();
        assert_eq!(because.contains(namespace.as_str()), expected == "chat", "{because}");
    }
}

#[test]
fn a_bound_on_latency_stands_on_its_workloads_and_changes_no_verdict() {
    let mut reading = World::generate(2, Size::Medium, 5).to_reading(900);
    let plain = analyze(&reading, "");
    assert!(plain.workloads.iter().all(|row| row.objectives.is_empty()));
    let serves = |row: &&gpuwise::model::plan::WorkloadRow| row.class == Class::Inference && row.kind == "Deployment";
    let chat = plain.workloads.iter().find(serves).unwrap();
    let mut controllers = reading.inventory.controllers.iter_mut();
    let own = controllers.find(|one| one.this.kind == "Deployment" && one.this.name == chat.name);
    let annotations = &mut own.unwrap().annotations;
    annotations.insert("gpuwise.dev/itl-p95".to_owned(), "50ms".to_owned());
    annotations.insert("gpuwise.dev/ttft-p95".to_owned(), "1h".to_owned());
    let policy = format!(
        "objectives:\n  latency:\n    - {{namespaces: [{}], names: [{}], ttft_p95: 500ms}}\n    - {{e2e_p99: 30s}}\n",
        chat.namespace, chat.name
    );
    let plan = analyze(&reading, &policy);
    assert_eq!((&plan.accepted, &plan.held_back), (&plain.accepted, &plain.held_back));
    let of = |row: &gpuwise::model::plan::WorkloadRow| -> Vec<String> {
        let rows = row.objectives.iter();
        rows.map(|row| format!("{} {} {}", row.what, row.at_most, row.place))
            .collect()
    };
    for row in &plan.workloads {
        match row.class {
            _ if row.id == chat.id => assert_eq!(
                of(row),
                [
                    "ttft_p95 0.5 mine.yaml:3",
                    "itl_p95 0.05 annotation gpuwise.dev/itl-p95"
                ]
            ),
            Class::Inference | Class::Unknown => assert_eq!(of(row), ["e2e_p99 30 mine.yaml:4"], "{}", row.id),
            _ => assert_eq!(of(row), Vec::<String>::new(), "{}", row.id),
        }
    }
    let what: Vec<&str> = plan.notes.iter().map(|note| note.what.as_str()).collect();
    let refused = format!(
        "annotation gpuwise.dev/ttft-p95: \"1h\" of {}/{}",
        chat.namespace, chat.name
    );
    assert_eq!(what, [refused]);
    let story = gpuwise::report::explain::why(&plan, &chat.id).unwrap();
    assert!(story.contains("  Bounds   ttft_p95 at most 500 ms: "), "{story}");
}
