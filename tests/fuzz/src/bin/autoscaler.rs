//! Manifests of autoscalers and ScaledObjects, and loads: what is refused is told, what is taken is within its bounds, and
//! whatever the load shows, replicas stay within them, too.

#![no_main]

use gpuwise::replay::fields::Faults;
use gpuwise::replay::given::load::{self, Load};
use gpuwise::replay::given::{Run, Setting, Subject};
use gpuwise::replay::hpa::Flags;
use gpuwise::replay::hpa::manifest::{self, Manifest, Target};
use gpuwise::replay::hpa::spec::Rules;
use gpuwise::replay::keda::{lint, spec};
use libfuzzer_sys::fuzz_target;

// A manifest up to the first form feed, a load behind it.
fuzz_target!(|text: &str| {
    let (manifest, load) = text.split_once('\u{c}').unwrap_or((text, ""));
    if let Some(hpa) = taken(manifest::read(manifest, false)) {
        is_within_bounds(&hpa);
        let bounds = (hpa.autoscaler.min, hpa.autoscaler.max);
        run(&Subject::hpa(hpa), load, bounds);
    }
    if let Some(object) = taken(spec::read(manifest)) {
        lint::findings(&object);
        let made = object.autoscaler();
        is_within_bounds(&made);
        run(&Subject::Keda(Box::new(object)), load, (0, made.autoscaler.max));
    }
});

fn taken<T>(read: Result<T, Faults>) -> Option<T> {
    if let Err(faults) = &read {
        assert!(!faults.0.is_empty(), "refused without a word");
        assert!(faults.0.iter().all(|fault| !fault.why.is_empty()), "{faults:?}");
    }
    read.ok()
}

fn is_within_bounds(made: &Manifest) {
    let autoscaler = &made.autoscaler;
    assert!(
        1 <= autoscaler.min && autoscaler.min <= autoscaler.max,
        "{autoscaler:?}"
    );
    assert!(
        autoscaler.tolerance.up >= 0.0 && autoscaler.tolerance.down >= 0.0,
        "{autoscaler:?}"
    );
    assert!(!made.metrics.is_empty());
    for metric in &made.metrics {
        let positive = match metric.target {
            Target::Value(milli) | Target::AverageValue(milli) => milli > 0,
            Target::Utilization(percent) => percent > 0,
        };
        assert!(positive, "{metric:?}");
    }
    let behavior = autoscaler.behavior.iter();
    for rules in behavior
        .flat_map(|behavior| [&behavior.scale_up, &behavior.scale_down])
        .flatten()
    {
        are_within_bounds(rules);
    }
}

fn are_within_bounds(rules: &Rules) {
    assert!(
        rules
            .stabilization_window_seconds
            .is_none_or(|window| (0..=3_600).contains(&window))
    );
    let policies = rules.policies.as_ref().expect("they are completed");
    assert!(!policies.is_empty());
    for policy in policies {
        assert!(
            policy.value > 0 && (1..=1_800).contains(&policy.period_seconds),
            "{policy:?}"
        );
    }
}

/// Longer loads take long, and show no more.
const LONGEST: i64 = 3_600_000;

fn run(subject: &Subject, text: &str, (least, most): (i32, i32)) {
    let Ok(load) = load::read(text, &subject.wanted()) else {
        return;
    };
    let (from, to) = load.span();
    if to - from > LONGEST {
        return;
    }
    let setting = Setting {
        start: 60_000,
        replicas: None,
        flags: Flags {
            downscale_stabilization_seconds: 300,
            scale_to_zero: false,
        },
    };
    let run: Run = subject.run(&load, setting);
    assert!(run.replica_hours.is_finite() && run.replica_hours >= 0.0);
    assert!(
        run.changes.iter().all(|change| (least..=most).contains(&change.to)),
        "{:?}",
        run.changes
    );
    assert_eq!(
        run,
        again(subject, &load, setting),
        "the same input gives the same answer"
    );
}

fn again(subject: &Subject, load: &Load, setting: Setting) -> Run {
    subject.run(load, setting)
}
