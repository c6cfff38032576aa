//! The rules of a sync, one by one. That all of them together are the controller's is shown by its recorded decisions.

use super::limits::Event;
use super::spec::{Policy, PolicyType, Select};
use super::*;

const FLAGS: Flags = Flags {
    downscale_stabilization_seconds: 300,
    scale_to_zero: false,
};

fn autoscaler(behavior: Option<Behavior>) -> Autoscaler {
    Autoscaler {
        min: 2,
        max: 10,
        behavior: behavior.map(Behavior::defaulted),
        tolerance: Tolerance { up: 0.1, down: 0.1 },
        has_metric_without_pods: true,
    }
}

/// A controller with the replicas that it drives.
struct Run {
    controller: Controller,
    autoscaler: Autoscaler,
    replicas: i32,
    second: i64,
}

impl Run {
    fn of(autoscaler: Autoscaler, replicas: i32) -> Self {
        Self {
            controller: Controller::default(),
            autoscaler,
            replicas,
            second: 0,
        }
    }

    /// One sync, fifteen seconds after the last, with these proposals.
    fn sync(&mut self, proposals: &[Result<i32, &'static str>]) -> Synced {
        self.with(proposals, Faults::default(), FLAGS)
    }

    fn with(&mut self, proposals: &[Result<i32, &'static str>], faults: Faults, flags: Flags) -> Synced {
        self.second += 15;
        let at = (self.second * 1_000, self.replicas);
        let synced = self
            .controller
            .sync((&self.autoscaler, flags), at, faults, || proposals.to_vec());
        self.replicas = synced.written.unwrap_or(self.replicas);
        synced
    }

    fn reasons(&self) -> [&'static str; 3] {
        let conditions = self.controller.conditions;
        [
            conditions.able_to_scale,
            conditions.scaling_active,
            conditions.scaling_limited,
        ]
        .map(|one| one.map_or("", |(_, reason)| reason))
    }
}

#[test]
fn without_behaviour_it_doubles_at_most_and_waits_five_minutes_to_shrink() {
    let mut run = Run::of(autoscaler(None), 3);
    assert_eq!(run.sync(&[Ok(10)]).written, Some(6));
    assert_eq!(run.reasons()[2], "ScaleUpLimit");
    assert_eq!(run.sync(&[Ok(10)]).written, Some(10));
    for _ in 0..20 {
        assert_eq!(run.sync(&[Ok(2)]).written, None, "after {} seconds", run.second);
        assert_eq!(run.reasons()[0], "ScaleDownStabilized");
    }
    assert_eq!(run.sync(&[Ok(2)]).written, Some(2));
}

#[test]
fn with_behaviour_it_stabilizes_first_and_limits_then() {
    let policy = |r#type, value, period_seconds| Policy {
        r#type,
        value,
        period_seconds,
    };
    let behavior = Behavior {
        scale_up: Some(Rules {
            policies: Some(vec![policy(PolicyType::Pods, 1, 60)]),
            ..Rules::default()
        }),
        scale_down: Some(Rules {
            stabilization_window_seconds: Some(0),
            select_policy: Some(Select::Disabled),
            ..Rules::default()
        }),
    };
    let mut run = Run::of(autoscaler(Some(behavior)), 3);
    let written: Vec<Option<i32>> = (0..5).map(|_| run.sync(&[Ok(9)]).written).collect();
    assert_eq!(
        written,
        [Some(4), None, None, None, Some(5)],
        "one pod a minute, and a minute old is too old"
    );
    assert_eq!(run.sync(&[Ok(2)]).written, None, "nothing shrinks");
    assert_eq!(run.reasons()[2], "ScaleDownLimit");
}

#[test]
fn what_fails_scales_nothing_down_and_may_scale_up() {
    let mut run = Run::of(autoscaler(None), 4);
    let failed = Err("FailedGetExternalMetric");
    let down = run.sync(&[Ok(2), failed]);
    assert!(down.failed && down.written.is_none());
    assert_eq!(run.reasons()[1], "FailedGetExternalMetric");
    let up = run.sync(&[failed, Ok(5)]);
    assert_eq!((up.failed, up.written), (true, Some(5)));
    assert!(run.sync(&[failed]).failed);
    let faults = |get, put| Faults { get, put };
    let unread = run.with(&[Ok(9)], faults(true, false), FLAGS);
    assert_eq!(
        (unread.failed, unread.proposals, run.reasons()[0]),
        (true, None, "FailedGetScale")
    );
    let unwritten = run.with(&[Ok(9)], faults(false, true), FLAGS);
    assert_eq!(
        (unwritten.failed, unwritten.written, run.reasons()[0]),
        (true, None, "FailedUpdateScale")
    );
}

#[test]
fn out_of_its_bounds_no_metric_is_asked() {
    let mut run = Run::of(autoscaler(None), 12);
    let synced = run.sync(&[Ok(5)]);
    assert_eq!((synced.written, synced.proposals), (Some(10), None));
    run.replicas = 1;
    let synced = run.sync(&[Ok(5)]);
    assert_eq!((synced.written, synced.proposals), (Some(2), None));
    run.replicas = 0;
    assert_eq!(run.sync(&[Ok(5)]).written, None, "somebody switched it off");
    assert_eq!(run.reasons()[1], "ScalingDisabled");
}

#[test]
fn a_restart_forgets_what_was_recommended_and_keeps_the_status() {
    let mut run = Run::of(autoscaler(None), 6);
    run.sync(&[Ok(6)]);
    run.controller.restart();
    assert_eq!(
        run.sync(&[Ok(2)]).written,
        None,
        "what is there counts as recommended when it starts"
    );
    assert_eq!(run.controller.desired, 6);
}

#[test]
fn only_what_it_scaled_to_zero_itself_wakes() {
    let gate = Flags {
        scale_to_zero: true,
        downscale_stabilization_seconds: 0,
    };
    let mut run = Run::of(
        Autoscaler {
            min: 0,
            ..autoscaler(None)
        },
        2,
    );
    assert_eq!(
        run.with(&[Ok(0)], Faults::default(), gate).written,
        None,
        "what is there is remembered for this sync"
    );
    assert_eq!(run.with(&[Ok(0)], Faults::default(), gate).written, Some(0));
    assert_eq!(run.controller.conditions.scaled_to_zero, Some((true, "ScaledToZero")));
    assert_eq!(run.with(&[Ok(3)], Faults::default(), gate).written, Some(3));
    run.replicas = 0;
    assert_eq!(
        run.with(&[Ok(3)], Faults::default(), gate).written,
        None,
        "this time somebody else did"
    );
}

#[test]
fn a_slot_that_was_outdated_once_is_used_again() {
    let rules = Behavior::default().defaulted();
    let (up, down) = (rules.scale_up.unwrap(), rules.scale_down.unwrap());
    let event = |at: i64, change| Event {
        at,
        change,
        outdated: false,
    };
    let mut events = Events {
        up: vec![event(0, 3), event(1_000, 2), event(90_000, 1)],
        down: Vec::new(),
    };
    events.store((&up, &down), (4, 8), 100_000);
    let changes: Vec<i32> = events.up.iter().map(|event| event.change).collect();
    assert_eq!(changes, [3, 4, 1], "the last that is older takes it");
    assert_eq!(
        events.up_limit(&up, 8, 100_000),
        8 - 4 - 1 + 4,
        "by pods, which is more than twice three"
    );
}

/// The recordings have no such metric; of one container a pod's usage and request are given as those of the whole pod are.
#[test]
fn a_metric_of_one_container_is_read_of_its_own_usage_and_request_and_fails_by_its_own_name() {
    let sequence = |requests: &str| {
        let metric = r#"{"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "main", "target": {"type": "Utilization", "averageUtilization": 50}}}"#;
        let controller = r#"{"downscaleStabilizationSeconds": 300, "cpuInitializationPeriodSeconds": 300, "initialReadinessDelaySeconds": 30, "scaleToZeroFeature": false}"#;
        let effective = r#"{"minReplicas": 1, "targets_milli": [50], "tolerance_up": 0.1, "tolerance_down": 0.1, "behavior": null}"#;
        // The second pod is not ready yet: of CPU it counts with nothing.
        let pods = r#"[[0, "R", "T", -900000, -800000, 0], [1, "R", "F", 0, 0, 0]]"#;
        let sample = format!(r#"{{"u": [900, 900], "ts": [600000, 5000], "win": 30000, "req": {requests}}}"#);
        let line = format!(
            r#"{{"id": "c", "spec": {{"maxReplicas": 9, "metrics": [{metric}]}}, "controller": {controller}, "effective": {effective}, "initial": {{"specReplicas": 2}}, "steps": [{{"t": 15000, "status": 2, "pods": {pods}, "m": [{sample}], "out": {{}}}}]}}"#
        );
        let answer: serde_json::Value = serde_json::from_str(&vectors::answer(&line).unwrap()).unwrap();
        (answer["steps"][0]["p"][0].clone(), answer["steps"][0]["c"][1].clone())
    };
    assert_eq!(sequence("[500, 500]"), (4.into(), "T ValidMetricFound".into()));
    assert_eq!(
        sequence("[500, -1]"),
        (serde_json::Value::Null, "F FailedGetContainerResourceMetric".into())
    );
    // A pod that has no such container requests nothing for it, and that is no error.
    assert_eq!(sequence("[500, 0]").0, 8);
}
