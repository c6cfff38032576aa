//! The plan's rows from what was chosen, held, kept and not known.

use serde_json::{Value, json};

use super::Scope;
use super::ask::Answers;
use super::choose::Chosen;
use super::coverage::{self, Figures};
use super::live::landing;
use super::price::Priced;
use super::proved::{replay_of, with_interval};
use super::shapes::shapes;
use crate::model::plan::{
    API_VERSION, HeldBy, KIND, Kept, Plan, PlanSaving, PlanSpend, Proof, Row, RowSaving, Shape, SubjectRef, Unknown,
};
use crate::model::scenario::{Evidence, Interval, Level};
use crate::model::snapshot::Snapshot;
use crate::model::units::{GpuCount, Hourly, Monthly};
use crate::recommenders::World;

pub(super) fn plan(chosen: Chosen, answers: &Answers, figures: Vec<Figures>, world: &World<'_>, scope: &Scope) -> Plan {
    let snapshot = world.snapshot;
    let mut accepted: Vec<Row> = Vec::new();
    for (at, priced) in chosen.accepted.iter().enumerate() {
        let leaves = chosen.outcome.leaves[at] - priced.added;
        let mut row = row(priced, leaves, chosen.alone[at], None, world);
        row.evidence
            .extend(chosen.outcome.stays[at].iter().map(|why| stays(why)));
        accepted.push(row);
    }
    accepted.extend(pool_rows(&chosen, snapshot));
    rank(&mut accepted);
    let mut held_back: Vec<Row> = chosen
        .held
        .iter()
        .zip(&chosen.held_leaves)
        .map(|((priced, rule), leaves)| row(priced, *leaves, priced.net(), Some(rule.clone()), world))
        .collect();
    rank(&mut held_back);
    let mut experiments: Vec<Row> = chosen
        .experiments
        .iter()
        .map(|(priced, leaves)| row(priced, *leaves, priced.net(), None, world))
        .collect();
    rank(&mut experiments);
    let kept = kept(answers, world);
    let unknown = unknown(answers, world);
    let workloads = coverage::workload_rows(world, figures, scope, [&accepted, &held_back, &experiments], &unknown);
    Plan {
        api_version: API_VERSION.to_owned(),
        kind: KIND.to_owned(),
        window: snapshot.grid.window,
        timezone: world.objectives.timezone.clone(),
        currency: snapshot.currency.clone(),
        coverage: coverage::coverage(world, &workloads, &unknown),
        spend: snapshot.spend.as_ref().map(|spend| PlanSpend {
            monthly: spend.monthly.to_cents(),
            unallocated_monthly: spend.unallocated.to_cents(),
            price_basis: spend.basis,
            commitments: snapshot.commitments.len(),
            by_category: coverage::cents(spend.by_category),
        }),
        saving: saving(&accepted),
        notes: Vec::new(),
        since: None,
        finops: None,
        returns: None,
        workloads,
        accepted,
        experiments,
        held_back,
        kept,
        unknown,
    }
}

/// Why what is given back does not leave the bill, or not all of it.
fn stays(why: &str) -> Evidence {
    Evidence {
        what: format!("it frees capacity, and does not leave the bill: {why}"),
        query: "Kueue and the policy's commitments".to_owned(),
        value: None,
        coverage: None,
    }
}

/// How much more a change must save to stand as high as one of low risk.
fn weight(risk: Level) -> f64 {
    match risk {
        Level::Low => 1.0,
        Level::Medium => 2.0,
        Level::High => 4.0,
    }
}

/// What leaves the bill for its risk first, then what saves most for it, then by name.
fn rank(rows: &mut [Row]) {
    let key = |row: &Row| {
        let risk = weight(row.risk);
        (
            row.saving.leaves_bill_monthly.get() / risk,
            row.saving.monthly.mid.unwrap_or(0.0) / risk,
        )
    };
    rows.sort_by(|a, b| {
        let ((a_leaves, a_mid), (b_leaves, b_mid)) = (key(a), key(b));
        b_leaves
            .total_cmp(&a_leaves)
            .then(b_mid.total_cmp(&a_mid))
            .then_with(|| a.id.cmp(&b.id))
    });
}

fn row(priced: &Priced, leaves: Hourly, alone: Hourly, held_by: Option<HeldBy>, world: &World<'_>) -> Row {
    let workload = &world.snapshot.workloads[priced.workload];
    let proposal = &priced.proposal;
    let (from, to) = shapes(priced, workload);
    let replay = replay_of(proposal);
    Row {
        id: format!("{}:{}", priced.levers.join("+"), workload.id),
        levers: priced.levers.iter().map(|lever| (*lever).to_owned()).collect(),
        subject: SubjectRef::workload(&workload.id),
        title: proposal.title.clone(),
        from,
        to,
        moves: proposal.moves.clone(),
        nodes: landing(priced, world.snapshot),
        saving: with_interval(row_saving(priced.net(), leaves, priced.gpus, alone), priced),
        service: proposal.service.clone(),
        // What was only computed from measured figures is called so, and has no interval.
        proof: replay.as_ref().map_or(Proof::Arithmetic, |_| Proof::Replayed),
        replay,
        confidence: proposal.confidence,
        risk: proposal.risk,
        evidence: proposal.evidence.clone(),
        needs_human: proposal.needs_human.clone(),
        rollback: proposal.rollback.clone(),
        decision: None,
        pull_request: None,
        held_by,
        experiment: proposal.experiment.clone(),
    }
}

/// In cents, and such that the parts add up to the whole after rounding too.
fn row_saving(net: Hourly, leaves: Hourly, gpus: GpuCount, alone: Hourly) -> RowSaving {
    let mid = net.monthly().to_cents();
    let leaves = leaves.monthly().to_cents();
    RowSaving {
        monthly: Interval {
            low: None,
            mid: Some(mid.get()),
            high: None,
        },
        leaves_bill_monthly: leaves,
        frees_capacity_monthly: (mid - leaves).to_cents(),
        frees_gpus: GpuCount::new((gpus.get() * 100.0).round() / 100.0),
        alone_monthly: alone.monthly().to_cents(),
    }
}

/// What a pool's nodes that go away cost beyond the workloads that emptied them.
fn pool_rows(chosen: &Chosen, snapshot: &Snapshot) -> Vec<Row> {
    let mut rows = Vec::new();
    for (pool, (hourly, nodes)) in &chosen.outcome.pools {
        let saving = row_saving(*hourly, *hourly, GpuCount::ZERO, Hourly::ZERO);
        let while_asleep = if *nodes == 0 { " while workloads sleep" } else { "" };
        let of_pool = |node: &str| snapshot.node(node).is_some_and(|node| node.pool.as_ref() == Some(pool));
        let on_it = |priced: &&Priced| priced.releases.iter().any(|release| of_pool(&release.node));
        let mut levers: Vec<String> = chosen
            .accepted
            .iter()
            .filter(on_it)
            .flat_map(|priced| priced.levers.iter().map(|lever| (*lever).to_owned()))
            .collect();
        levers.sort();
        levers.dedup();
        rows.push(Row {
            id: format!("node-pool:{pool}"),
            levers,
            subject: SubjectRef::pool(pool),
            title: format!(
                "nodes of {pool} go away{while_asleep}, and cost more than what the changes on them give back"
            ),
            from: nodes_that_go(*nodes).0,
            to: nodes_that_go(*nodes).1,
            moves: Vec::new(),
            nodes: None,
            saving,
            service: None,
            proof: Proof::Arithmetic,
            replay: None,
            confidence: Level::Medium,
            risk: Level::Low,
            evidence: Vec::new(),
            needs_human: vec![
                "it follows from the other rows of this pool: nothing is to be done for it alone".to_owned(),
            ],
            rollback: "follows the other rows".to_owned(),
            decision: None,
            pull_request: None,
            held_by: None,
            experiment: None,
        });
    }
    rows
}

/// A pool's nodes before and after; those that go at the hours when workloads sleep are there at all others.
fn nodes_that_go(nodes: u32) -> (Shape, Shape) {
    let shape = |key: &str, value: Value| Shape::from([(key.to_owned(), value)]);
    match nodes {
        0 => (
            shape("nodes", json!("always there")),
            shape("nodes", json!("gone while workloads sleep")),
        ),
        nodes => (shape("nodes_that_go", json!(nodes)), shape("nodes_that_go", json!(0))),
    }
}

fn kept(answers: &Answers, world: &World<'_>) -> Vec<Kept> {
    let mut kept: Vec<Kept> = answers
        .kept
        .iter()
        .map(|left| Kept {
            lever: left.lever.to_owned(),
            subject: SubjectRef::workload(&world.snapshot.workloads[left.workload].id),
            reason: left.why.code.clone(),
            because: left.why.because.clone(),
        })
        .collect();
    kept.sort();
    kept
}

fn unknown(answers: &Answers, world: &World<'_>) -> Vec<Unknown> {
    let mut unknown: Vec<Unknown> = answers
        .unknown
        .iter()
        .map(|left| Unknown {
            lever: left.lever.to_owned(),
            subject: SubjectRef::workload(&world.snapshot.workloads[left.workload].id),
            reason: left.why.code.clone(),
            missing: format!("{}: {}", left.why.what, left.why.why),
            fix: left.why.fix.clone(),
        })
        .collect();
    unknown.sort();
    unknown
}

fn saving(accepted: &[Row]) -> PlanSaving {
    let sum = |of: fn(&RowSaving) -> Monthly| accepted.iter().map(|row| of(&row.saving)).sum::<Monthly>().to_cents();
    let leaves = sum(|saving| saving.leaves_bill_monthly);
    let frees = sum(|saving| saving.frees_capacity_monthly);
    let mid = (leaves + frees).to_cents();
    PlanSaving {
        monthly: Interval {
            low: None,
            mid: Some(mid.get()),
            high: None,
        },
        leaves_bill_monthly: leaves,
        frees_capacity_monthly: frees,
        overlap_monthly: (sum(|saving| saving.alone_monthly) - mid).to_cents(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_after_rounding() {
        let saving = row_saving(
            Hourly::new(1.234_567),
            Hourly::new(0.777_777),
            GpuCount::new(1.0),
            Hourly::ZERO,
        );
        let sum = saving.leaves_bill_monthly + saving.frees_capacity_monthly;
        assert_eq!(Some(sum.to_cents().get()), saving.monthly.mid);
    }
}
