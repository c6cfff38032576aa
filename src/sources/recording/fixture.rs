//! A small reading in which every kind of object stands once, every name of its owner's own making.

mod ledger;
mod metrics;
mod scaled;

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::model::budget::{DisruptionBudget, Requirement};
use crate::model::cluster::{
    Container, Controller, CostCategory, CostProduct, Inventory, Labels, Mount, Node, NodeCost, ObjectRef, OtherCost,
    OwnerRecord, Pod, PodRecord, Port, Resources,
};
use crate::model::devices::{DeviceAddress, DeviceClaim, ExtendedClaim, OfferedDevice};
use crate::model::gap::Gap;
use crate::model::manifest::{Deployed, Deployer};
use crate::model::node_pool::{NodePool, Removes};
use crate::model::pools::InferencePool;
use crate::model::queueing::{ClusterQueue, Flavor, LocalQueue, QueuedWorkload, Queues, Quota};
use crate::model::reading::{Reading, Series};
use crate::model::repository::Kept;
use crate::model::scheduling::{NodeTerm, PodTerm, Scheduling, Toleration};
use crate::model::time::{Grid, Window};
use crate::model::usage::{Column, Signal};

pub(super) fn grid(points: i64) -> Grid {
    let start = Timestamp::from_second(1_760_000_000).unwrap();
    let end = Timestamp::from_second(1_760_000_000 + points * 60).unwrap();
    Grid {
        window: Window { start, end },
        step_seconds: 60,
    }
}

pub(super) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn object(kind: &str, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: "batch/v1".to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        uid: Some("5ecret00-1234-4321-8888-cafe12345678".to_owned()),
    }
}

fn device() -> DeviceAddress {
    DeviceAddress {
        driver: "gpu.nvidia.com".to_owned(),
        pool: "ip-10-11-12-13.lakehurst.internal".to_owned(),
        device: "gpu-0-mig-19-0-1".to_owned(),
    }
}

fn offered() -> OfferedDevice {
    OfferedDevice {
        address: device(),
        node: Some("ip-10-11-12-13.lakehurst.internal".to_owned()),
        product: Some("NVIDIA H100 80GB HBM3".to_owned()),
        uuid: Some("MIG-5ecret00-9999-4321-8888-cafe12345678".to_owned()),
        parent_uuid: Some("GPU-5ecret00-9999-4321-8888-cafe12345678".to_owned()),
        pci_bus_id: Some("5ca1:ab1e:0.0".to_owned()),
        profile: Some("1g.10gb".to_owned()),
        on_demand: true,
    }
}

fn claim() -> DeviceClaim {
    DeviceClaim {
        namespace: "zeppelinlab".to_owned(),
        name: "hindenburg-gpu-x7k2p".to_owned(),
        devices: vec![device()],
        reserved_for: vec!["d00dfeed-1111-4321-8888-cafe12345678".to_owned()],
    }
}

/// Requires something of every kind.
fn scheduling() -> Scheduling {
    let requirement = |key: &str| Requirement {
        key: key.to_owned(),
        operator: "In".to_owned(),
        values: vec!["zeppelinpool".to_owned()],
    };
    let term = PodTerm {
        topology_key: "kubernetes.io/hostname".to_owned(),
        match_labels: labels(&[("app", "zeppelin")]),
        match_expressions: vec![requirement("team")],
        namespaces: vec!["zeppelin".to_owned(), "*".to_owned()],
    };
    Scheduling {
        node_selector: Labels::new(),
        node_affinity: vec![NodeTerm {
            labels: vec![requirement("karpenter.sh/nodepool")],
            fields: vec![requirement("metadata.name")],
        }],
        tolerations: vec![Toleration {
            key: "team".to_owned(),
            exists: false,
            value: "zeppelin".to_owned(),
            effect: "NoSchedule".to_owned(),
        }],
        spread: vec![term.clone()],
        apart: vec![term.clone()],
        beside: vec![term],
        host_ports: vec![8000],
        claims: true,
        claims_devices: true,
        kept_by_budgets: true,
        in_no_budget: true,
        labels: labels(&[("team", "zeppelin")]),
    }
}

fn disruption_budget() -> DisruptionBudget {
    DisruptionBudget {
        namespace: "zeppelinlab".to_owned(),
        name: "balloonbudget".to_owned(),
        match_labels: [("app".to_owned(), "balloon".to_owned())].into(),
        match_expressions: vec![Requirement {
            key: "team".to_owned(),
            operator: "In".to_owned(),
            values: vec!["hindenburg".to_owned()],
        }],
        allowed: 1,
    }
}

fn deployed() -> Deployed {
    Deployed {
        deployer: Some(Deployer::Flux {
            kustomization: "zeppelinlab/airships".to_owned(),
        }),
        replicas_owned_by: BTreeSet::from(["hindenburg-controller".to_owned()]),
        replicas_applied: None,
        kept: vec![Kept {
            repository: "https://git.zeppelin.internal/lakehurst/airships".to_owned(),
            path: Some("clusters/hindenburg".to_owned()),
            ..Kept::default()
        }],
    }
}

fn controller() -> Controller {
    Controller {
        this: object("Job", "hindenburg-28400"),
        namespace: "zeppelinlab".to_owned(),
        owner: Some(object("CronJob", "hindenburg")),
        labels: labels(&[("team", "airships")]),
        annotations: labels(&[("gpuwise.dev/owner", "airships")]),
        replicas: None,
        deployed: Some(deployed()),
        args: vec!["python zeppelin_train.py".to_owned()],
    }
}

fn queues() -> Queues {
    Queues {
        cluster_queues: vec![ClusterQueue {
            name: "zeppelinqueue".to_owned(),
            cohort: Some("airships".to_owned()),
            stopped: true,
            quotas: vec![Quota {
                flavor: "hindenburg-h100".to_owned(),
                resource: "nvidia.com/gpu".to_owned(),
                nominal: 16.0,
                borrowing_limit: Some(0.0),
                used: Some(8.0),
            }],
        }],
        local_queues: vec![LocalQueue {
            namespace: "zeppelinlab".to_owned(),
            name: "balloonqueue".to_owned(),
            cluster_queue: "zeppelinqueue".to_owned(),
        }],
        flavors: vec![Flavor {
            name: "hindenburg-h100".to_owned(),
            node_labels: labels(&[("karpenter.sh/nodepool", "zeppelinpool")]),
        }],
        workloads: vec![QueuedWorkload {
            namespace: "zeppelinlab".to_owned(),
            name: "job-hindenburg-28401-x7k2p".to_owned(),
            owner: Some(object("Job", "hindenburg-28401")),
            queue: "balloonqueue".to_owned(),
            cluster_queue: Some("zeppelinqueue".to_owned()),
            gpus: Resources::from([("nvidia.com/gpu".to_owned(), 8.0)]),
            queued: Some(Timestamp::from_second(1_760_000_000).unwrap()),
            admitted: Some(Timestamp::from_second(1_760_000_060).unwrap()),
            finished: true,
            inactive: true,
        }],
    }
}

fn pod() -> Pod {
    let container = Container {
        name: "zeppelinmain".to_owned(),
        image: "registry.zeppelin.internal/ml/vllm-openai:v0.12.1".to_owned(),
        args: vec!["--model=zeppelin/chat-7b".to_owned()],
        env: labels(&[("MODEL_NAME", "zeppelinchat")]),
        requests: Resources::from([("nvidia.com/gpu".to_owned(), 0.1 + 0.2)]),
        ports: vec![Port {
            number: 8000,
            name: "zeppelinport".to_owned(),
        }],
        probed: true,
        mounts: vec![Mount {
            path: "/zeppelin/checkpoints".to_owned(),
            claim: Some("zeppelinclaim".to_owned()),
        }],
    };
    Pod {
        namespace: "zeppelinlab".to_owned(),
        name: "hindenburg-28400-x7k2p".to_owned(),
        uid: "d00dfeed-1111-4321-8888-cafe12345678".to_owned(),
        node: Some("ip-10-11-12-13.lakehurst.internal".to_owned()),
        phase: "Running".to_owned(),
        labels: labels(&[
            ("batch.kubernetes.io/job-name", "hindenburg-28400"),
            ("team", "airships"),
        ]),
        annotations: labels(&[("karpenter.sh/do-not-disrupt", "true")]),
        owner: Some(object("Job", "hindenburg-28400")),
        pod_group: Some("zeppelin-gang".to_owned()),
        containers: vec![container],
        node_selector: labels(&[("karpenter.sh/nodepool", "zeppelinpool")]),
        scheduling: scheduling(),
        counted: Some(Resources::from([("nvidia.com/gpu".to_owned(), 8.0)])),
        claims_devices: true,
        claims: vec!["hindenburg-gpu-x7k2p".to_owned()],
        extended_claim: Some(ExtendedClaim {
            claim: "zeppelin-extended-b4c5d".to_owned(),
            resources: vec!["nvidia.com/gpu".to_owned()],
        }),
        created: None,
        ready: None,
        started: Some(Timestamp::from_second(1_760_000_001).unwrap()),
        finished: None,
    }
}

fn pool() -> InferencePool {
    InferencePool {
        namespace: "zeppelinlab".to_owned(),
        name: "balloonpool".to_owned(),
        selector: labels(&[("team", "airships")]),
        picker: Some("balloonpicker".to_owned()),
        fails_open: Some(false),
    }
}

fn record() -> PodRecord {
    let at = |second| Timestamp::from_second(second).unwrap();
    PodRecord {
        namespace: "zeppelinlab".to_owned(),
        name: "hindenburg-28399-b4c5d".to_owned(),
        uid: None,
        node: Some("ip-10-11-12-13.lakehurst.internal".to_owned()),
        owner_kind: Some("Job".to_owned()),
        owner_name: Some("hindenburg-28399".to_owned()),
        requests: Resources::from([("nvidia.com/gpu".to_owned(), 8.0)]),
        first: at(1_760_000_000),
        last: at(1_760_000_120),
        created: None,
        ready: None,
    }
}

fn inventory() -> Inventory {
    let at = |second| Timestamp::from_second(second).unwrap();
    let node_labels = [
        ("nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3"),
        ("karpenter.sh/nodepool", "zeppelinpool"),
        ("kubernetes.io/hostname", "ip-10-11-12-13.lakehurst.internal"),
    ];
    Inventory {
        nodes: vec![Node {
            name: "ip-10-11-12-13.lakehurst.internal".to_owned(),
            labels: labels(&node_labels),
            annotations: labels(&[("machine.openshift.io/machine", "lakehurst/zeppelinpool-x7k2p")]),
            allocatable: Resources::from([("cpu".to_owned(), 191.45)]),
            taints: vec![
                "dedicated=zeppelinlab:NoSchedule".to_owned(),
                "nvidia.com/gpu:NoSchedule".to_owned(),
            ],
            created: Some(at(1_750_000_000)),
            other_pods: 2,
            strict_daemons: Some(BTreeSet::from(["lakehurst/zeppelin-agent".to_owned()])),
        }],
        pods: vec![pod()],
        queues: queues(),
        pools: vec![pool()],
        devices: vec![offered()],
        device_claims: vec![claim()],
        controllers: vec![controller()],
        hpas: vec![scaled::hpa()],
        ledger: Some(ledger::ledger()),
        metrics: Some(metrics::facts()),
        disruption_budgets: vec![disruption_budget()],
        node_pools: vec![NodePool {
            name: "zeppelinpool".to_owned(),
            removes: Removes::Underutilized,
            after_hours: Some(0.5),
        }],
        pod_history: vec![record()],
        owner_history: vec![OwnerRecord {
            namespace: "zeppelinlab".to_owned(),
            kind: "Job".to_owned(),
            name: "hindenburg-28399".to_owned(),
            owner_kind: "CronJob".to_owned(),
            owner_name: "hindenburg".to_owned(),
        }],
        node_costs: vec![NodeCost {
            node: "ip-10-11-12-13.lakehurst.internal".to_owned(),
            instance_type: Some("p5.48xlarge".to_owned()),
            region: Some("us-east-1".to_owned()),
            hours: 1.0 / 3.0,
            total_cost: 55.04,
            gpus: None,
            spot: Some(false),
            adjusted: true,
            by_default: false,
            told_by: CostProduct::default(),
        }],
        other_costs: vec![OtherCost {
            category: CostCategory::Storage,
            total_cost: 12.5,
            hours: 0.1,
        }],
    }
}

pub(super) fn reading() -> Reading {
    let device = labels(&[
        ("UUID", "GPU-5ca1ab1e-2222-4321-8888-cafe12345678"),
        ("Hostname", "ip-10-11-12-13.lakehurst.internal"),
        ("modelName", "NVIDIA H100 80GB HBM3"),
        ("exported_pod", "hindenburg-28400-x7k2p"),
        ("exported_namespace", "zeppelinlab"),
        ("gpu", "3"),
    ]);
    let server = labels(&[("pod", "balloon-7d9f8b6c4-x7k2p"), ("model_name", "zeppelin/chat-7b")]);
    let series = |signal, labels: &Labels, values: [Option<f64>; 4]| Series {
        signal,
        labels: labels.clone(),
        column: Column::from_options(values),
    };
    let bound = labels(&[
        ("exported_namespace", "zeppelinlab"),
        ("pods", "balloon-7d9f8b6c4"),
        ("le", "+Inf"),
    ]);
    // Four minutes are less than an hour: a single point.
    let hours = Series {
        signal: Signal::TimeToFirstToken,
        labels: bound,
        column: Column::from_options([Some(0.1 + 0.2)]),
    };
    let mut reading = Reading {
        cluster: "zeppelincluster".to_owned(),
        grid: grid(4),
        currency: "EUR".to_owned(),
        inventory: inventory(),
        series: vec![
            series(Signal::GpuUtil, &device, [Some(0.0), None, Some(-0.0), Some(99.9)]),
            series(Signal::MemoryUsed, &device, [None, None, None, None]),
            series(
                Signal::RequestsRunning,
                &server,
                [Some(1e-300), Some(0.1 + 0.2), None, None],
            ),
            hours,
        ],
        requests: vec![scaled::requests()],
        asked: vec![
            Signal::GpuUtil,
            Signal::MemoryUsed,
            Signal::Power,
            Signal::RequestsRunning,
        ],
        gaps: vec![Gap::new(
            "no-costs",
            "what zeppelinlab costs",
            "http://opencost.lakehurst.internal:9003 did not answer",
            "check the URL",
        )],
    };
    reading.settle();
    reading
}
