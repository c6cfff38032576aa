//! What a change really saved, told from two plans of worlds whose truth is known: load grows, and the change is made in between.

use std::collections::BTreeMap;

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope, since};
use gpuwise::finops::realised::measure;
use gpuwise::model::gpu::GpuKind;
use gpuwise::model::plan::{Plan, Row};
use gpuwise::model::progress::Silent;
use gpuwise::model::returns::Measured;
use gpuwise::model::since::Outcome;
use gpuwise::model::snapshot::{ByCategory, PriceBasis, Snapshot, Spend};
use gpuwise::model::time::{Grid, Window};
use gpuwise::model::units::{GpuCount, Hourly, Monthly};
use gpuwise::model::usage::{Column, Signal};
use gpuwise::model::workload::{CapacityType, Class, Classified, PodUse, Workload};
use jiff::Timestamp;
use serde_json::json;

const HOUR: i64 = 3_600;

/// Monday, 2026-10-05.
const MONDAY: i64 = 1_791_158_400;

/// Money an hour of a replica, as it was bought and as spot capacity.
const ON_DEMAND: f64 = 10.0;
const SPOT: f64 = 4.0;

/// The hour, after the first Monday, in which the workload moves to spot capacity: a noon.
const MOVED: i64 = 19 * 24 + 12;

/// How load and replicas go together.
#[derive(Clone, Copy)]
struct World {
    /// Growth a day.
    growth: f64,
    /// Whether replicas follow it.
    scales: bool,
}

impl World {
    fn load(self, hour: i64) -> f64 {
        let day = hour.div_euclid(24);
        let weekend = if day.rem_euclid(7) >= 5 { 0.5 } else { 1.0 };
        // A little noise that is the same in every run.
        let noise = 1.0 + 0.06 * ((day * day * 7919 + day * 104_729).rem_euclid(101) as f64 / 101.0 - 0.5);
        weekend * noise * (1.0 + self.growth * day as f64)
    }

    fn replicas(self, hour: i64) -> i64 {
        if self.scales {
            (20.0 * self.load(hour)).ceil() as i64
        } else {
            20
        }
    }

    fn hourly(hour: i64, moves: bool) -> f64 {
        if moves && hour >= MOVED { SPOT } else { ON_DEMAND }
    }

    /// Pods from one hour on until another; each is another once it has moved.
    fn pods(self, from: i64, to: i64, moves: bool) -> Vec<PodUse> {
        let most = (from..to).map(|hour| self.replicas(hour)).max().unwrap_or(0);
        let mut pods = Vec::new();
        for slot in 0..most {
            let there = |hour: i64| self.replicas(hour) > slot;
            let mut begin = from;
            while begin < to {
                if !there(begin) {
                    begin += 1;
                    continue;
                }
                let ends = |hour: &i64| !there(*hour) || (moves && *hour == MOVED);
                let end = (begin + 1..to).find(ends).unwrap_or(to);
                pods.push(self.pod((from, to), slot, (begin, end), moves));
                begin = end;
            }
        }
        pods
    }

    fn pod(self, window: (i64, i64), slot: i64, (begin, end): (i64, i64), moves: bool) -> PodUse {
        let rate = |hour: i64| {
            let there = (begin..end).contains(&hour);
            there.then(|| 1000.0 * self.load(hour) / self.replicas(hour) as f64)
        };
        let tokens = Column::from_options((window.0..window.1).map(rate));
        let hourly = World::hourly(begin, moves);
        PodUse {
            name: format!("chat-{slot}-{begin}"),
            node: None,
            run: None,
            capacity: capacity(hourly),
            from: at(begin),
            to: at(end),
            running: end == window.1,
            pinned: false,
            shared: false,
            gpus: 1,
            share: 1.0,
            gpu: Some(GpuKind::whole("L40S")),
            hourly: Some(Hourly::new(hourly)),
            price_steps: Vec::new(),
            devices: Vec::new(),
            server: BTreeMap::from([(Signal::TokensGenerated, tokens)]),
        }
    }

    /// What a day saves in truth on average over these days, each day of the week as often as any other, as in a month: the same
    /// replicas, bought otherwise.
    fn truth(self, days: std::ops::Range<i64>) -> f64 {
        let hours = |day: i64| day * 24..day * 24 + 24;
        let saves = |day: i64| hours(day).map(|hour| self.replicas(hour)).sum::<i64>() as f64 * (ON_DEMAND - SPOT);
        let of_weekday = |weekday: i64| {
            let same: Vec<f64> = days.clone().filter(|day| day % 7 == weekday).map(saves).collect();
            same.iter().sum::<f64>() / same.len() as f64
        };
        (0..7).map(of_weekday).sum::<f64>() / 7.0
    }

    fn plan(self, days: std::ops::Range<i64>, moves: bool) -> Plan {
        let snapshot = self.snapshot(days, moves);
        let judge = Judge::new(&[], Catalog::shipped().unwrap()).unwrap();
        let scope = Scope::default();
        let hearing = judge.hearing(&snapshot, &scope);
        let all = snapshot.workloads.iter().cloned();
        let heard = all.map(|one| hearing.hear(one, &Silent)).collect();
        hearing.plan(heard, |workloads| Snapshot {
            workloads,
            ..snapshot.clone()
        })
    }

    fn snapshot(self, days: std::ops::Range<i64>, moves: bool) -> Snapshot {
        let (from, to) = (days.start * 24, days.end * 24);
        let pods = self.pods(from, to, moves);
        let cost: f64 = pods.iter().map(|pod| pod.hourly.unwrap().get() * pod.hours()).sum();
        let hours = (to - from) as f64;
        let monthly = Hourly::new(cost / hours).monthly();
        let gpu_hours: f64 = pods.iter().map(PodUse::hours).sum();
        Snapshot {
            cluster: "c".to_owned(),
            grid: Grid {
                window: Window {
                    start: at(from),
                    end: at(to),
                },
                step_seconds: 3_600,
            },
            currency: "USD".to_owned(),
            workloads: vec![workload(
                pods,
                GpuCount::new(gpu_hours / hours),
                monthly,
                capacity(World::hourly(to, moves)),
            )],
            nodes: Vec::new(),
            spot_nodes: Vec::new(),
            queues: Vec::new(),
            commitments: Vec::new(),
            spend: Some(Spend {
                monthly,
                unallocated: Monthly::ZERO,
                basis: PriceBasis::List,
                by_category: ByCategory {
                    gpu: monthly,
                    ..ByCategory::default()
                },
            }),
            gpus: 20,
            gpus_with_metrics: 0,
            samples: 0,
            servers_read: true,
            requests_read: false,
            absent: Vec::new(),
            gaps: Vec::new(),
        }
    }
}

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(MONDAY + hour * HOUR).unwrap()
}

fn capacity(hourly: f64) -> CapacityType {
    if hourly < ON_DEMAND {
        CapacityType::Spot
    } else {
        CapacityType::OnDemand
    }
}

fn workload(pods: Vec<PodUse>, gpus: GpuCount, monthly: Monthly, capacity: CapacityType) -> Workload {
    Workload {
        id: "c/ml/Deployment.apps/chat".to_owned(),
        cluster: "c".to_owned(),
        group: "apps".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: "ml".to_owned(),
        name: "chat".to_owned(),
        labels: BTreeMap::new(),
        overrides: BTreeMap::new(),
        owner: None,
        owner_because: None,
        class: Classified {
            class: Class::Inference,
            confidence: 0.9,
            because: Vec::new(),
        },
        runs: 1,
        family: false,
        replicas: None,
        deployed: None,
        autoscaler: None,
        budget: None,
        queue: None,
        pools: Vec::new(),
        gpus,
        gpu: Some(GpuKind::whole("L40S")),
        capacity,
        pod_requests: BTreeMap::new(),
        scheduling: gpuwise::model::scheduling::Scheduling::default(),
        monthly: Some(monthly),
        price: None,
        serving: None,
        histograms: BTreeMap::new(),
        requests: None,
        start_seconds: Vec::new(),
        pods,
    }
}

/// The change that the earlier plan accepts.
fn to_spot(plan: &Plan, predicted: f64) -> Row {
    serde_json::from_value(json!({
        "id": "spot-migration:chat", "levers": ["spot-migration"],
        "subject": {"kind": "Workload", "id": plan.workloads[0].id}, "title": "buy it as spot capacity",
        "from": {}, "to": {}, "moves": [{"type": "use-spot", "instance_type": "g6e.xlarge", "hourly": SPOT, "gpus": 1}],
        "saving": {"monthly": {"low": null, "mid": predicted, "high": null}, "leaves_bill_monthly": predicted,
            "frees_capacity_monthly": 0.0, "frees_gpus": 0.0, "alone_monthly": predicted},
        "service": null, "proof": "arithmetic", "replay": null, "confidence": "high", "risk": "low", "evidence": [],
        "needs_human": [], "rollback": "", "decision": null, "pull_request": null
    }))
    .unwrap()
}

/// Two weeks, and the three weeks after them, in which the change is made.
fn compared(world: World, change: impl FnOnce(&mut Plan, &mut Plan)) -> Measured {
    let mut earlier = world.plan(0..14, true);
    earlier.accepted = vec![to_spot(&earlier, 1000.0)];
    let mut now = world.plan(14..35, true);
    now.accepted.clear();
    change(&mut earlier, &mut now);
    let mut told = since(&earlier, &now, &Scope::default()).unwrap();
    assert_eq!(told.changes[0].outcome, Outcome::Done);
    measure(&mut told, &earlier, &now);
    told.changes[0].measured.clone().unwrap()
}

#[test]
fn growing_load_hides_a_saving_and_the_correction_finds_it() {
    let world = World {
        growth: 0.02,
        scales: true,
    };
    let measured = compared(world, |_, _| ());
    let truth = world.truth(20..35) * 730.0 / 24.0;
    let [low, mid, high] = [measured.monthly.low, measured.monthly.mid, measured.monthly.high].map(Option::unwrap);
    assert!(
        low <= truth && truth <= high && high - low < 0.3 * truth,
        "{truth}: {measured:?}"
    );
    assert!((mid - truth).abs() < 0.05 * truth, "{truth}: {measured:?}");
    let bare = measured.uncorrected_monthly.unwrap().get();
    assert!(bare < low && bare < 0.8 * truth, "load hides it: {measured:?}");
    assert_eq!(measured.corrected_by.as_deref(), Some("tokens generated"));
    assert!((1.3..1.6).contains(&measured.load.unwrap()));
    // It moved at noon of the sixth day: five days before that, and that one, are of neither side.
    assert_eq!(measured.days, (14, 15));
    assert!(
        measured
            .because
            .unwrap()
            .starts_with("6 days until it was made are left out")
    );
}

#[test]
fn what_holds_its_gpus_at_any_load_is_not_credited_with_growth() {
    let world = World {
        growth: 0.02,
        scales: false,
    };
    let measured = compared(world, |_, _| ());
    let truth = world.truth(20..35) * 730.0 / 24.0;
    assert!(
        (measured.monthly.mid.unwrap() - truth).abs() < 1.0,
        "{truth}: {measured:?}"
    );
    assert_eq!(measured.corrected_by, None);
    assert!(measured.load.unwrap() > 1.3);
}

#[test]
fn what_cannot_be_measured_has_no_figure_and_says_why() {
    let world = World {
        growth: 0.0,
        scales: true,
    };
    let because = |change: fn(&mut Plan, &mut Plan)| {
        let measured = compared(world, change);
        assert!(
            measured.monthly.mid.is_none() && measured.uncorrected_monthly.is_none(),
            "{measured:?}"
        );
        measured.because.unwrap()
    };
    let other = because(|earlier, _| "EUR".clone_into(&mut earlier.currency));
    assert!(other.contains("EUR") && other.contains("USD"), "{other}");
    assert!(because(|earlier, _| earlier.workloads[0].history = None).contains("keeps no history"));
    let few = because(|_, now| now.workloads[0].history.as_mut().unwrap().days.truncate(8));
    assert!(few.contains("3 of each are needed"), "{few}");
    let unpriced = because(|_, now| {
        let days = &mut now.workloads[0].history.as_mut().unwrap().days;
        days.iter_mut().for_each(|day| day.cost = None);
    });
    assert!(unpriced.contains("3 of each are needed"), "{unpriced}");
}

#[test]
fn under_a_week_there_is_no_interval_and_no_day_of_the_earlier_window_counts_twice() {
    let world = World {
        growth: 0.0,
        scales: true,
    };
    let measured = compared(world, |_, now| {
        now.workloads[0].history.as_mut().unwrap().days.truncate(11);
    });
    assert!(measured.monthly.mid.is_some() && measured.monthly.low.is_none());
    assert_eq!(measured.days.1, 5);
    // Windows that overlap: the later plan begins a week before the earlier one ends.
    let mut earlier = world.plan(0..14, true);
    earlier.accepted = vec![to_spot(&earlier, 1000.0)];
    let mut now = world.plan(7..35, true);
    now.accepted.clear();
    let mut told = since(&earlier, &now, &Scope::default()).unwrap();
    measure(&mut told, &earlier, &now);
    assert_eq!(told.changes[0].measured.as_ref().unwrap().days, (14, 15));
}

/// A workload that is gone saved its whole cost if that was meant, and nothing that anybody could tell if it was not.
#[test]
fn what_is_gone_counts_only_where_the_change_meant_that() {
    let world = World {
        growth: 0.0,
        scales: false,
    };
    let told = |moves: serde_json::Value| {
        let mut earlier = world.plan(0..14, true);
        let mut row = to_spot(&earlier, 1000.0);
        row.moves = serde_json::from_value(moves).unwrap();
        earlier.accepted = vec![row];
        let mut now = world.plan(14..35, true);
        now.accepted.clear();
        now.workloads[0].id = "c/ml/Deployment.apps/other".to_owned();
        let mut told = since(&earlier, &now, &Scope::default()).unwrap();
        assert_eq!(told.changes[0].outcome, Outcome::Gone);
        measure(&mut told, &earlier, &now);
        told.changes[0].measured.clone().unwrap()
    };
    let meant = told(json!([{"type": "scale-to-zero"}]));
    let whole = 20.0 * ON_DEMAND * 730.0;
    assert!((meant.monthly.mid.unwrap() - whole).abs() < 1.0, "{meant:?}");
    let other = told(json!([{"type": "use-spot", "instance_type": "g6e.xlarge", "hourly": SPOT, "gpus": 1}]));
    assert!(other.monthly.mid.is_none() && other.because.unwrap().contains("did not ask for"));
}

/// The second of two changes is measured with the first, where that has a figure.
#[test]
fn two_changes_of_one_workload_are_measured_once() {
    let (growth, scales) = (0.0, true);
    let world = World { growth, scales };
    let second = |currency: &str| {
        let mut earlier = world.plan(0..14, true);
        earlier.accepted = vec![to_spot(&earlier, 1000.0), to_spot(&earlier, 500.0)];
        earlier.accepted[1].id = "other".to_owned();
        let mut now = world.plan(14..35, true);
        now.accepted.clear();
        let mut told = since(&earlier, &now, &Scope::default()).unwrap();
        currency.clone_into(&mut earlier.currency);
        measure(&mut told, &earlier, &now);
        told.changes[1].measured.take().unwrap().because.unwrap()
    };
    assert_eq!(second("USD"), "it is measured together with spot-migration:chat");
    assert!(second("EUR").starts_with("the earlier plan is in EUR"));
}
