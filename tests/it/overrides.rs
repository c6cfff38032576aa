//! What workloads ask for by annotation, and whose they are, in a whole world.

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
