//! Small plans, built by hand, for the tests of every report.

use serde_json::Value;

use crate::model::gpu::GpuKind;
use crate::model::histogram::{LatencyRow, ServingRow};
use crate::model::plan::{
    Busy, Coverage, GapRow, HeldBy, Kept, MemoryRow, Plan, PlanSaving, PlanSpend, Proof, Row, RowSaving, Shape,
    SubjectRef, Unknown, Verdict, WorkloadRow,
};
use crate::model::scenario::{Evidence, Interval, Level, Move};
use crate::model::snapshot::{ByCategory, PriceBasis};
use crate::model::time::Window;
use crate::model::units::{GpuCount, Monthly};
use crate::model::workload::{CapacityType, Class, PriceSource};

pub(super) fn shape(fields: &[(&str, Value)]) -> Shape {
    fields
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect()
}

pub(super) fn workload(id: &str, namespace: &str, name: &str, monthly: Option<f64>) -> WorkloadRow {
    WorkloadRow {
        id: id.to_owned(),
        cluster: "prod-eu".to_owned(),
        group: "apps".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        owner: Some(format!("team-{namespace}")),
        owner_because: Some("label team".to_owned()),
        verdict: Verdict::Change,
        class: Class::Inference,
        class_confidence: 0.97,
        class_because: vec!["serves vllm metrics".to_owned()],
        runs: 1,
        queue: None,
        inference_pools: Vec::new(),
        gpus: GpuCount::new(8.0),
        gpu: Some("H100-80GB".to_owned()),
        capacity_type: CapacityType::OnDemand,
        monthly: monthly.map(Monthly::new),
        price: monthly.map(|_| PriceSource {
            source: "AWS list price".to_owned(),
            as_of: "2026-10-30".to_owned(),
        }),
        gpu_busy: Some(Busy {
            p50: 0.04,
            p95: 0.09,
            p99: 0.12,
            coverage: 0.99,
            signal: "DCGM_FI_PROF_GR_ENGINE_ACTIVE".to_owned(),
        }),
        memory_gib: MemoryRow {
            need_max: Some(14.2),
            reserved_max: Some(71.0),
        },
        serving: None,
        requests: None,
        start_seconds: None,
        live: None,
        objectives: Vec::new(),
        history: None,
    }
}

/// How a model server served, its slowest requests above the last bucket.
pub(super) fn serving() -> ServingRow {
    let latency = |p50, p99, signal: &str| LatencyRow {
        p50: Some(p50),
        p95: Some(p50 * 2.0),
        p99,
        mean: Some(p50),
        count: 12_000.0,
        coverage: 0.98,
        signal: signal.to_owned(),
    };
    ServingRow {
        time_to_first_token_seconds: Some(latency(0.21, Some(1.25), "time_to_first_token")),
        inter_token_latency_seconds: None,
        request_latency_seconds: Some(latency(6.2, None, "request_latency")),
        prompt_tokens_per_request: Some(812.4),
        answer_tokens_per_request: None,
    }
}

pub(super) fn row(id: &str, workload: &str, leaves: f64, frees: f64) -> Row {
    Row {
        id: id.to_owned(),
        levers: vec!["smaller-gpu".to_owned()],
        subject: SubjectRef::workload(workload),
        title: "Run on a smaller GPU".to_owned(),
        from: shape(&[("gpu", "H100-80GB".into())]),
        to: shape(&[("gpu", "L40S".into())]),
        moves: vec![Move::UseGpu {
            from: GpuKind::whole("H100-80GB"),
            to: GpuKind::whole("L40S"),
            per_pod: 1,
            slowdown: 1.0,
        }],
        nodes: None,
        saving: RowSaving {
            monthly: Interval {
                mid: Some(leaves + frees),
                ..Interval::default()
            },
            leaves_bill_monthly: Monthly::new(leaves),
            frees_capacity_monthly: Monthly::new(frees),
            frees_gpus: GpuCount::new(4.0),
            alone_monthly: Monthly::new(leaves + frees),
        },
        service: None,
        proof: Proof::Arithmetic,
        replay: None,
        confidence: Level::High,
        risk: Level::Low,
        evidence: vec![Evidence {
            what: "Memory that it needs at most, GiB".to_owned(),
            query: "max_over_time(DCGM_FI_DEV_FB_USED[14d])".to_owned(),
            value: Some(14.2),
            coverage: Some(0.99),
        }],
        needs_human: vec!["Check that L40S nodes may be created".to_owned()],
        rollback: "Revert the commit".to_owned(),
        decision: None,
        pull_request: None,
        held_by: None,
        experiment: None,
    }
}

pub(super) fn kept(lever: &str, workload: &str, reason: &str, because: &str) -> Kept {
    Kept {
        lever: lever.to_owned(),
        subject: SubjectRef::workload(workload),
        reason: reason.to_owned(),
        because: because.to_owned(),
    }
}

fn held() -> Row {
    let mut row = row("r-held", "w-train", 9_000.0, 0.0);
    row.held_by = Some(HeldBy {
        rule: "frozen until the release".to_owned(),
        place: "policy.yaml:12".to_owned(),
        until: Some("2026-12-01".to_owned()),
    });
    row
}

fn experiment() -> Row {
    let mut row = row("r-try", "w-chat", 5_000.0, 0.0);
    row.levers = vec!["quantization".to_owned()];
    row.title = "Serve in FP8".to_owned();
    row.proof = Proof::None;
    row.experiment = Some("Serve a tenth of requests in FP8 for a week; answers must score within 1%".to_owned());
    row
}

fn coverage() -> Coverage {
    Coverage {
        clusters: vec!["prod-eu".to_owned()],
        gpus: 128,
        gpus_with_metrics: 120,
        workloads: 4,
        samples: 21_000_000,
        spend_judged: Some(0.83),
        spend_unknown: Some(0.14),
        spend_out_of_scope: Some(0.03),
        gaps: vec![GapRow {
            what: "8 GPUs have no metrics".to_owned(),
            why: "node gpu-7 runs no DCGM exporter".to_owned(),
            fix: "Scrape DCGM on node gpu-7".to_owned(),
            monthly: Some(Monthly::new(20_000.0)),
        }],
    }
}

/// A plan with something in every list.
pub(super) fn plan() -> Plan {
    let at = |text: &str| text.parse().unwrap();
    Plan {
        api_version: "gpuwise/v1alpha1".to_owned(),
        kind: "Plan".to_owned(),
        window: Window {
            start: at("2026-11-01T00:00:00Z"),
            end: at("2026-11-15T00:00:00Z"),
        },
        timezone: "UTC".to_owned(),
        currency: "USD".to_owned(),
        coverage: coverage(),
        spend: Some(PlanSpend {
            monthly: Monthly::new(412_000.0),
            unallocated_monthly: Monthly::new(31_000.0),
            price_basis: PriceBasis::List,
            commitments: 0,
            by_category: ByCategory {
                gpu: Monthly::new(412_000.0),
                ..ByCategory::default()
            },
        }),
        workloads: vec![
            workload("w-chat", "chat", "llama-70b", Some(120_000.0)),
            workload("w-train", "research", "pretrain", Some(200_000.0)),
            workload("w-dark", "vision", "detector", Some(58_000.0)),
            workload("w-busy", "search", "embedder", Some(30_000.0)),
        ],
        accepted: vec![
            row("r-1", "w-chat", 80_000.0, 20_000.0),
            row("r-2", "w-busy", 4_000.0, 3_000.0),
        ],
        experiments: vec![experiment()],
        held_back: vec![held()],
        kept: vec![kept(
            "idle-gpu",
            "w-busy",
            "in-use",
            "its GPUs were busy 81% of the time",
        )],
        unknown: vec![Unknown {
            lever: "idle-gpu".to_owned(),
            subject: SubjectRef::workload("w-dark"),
            reason: "no-gpu-activity".to_owned(),
            missing: "GPU activity of its pods".to_owned(),
            fix: "Scrape DCGM on node gpu-7".to_owned(),
        }],
        saving: PlanSaving {
            monthly: Interval {
                mid: Some(107_000.0),
                ..Interval::default()
            },
            leaves_bill_monthly: Monthly::new(84_000.0),
            frees_capacity_monthly: Monthly::new(23_000.0),
            overlap_monthly: Monthly::ZERO,
        },
        notes: Vec::new(),
        since: None,
        finops: None,
        returns: None,
    }
}

/// A plan whose first row is of a node pool that others empty: nothing is to be done for it alone.
pub(super) fn with_a_pool_first() -> Plan {
    let mut plan = plan();
    let mut pool = row("node-pool:h100", "h100", 90_000.0, 0.0);
    pool.subject = SubjectRef::pool("h100");
    pool.title = "nodes of h100 go away".to_owned();
    pool.moves = Vec::new();
    pool.needs_human =
        vec!["it follows from the other rows of this pool: nothing is to be done for it alone".to_owned()];
    plan.accepted.insert(0, pool);
    plan
}

/// The same where no node has a price.
pub(super) fn unpriced() -> Plan {
    let mut plan = plan();
    plan.spend = None;
    plan.coverage.spend_judged = None;
    plan.coverage.spend_unknown = None;
    plan.coverage.spend_out_of_scope = None;
    plan.coverage.gaps[0].monthly = None;
    for workload in &mut plan.workloads {
        workload.monthly = None;
        workload.price = None;
    }
    let rows = [&mut plan.accepted, &mut plan.experiments, &mut plan.held_back];
    for row in rows.into_iter().flatten() {
        row.saving.monthly = Interval::default();
        row.saving.leaves_bill_monthly = Monthly::ZERO;
        row.saving.frees_capacity_monthly = Monthly::ZERO;
        row.saving.alone_monthly = Monthly::ZERO;
    }
    plan.saving.monthly = Interval::default();
    plan.saving.leaves_bill_monthly = Monthly::ZERO;
    plan.saving.frees_capacity_monthly = Monthly::ZERO;
    plan
}

/// A plan that saw nothing.
pub(super) fn empty() -> Plan {
    let mut plan = unpriced();
    plan.coverage.gaps.clear();
    plan.coverage.workloads = 0;
    plan.coverage.gpus = 0;
    plan.workloads.clear();
    plan.accepted.clear();
    plan.experiments.clear();
    plan.held_back.clear();
    plan.kept.clear();
    plan.unknown.clear();
    plan
}

/// A plan with this many accepted rows, each worth $1,000 on the bill, and a workload for each.
pub(super) fn with_rows(number: usize) -> Plan {
    let mut plan = plan();
    plan.workloads = (0..number)
        .map(|at| workload(&format!("w-{at}"), "many", &format!("job-{at:04}"), Some(2_000.0)))
        .collect();
    plan.accepted = (0..number)
        .map(|at| row(&format!("r-{at}"), &format!("w-{at}"), 1_000.0, 0.0))
        .collect();
    plan.saving.leaves_bill_monthly = Monthly::new(1_000.0 * number as f64);
    plan.saving.frees_capacity_monthly = Monthly::ZERO;
    plan.saving.monthly.mid = Some(1_000.0 * number as f64);
    plan
}
