//! What each permission holds back, and what it lets through.

use std::collections::BTreeMap;

use super::super::price::Priced;
use super::*;
use crate::catalog::Catalog;
use crate::model::gap::{Gap, NO_KUBERNETES};
use crate::model::scenario::{Level, Proposal, WeekHours};
use crate::model::scheduling::Scheduling;
use crate::model::snapshot::PricedGap;
use crate::model::time::{Grid, Window};
use crate::model::units::{GpuCount, Hourly};
use crate::model::workload::{CapacityType, Classified, PodUse};
use crate::policy::layered;
use crate::policy::section::Section;

pub(in crate::engine) fn policy(text: &str) -> Policy {
    let root = layered(&[("mine.yaml".to_owned(), text.to_owned())], &[]).unwrap();
    let mut mistakes = Vec::new();
    let mut section = Section::open("", &root, &mut mistakes);
    let policy = Policy::read(&mut section, &Catalog::shipped().unwrap(), &mut mistakes);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    policy
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn pod(from: &str) -> PodUse {
    PodUse {
        run: None,
        capacity: CapacityType::OnDemand,
        name: "chat-0".to_owned(),
        node: Some("n".to_owned()),
        from: at(from),
        to: at("2026-11-20T12:00:00Z"),
        running: true,
        pinned: false,
        shared: false,
        gpus: 1,
        share: 1.0,
        gpu: None,
        hourly: None,
        price_steps: Vec::new(),
        devices: Vec::new(),
        server: BTreeMap::new(),
    }
}

pub(in crate::engine) fn workload(namespace: &str, name: &str) -> Workload {
    Workload {
        budget: None,
        id: format!("c/{namespace}/Deployment.apps/{name}"),
        cluster: "c".to_owned(),
        group: "apps".to_owned(),
        kind: "Deployment".to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        labels: BTreeMap::from([("team".to_owned(), "chat".to_owned())]),
        overrides: BTreeMap::new(),
        owner: Some("chat".to_owned()),
        owner_because: Some("label team".to_owned()),
        class: Classified {
            class: Class::Inference,
            confidence: 0.9,
            because: Vec::new(),
        },
        runs: 1,
        family: false,
        replicas: Some(1),
        deployed: None,
        autoscaler: None,
        queue: None,
        pools: Vec::new(),
        gpus: GpuCount::new(1.0),
        gpu: None,
        capacity: CapacityType::OnDemand,
        pod_requests: BTreeMap::new(),
        scheduling: Scheduling::default(),
        monthly: None,
        price: None,
        serving: None,
        histograms: BTreeMap::new(),
        requests: None,
        start_seconds: Vec::new(),
        pods: vec![pod("2026-11-10T12:00:00Z")],
    }
}

/// Friday, the 20th of November 2026, at noon.
pub(in crate::engine) fn snapshot(workloads: Vec<Workload>) -> Snapshot {
    Snapshot {
        commitments: Vec::new(),
        cluster: "c".to_owned(),
        grid: Grid {
            window: Window {
                start: at("2026-11-06T12:00:00Z"),
                end: at("2026-11-20T12:00:00Z"),
            },
            step_seconds: 60,
        },
        currency: "USD".to_owned(),
        workloads,
        nodes: Vec::new(),
        spot_nodes: Vec::new(),
        queues: Vec::new(),
        spend: None,
        gpus: 4,
        gpus_with_metrics: 4,
        samples: 0,
        servers_read: false,
        requests_read: false,
        absent: Vec::new(),
        gaps: Vec::new(),
    }
}

pub(in crate::engine) fn priced(workload: usize, monthly: f64) -> Priced {
    Priced {
        workload,
        levers: vec!["idle-gpu"],
        proposal: Proposal {
            moves: vec![Move::ScaleToZero],
            title: "hold no GPU".to_owned(),
            evidence: Vec::new(),
            service: None,
            confidence: Level::Medium,
            risk: Level::Low,
            needs_human: Vec::new(),
            rollback: "scale up".to_owned(),
            experiment: None,
            replayed: None,
            effective: None,
        },
        value: Hourly::new(monthly / 730.0),
        added: Hourly::ZERO,
        added_nodes: None,
        new_type: None,
        takes: None,
        gpus: GpuCount::new(1.0),
        releases: Vec::new(),
        own_nodes: false,
        beyond_parts: None,
    }
}

/// What holds one change of `prod/chat` that saves 100 a month.
fn held(text: &str) -> Option<HeldBy> {
    held_of(text, &snapshot(vec![workload("prod", "chat")]))
}

fn held_of(text: &str, snapshot: &Snapshot) -> Option<HeldBy> {
    guard(vec![priced(0, 100.0)], &policy(text), &[], snapshot)
        .remove(0)
        .held
}

/// The rule that holds it, and the line where that stands.
fn rule_of(text: &str) -> Option<(String, String)> {
    held(text).map(|held| (held.rule, held.place))
}

fn said(rule: &str, place: &str) -> Option<(String, String)> {
    Some((rule.to_owned(), place.to_owned()))
}

#[test]
fn the_defaults_let_a_change_through_and_a_small_saving_not() {
    assert_eq!(held(""), None);
    let small = "permissions:\n  least_monthly_saving: 101\n";
    assert_eq!(
        rule_of(small),
        said("a saving below 101 a month is not worth a change", "mine.yaml:2")
    );
}

#[test]
fn a_limit_holds_what_is_beyond_it_and_nothing_else() {
    // Ten days were seen.
    assert_eq!(held("permissions:\n  least_history_days: 10\n"), None);
    let more = "permissions:\n  least_history_days: 10.5\n";
    assert_eq!(
        rule_of(more),
        said(
            "less than 10.5 days of history are not enough for a change",
            "mine.yaml:2"
        )
    );
    assert_eq!(held("permissions:\n  least_confidence: medium\n"), None);
    assert_eq!(
        rule_of("permissions:\n  least_confidence: high\n"),
        said("confidence below high is not enough for a change", "mine.yaml:2")
    );
}

#[test]
fn what_serves_is_not_put_to_sleep_where_replicas_must_stay() {
    let text = "permissions:\n  least_serving_replicas: 1\n";
    assert_eq!(
        rule_of(text),
        said("a workload that serves keeps 1 of its replicas at least", "mine.yaml:2")
    );
    let mut notebook = workload("prod", "chat");
    notebook.class.class = Class::Notebook;
    assert_eq!(held_of(text, &snapshot(vec![notebook])), None);
    let serving = snapshot(vec![workload("prod", "chat")]);
    let with = |change: Move| {
        let mut priced = priced(0, 100.0);
        priced.proposal.moves = vec![change];
        guard(vec![priced], &policy(text), &[], &serving).remove(0).held
    };
    let nights = Move::SleepDuring {
        hours: WeekHours::new([1, 2]),
        timezone: "UTC".to_owned(),
    };
    assert!(with(nights).is_some());
    let kind = |name: &str| crate::model::gpu::GpuKind {
        model: crate::model::gpu::GpuModel(name.to_owned()),
        mig: None,
    };
    let smaller = Move::UseGpu {
        from: kind("H100-80GB"),
        to: kind("L40S"),
        per_pod: 1,
        slowdown: 1.0,
    };
    assert_eq!(with(smaller), None);
}

#[test]
fn of_more_changes_than_are_allowed_the_best_are_kept_whatever_the_order() {
    let names = ["a", "b", "c", "d"];
    let snapshot = snapshot(names.map(|name| workload("prod", name)).to_vec());
    let policy = policy("permissions:\n  most_changes: 2\n  frozen_namespaces: []\n");
    // The second has a scenario that saves little and one that saves most; what saves the same is kept by place.
    let savings = [(0, 100.0), (1, 30.0), (1, 200.0), (2, 100.0), (3, 50.0)];
    let kept = |savings: &[(usize, f64)]| {
        let priced = savings.iter().map(|(workload, monthly)| priced(*workload, *monthly));
        let guarded = guard(priced.collect(), &policy, &[], &snapshot);
        let held = guarded.iter().filter(|one| one.held.is_some());
        for held in held.clone().filter_map(|one| one.held.as_ref()) {
            assert_eq!(held.rule, "a plan has 2 changes at most, and others save more");
            assert_eq!(held.place, "mine.yaml:2");
        }
        let mut held: Vec<usize> = held.map(|one| one.priced.workload).collect();
        held.sort_unstable();
        held
    };
    assert_eq!(kept(&savings), [2, 3]);
    let mut turned = savings;
    turned.reverse();
    assert_eq!(kept(&turned), [2, 3]);
    assert_eq!(kept(&[(0, 30.0), (2, 100.0), (3, 50.0)]), [0]);
}

#[test]
fn a_scope_takes_names_labels_and_levers_or_leaves_them_out() {
    let scope = |line: &str| rule_of(&format!("permissions:\n  scope:\n    {line}\n"));
    for within in [
        "namespaces: [prod]",
        "except_namespaces: [dev]",
        "levers: [idle-gpu]",
        "except_levers: [smaller-gpu]",
        "selector: team=chat",
        "except_selector: team in (search)",
    ] {
        assert_eq!(scope(within), None, "{within}");
    }
    for (without, rule) in [
        ("namespaces: [dev]", "the policy's scope leaves the namespace prod out"),
        (
            "except_namespaces: [prod]",
            "the policy's scope leaves the namespace prod out",
        ),
        (
            "levers: [smaller-gpu]",
            "the policy's scope leaves the lever idle-gpu out",
        ),
        (
            "except_levers: [idle-gpu]",
            "the policy's scope leaves the lever idle-gpu out",
        ),
        ("selector: team=search", "the policy's scope leaves its labels out"),
        ("except_selector: team", "the policy's scope leaves its labels out"),
    ] {
        assert_eq!(scope(without), said(rule, "mine.yaml:3"), "{without}");
    }
}

#[test]
fn labels_that_nobody_could_read_are_held_and_not_taken_for_none() {
    let mut bare = workload("prod", "chat");
    bare.labels.clear();
    let mut blind = snapshot(vec![bare]);
    let selected = "permissions:\n  scope:\n    except_selector: tier=gold\n";
    let frozen = "permissions:\n  freezes: [{name: gold, until: 2026-12-01, selector: tier=gold}]\n";
    let rule = "permissions:\n  rules: [{name: r, message: m, expression: \"!('tier' in workload.labels)\"}]\n";
    assert_eq!(held_of(rule, &blind), None);
    assert_eq!(held_of(selected, &blind), None);
    assert_eq!(held_of(frozen, &blind), None);
    blind.gaps = vec![PricedGap {
        gap: Gap::new(NO_KUBERNETES, "owners", "nobody asked", "ask"),
        monthly: None,
    }];
    assert!(
        held_of(selected, &blind)
            .unwrap()
            .rule
            .contains("not known without the Kubernetes API")
    );
    assert_eq!(
        held_of(rule, &blind).unwrap().rule,
        "rule `r` cannot be told, so nothing is changed: `labels` is not known"
    );
    assert!(held_of(frozen, &blind).is_some());
}

#[test]
fn a_freeze_holds_until_it_ends_and_says_so() {
    let frozen = |row: &str| {
        let held = held(&format!("permissions:\n  freezes:\n    - {{{row}}}\n"))?;
        assert_eq!(held.place, "mine.yaml:3");
        Some((held.rule, held.until.unwrap()))
    };
    let until = |text: &str, rule: &str| Some((rule.to_owned(), text.to_owned()));
    assert_eq!(
        frozen("name: end, from: 2026-11-20, until: 2027-01-04, reason: nobody is on call"),
        until("2027-01-04", "frozen by `end`: nobody is on call")
    );
    assert_eq!(
        frozen("name: end, until: 2026-11-21"),
        until("2026-11-21", "frozen by `end`")
    );
    // Before it, after it, and in the very moment in which it ends.
    assert_eq!(frozen("name: end, from: 2026-11-21, until: 2027-01-04"), None);
    assert_eq!(frozen("name: end, from: 2026-11-01, until: 2026-11-20 12:00"), None);
    assert_eq!(frozen("name: end, until: 2026-11-20"), None);
    // Noon in UTC is one o'clock in Berlin, and four in the morning in Los Angeles.
    let berlin = "name: end, until: 2026-11-20 12:30, timezone: Europe/Berlin";
    assert_eq!(frozen(berlin), None);
    let west = "name: end, until: 2026-11-20 12:30, timezone: America/Los_Angeles";
    assert_eq!(frozen(west), until("2026-11-20T12:30:00-08:00", "frozen by `end`"));
    assert_eq!(
        frozen("name: w, weekly: Fri 11:00 to Mon 08:00"),
        until("2026-11-23T08:00:00+00:00", "frozen by `w`")
    );
    assert_eq!(frozen("name: w, weekly: Fri 13:00 to Mon 08:00"), None);
    assert!(frozen("name: next, until: 2027-01-01, namespaces: [prod]").is_some());
    assert_eq!(frozen("name: next, until: 2027-01-01, namespaces: [dev]"), None);
    assert!(frozen("name: next, until: 2027-01-01, selector: team=chat").is_some());
    assert_eq!(frozen("name: next, until: 2027-01-01, selector: team=search"), None);
}

#[test]
fn times_are_meant_in_the_policys_zone_and_of_two_freezes_the_longer_is_told() {
    let rows = "  freezes:\n    - {name: short, until: 2026-11-20 12:30}\n    - {name: long, until: 2026-11-22}\n";
    let held = held(&format!(
        "objectives: {{timezone: America/Los_Angeles}}\npermissions:\n{rows}"
    ))
    .unwrap();
    assert_eq!(
        (held.place.as_str(), held.until.as_deref()),
        ("mine.yaml:5", Some("2026-11-22"))
    );
}

#[test]
fn what_has_no_pod_has_no_history() {
    let mut gone = workload("prod", "chat");
    gone.pods.clear();
    let text = "permissions:\n  least_history_days: 0.1\n";
    assert!(held_of(text, &snapshot(vec![gone])).is_some());
}
