//! InferencePools.

use super::*;
use crate::model::cluster::Labels;

fn groups(groups: &[(&str, &str)]) -> Value {
    let group = |(name, version): &(&str, &str)| {
        let served = json!({"groupVersion": format!("{name}/{version}"), "version": version});
        json!({"name": name, "versions": [served]})
    };
    json!({"kind": "APIGroupList", "groups": groups.iter().map(group).collect::<Vec<_>>()})
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[tokio::test]
async fn pools_are_read_in_both_groups_and_each_once() {
    // As the charts of the inference extension v1 and v0.5 make them.
    let new = object(
        "chat",
        None,
        &json!({
        "selector": {"matchLabels": {"app": "chat"}}, "targetPorts": [{"number": 8000}],
        "endpointPickerRef": {"name": "chat-epp", "kind": "Service", "port": {"number": 9002}, "failureMode": "FailClose"}}),
    );
    let old = |name: &str| {
        let extension = json!({"name": "old-epp", "failureMode": "FailOpen"});
        object(
            name,
            None,
            &json!({"selector": {"app": "old"}, "targetPortNumber": 8000, "extensionRef": extension}),
        )
    };
    let mut cluster = cluster(&[
        (
            "/apis/inference.networking.k8s.io/v1/inferencepools",
            vec![new, object("bare", None, &json!({}))],
        ),
        (
            "/apis/inference.networking.x-k8s.io/v1alpha2/inferencepools",
            vec![old("chat"), old("old")],
        ),
    ]);
    cluster.insert(
        "/apis",
        groups(&[
            ("inference.networking.k8s.io", "v1"),
            ("inference.networking.x-k8s.io", "v1alpha2"),
        ]),
    );
    let reading = reading(&serve(cluster)).await.unwrap();
    assert!(reading.gaps.is_empty(), "{:?}", reading.gaps);
    let [bare, chat, old] = &reading.pools[..] else {
        panic!("{:?}", reading.pools)
    };
    assert_eq!(
        (chat.selector.clone(), chat.picker.as_deref()),
        (labels(&[("app", "chat")]), Some("chat-epp"))
    );
    assert_eq!(
        (chat.fails_open, old.fails_open, bare.fails_open),
        (Some(false), Some(true), None)
    );
    assert_eq!(
        (old.selector.clone(), old.picker.as_deref()),
        (labels(&[("app", "old")]), Some("old-epp"))
    );
    assert!(bare.selector.is_empty() && bare.picker.is_none());
}

#[tokio::test]
async fn a_cluster_without_pools_is_not_asked_for_them_and_one_that_hides_them_is_a_gap() {
    let mut plain = cluster(&[]);
    plain.insert("/apis", groups(&[("apps", "v1")]));
    let told = reading(&serve(plain)).await.unwrap();
    assert!(told.pools.is_empty() && told.gaps.is_empty(), "{:?}", told.gaps);
    let server = Server::serve(|path| {
        let path = path.split('?').next().unwrap();
        match path {
            "/apis" => Reply::json(200, &groups(&[("inference.networking.k8s.io", "v1")])),
            "/api/v1/nodes" | "/api/v1/pods" => Reply::json(200, &json!({"kind": "List", "metadata": {}, "items": []})),
            path if path.ends_with("inferencepools") => status(403, "Forbidden"),
            _ => status(404, "NotFound"),
        }
    });
    let hidden = reading(&server).await.unwrap();
    let gap = hidden
        .gaps
        .iter()
        .find(|gap| gap.what == "which model servers are behind an endpoint picker");
    assert!(gap.is_some(), "{:?}", hidden.gaps);
}
