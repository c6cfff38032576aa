//! Nodes as each cloud labels them.

use std::collections::BTreeMap;

use super::super::commitments::Cover;
use super::super::nodes::{NodeFacts, facts, gpu_nodes};
use super::*;
use crate::model::cluster::Inventory;
use crate::model::snapshot::GpuNode;
use crate::model::time::{Grid, Window};
use crate::policy::price_book::PriceBook;
use crate::policy::price_sheet::PriceSheet;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn node(pairs: &[(&str, &str)], offered: &[(&str, f64)]) -> Node {
    Node {
        name: "n".to_owned(),
        labels: labels(pairs),
        allocatable: offered
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect(),
        ..Node::default()
    }
}

fn read(node: Node) -> (NodeFacts, Option<GpuNode>) {
    let inventory = Inventory {
        nodes: vec![node],
        ..Inventory::default()
    };
    let (catalog, sheet) = (Catalog::shipped().unwrap(), PriceSheet::default());
    let window = Window {
        start: "2026-11-20T00:00:00Z".parse().unwrap(),
        end: "2026-11-21T00:00:00Z".parse().unwrap(),
    };
    let book = PriceBook::new(&catalog, &sheet, "USD", window);
    let mut facts = facts(&inventory, &catalog, &book, "2026-11-21");
    let grid = Grid {
        window,
        step_seconds: 60,
    };
    let nodes = gpu_nodes(&inventory, &facts, &Cover::default(), grid);
    (facts.remove("n").unwrap(), nodes.into_iter().next())
}

/// Model, count and capacity type in one line.
fn told(pairs: &[(&str, &str)], offered: &[(&str, f64)]) -> String {
    let (facts, _) = read(node(pairs, offered));
    let model = facts.gpu.map_or("?".to_owned(), |model| model.0);
    let count = facts.gpus.map_or("?".to_owned(), |count| count.to_string());
    format!("{count} x {model} {:?}", facts.capacity)
}

const GPUS: &str = "nvidia.com/gpu";

#[test]
fn karpenter_names_gpus_on_every_cloud() {
    // A type that the catalogue does not have, so that only labels tell.
    let aws = [
        ("node.kubernetes.io/instance-type", "p9.48xlarge"),
        ("karpenter.sh/nodepool", "gpu"),
        ("karpenter.sh/capacity-type", "spot"),
        ("karpenter.k8s.aws/instance-gpu-name", "a100"),
        ("karpenter.k8s.aws/instance-gpu-memory", "40960"),
        ("karpenter.k8s.aws/instance-gpu-count", "8"),
    ];
    assert_eq!(told(&aws, &[(GPUS, 8.0)]), "8 x A100-40GB Spot");
    let auto = [
        ("karpenter.sh/nodepool", "gpu"),
        ("karpenter.sh/capacity-type", "reserved"),
        ("eks.amazonaws.com/instance-gpu-name", "l40s"),
        ("eks.amazonaws.com/instance-gpu-memory", "45776"),
        ("eks.amazonaws.com/instance-gpu-count", "4"),
    ];
    assert_eq!(told(&auto, &[]), "4 x L40S Reserved");
    let azure = [
        ("karpenter.sh/nodepool", "gpu"),
        ("karpenter.sh/capacity-type", "on-demand"),
        ("karpenter.azure.com/sku-gpu-name", "T4"),
        ("karpenter.azure.com/sku-gpu-count", "4"),
    ];
    assert_eq!(told(&azure, &[(GPUS, 4.0)]), "4 x T4 OnDemand");
    // `A100` without its memory is two GPUs, and stays unknown.
    let ambiguous = [("karpenter.azure.com/sku-gpu-name", "A100")];
    assert_eq!(told(&ambiguous, &[(GPUS, 2.0)]), "2 x ? Unknown");
}

#[test]
fn a_fraction_of_a_gpu_is_no_gpu() {
    // EC2's G6f: an eighth of an L4.
    let g6f = [
        ("node.kubernetes.io/instance-type", "g6f.large"),
        ("karpenter.sh/nodepool", "gpu"),
        ("karpenter.k8s.aws/instance-gpu-name", "l4"),
        ("karpenter.k8s.aws/instance-gpu-memory", "2861"),
        ("karpenter.k8s.aws/instance-gpu-count", "0"),
    ];
    assert_eq!(told(&g6f, &[("cpu", 2.0)]), "0 x ? Unknown");
    assert!(read(node(&g6f, &[("cpu", 2.0)])).1.is_none());
}

#[test]
fn managed_pools_say_how_they_are_bought() {
    let eks = |capacity| {
        let pairs = [
            ("eks.amazonaws.com/nodegroup", "gpu"),
            ("eks.amazonaws.com/capacityType", capacity),
        ];
        read(node(&pairs, &[(GPUS, 1.0)])).0.capacity
    };
    assert_eq!(eks("SPOT"), CapacityType::Spot);
    assert_eq!(eks("ON_DEMAND"), CapacityType::OnDemand);
    assert_eq!(eks("CAPACITY_BLOCK"), CapacityType::Reserved);
    let of = |label: &str, value: &str| capacity(&labels(&[(label, value)]));
    assert_eq!(of("cloud.google.com/gke-spot", "true"), CapacityType::Spot);
    assert_eq!(of("cloud.google.com/gke-provisioning", "spot"), CapacityType::Spot);
    assert_eq!(
        of("cloud.google.com/gke-provisioning", "standard"),
        CapacityType::Unknown
    );
    assert_eq!(of("cloud.google.com/reservation-name", "h100s"), CapacityType::Reserved);
    assert_eq!(of("kubernetes.azure.com/scalesetpriority", "spot"), CapacityType::Spot);
    assert_eq!(of("kubernetes.azure.com/agentpool", "gpu"), CapacityType::Unknown);
    assert_eq!(
        of("machine.openshift.io/interruptible-instance", ""),
        CapacityType::Spot
    );
    let borrowed = labels(&[
        ("karpenter.sh/capacity-type", "on-demand"),
        ("karpenter.k8s.aws/capacity-reservation-id", "cr-0123"),
    ]);
    assert_eq!(capacity(&borrowed), CapacityType::Reserved);
}

#[test]
fn pools_and_who_removes_their_nodes() {
    let with = |pairs: &[(&str, &str)], annotations: &[(&str, &str)], removes: Removes| {
        let node = Node {
            annotations: labels(annotations),
            ..node(pairs, &[(GPUS, 1.0)])
        };
        let pool = NodePool {
            name: "gpu".to_owned(),
            removes,
            after_hours: None,
        };
        let pools = [pool];
        let is = (is_elastic(&node, &pools), consolidates(&node, &pools));
        (super::pool(&node).unwrap_or_default(), is.0, is.1)
    };
    let of = |pairs: &[(&str, &str)], annotations: &[(&str, &str)]| with(pairs, annotations, Removes::Underutilized);
    let karpenter = [("karpenter.sh/nodepool", "gpu")];
    assert_eq!(of(&karpenter, &[]), ("gpu".to_owned(), true, true));
    assert_eq!(with(&karpenter, &[], Removes::Empty), ("gpu".to_owned(), true, false));
    assert_eq!(
        with(&karpenter, &[], Removes::Nothing),
        ("gpu".to_owned(), false, false)
    );
    let shared = |removes: Removes| {
        let node = Node {
            other_pods: 1,
            ..node(&karpenter, &[(GPUS, 1.0)])
        };
        let pool = NodePool {
            name: "gpu".to_owned(),
            removes,
            after_hours: None,
        };
        is_elastic(&node, &[pool])
    };
    assert!(
        !shared(Removes::Empty) && shared(Removes::Underutilized),
        "what else is on it is moved, or is not"
    );
    let untold = [("karpenter.sh/nodepool", "that nobody may read")];
    let what = "what is not known moves nothing";
    assert_eq!(of(&untold, &[]), (untold[0].1.to_owned(), true, false), "{what}");
    let pinned = [("karpenter.sh/do-not-disrupt", "true")];
    assert_eq!(of(&karpenter, &pinned), ("gpu".to_owned(), false, false));
    let gke = [("cloud.google.com/gke-nodepool", "a3")];
    assert_eq!(of(&gke, &[]), ("a3".to_owned(), true, false));
    let kept = [("cluster-autoscaler.kubernetes.io/scale-down-disabled", "true")];
    assert_eq!(of(&gke, &kept), ("a3".to_owned(), false, false));
    assert_eq!(of(&[("kubernetes.azure.com/agentpool", "nc")], &[]).0, "nc");
    // The machine behind the T4 node of cncf/k8s-ai-conformance, v1.35 openshift.
    let machine = [(
        "machine.openshift.io/machine",
        "openshift-machine-api/harpatil4220c-g9kfm-gpu-c-rd8r8",
    )];
    assert_eq!(of(&[], &machine), ("harpatil4220c-g9kfm-gpu-c".to_owned(), true, false));
    let set = [
        ("cluster.x-k8s.io/owner-kind", "MachineSet"),
        ("cluster.x-k8s.io/owner-name", "gpu-md-0"),
    ];
    assert_eq!(of(&[], &set).0, "gpu-md-0");
    assert_eq!(of(&[], &[]), (String::new(), false, false));
}

#[test]
fn other_clouds_have_names_of_their_own() {
    let gke = [("cloud.google.com/gke-accelerator", "nvidia-l4")];
    assert_eq!(told(&gke, &[(GPUS, 2.0)]), "2 x L4 Unknown");
    let coreweave = |class: &str| told(&[("gpu.nvidia.com/class", class)], &[(GPUS, 8.0)]);
    assert_eq!(coreweave("A100_PCIE_80GB"), "8 x A100-80GB-PCIE Unknown");
    assert_eq!(coreweave("A100_NVLINK_80GB"), "8 x A100-80GB Unknown");
    assert_eq!(coreweave("RTX_A5000"), "8 x ? Unknown");
    // A node of Alibaba's openb trace.
    let openb = [("alibabacloud.com/gpu-card-model", "T4")];
    let offered = [
        ("alibabacloud.com/gpu-count", 4.0),
        ("alibabacloud.com/gpu-milli", 4000.0),
    ];
    assert_eq!(told(&openb, &offered), "4 x T4 Unknown");
    assert_eq!(told(&[], &[("amd.com/gpu", 8.0)]), "8 x ? Unknown");
}

#[test]
fn shares_are_no_gpus() {
    // cncf/k8s-ai-conformance, v1.35 openshift, GPU sharing: two T4 offered as eight.
    let renamed_not = [
        ("nvidia.com/gpu.product", "Tesla-T4-SHARED"),
        ("nvidia.com/gpu.count", "2"),
        ("nvidia.com/gpu.replicas", "4"),
    ];
    assert_eq!(told(&renamed_not, &[(GPUS, 8.0)]), "2 x T4 Unknown");
    let (facts, _) = read(node(&renamed_not[..1], &[(GPUS, 8.0)]));
    // Nobody says how many replicas: eight shares are no count of GPUs.
    assert_eq!(facts.gpus, None);
    let asks = |name: &str| Resources::from([(name.to_owned(), 1.0)]);
    assert_eq!(facts.sliced_in_time(&asks(GPUS)), Some(None));
    let (facts, offered) = read(node(&renamed_not, &[(GPUS, 8.0)]));
    assert_eq!(facts.sliced_in_time(&asks(GPUS)), Some(Some(0.25)));
    // Nobody gets a whole GPU here.
    assert!(offered.unwrap().shared);
    let renamed = [("nvidia.com/gpu.product", "Tesla-T4"), ("nvidia.com/gpu.replicas", "4")];
    let (facts, _) = read(node(&renamed, &[("nvidia.com/gpu.shared", 8.0)]));
    assert_eq!(facts.gpus, Some(2));
    let whole = [("nvidia.com/gpu.product", "Tesla-T4"), ("nvidia.com/gpu.replicas", "1")];
    let (facts, offered) = read(node(&whole, &[(GPUS, 2.0)]));
    assert!(!offered.unwrap().shared);
    assert_eq!((facts.gpus, facts.sliced_in_time(&asks(GPUS))), (Some(2), None));
}

#[test]
fn mig_counts_slices_and_we_count_gpus() {
    let single = [
        ("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"),
        ("nvidia.com/gpu.count", "56"),
        ("nvidia.com/gpu.memory", "4864"),
        ("nvidia.com/mig.strategy", "single"),
    ];
    let (facts, offered) = read(node(&single, &[(GPUS, 56.0)]));
    assert_eq!((facts.gpus, facts.gpu.unwrap().0.as_str()), (Some(8), "A100-40GB"));
    assert_eq!(offered.unwrap().slices, BTreeMap::from([("1g.5gb".to_owned(), 56)]));
    // Cut in another way than to the end: no count.
    assert_eq!(read(node(&single, &[(GPUS, 50.0)])).0.gpus, None);
    let mixed = [
        ("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-40GB"),
        ("nvidia.com/gpu.count", "8"),
        ("nvidia.com/mig-3g.20gb.count", "8"),
        ("nvidia.com/mig-1g.5gb.replicas", "2"),
    ];
    let shared = ("nvidia.com/mig-1g.5gb.shared", 14.0);
    let (facts, offered) = read(node(&mixed, &[(GPUS, 3.0), ("nvidia.com/mig-3g.20gb", 8.0), shared]));
    assert_eq!(facts.gpus, Some(8));
    let slices = BTreeMap::from([("1g.5gb".to_owned(), 7), ("3g.20gb".to_owned(), 8)]);
    assert_eq!(offered.unwrap().slices, slices);
    let asks = Resources::from([("nvidia.com/mig-1g.5gb.shared".to_owned(), 1.0)]);
    assert_eq!(facts.sliced_in_time(&asks), Some(Some(0.5)));
}
