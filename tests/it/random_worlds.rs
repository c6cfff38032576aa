//! Ten thousand random clusters: the plan adds up in every one of them, and a cluster that is changed as it says and priced
//! from scratch costs as much less as it says.

mod behaviour;
mod draw;
mod reprice;

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::plan::Plan;
use gpuwise::model::progress::Silent;
use gpuwise::model::snapshot::Snapshot;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use draw::world;
use reprice::repriced;

const WORLDS: u64 = 10_000;

fn judge() -> Judge {
    let policy = "objectives:\n  approved_gpus: [L4, L40S, A100-40GB]\npermissions:\n  least_monthly_saving: 0\n";
    Judge::new(
        &[("policy.yaml".to_owned(), policy.to_owned())],
        Catalog::shipped().unwrap(),
    )
    .unwrap()
}

fn plan(judge: &Judge, snapshot: &Snapshot) -> Plan {
    let scope = Scope::default();
    let hearing = judge.hearing(snapshot, &scope);
    let heard = snapshot
        .workloads
        .iter()
        .cloned()
        .map(|one| hearing.hear(one, &Silent))
        .collect();
    hearing.plan(heard, |workloads| Snapshot {
        workloads,
        ..snapshot.clone()
    })
}

fn adds_up(plan: &Plan) -> Result<(), String> {
    let mut sums = [0.0; 3];
    for row in &plan.accepted {
        let saving = row.saving;
        let mid = saving.monthly.mid.unwrap();
        let parts = saving.leaves_bill_monthly.get() + saving.frees_capacity_monthly.get();
        if (mid - parts).abs() > 0.011 {
            return Err(format!("{}: {mid} is not {parts}", row.id));
        }
        if saving.leaves_bill_monthly.get() < -0.011 {
            return Err(format!("{} raises the bill", row.id));
        }
        if let Some(workload) = plan.workload(&row.subject.id)
            && mid > workload.monthly.unwrap().get() + 0.011
        {
            return Err(format!("{} saves more than it costs", row.id));
        }
        sums[0] += mid;
        sums[1] += saving.leaves_bill_monthly.get();
        sums[2] += saving.alone_monthly.get();
    }
    let total = plan.saving;
    let near = |a: f64, b: f64| (a - b).abs() < 0.02 * (1 + plan.accepted.len()) as f64;
    let mid = total.monthly.mid.unwrap();
    let all = near(mid, sums[0])
        && near(total.leaves_bill_monthly.get(), sums[1])
        && near(total.overlap_monthly.get(), sums[2] - mid)
        && near(
            mid,
            total.leaves_bill_monthly.get() + total.frees_capacity_monthly.get(),
        );
    let within = mid <= plan.spend.as_ref().unwrap().monthly.get() + 0.011;
    (all && within)
        .then_some(())
        .ok_or_else(|| format!("the totals do not add up: {total:?}"))
}

/// Changes, whether what is promised comes true to 1 %, and whether anything is saved.
fn tried(judge: &Judge, seed: u64) -> Result<(usize, bool, bool), String> {
    let (pools, snapshot) = world(seed);
    let plan = plan(judge, &snapshot);
    adds_up(&plan).map_err(|wrong| format!("world {seed}: {wrong}"))?;
    let promised = plan.saving.leaves_bill_monthly.get() / 730.0;
    let comes_true = repriced(&pools, &snapshot, &plan);
    // No more is promised than comes true, whatever an autoscaler does at its best.
    if promised > comes_true * 1.01 + 0.01 {
        let rows = &plan.accepted;
        return Err(format!(
            "world {seed}: {promised} an hour is promised, {comes_true} comes true\n{rows:#?}"
        ));
    }
    let is_exact = promised >= comes_true * 0.99 - 0.01;
    Ok((plan.accepted.len(), is_exact, comes_true > 0.01))
}

#[test]
fn plans_add_up_and_come_true_in_ten_thousand_worlds() {
    let judge = judge();
    let tried: Vec<Result<_, String>> = (0..WORLDS).into_par_iter().map(|seed| tried(&judge, seed)).collect();
    let tried: Vec<(usize, bool, bool)> = tried
        .into_iter()
        .map(|one| one.unwrap_or_else(|wrong| panic!("{wrong}")))
        .collect();
    let changes: usize = tried.iter().map(|(changes, ..)| changes).sum();
    let saving = tried.iter().filter(|(.., saves)| *saves).count();
    let short = tried.iter().filter(|(_, is_exact, _)| !is_exact).count();
    assert!(
        changes > 20_000 && saving > 4_000,
        "the worlds hold too little to change: {changes}, {saving}"
    );
    assert_eq!(short, 0, "plans that promise less than comes true, of {saving}");
}
