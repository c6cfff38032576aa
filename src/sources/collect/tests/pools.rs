//! What stands behind an endpoint picker, and what is scheduled as a gang, in the snapshot.

use super::*;
use crate::model::pools::InferencePool;
use crate::model::workload::Class;

fn labelled(name: &str, owner: &str, app: &str) -> Pod {
    let mut pod = pod(name, Some(("ai.example.com/v1", "Thing", owner)), 1.0);
    pod.labels.insert("app".to_owned(), app.to_owned());
    pod
}

fn pool(name: &str, namespace: &str, selector: &[(&str, &str)]) -> InferencePool {
    InferencePool {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        selector: labels(selector),
        ..InferencePool::default()
    }
}

#[test]
fn pods_that_a_pool_selects_are_known_to_be_behind_its_picker() {
    let mut gone = labelled("old-0", "old", "chat");
    gone.phase = "Succeeded".to_owned();
    gone.finished = Some(gone.started.unwrap());
    let inventory = Inventory {
        nodes: vec![node("n")],
        pods: vec![
            labelled("chat-0", "chat", "chat"),
            labelled("other-0", "other", "other"),
            gone,
        ],
        pools: vec![
            pool("chat-pool", "ml", &[("app", "chat")]),
            pool("elsewhere", "prod", &[("app", "other")]),
            pool("nobody", "ml", &[]),
        ],
        ..Inventory::default()
    };
    let snapshot = joined(&reading(inventory, Vec::new()));
    let of = |name: &str| snapshot.workloads.iter().find(|w| w.name == name);
    assert_eq!(of("chat").unwrap().pools, ["chat-pool"]);
    assert_eq!(of("chat").unwrap().class.class, Class::Inference);
    assert_eq!(
        of("chat").unwrap().class.because,
        ["its pods are in the InferencePool chat-pool"]
    );
    assert!(of("other").unwrap().pools.is_empty());
    assert_ne!(of("other").unwrap().class.class, Class::Inference);
    assert!(of("old").is_none_or(|old| old.pools.is_empty()));
}

#[test]
fn pods_of_a_gang_that_nothing_owns_are_one_workload() {
    let gang = |name: &str, owner, group: &str| Pod {
        pod_group: Some(group.to_owned()),
        ..pod(name, owner, 1.0)
    };
    let inventory = Inventory {
        nodes: vec![node("n")],
        pods: vec![
            gang("first", None, "simulation"),
            gang("second", None, "simulation"),
            gang("owned-0", Some(("apps/v1", "StatefulSet", "owned")), "workers"),
        ],
        ..Inventory::default()
    };
    let snapshot = joined(&reading(inventory, Vec::new()));
    let names: Vec<(&str, &str, &str, usize)> = snapshot
        .workloads
        .iter()
        .map(|w| (w.group.as_str(), w.kind.as_str(), w.name.as_str(), w.pods.len()))
        .collect();
    assert!(
        names.contains(&("scheduling.k8s.io", "PodGroup", "simulation", 2)),
        "{names:?}"
    );
    // What has an owner is its owner's, whatever gang it is scheduled with.
    assert!(names.contains(&("apps", "StatefulSet", "owned", 1)), "{names:?}");
    assert_eq!(names.len(), 2, "{names:?}");
}
