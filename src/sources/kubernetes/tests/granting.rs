//! What `deploy/` grants is what is read.

use std::collections::BTreeSet;

use crate::sources::kubernetes::kinds;

const RBAC: &str = include_str!("../../../../deploy/kustomize/rbac.yaml");

fn texts(value: &serde_json::Value) -> impl Iterator<Item = &str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap())
}

#[test]
fn the_cluster_role_grants_what_is_listed_and_no_more() {
    let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(RBAC).unwrap();
    let role = documents
        .iter()
        .find(|document| document["kind"] == "ClusterRole")
        .unwrap();
    let mut granted = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        assert!(texts(&rule["verbs"]).any(|verb| verb == "list"), "{rule}");
        for group in texts(&rule["apiGroups"]) {
            granted.extend(texts(&rule["resources"]).map(|resource| (group, resource)));
        }
    }
    // Services are listed by the search for Prometheus.
    let listed: BTreeSet<(&str, &str)> = kinds::listed().chain([("", "services")]).collect();
    assert_eq!(granted, listed);
}
