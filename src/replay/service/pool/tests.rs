//! Pools whose answer queueing theory knows.

use super::super::law::Law;
use super::super::outcome::together;
use super::*;

struct Fixed(u32);

impl Policy for Fixed {
    fn first(&self) -> u32 {
        self.0
    }

    fn wanted(&mut self, _: &Seen) -> u32 {
        self.0
    }
}

fn service(most_running: usize) -> Service {
    Service {
        law: Law::line(0.010, 0.001, 64.0),
        prefill_tokens_per_second: 10_000.0,
        overhead_seconds: 0.0,
        chunk_tokens: 2_048.0,
        most_running,
        cache_tokens: None,
        patience_seconds: None,
    }
}

fn around(routing: Routing) -> Surroundings {
    Surroundings {
        routing,
        holds_requests: false,
        start_seconds: vec![120.0],
        grace_seconds: 30.0,
        sync_seconds: 15.0,
        seed: 1,
    }
}

/// Poisson arrivals.
fn arrivals(rate: f64, seconds: f64, (prompt, answer): (f64, f64)) -> Vec<Request> {
    let mut draws = Draws::new(42);
    let mut at = 0.0;
    let mut all = Vec::new();
    loop {
        at -= (1.0 - draws.unit()).ln() / rate;
        if at > seconds {
            return all;
        }
        all.push(Request {
            at,
            prompt,
            cached: 0.0,
            answer,
        });
    }
}

fn run(service: &Service, around: &Surroundings, policy: &mut dyn Policy, load: &[Request], seconds: f64) -> Day {
    together(&replay(service, around, policy, load.iter().copied(), seconds))
}

#[test]
fn a_request_alone_takes_its_prefill_and_its_tokens() {
    let load = [Request {
        at: 5.0,
        prompt: 1_000.0,
        cached: 0.0,
        answer: 101.0,
    }];
    let day = run(&service(8), &around(Routing::LeastLoaded), &mut Fixed(1), &load, 60.0);
    // A step that computes a prompt reads the weights as any other.
    assert!((day.first_token.quantile(0.5).unwrap() / 0.111 - 1.0).abs() < 0.02);
    assert!((day.inter_token.quantile(0.5).unwrap() / 0.011 - 1.0).abs() < 0.02);
    assert!((day.inter_token.count() - 100.0).abs() < 1e-6);
    assert!((day.whole.quantile(0.5).unwrap() / (0.111 + 1.1) - 1.0).abs() < 0.02);
    assert_eq!((day.arrived, day.refused, day.most_batch), (1.0, 0.0, 1));
    assert!((day.replica_seconds - 60.0).abs() < 1e-9);
}

#[test]
fn one_at_a_time_is_a_queue_with_one_server() {
    // M/D/1: 90 tokens of 11 ms and 0.01 s of prefill are 1 s; the mean wait is rho s / (2 (1 - rho)).
    let seconds = 200_000.0;
    let load = arrivals(0.6, seconds, (100.0, 90.0));
    let day = run(
        &service(1),
        &around(Routing::LeastLoaded),
        &mut Fixed(1),
        &load,
        seconds,
    );
    let each = 0.01 + 90.0 * 0.011;
    let rho: f64 = 0.6 * each;
    let wait = rho * each / (2.0 * (1.0 - rho));
    let found = day.first_token.mean().unwrap() - 0.021;
    assert!((found / wait - 1.0).abs() < 0.04, "{found} for {wait}");
}

#[test]
fn what_is_in_flight_is_what_arrives_times_how_long_it_stays() {
    let seconds = 100_000.0;
    let load = arrivals(2.0, seconds, (200.0, 150.0));
    for routing in [Routing::LeastLoaded, Routing::Random] {
        let day = run(&service(32), &around(routing), &mut Fixed(3), &load, seconds);
        let little = 2.0 * day.whole.mean().unwrap();
        let found = day.in_flight.mean().unwrap();
        assert!((found / little - 1.0).abs() < 0.03, "{routing:?}: {found} for {little}");
        // Every token but the first of an answer is a step.
        assert!((day.inter_token.count() / (149.0 * day.whole.count()) - 1.0).abs() < 0.001);
    }
}

#[test]
fn a_full_replica_does_no_more_than_its_law_allows() {
    let seconds = 10_000.0;
    let load = arrivals(10.0, seconds, (1.0, 100.0));
    let day = run(
        &service(16),
        &around(Routing::LeastLoaded),
        &mut Fixed(1),
        &load,
        seconds,
    );
    // 16 requests a step of 26 ms, of which each needs 99.
    let most = 16.0 / 0.026 / 99.0 * seconds;
    assert!(
        day.whole.count() <= most && day.whole.count() > 0.97 * most,
        "{} of {most}",
        day.whole.count()
    );
}

#[test]
fn the_least_loaded_waits_less_than_any() {
    let seconds = 50_000.0;
    let load = arrivals(3.0, seconds, (500.0, 200.0));
    let tail = |routing| {
        let day = run(&service(8), &around(routing), &mut Fixed(3), &load, seconds);
        day.first_token.quantile(0.99).unwrap()
    };
    assert!(tail(Routing::LeastLoaded) < tail(Routing::Random));
}

#[test]
fn a_full_cache_lets_requests_wait() {
    let load = arrivals(2.0, 5_000.0, (1_000.0, 200.0));
    let wide = service(32);
    let narrow = Service {
        cache_tokens: Some(2_500.0),
        ..wide.clone()
    };
    let tail = |service: &Service| {
        let day = run(service, &around(Routing::LeastLoaded), &mut Fixed(1), &load, 5_000.0);
        (day.first_token.quantile(0.95).unwrap(), day.most_batch)
    };
    assert!(tail(&narrow).0 > 10.0 * tail(&wide).0);
    assert!(tail(&narrow).1 <= 2);
}

struct Steps2(Vec<(i64, u32)>);

impl Policy for Steps2 {
    fn first(&self) -> u32 {
        self.0[0].1
    }

    fn wanted(&mut self, seen: &Seen) -> u32 {
        self.0.iter().rfind(|step| step.0 <= seen.now).unwrap().1
    }
}

#[test]
fn a_new_replica_is_paid_before_it_serves_and_an_old_one_until_it_is_done() {
    let around = around(Routing::LeastLoaded);
    // At 60 s a second one is wanted: it is there from then on and ready at 180 s. At 300 s it goes.
    let mut policy = Steps2(vec![(0, 1), (60_000, 2), (300_000, 1)]);
    let day = run(&service(8), &around, &mut policy, &[], 600.0);
    assert!(
        (day.replica_seconds - (600.0 + 240.0)).abs() < 1e-6,
        "{}",
        day.replica_seconds
    );
    // A request of a hundred seconds is broken off thirty seconds after its replica has to go.
    let long = [Request {
        at: 290.0,
        prompt: 1.0,
        cached: 0.0,
        answer: 10_000.0,
    }];
    let mut policy = Steps2(vec![(0, 1), (300_000, 0)]);
    let day = run(&service(8), &around, &mut policy, &long, 600.0);
    assert_eq!((day.refused, day.whole.count()), (1.0, 0.0));
    assert!((day.replica_seconds - 330.0).abs() < 1e-6);
    // One that is nearly done is finished.
    let short = [Request {
        answer: 2_000.0,
        ..long[0]
    }];
    let mut policy = Steps2(vec![(0, 1), (300_000, 0)]);
    let day = run(&service(8), &around, &mut policy, &short, 600.0);
    assert_eq!((day.refused, day.whole.count()), (0.0, 1.0));
}

#[test]
fn without_a_replica_requests_are_refused_unless_something_holds_them() {
    let load = [Request {
        at: 10.0,
        prompt: 1.0,
        cached: 0.0,
        answer: 10.0,
    }];
    let mut policy = Steps2(vec![(0, 0), (15_000, 1)]);
    let refusing = around(Routing::LeastLoaded);
    let day = run(&service(8), &refusing, &mut policy, &load, 600.0);
    assert_eq!((day.refused, day.whole.count()), (1.0, 0.0));
    let holding = Surroundings {
        holds_requests: true,
        ..refusing
    };
    let mut policy = Steps2(vec![(0, 0), (15_000, 1)]);
    let day = run(&service(8), &holding, &mut policy, &load, 600.0);
    assert_eq!((day.refused, day.whole.count()), (0.0, 1.0));
    // Asked at 10 s, wanted at 15 s, ready two minutes later.
    assert!((day.first_token.quantile(0.5).unwrap() / 125.0 - 1.0).abs() < 0.02);
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    let load = arrivals(3.0, 5_000.0, (500.0, 200.0));
    let once = || {
        replay(
            &service(8),
            &around(Routing::Random),
            &mut Fixed(3),
            load.iter().copied(),
            5_000.0,
        )
    };
    assert_eq!(once(), once());
}
