//! The simulator itself is right: queues whose figures are known, and laws that hold for any.

use gpuwise::model::histogram::Histogram;
use gpuwise::model::usage::Column;

use super::autoscaler::{Hpa, Metric, Policy};
use super::fleet::{Routing, Site};
use super::load::Load;
use super::replica::Law;
use super::world::{Objective, World};

/// A flat load on servers whose steps take 20 ms whatever they hold.
fn plain() -> World {
    World {
        load: Load {
            peak: 1.0,
            depth: 0.0,
            week: [1.0; 7],
            day_sigma: 0.0,
            day_rho: 0.0,
            window_sigma: 0.0,
            bursts: (0.0, 1.0),
            cv: 1.0,
            growth: 0.0,
            prompt: (100.0, 0.3),
            answer: (200.0, 0.6),
            cached: 0.0,
        },
        site: Site {
            law: Law {
                alone: 0.02,
                each: 0.0,
                bend: 0.0,
                context: 0.0,
                prompt: 0.0,
                overlap: 0.0,
                budget: 2_048.0,
                seats: 256,
                cache: 1e9,
                noise: 0.0,
                servers: 0.0,
                patience: f64::INFINITY,
            },
            routing: Routing::LeastLoaded,
            start: (120.0, 0.3),
            scrape: 15,
        },
        ran: Policy::Fixed(1),
        objective: Objective {
            ttft: 1.0,
            itl: 0.1,
            refused: 0.0,
        },
        days: 10,
        start: 1_790_000_000 / 86_400 * 86_400,
        gaps: 0.0,
        seed: 1,
    }
}

/// A world with everything in it.
fn rich() -> World {
    let mut world = plain();
    world.load = Load {
        peak: 0.8,
        depth: 1.0,
        week: [1.0, 1.1, 0.9, 1.0, 1.0, 0.5, 0.4],
        day_sigma: 0.2,
        day_rho: 0.4,
        window_sigma: 0.2,
        bursts: (2.0, 2.0),
        cv: 1.8,
        growth: 0.01,
        prompt: (1_000.0, 0.9),
        answer: (300.0, 0.8),
        cached: 0.3,
    };
    world.site.law = Law {
        alone: 0.04,
        each: 0.001,
        bend: 0.000_002,
        context: 1e-7,
        prompt: 0.0002,
        overlap: 0.3,
        budget: 2_048.0,
        seats: 24,
        cache: 20_000.0,
        noise: 0.05,
        servers: 0.02,
        patience: 60.0,
    };
    world.ran = Policy::Hpa(Hpa::new(Metric::Running, 10.0, 1, 8));
    world.days = 3;
    world
}

#[test]
fn one_seat_waits_as_pollaczek_and_khinchine_say() {
    let mut world = plain();
    world.site.law.seats = 1;
    world.load.peak = 0.15;
    world.days = 60;
    let all = world.run(&world.ran).all();
    // A request takes its answer's steps: lognormal, mean 4 s.
    let (rate, mean) = (all.arrived / (60.0 * 86_400.0), 4.0);
    let square = mean * mean * 0.36_f64.exp();
    let wait = rate * square / (2.0 * (1.0 - rate * mean));
    let measured = all.e2e.mean() - mean;
    assert!((measured / wait - 1.0).abs() < 0.02, "waited {measured}, not {wait}");
    assert!((all.ttft.mean() - wait - 0.02).abs() < 0.02 * wait);
}

#[test]
fn many_seats_hold_as_many_as_come_in_the_time_that_one_takes() {
    // Little's law, with all that there is.
    for policy in [Policy::Fixed(2), Policy::Fixed(4), rich().ran] {
        let world = rich();
        let all = world.run(&policy).all();
        let seconds = world.days as f64 * 86_400.0;
        let answered = all.e2e.sum;
        let gone = all.refused * world.site.law.patience;
        let held = all.in_flight / seconds;
        let expected = (answered + gone) / seconds;
        assert!(
            (held / expected - 1.0).abs() < 0.02,
            "{policy:?}: {held}, not {expected}"
        );
    }
}

#[test]
fn a_server_that_is_never_idle_gives_as_many_tokens_as_its_law_says() {
    let mut world = plain();
    world.site.law.each = 0.001;
    world.site.law.seats = 32;
    // Twice as many as it can.
    world.load.peak = 2.0 * 32.0 / (0.02 + 0.001 * 32.0) / 200.0;
    world.days = 1;
    let all = world.run(&world.ran).all();
    let tokens = all.itl.count / 86_400.0;
    // One seat in two hundred is being read to, and each reading begins with a step; its first token is not between tokens.
    let law = 32.0 / (0.02 + 0.001 * 32.0);
    assert!((tokens / law - 1.0).abs() < 0.01, "{tokens} tokens a second, not {law}");
}

#[test]
fn prompts_take_what_answers_cannot_have() {
    // Half of the time goes to prompts: 1,000 tokens of 0.5 ms beside 100 tokens in batches.
    let mut world = plain();
    world.load.prompt = (1_000.0, 0.0);
    world.load.answer = (101.0, 0.0);
    world.site.law.prompt = 0.0005;
    world.site.law.seats = 20;
    world.load.peak = 3.0;
    world.days = 1;
    let all = world.run(&world.ran).all();
    let rate = all.finished / 86_400.0;
    // A request's share of a full batch's steps, and its prompt alone, which is 2.5 % dearer for its length.
    let law = 1.0 / (101.0 * 0.02 / 20.0 + 0.5 * 1.025);
    assert!((rate / law - 1.0).abs() < 0.01, "{rate} a second, not {law}");
}

#[test]
fn nobody_is_lost_and_nobody_is_served_twice() {
    for policy in [Policy::Fixed(1), Policy::Fixed(3), rich().ran] {
        let world = rich();
        let outcome = world.run(&policy);
        let all = outcome.all();
        let left = all.arrived - all.finished - all.refused;
        // Those in flight at the begin and at the end.
        assert!(left.abs() <= 100.0, "{policy:?}: {left} of {}", all.arrived);
        assert!(all.ttft.count >= all.finished - 100.0);
        assert!(all.arrived > 1e5, "{}", all.arrived);
    }
}

#[test]
fn what_monitoring_sees_is_what_happened() {
    let mut world = rich();
    let (all, watched) = (world.run(&world.ran).all(), world.watched());
    let sum = |column: &Column| column.samples().map(|(_, value)| value).sum::<f64>();
    let points = watched.requests.grid.points();
    assert_eq!(watched.requests.finished.count(), points);
    assert_eq!(sum(&watched.requests.finished), all.finished);
    assert_eq!(sum(watched.requests.rejected.as_ref().unwrap()), all.refused);
    assert_eq!(watched.e2e.total().unwrap().count(), all.finished);
    assert!((sum(&watched.requests.answer_tokens) - all.itl.count - all.ttft.count).abs() < 1e-3);
    let hours = |of: &Histogram| (of.steps.len(), of.known());
    assert_eq!(hours(&watched.itl), (72, 72));
    // Tokens are those that came, and starts take as long as they do: half of them no longer than the median.
    let mean = |of: &Histogram| of.total().unwrap().mean().unwrap();
    assert!(
        (mean(&watched.prompt) / 1_000.0 - 1.0).abs() < 0.03,
        "{}",
        mean(&watched.prompt)
    );
    assert!(
        (mean(&watched.answer) / 300.0 - 1.0).abs() < 0.03,
        "{}",
        mean(&watched.answer)
    );
    assert_eq!(watched.ttft.total().unwrap().count(), all.ttft.count);
    let quick = watched.starts.iter().filter(|seconds| **seconds < 120.0).count() as f64;
    assert!(
        (0.35..0.65).contains(&(quick / watched.starts.len() as f64)),
        "{:?}",
        watched.starts
    );
    // The median of the buckets is near that of every value.
    let seen = watched.e2e.total().unwrap().quantile(0.5).unwrap();
    assert!((seen / all.e2e.quantile(0.5) - 1.0).abs() < 0.15, "{seen}");
    // Arrivals are completions, those given up, and what is in flight more than before.
    let in_flight = sum(&watched.requests.running) + sum(&watched.requests.waiting);
    assert!((in_flight * 15.0 / all.in_flight - 1.0).abs() < 0.01);
    world.gaps = 0.001;
    let missing = points - world.watched().requests.finished.count();
    assert!(missing > points / 500 && missing < points / 25, "{missing} of {points}");
}

#[test]
fn the_same_seed_is_the_same_world_and_another_is_not() {
    let world = rich();
    let same = (world.watched().requests, world.clone().watched().requests);
    assert_eq!(same.0, same.1);
    assert_ne!(world.again(1).watched().requests, same.0);
    // Whatever the policy, the same requests come.
    let came = |policy: &Policy| -> Vec<f64> { world.run(policy).days.iter().map(|day| day.arrived).collect() };
    assert_eq!(came(&Policy::Fixed(3)), came(&world.ran));
}

#[test]
fn a_cache_that_is_full_puts_back_who_came_last_and_holds_no_more_than_it_can() {
    let (world, sum) = (rich(), |column: &Column| {
        column.samples().map(|(_, value)| value).sum::<f64>()
    });
    let requests = World {
        ran: Policy::Fixed(1),
        ..world
    }
    .watched()
    .requests;
    let cache = requests.cache_used.as_ref().unwrap();
    assert!(
        cache.max().unwrap() <= 1.0 && cache.max().unwrap() > 0.9,
        "{:?}",
        cache.max()
    );
    assert!(sum(requests.preemptions.as_ref().unwrap()) > 10.0);
    // What was broken off is read again, but nobody's tokens are counted twice.
    let answers = sum(&requests.answer_tokens) / sum(&requests.finished);
    assert!((answers / 300.0 - 1.0).abs() < 0.02, "{answers} tokens an answer");
}

#[test]
fn an_autoscaler_follows_the_day_and_its_expectation_is_that_of_many_months() {
    let mut world = rich();
    world.load.growth = 0.0;
    world.load.peak = 0.15;
    world.ran = Policy::Hpa(Hpa::new(Metric::InFlight, 1.5, 1, 8));
    world.days = 7;
    let outcome = world.run(&world.ran);
    let hours: Vec<f64> = outcome.days.iter().map(|day| day.replica_hours).collect();
    assert!(hours.iter().all(|hours| (24.0..=192.0).contains(hours)), "{hours:?}");
    let quiet = (0..7)
        .filter(|day| world.weekday(*day) >= 5)
        .map(|day| hours[day])
        .sum::<f64>()
        / 2.0;
    assert!(quiet < 0.8 * outcome.daily_hours(), "{quiet} of {hours:?}");
    assert!(outcome.starts.len() > 50);
    let expected = world.expected(&world.ran, 0..7, 3).iter().sum::<f64>() / 7.0;
    let many = (0..6)
        .map(|month| world.again(month).run(&world.ran).daily_hours())
        .sum::<f64>()
        / 6.0;
    assert!((expected / many - 1.0).abs() < 0.05, "{expected}, not {many}");
}
