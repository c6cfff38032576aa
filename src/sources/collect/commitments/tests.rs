//! Commitments over three nodes of one type, by hand.

use super::*;
use crate::catalog::Catalog;
use crate::model::cluster::{Labels, Node};
use crate::model::commitment::CommitmentKind;
use crate::policy::price_book::PriceBook;
use crate::sources::collect::nodes;

pub(super) const LIST: f64 = 55.04;

pub(super) fn window() -> Window {
    Window {
        start: "2026-11-02T00:00:00Z".parse().unwrap(),
        end: "2026-11-16T00:00:00Z".parse().unwrap(),
    }
}

pub(super) fn node(name: &str, instance_type: &str, gpus: f64) -> Node {
    let labels = [
        ("node.kubernetes.io/instance-type", instance_type),
        ("topology.kubernetes.io/region", "us-east-1"),
    ];
    Node {
        name: name.to_owned(),
        labels: labels
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect::<Labels>(),
        allocatable: [("nvidia.com/gpu".to_owned(), gpus)].into(),
        ..Node::default()
    }
}

fn plan(name: &str, nodes: u32, hourly: f64, until: &str) -> Commitment {
    Commitment {
        name: name.to_owned(),
        kind: CommitmentKind::SavingsPlan,
        covers: Covers::InstanceType("p5.48xlarge".to_owned()),
        region: None,
        nodes: Some(nodes),
        hourly: Some(Hourly::new(hourly)),
        amount: None,
        from: None,
        until: until.parse().unwrap(),
        place: "policy.yaml:3".to_owned(),
    }
}

/// The cover, and what each node costs.
fn covered(nodes: Vec<Node>, commitments: Vec<Commitment>) -> (Cover, Vec<f64>) {
    let catalog = Catalog::shipped().unwrap();
    let sheet = PriceSheet {
        commitments,
        ..PriceSheet::default()
    };
    let inventory = Inventory {
        nodes,
        ..Inventory::default()
    };
    let book = PriceBook::new(&catalog, &sheet, "USD", window());
    let mut facts = nodes::facts(&inventory, &catalog, &book, "2026-11-16");
    let cover = cover(&mut facts, &inventory, &sheet, "USD", window());
    let prices = facts.values().map(|facts| facts.price.hourly.unwrap().get()).collect();
    (cover, prices)
}

pub(super) fn three() -> Vec<Node> {
    ["a", "b", "c"].map(|name| node(name, "p5.48xlarge", 8.0)).into()
}

#[test]
fn nodes_of_the_kind_cost_what_they_cost_together() {
    let (cover, prices) = covered(three(), vec![plan("one", 1, 30.0, "2027-06-16T00:00:00Z")]);
    let mean = (30.0 + 2.0 * LIST) / 3.0;
    assert!(prices.iter().all(|price| (price - mean).abs() < 1e-9), "{prices:?}");
    assert_eq!(cover.nodes["a"], (0, Some(Hourly::new(LIST))));
    assert!(cover.gaps.is_empty());
}

#[test]
fn a_ladder_of_terms_is_one_commitment_until_the_last_ends() {
    let ladder = vec![
        plan("first", 1, 20.0, "2027-01-01T00:00:00Z"),
        plan("second", 2, 32.0, "2027-06-16T00:00:00Z"),
    ];
    let (cover, prices) = covered(three(), ladder);
    assert_eq!(cover.held.len(), 1);
    assert_eq!(
        (cover.held[0].nodes, cover.held[0].until_day().as_str()),
        (Some(3), "2027-06-16")
    );
    assert_eq!(cover.held[0].name, "first and second");
    assert!(prices.iter().all(|price| (price - 28.0).abs() < 1e-9), "{prices:?}");
    assert!(cover.gaps.is_empty(), "{:?}", cover.gaps);
}

#[test]
fn where_nobody_says_which_nodes_it_is_for_none_is_thought_to_leave() {
    let by_gpu = Commitment {
        covers: Covers::Gpu(crate::model::gpu::GpuModel("H100-80GB".to_owned())),
        ..plan("by GPU", 1, 30.0, "2027-06-16T00:00:00Z")
    };
    let (cover, prices) = covered(
        three(),
        vec![plan("by type", 1, 30.0, "2027-06-16T00:00:00Z"), by_gpu.clone()],
    );
    assert!(cover.held.iter().all(|held| held.nodes.is_none()), "{:?}", cover.held);
    assert_eq!(prices.len(), 3);
    // Nodes of eight GPUs and of one.
    let sizes = vec![node("a", "p5.48xlarge", 8.0), node("b", "p5.4xlarge", 1.0)];
    let (cover, prices) = covered(sizes, vec![by_gpu]);
    assert_eq!(cover.held[0].nodes, None);
    assert!((prices[0] - LIST).abs() < 1e-9, "no price is spread over them");
}

#[test]
fn what_has_ended_and_what_nobody_uses_is_told() {
    let all = vec![
        plan("old", 3, 30.0, "2026-11-01T00:00:00Z"),
        plan("large", 5, 30.0, "2027-06-16T00:00:00Z"),
    ];
    let (cover, prices) = covered(three(), all);
    let codes: Vec<&str> = cover.gaps.iter().map(|gap| gap.gap.code.as_str()).collect();
    assert_eq!(codes, ["commitment-ended", "commitment-unused"]);
    assert_eq!(cover.gaps[1].monthly, Some((Hourly::new(60.0)).monthly()));
    assert!(prices.iter().all(|price| (price - 30.0).abs() < 1e-9));
}

#[test]
fn a_node_of_an_unknown_region_may_be_the_one_that_is_covered() {
    let mut unknown = node("a", "p5.48xlarge", 8.0);
    unknown.labels.remove("topology.kubernetes.io/region");
    let elsewhere = Commitment {
        region: Some("eu-west-1".to_owned()),
        ..plan("far", 1, 30.0, "2027-06-16T00:00:00Z")
    };
    let (cover, _) = covered(vec![unknown, node("b", "p5.48xlarge", 8.0)], vec![elsewhere]);
    assert!(cover.nodes.contains_key("a") && !cover.nodes.contains_key("b"));
}
