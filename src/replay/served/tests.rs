//! Autoscalers over pools whose answer is known.

use super::arrivals;
use super::binding::{Columns, Known, bind};
use super::*;
use crate::catalog::Catalog;
use crate::replay::{hpa, keda};

/// One request at a time, each of one second: a prompt of 0.01 s with a first step of 0.01 s, and 98 tokens more.
const ONE_AT_A_TIME: &str = "itl_seconds: {base: 0.01, per_request: 0}\nprefill_tokens_per_second: 10000\nmax_num_seqs: 1\nprompt_tokens: 100\nanswer_tokens: 99\ntoken_spread: 0\nrouting: least-loaded\nstart_seconds: 30\n";

const BATCHES: &str = "itl_seconds: {base: 0.01, per_request: 0.001}\nprefill_tokens_per_second: 10000\nmax_num_seqs: 16\nprompt_tokens: 400\nanswer_tokens: 200\nstart_seconds: [45, 60]\n";

const FLAGS: Flags = Flags {
    downscale_stabilization_seconds: 300,
    scale_to_zero: false,
};

fn hpa(min: u32, max: u32, metric: &str, target: &str) -> Subject {
    let text = format!(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: a}}\nspec:\n  minReplicas: {min}\n  maxReplicas: {max}\n  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: a}}\n  metrics: [{{type: Pods, pods: {{metric: {{name: '{metric}'}}, target: {{type: AverageValue, averageValue: {target}}}}}}}]\n"
    );
    Subject::hpa(hpa::manifest::read(&text, false).unwrap())
}

fn keda(spec: &str, query: &str) -> Subject {
    let text = format!(
        "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: a}}\nspec:\n  scaleTargetRef: {{name: a}}\n{spec}\n  triggers: [{{type: prometheus, name: queue, metadata: {{serverAddress: 'http://p', query: '{query}', threshold: '4'}}}}]\n"
    );
    Subject::Keda(Box::new(keda::spec::read(&text).unwrap()))
}

fn scaled(subject: Subject, server: &Server, first: u32) -> Plan {
    let known = Known::of(&Catalog::shipped().unwrap());
    let bound = bind(&subject, server, &known, &mut Columns::default()).unwrap();
    Plan::Scaled {
        subject,
        bound,
        flags: FLAGS,
        first,
    }
}

/// Each of these rates for ten minutes.
fn load(server: &Server, rates: &[f64]) -> Arrivals {
    let lines = rates
        .iter()
        .enumerate()
        .map(|(at, rate)| format!("{},{rate}\n", at * 600));
    let text = format!("time,requests_per_second\n{}", lines.collect::<String>());
    arrivals::read(&text, server.lengths, &[]).unwrap()
}

fn of(server: &Server, rates: &[f64], plan: &Plan) -> Outcome {
    run(server, &server.start_seconds, &load(server, rates), plan, 7)
}

#[test]
fn one_server_that_takes_one_at_a_time_is_the_queue_that_theory_knows() {
    let server = server::read(ONE_AT_A_TIME, "s.yaml").unwrap();
    let found = of(&server, &[0.6; 300], &Plan::Fixed(1));
    let (rho, each): (f64, f64) = (0.6, 1.0);
    // M/D/1: mean wait rho s / (2 (1 - rho)), mean number waiting rho^2 / (2 (1 - rho)).
    let wait = rho * each / (2.0 * (1.0 - rho));
    let first = found.day.first_token.mean().unwrap() - 0.02;
    assert!((first / wait - 1.0).abs() < 0.04, "{first} for {wait}");
    let seconds: u64 = found.waiting.values().sum();
    let mean = found
        .waiting
        .iter()
        .map(|(waiting, times)| f64::from(*waiting) * *times as f64)
        .sum::<f64>()
        / seconds as f64;
    let wanted = rho * rho / (2.0 * (1.0 - rho));
    assert!((mean / wanted - 1.0).abs() < 0.06, "{mean} for {wanted}");
    assert_eq!(
        (found.replicas, found.changes, found.replica_hours()),
        ((1, 1), 0, 50.0)
    );
    assert_eq!(found.day.refused, 0.0);
}

#[test]
fn an_autoscaler_that_may_not_move_is_the_number_that_it_is_bound_to() {
    let server = server::read(BATCHES, "s.yaml").unwrap();
    let rates = [2.0, 9.0, 30.0, 1.0];
    let fixed = of(&server, &rates, &Plan::Fixed(3));
    for subject in [
        hpa(3, 3, "vllm:num_requests_running", "4"),
        keda(
            "  minReplicaCount: 3\n  maxReplicaCount: 3",
            "sum(vllm:num_requests_waiting)",
        ),
    ] {
        let bound = of(&server, &rates, &scaled(subject, &server, 3));
        assert!(bound.syncs.0 > 150 && bound.syncs.1 == 0, "{:?}", bound.syncs);
        assert_eq!(Outcome { syncs: (0, 0), ..bound }, fixed);
    }
    assert!(
        fixed.waiting(0.95) > Some(100) && fixed.waiting(0.2) == Some(0),
        "{:?}",
        fixed.waiting
    );
}

#[test]
fn the_queue_answers_to_the_replicas() {
    let server = server::read(BATCHES, "s.yaml").unwrap();
    let rates = [2.0, 2.0, 8.0, 8.0, 8.0, 2.0, 2.0, 2.0];
    let few = of(&server, &rates, &Plan::Fixed(1));
    let many = of(&server, &rates, &Plan::Fixed(4));
    let following = of(
        &server,
        &rates,
        &scaled(hpa(1, 6, "vllm:num_requests_running", "8"), &server, 1),
    );
    let tail = |outcome: &Outcome| outcome.day.first_token.quantile(0.95).unwrap();
    assert!(
        tail(&few) > 100.0 && tail(&many) < 1.0,
        "{} {}",
        tail(&few),
        tail(&many)
    );
    assert!(tail(&following) < tail(&few) / 3.0, "{}", tail(&following));
    assert!(following.replica_hours() < 0.9 * many.replica_hours());
    assert!(following.most_waiting() < few.most_waiting());
    // All see the same requests.
    assert!(few.day.arrived == many.day.arrived && many.day.arrived == following.day.arrived);
    assert!(following.replicas.1 > 2 && following.changes > 1);
}

#[test]
fn pods_of_which_one_never_has_a_waiting_request_never_scale() {
    // A replica that takes whatever comes lets nothing wait, so that nothing that watches the queue ever moves.
    let endless = BATCHES.replace(
        "max_num_seqs: 16",
        "max_num_seqs: 100000\nmax_num_batched_tokens: 1000000000",
    );
    let server = server::read(&endless, "s.yaml").unwrap();
    let rates = [2.0, 2.0, 2.0];
    let found = of(
        &server,
        &rates,
        &scaled(hpa(1, 9, "vllm:num_requests_waiting", "4"), &server, 1),
    );
    assert_eq!((found.replicas, found.changes, found.syncs.1), ((1, 1), 0, 0));
    assert!(found.waiting(0.95) < Some(4), "{:?}", found.waiting);
}

#[test]
fn a_scaled_object_on_its_own_pods_metric_never_wakes_and_one_in_front_does() {
    let rates = [0.5, 0.0, 0.0, 0.5, 0.5];
    let asleep = "  cooldownPeriod: 60";
    let subject = || {
        keda(
            asleep,
            "sum(vllm:num_requests_running) + sum(vllm:num_requests_waiting)",
        )
    };
    let server = server::read(BATCHES, "s.yaml").unwrap();
    let own = of(&server, &rates, &scaled(subject(), &server, 1));
    assert_eq!(own.replicas.0, 0);
    let late = own.moments.iter().filter(|moment| moment.at >= 1_800_000);
    assert!(late.clone().count() > 70 && late.clone().all(|moment| moment.replicas == 0));
    assert!(
        own.day.refused > 0.4 * own.day.arrived,
        "{} of {}",
        own.day.refused,
        own.day.arrived
    );
    let held = format!("{BATCHES}holds_requests: true\nmetrics: {{queue: in-flight}}\n");
    let server = server::read(&held, "s.yaml").unwrap();
    let front = of(&server, &rates, &scaled(subject(), &server, 1));
    assert_eq!((front.replicas.0, front.day.refused), (0, 0.0));
    // Who comes first waits until the operator has looked and a replica has started; many that wait call for many.
    let longest = front.day.first_token.quantile(1.0).unwrap();
    assert!((45.0..120.0).contains(&longest), "{longest}");
    assert!(front.replicas.1 > 4, "{:?}", front.replicas);
}

#[test]
fn what_arrives_can_be_what_an_autoscaler_goes_by() {
    let said = format!("{BATCHES}metrics: {{rate: requests-per-second}}\n");
    let server = server::read(&said, "s.yaml").unwrap();
    // Each replica is to have two a second: ten need five.
    let found = of(&server, &[4.0, 10.0, 10.0], &scaled(hpa(1, 9, "rate", "2"), &server, 2));
    assert_eq!(found.replicas, (2, 5));
    let at = |millis: i64| {
        found
            .moments
            .iter()
            .rfind(|moment| moment.at <= millis)
            .unwrap()
            .replicas
    };
    assert_eq!((at(590_000), at(1_700_000)), (2, 5));
}
