//! What is read of a cluster so that patches can be laid over it.

use std::collections::BTreeSet;

use super::*;
use crate::sources::kubernetes::{Named, manifests};

#[tokio::test]
async fn disruption_budgets_beside_a_workload_are_read_whoever_made_them() {
    let beside = |namespace: &str, name: &str, owner| {
        let mut budget = object(name, owner, &json!({"maxUnavailable": 1}));
        budget["metadata"]["namespace"] = json!(namespace);
        budget
    };
    let operator = Some(("serving.example.com/v1", "Server", "llama", "u"));
    let budgets = vec![
        beside("ml", "own", None),
        beside("ml", "operator", operator),
        beside("web", "other", None),
    ];
    let lists = [
        (
            "/apis/apps/v1/deployments",
            vec![object("llama", None, &json!({"replicas": 2}))],
        ),
        ("/apis/policy/v1/poddisruptionbudgets", budgets),
    ];
    let wanted = Named {
        group: "apps".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: "ml".to_owned(),
        name: "llama".to_owned(),
    };
    let server = serve(cluster(&lists));
    let wanted = BTreeSet::from([wanted]);
    let (found, _) = manifests(&connection(&server), &wanted, &Silent).await.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let told = found
        .iter()
        .map(|one| [text(&one["kind"]), text(&one["metadata"]["name"])].join(" "));
    let told: Vec<String> = told.collect();
    assert_eq!(
        told,
        [
            "Deployment llama",
            "PodDisruptionBudget own",
            "PodDisruptionBudget operator"
        ]
    );
}
