//! Ledgers and plans of one day, made by hand.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;

use super::super::{Asked, Key};
use crate::engine::Scope;
use crate::model::amount::Amount;
use crate::model::ledger::{Account, Costs, Entry, Holder, Ledger, LedgerDay, LedgerNode, ToldBy};
use crate::model::plan::Plan;
use crate::model::snapshot::GpuNode;
use crate::model::time::Window;
use crate::model::units::{Hourly, Share};
use crate::model::workload::{CapacityType, PriceSource};

pub(super) fn amount(value: f64) -> Amount {
    Amount::new(value).unwrap()
}

pub(super) fn window(from: &str, to: &str) -> Window {
    Window {
        start: from.parse().unwrap(),
        end: to.parse().unwrap(),
    }
}

pub(super) fn day(date: &str) -> Window {
    let first: Date = date.parse().unwrap();
    let at = |date: Date| date.to_zoned(TimeZone::UTC).unwrap().timestamp();
    Window {
        start: at(first),
        end: at(first.tomorrow().unwrap()),
    }
}

pub(super) fn pods(node: &str, namespace: &str, name: &str, labels: &[(&str, &str)]) -> Account {
    Account {
        node: Some(node.to_owned()),
        namespace: Some(namespace.to_owned()),
        kind: Some("deployment".to_owned()),
        controller: Some(name.to_owned()),
        labels: labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Account::default()
    }
}

pub(super) fn nobody(holder: Holder, node: Option<&str>) -> Account {
    Account {
        holder,
        node: node.map(str::to_owned),
        ..Account::default()
    }
}

pub(super) fn entry(account: u32, gpu_hours: f64, [gpu, cpu, memory, storage, network]: [f64; 5]) -> Entry {
    Entry {
        account,
        gpu_hours,
        costs: Costs {
            gpu: amount(gpu),
            cpu: amount(cpu),
            memory: amount(memory),
            storage: amount(storage),
            network: amount(network),
            ..Costs::default()
        },
    }
}

pub(super) fn gpu_node() -> (String, LedgerNode) {
    let node = LedgerNode {
        instance_type: Some("p5.48xlarge".to_owned()),
        gpus: Some(8.0),
        spot: Some(false),
        ..LedgerNode::default()
    };
    ("gpu-1".to_owned(), node)
}

/// A day of a node of eight GPUs at 50 an hour, of which `chat` holds four and `train` two, and of one without GPUs.
pub(super) fn ledger() -> Ledger {
    let accounts = vec![
        pods("gpu-1", "chat", "router", &[("team", "chat"), ("cost_center", "R-D")]),
        pods("gpu-1", "ml", "train", &[]),
        pods("cpu-1", "web", "front", &[("team", "web")]),
        nobody(Holder::Idle, Some("gpu-1")),
        nobody(Holder::Idle, Some("cpu-1")),
        nobody(Holder::Unmounted, None),
        Account {
            controller: Some("ClusterManagement".to_owned()),
            ..nobody(Holder::Assets, None)
        },
    ];
    let mut management = entry(6, 0.0, [0.0; 5]);
    management.costs.shared = amount(2.4);
    let first = LedgerDay {
        window: day("2026-11-02"),
        told: true,
        entries: vec![
            entry(0, 96.0, [200.0, 20.0, 10.0, 0.0, 1.0]),
            entry(1, 48.0, [100.0, 10.0, 5.0, 0.0, 0.0]),
            entry(2, 0.0, [0.0, 6.0, 2.0, 0.5, -0.25]),
            entry(3, 0.0, [100.0, 500.0, 255.0, 0.0, 0.0]),
            entry(4, 0.0, [0.0, 1.0, 1.0, 0.0, 0.0]),
            entry(5, 0.0, [0.0, 0.0, 0.0, 7.0, 0.0]),
            management,
        ],
        nodes: BTreeMap::from([
            ("gpu-1".to_owned(), (24.0, amount(1200.0))),
            ("cpu-1".to_owned(), (24.0, amount(10.0))),
        ]),
        unpriced: 0,
    };
    Ledger {
        told_by: ToldBy::OpenCost,
        accounts,
        nodes: BTreeMap::from([gpu_node()]),
        days: vec![first],
    }
}

pub(super) fn plan(workloads: serde_json::Value) -> Plan {
    serde_json::from_value(json!({
        "apiVersion": "gpuwise/v1alpha1", "kind": "Plan",
        "window": {"start": "2026-11-02T00:00:00Z", "end": "2026-11-03T00:00:00Z"},
        "timezone": "UTC", "currency": "USD",
        "coverage": {"clusters": ["c"], "gpus": 8, "gpus_with_metrics": 8, "workloads": 0, "samples": 0, "spend_judged": null,
            "spend_unknown": null, "spend_out_of_scope": null, "gaps": []},
        "spend": null, "workloads": workloads, "accepted": [], "experiments": [], "held_back": [], "kept": [], "unknown": [],
        "saving": {"monthly": {"low": null, "mid": null, "high": null}, "leaves_bill_monthly": 0.0,
            "frees_capacity_monthly": 0.0, "overlap_monthly": 0.0},
    }))
    .unwrap()
}

pub(super) fn workload(namespace: &str, name: &str, day: serde_json::Value) -> serde_json::Value {
    json!({
        "id": format!("c/{namespace}/Deployment/{name}"), "cluster": "c", "group": "apps", "kind": "Deployment",
        "namespace": namespace, "name": name, "owner": null, "owner_because": null, "verdict": "keep", "class": "inference",
        "class_confidence": 1.0, "class_because": [], "runs": 1, "gpus": 4.0, "gpu": "H100-80GB",
        "capacity_type": "on-demand", "monthly": null, "price": null, "gpu_busy": null,
        "memory_gib": {"need_max": null, "reserved_max": null},
        "history": {"start": null, "step_seconds": 0, "gpus": [], "busy_mean": [], "busy_max": [], "days": [day]},
    })
}

pub(super) fn asked(by: &[Key]) -> Asked {
    Asked {
        period: window("2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z"),
        before: window("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"),
        by: by.to_vec(),
        scope: Scope::default(),
        limit: None,
    }
}

/// A node of eight GPUs under a contract of 30 an hour, which would cost 50.
pub(super) fn reserved(name: &str) -> GpuNode {
    GpuNode {
        name: name.to_owned(),
        pool: None,
        elastic: false,
        goes_after_hours: None,
        consolidates: false,
        labels: BTreeMap::new(),
        taints: Vec::new(),
        strict_daemons: None,
        instance_type: Some("p5.48xlarge".to_owned()),
        region: None,
        gpu: Some(crate::model::gpu::GpuModel("H100-80GB".to_owned())),
        gpus: 8,
        shared: false,
        slices: BTreeMap::new(),
        cpu: None,
        memory: None,
        capacity: CapacityType::Reserved,
        hourly: Some(Hourly::new(30.0)),
        price: Some(PriceSource {
            source: "savings plan `p5`".to_owned(),
            as_of: "2026-11-01".to_owned(),
        }),
        present: Share::new(1.0).unwrap(),
        listed: false,
        measured: false,
        on_demand: Some(Hourly::new(50.0)),
        commitment: Some(0),
        queues: Vec::new(),
        strangers: 0,
    }
}
