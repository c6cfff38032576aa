//! Which scenarios go together, and what becomes of what they say.

use super::*;
use crate::model::gpu::GpuKind;
use crate::model::scenario::{Level, WeekHours};
use crate::model::units::Hourly;

fn fewer() -> Move {
    Move::RequestGpus { from: 8, to: 2 }
}

fn other(to: &str, per_pod: u32) -> Move {
    Move::UseGpu {
        from: GpuKind::whole("H100-80GB"),
        to: GpuKind::whole(to),
        per_pod,
        slowdown: 2.0,
    }
}

fn sleep() -> Move {
    Move::SleepDuring {
        hours: WeekHours::new(0..60),
        timezone: "UTC".to_owned(),
    }
}

fn spot() -> Move {
    Move::UseSpot {
        instance_type: "p5.48xlarge".to_owned(),
        hourly: Hourly::new(20.0),
        gpus: 8,
    }
}

fn proposal(change: Move) -> Proposal {
    Proposal {
        title: format!("{change:?}"),
        moves: vec![change],
        evidence: Vec::new(),
        service: None,
        confidence: Level::High,
        risk: Level::Low,
        needs_human: vec!["ask its owner".to_owned()],
        rollback: "undo it".to_owned(),
        experiment: None,
        replayed: None,
        effective: None,
    }
}

fn proposed(lever: &'static str, change: Move) -> Proposed {
    Proposed {
        workload: 0,
        levers: vec![lever],
        proposal: proposal(change),
    }
}

/// Levers and moves of what is made of these proposals, and of those that follow a smaller request.
fn composed(own: Vec<Proposed>, then: Vec<(&'static str, Proposal)>) -> Vec<(String, Vec<Move>)> {
    let mut answers = Answers {
        proposed: own,
        after: vec![(
            0,
            After {
                lever: "unused-gpus",
                first: proposal(fewer()),
                then,
            },
        )],
        ..Answers::default()
    };
    compose(&mut answers);
    let all = answers.proposed.into_iter();
    all.map(|one| (one.levers.join("+"), one.proposal.moves)).collect()
}

fn names(own: Vec<Proposed>, then: Vec<(&'static str, Proposal)>) -> Vec<String> {
    composed(own, then).into_iter().map(|(levers, _)| levers).collect()
}

#[test]
fn what_goes_together_stacks_and_what_excludes_itself_competes() {
    let own = || {
        vec![
            proposed("idle-gpu", sleep()),
            proposed("unused-gpus", fewer()),
            proposed("smaller-gpu", other("L4", 8)),
            proposed("smaller-gpu", other("L40S", 8)),
            proposed("spot-migration", spot()),
        ]
    };
    let then = || {
        vec![
            ("idle-gpu", proposal(sleep())),
            ("smaller-gpu", proposal(other("L4", 2))),
            ("spot-migration", proposal(spot())),
        ]
    };
    let told = names(own(), then());
    let (singles, sets) = told.split_at(5);
    assert_eq!(
        singles,
        [
            "idle-gpu",
            "unused-gpus",
            "smaller-gpu",
            "smaller-gpu",
            "spot-migration"
        ]
    );
    assert_eq!(
        sets,
        [
            "smaller-gpu+idle-gpu",
            "smaller-gpu+idle-gpu",
            "unused-gpus+idle-gpu",
            "unused-gpus+smaller-gpu",
            "unused-gpus+smaller-gpu+idle-gpu",
            "unused-gpus+spot-migration",
        ]
    );
    // What follows a smaller request is what was said of the workload as it is then.
    let all = composed(own(), then());
    let (_, moves) = all
        .iter()
        .find(|(levers, _)| levers == "unused-gpus+smaller-gpu")
        .unwrap();
    assert_eq!(*moves, [fewer(), other("L4", 2)]);
    let (_, moves) = &composed(own(), Vec::new())[5];
    assert_eq!(*moves, [other("L4", 8), sleep()]);
    assert!(
        names(own(), Vec::new())
            .iter()
            .all(|levers| !levers.contains("unused-gpus+"))
    );
}

#[test]
fn the_order_of_levers_does_not_matter() {
    let own = |order: [usize; 3]| {
        let all = [
            proposed("idle-gpu", sleep()),
            proposed("smaller-gpu", other("L4", 8)),
            proposed("spot-migration", spot()),
        ];
        order.map(|at| all[at].clone()).to_vec()
    };
    let sets = |order| composed(own(order), Vec::new()).split_off(3);
    assert_eq!(sets([0, 1, 2]), sets([2, 1, 0]));
    assert_eq!(sets([0, 1, 2]), sets([1, 2, 0]));
}

#[test]
fn nothing_is_done_beside_holding_no_gpus_at_all() {
    let own = vec![
        proposed("idle-gpu", Move::ScaleToZero),
        proposed("smaller-gpu", other("L4", 8)),
    ];
    assert_eq!(names(own, Vec::new()), ["idle-gpu", "smaller-gpu"]);
    assert!(exclude(&[Move::ScaleToZero], &[fewer()]) && exclude(&[fewer()], &[Move::ScaleToZero]));
    assert!(exclude(&[spot()], &[other("L4", 8)]) && exclude(&[other("L40S", 8)], &[other("L4", 8)]));
    assert!(!exclude(&[spot()], &[fewer()]) && !exclude(&[sleep()], &[other("L4", 8)]));
}

#[test]
fn several_changes_are_as_sure_as_the_least_sure_and_as_risky_as_the_riskiest() {
    let mut risky = proposal(other("L4", 8));
    (risky.confidence, risky.risk) = (Level::Low, Level::Medium);
    risky.needs_human.push("its image must hold kernels".to_owned());
    let one = joined(&risky, &proposal(sleep()));
    assert_eq!((one.confidence, one.risk), (Level::Low, Level::Medium));
    let steps = "these changes can be made one after the other: watch the service after each";
    assert_eq!(one.needs_human, ["ask its owner", "its image must hold kernels", steps]);
    let more = joined(&one, &proposal(fewer()));
    assert_eq!(more.needs_human.iter().filter(|need| *need == steps).count(), 1);
}
