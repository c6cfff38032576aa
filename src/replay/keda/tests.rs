//! What KEDA's operator does, rule by rule.

use super::spec::read;
use super::*;

const FLAGS: Flags = Flags {
    downscale_stabilization_seconds: 300,
    scale_to_zero: false,
};

/// A ScaledObject with the replicas that it drives, all of them ready at once.
struct Run {
    keda: Keda,
    replicas: i32,
    ready: usize,
    second: i64,
}

impl Run {
    fn of(spec: &str, triggers: &str, replicas: i32) -> Self {
        let text = format!(
            "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: a}}\nspec:\n  scaleTargetRef: {{name: a}}\n{spec}  triggers: [{triggers}]\n"
        );
        Self {
            keda: Keda::new(read(&text).unwrap(), 0),
            replicas,
            ready: replicas as usize,
            second: 0,
        }
    }

    fn annotated(mut self, set: impl Fn(&mut super::spec::Pauses)) -> Self {
        set(&mut self.keda.object.pauses);
        self
    }

    fn seen<'a>(&self, answers: &'a [Answer]) -> Seen<'a> {
        Seen {
            now: self.second * 1_000,
            replicas: self.replicas,
            ready: self.ready,
            answers,
        }
    }

    /// One look of the operator at this second.
    fn poll(&mut self, second: i64, answers: &[Answer]) -> i32 {
        self.second = second;
        let polled = self.keda.poll(&self.seen(answers));
        self.replicas = polled.written.unwrap_or(self.replicas);
        self.ready = self.replicas as usize;
        self.replicas
    }

    /// One sync of its autoscaler at this second.
    fn sync(&mut self, second: i64, answers: &[Answer]) -> i32 {
        self.second = second;
        let pool = Pool {
            replicas: self.replicas,
            status: self.replicas,
            ready: self.ready,
            pods: self.ready,
        };
        let pods = vec![None; answers.len()];
        let decided = self.keda.sync(FLAGS, &self.seen(answers), &pool, &pods);
        self.replicas = decided.written.unwrap_or(self.replicas);
        self.ready = self.replicas as usize;
        self.replicas
    }
}

const QUEUE: &str =
    "{type: prometheus, name: queue, metadata: {serverAddress: 'http://p', query: sum(q), threshold: '10'}}";
const STRICT: &str = "{type: prometheus, name: queue, metadata: {serverAddress: 'http://p', query: sum(q), threshold: '10', ignoreNullValues: 'false'}}";
const VALUE: &str = "{type: prometheus, name: queue, metricType: Value, metadata: {serverAddress: 'http://p', query: sum(q), threshold: '10'}}";

fn value(value: f64) -> [Answer; 1] {
    [Answer::Value(value)]
}

#[test]
fn activation_is_strictly_above_its_threshold_and_beats_the_target() {
    let trigger = QUEUE.replace("threshold: '10'", "threshold: '10', activationThreshold: '50'");
    let mut run = Run::of("", &trigger, 0);
    assert_eq!(run.poll(0, &value(40.0)), 0);
    assert_eq!(run.poll(30, &value(50.0)), 0);
    assert_eq!(run.sync(31, &value(50.0)), 0);
    assert_eq!(run.poll(60, &value(50.001)), 1);
    assert_eq!(run.sync(61, &value(60.0)), 4);
}

#[test]
fn it_wakes_to_the_minimum_and_the_autoscaler_does_the_rest() {
    let mut run = Run::of("  minReplicaCount: 2\n  idleReplicaCount: 0\n", QUEUE, 0);
    assert_eq!(run.poll(0, &value(100.0)), 2);
    assert_eq!(run.sync(15, &value(100.0)), 4);
    let mut below = Run::of("  minReplicaCount: 3\n", QUEUE, 1);
    assert_eq!(below.poll(0, &value(0.0)), 3);
}

#[test]
fn it_sleeps_when_the_cooldown_is_over_and_not_before() {
    let mut run = Run::of("  cooldownPeriod: 60\n", QUEUE, 0);
    assert_eq!(run.poll(0, &value(5.0)), 1);
    assert_eq!(run.poll(30, &value(5.0)), 1);
    assert_eq!(run.poll(60, &value(0.0)), 1);
    assert_eq!(run.poll(90, &value(0.0)), 1);
    assert_eq!(run.poll(91, &value(0.0)), 0);
    // Two replicas stay as long as the autoscaler holds them, and go at once with the cooldown.
    run.poll(120, &value(15.0));
    assert_eq!(run.sync(121, &value(15.0)), 2);
    assert_eq!(run.poll(181, &value(0.0)), 0);
}

#[test]
fn what_was_never_active_sleeps_after_the_initial_cooldown() {
    let mut run = Run::of("  initialCooldownPeriod: 120\n", QUEUE, 2);
    assert_eq!(run.poll(120, &value(0.0)), 2);
    assert_eq!(run.poll(121, &value(0.0)), 0);
    let mut usual = Run::of("", QUEUE, 2);
    assert_eq!(usual.poll(0, &value(0.0)), 2);
    assert_eq!(usual.poll(1, &value(0.0)), 0);
}

#[test]
fn idle_replicas_stand_in_for_zero() {
    let mut run = Run::of(
        "  minReplicaCount: 4\n  idleReplicaCount: 0\n  cooldownPeriod: 10\n",
        QUEUE,
        0,
    );
    assert_eq!(run.poll(0, &value(0.0)), 0);
    assert_eq!(run.sync(1, &value(0.0)), 0);
    assert_eq!(run.poll(30, &value(1.0)), 4);
    assert_eq!(run.poll(60, &value(0.0)), 0);
    // Above zero the autoscaler and the operator pull in two directions.
    let mut torn = Run::of(
        "  minReplicaCount: 4\n  idleReplicaCount: 1\n  cooldownPeriod: 0\n",
        QUEUE,
        4,
    );
    assert_eq!(torn.poll(30, &value(0.0)), 1);
    assert_eq!(torn.sync(31, &value(0.0)), 4);
    assert_eq!(torn.poll(60, &value(0.0)), 1);
}

#[test]
fn an_absent_series_is_zero_unless_its_owner_says_otherwise() {
    let mut lenient = Run::of("  cooldownPeriod: 0\n", QUEUE, 1);
    assert_eq!(lenient.poll(30, &[Answer::Nothing]), 0);
    assert_eq!(lenient.poll(60, &value(f64::NAN)), 0);
    let mut strict = Run::of("  cooldownPeriod: 0\n", STRICT, 1);
    assert_eq!(strict.poll(30, &[Answer::Nothing]), 1);
    assert_eq!(strict.poll(60, &value(f64::INFINITY)), 1);
    assert_eq!(strict.poll(90, &value(0.0)), 0);
    // Zero load scales down, an error does not.
    let mut lenient = Run::of("  minReplicaCount: 1\n", QUEUE, 4);
    let mut strict = Run::of("  minReplicaCount: 1\n", STRICT, 4);
    for second in (0..=330).step_by(15) {
        lenient.sync(second, &[Answer::Nothing]);
        strict.sync(second, &[Answer::Nothing]);
    }
    assert_eq!((lenient.replicas, strict.replicas), (1, 4));
}

#[test]
fn a_trigger_that_fails_without_a_fallback_changes_nothing() {
    let mut run = Run::of("  cooldownPeriod: 0\n", QUEUE, 3);
    for second in (0..=600).step_by(30) {
        assert_eq!(run.poll(second, &[Answer::Failed]), 3);
        assert_eq!(run.sync(second + 1, &[Answer::Failed]), 3);
    }
}

#[test]
fn negative_values_are_none_and_negative_activation_is_reached() {
    let trigger = QUEUE.replace("threshold: '10'", "threshold: '10', activationThreshold: '-5'");
    let mut run = Run::of("", &trigger, 0);
    assert_eq!(run.poll(0, &value(-6.0)), 0);
    assert_eq!(run.poll(30, &value(-4.0)), 1);
    assert_eq!(run.sync(31, &value(-4.0)), 1);
}

/// Ten failures in a row seen by operator and autoscaler; the replicas in the end.
fn failing(fallback: &str, trigger: &str, replicas: i32) -> i32 {
    let spec = format!("  minReplicaCount: 1\n  maxReplicaCount: 20\n  fallback: {{{fallback}}}\n");
    let mut run = Run::of(&spec, trigger, replicas);
    for second in 0..40 {
        run.poll(second * 15, &[Answer::Failed]);
        run.sync(second * 15 + 1, &[Answer::Failed]);
    }
    run.replicas
}

#[test]
fn a_fallback_stands_in_after_so_many_failures() {
    let mut run = Run::of(
        "  minReplicaCount: 1\n  fallback: {failureThreshold: 3, replicas: 6}\n",
        QUEUE,
        4,
    );
    for second in [0, 15, 30] {
        assert_eq!(run.sync(second, &[Answer::Failed]), 4, "{second}");
    }
    assert_eq!(run.sync(45, &[Answer::Failed]), 6);
    // One answer, and it counts anew.
    assert_eq!(run.sync(60, &value(60.0)), 6);
    assert_eq!(run.sync(75, &[Answer::Failed]), 6);
}

#[test]
fn fallbacks_behave_as_they_say() {
    let of = |behavior: &str, replicas: i32| {
        failing(
            &format!("failureThreshold: 3, replicas: 6, behavior: {behavior}"),
            QUEUE,
            replicas,
        )
    };
    assert_eq!((of("static", 4), of("static", 9)), (6, 6));
    assert_eq!((of("currentReplicas", 4), of("currentReplicas", 9)), (4, 9));
    assert_eq!(
        (of("currentReplicasIfHigher", 4), of("currentReplicasIfHigher", 9)),
        (6, 9)
    );
    assert_eq!(
        (of("currentReplicasIfLower", 4), of("currentReplicasIfLower", 9)),
        (4, 6)
    );
    // A target for all replicas takes the fallback through those that are ready.
    assert_eq!(failing("failureThreshold: 3, replicas: 6", VALUE, 4), 6);
}

#[test]
fn a_fallback_counts_as_active_and_failures_up_to_it_keep_what_is_there() {
    let mut run = Run::of(
        "  cooldownPeriod: 0\n  fallback: {failureThreshold: 2, replicas: 5}\n",
        QUEUE,
        3,
    );
    assert_eq!(run.poll(30, &[Answer::Failed]), 3);
    assert_eq!(run.poll(60, &[Answer::Failed]), 3);
    assert_eq!(run.sync(61, &[Answer::Failed]), 5);
    let mut asleep = Run::of("  fallback: {failureThreshold: 0, replicas: 5}\n", QUEUE, 0);
    assert_eq!(asleep.poll(0, &[Answer::Failed]), 1);
    assert_eq!(
        (asleep.sync(1, &[Answer::Failed]), asleep.sync(16, &[Answer::Failed])),
        (4, 5)
    );
    // With no replicas to fall back to, nothing holds it.
    let mut none = Run::of(
        "  cooldownPeriod: 0\n  fallback: {failureThreshold: 9, replicas: 0}\n",
        QUEUE,
        3,
    );
    assert_eq!(none.poll(30, &[Answer::Failed]), 0);
}

#[test]
fn of_several_triggers_the_most_counts_and_one_is_enough_to_be_active() {
    let second = QUEUE.replace("name: queue", "name: running").replace("'10'", "'5'");
    let mut run = Run::of("", &format!("{QUEUE}, {second}"), 0);
    let answers = [Answer::Value(0.0), Answer::Value(20.0)];
    assert_eq!(run.poll(0, &answers), 1);
    assert_eq!(run.sync(1, &answers), 4);
    // One fails: up goes on, down does not.
    assert_eq!(run.sync(16, &[Answer::Failed, Answer::Value(30.0)]), 6);
    for at in 2..60 {
        run.sync(at * 15 + 1, &[Answer::Failed, Answer::Value(5.0)]);
    }
    assert_eq!(run.replicas, 6);
}

#[test]
fn a_formula_decides_over_raw_values_and_thresholds_of_triggers_are_nothing_to_it() {
    let second = QUEUE.replace("name: queue", "name: running");
    let modifiers =
        "  advanced: {scalingModifiers: {formula: 'queue + running / 2', target: '4', activationTarget: '3'}}\n";
    let mut run = Run::of(modifiers, &format!("{QUEUE}, {second}"), 0);
    let answers = |queue: f64, running: f64| [Answer::Value(queue), Answer::Value(running)];
    assert_eq!(run.poll(0, &answers(2.0, 2.0)), 0);
    assert_eq!(run.poll(30, &answers(2.0, 3.0)), 1);
    assert_eq!(run.sync(31, &answers(10.0, 4.0)), 3);
    // Where one fails there is no value, and nothing changes.
    assert_eq!(run.sync(46, &[Answer::Value(90.0), Answer::Failed]), 3);
}

#[test]
fn a_formula_may_name_what_stands_in_for_a_trigger_that_fails() {
    let second = QUEUE.replace("name: queue", "name: running");
    let spec = "  minReplicaCount: 1\n  fallback: {failureThreshold: 1, replicas: 7, behavior: scalingModifiers}\n  advanced: {scalingModifiers: {formula: 'queue ?? running', target: '4'}}\n";
    let mut run = Run::of(spec, &format!("{QUEUE}, {second}"), 3);
    assert_eq!(run.sync(0, &[Answer::Failed, Answer::Value(20.0)]), 3);
    assert_eq!(run.sync(15, &[Answer::Failed, Answer::Value(20.0)]), 5);
    // Both are gone for good: the formula is nil, and the fallback's replicas are asked for.
    let both = [Answer::Failed, Answer::Failed];
    assert_eq!((run.sync(30, &both), run.sync(45, &both)), (5, 7));
}

#[test]
fn a_formulas_fallback_needs_a_whole_target() {
    let of = |target: &str| {
        let spec = format!(
            "  minReplicaCount: 1\n  fallback: {{failureThreshold: 1, replicas: 6}}\n  advanced: {{scalingModifiers: {{formula: queue, target: '{target}'}}}}\n"
        );
        let mut run = Run::of(&spec, QUEUE, 2);
        (0..20).map(|at| run.sync(at * 15, &[Answer::Failed])).last()
    };
    assert_eq!((of("4"), of("0.5")), (Some(6), Some(2)));
}

#[test]
fn the_clock_alone_wakes_and_sleeps() {
    let cron =
        "{type: cron, metadata: {timezone: Europe/Berlin, start: 0 8 * * *, end: 0 18 * * *, desiredReplicas: '5'}}";
    let mut run = Run::of("  cooldownPeriod: 300\n", cron, 0);
    let at = |time: &str| time.parse::<jiff::Timestamp>().unwrap().as_second();
    let none = [Answer::Failed];
    assert_eq!(run.poll(at("2026-11-26T06:59:59Z"), &none), 0);
    assert_eq!(run.poll(at("2026-11-26T07:00:00Z"), &none), 1);
    assert_eq!(run.sync(at("2026-11-26T07:00:05Z"), &none), 4);
    assert_eq!(run.sync(at("2026-11-26T07:00:20Z"), &none), 5);
    assert_eq!(run.poll(at("2026-11-26T16:59:59Z"), &none), 5);
    assert_eq!(run.poll(at("2026-11-26T17:04:00Z"), &none), 5);
    assert_eq!(run.poll(at("2026-11-26T17:05:00Z"), &none), 0);
}

#[test]
fn the_autoscaler_is_answered_from_the_cache_where_that_is_asked() {
    let cached = QUEUE.replace("name: queue", "name: queue, useCachedMetrics: true");
    let spec = "  minReplicaCount: 1\n  pollingInterval: 120\n";
    let (mut cached, mut fresh) = (Run::of(spec, &cached, 1), Run::of(spec, QUEUE, 1));
    for run in [&mut cached, &mut fresh] {
        run.poll(0, &value(10.0));
        run.sync(15, &value(40.0));
    }
    // From one replica on only the cache makes the operator's interval count.
    assert_eq!((cached.replicas, fresh.replicas), (1, 4));
    cached.poll(120, &value(40.0));
    assert_eq!(cached.sync(135, &value(10.0)), 4);
}

#[test]
fn annotations_hold_back_what_they_name() {
    let spec = "  cooldownPeriod: 0\n";
    let mut all = Run::of(spec, QUEUE, 3).annotated(|pauses| pauses.all = true);
    assert_eq!((all.poll(30, &value(90.0)), all.sync(31, &value(90.0))), (3, 3));
    let mut fixed = Run::of(spec, QUEUE, 3).annotated(|pauses| (pauses.all, pauses.replicas) = (true, Some(0)));
    assert_eq!((fixed.poll(30, &value(90.0)), fixed.sync(31, &value(90.0))), (0, 0));
    let mut down = Run::of(spec, QUEUE, 3).annotated(|pauses| pauses.scale_in = true);
    assert_eq!(down.poll(30, &value(0.0)), 3);
    let mut up = Run::of(spec, QUEUE, 0).annotated(|pauses| pauses.scale_out = true);
    assert_eq!(up.poll(30, &value(9.0)), 0);
    let mut forced = Run::of(spec, QUEUE, 0).annotated(|pauses| pauses.force_activation = true);
    assert_eq!((forced.poll(30, &value(0.0)), forced.poll(600, &value(0.0))), (1, 1));
}

#[test]
fn triggers_of_pods_alone_count_as_active() {
    let cpu = "{type: cpu, metricType: Utilization, metadata: {value: '50'}}";
    let mut run = Run::of("  minReplicaCount: 1\n", cpu, 0);
    assert_eq!(run.poll(0, &[Answer::Failed]), 1);
    let pods = [Some(PerPod {
        counted: 2,
        sum: 1_800,
        request: Some(1_000),
        ..PerPod::default()
    })];
    let pool = Pool {
        replicas: 2,
        status: 2,
        ready: 2,
        pods: 2,
    };
    let decided = run.keda.sync(FLAGS, &run.seen(&[Answer::Failed]), &pool, &pods);
    assert_eq!(decided.written, Some(4));
}
