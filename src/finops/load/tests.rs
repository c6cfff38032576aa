//! Intervals hold as often as they say, over worlds that are drawn with weekly patterns and growing load.

use super::*;

/// A little generator: the same seed, the same world.
struct Draw(u64);

impl Draw {
    fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// How a drawn workload's cost comes about.
struct Truth {
    /// Money a day at no load, and for each unit of work.
    before: (f64, f64),
    after: (f64, f64),
    /// Growth of load a day.
    growth: f64,
    /// Spread of cost about that, and what each day of it has from the one before.
    noise: f64,
    memory: f64,
}

const WEEK: [f64; 7] = [1.0, 1.05, 1.1, 1.05, 0.95, 0.5, 0.45];

/// Days before and after, and what a day saves in truth at the load that there was.
fn draw(truth: &Truth, days: (usize, usize), draw: &mut Draw) -> (Vec<Day>, Vec<Day>, f64) {
    let mut last = 0.0;
    let mut all = Vec::new();
    for at in 0..days.0 + days.1 {
        let work = 1000.0 * WEEK[at % 7] * (1.0 + truth.growth * at as f64) * (1.0 + 0.05 * draw.normal());
        let (base, each) = if at < days.0 { truth.before } else { truth.after };
        last = truth.memory * last + (1.0 - truth.memory * truth.memory).sqrt() * draw.normal();
        let cost = (base + each * work) * (1.0 + truth.noise * last);
        let day = Day {
            weekday: at % 7,
            cost,
            work: Some(work),
        };
        all.push(day);
    }
    let after = all.split_off(days.0);
    let weights = weights(&after);
    let saves = |day: &Day| {
        let work = day.work.unwrap();
        truth.before.0 - truth.after.0 + (truth.before.1 - truth.after.1) * work
    };
    let mean = after.iter().zip(weights).map(|(day, weight)| saves(day) * weight).sum();
    (all, after, mean)
}

#[test]
fn the_interval_holds_about_nine_times_in_ten() {
    let truth = |before, after, growth, noise, memory| Truth {
        before,
        after,
        growth,
        noise,
        memory,
    };
    let worlds = [
        (
            "in proportion, growing",
            truth((0.0, 1.0), (0.0, 0.4), 0.01, 0.05, 0.0),
            (14, 14),
        ),
        (
            "with a floor, growing",
            truth((400.0, 0.6), (200.0, 0.3), 0.01, 0.05, 0.3),
            (28, 21),
        ),
        (
            "fixed, growing",
            truth((1000.0, 0.0), (600.0, 0.0), 0.01, 0.03, 0.0),
            (14, 10),
        ),
        (
            "falling, days alike",
            truth((100.0, 0.9), (100.0, 0.5), -0.005, 0.08, 0.4),
            (28, 14),
        ),
    ];
    for (name, truth, days) in worlds {
        let mut drawer = Draw(7);
        let (runs, mut held, mut off) = (600, 0, 0.0);
        for _ in 0..runs {
            let (before, after, saves) = draw(&truth, days, &mut drawer);
            let found = saved(&before, &after, false).daily;
            held += u32::from(found.low.unwrap() <= saves && saves <= found.high.unwrap());
            off += (found.mid.unwrap() - saves) / saves / f64::from(runs);
        }
        let share = f64::from(held) / f64::from(runs);
        assert!((0.85..=0.985).contains(&share), "{name}: {share}");
        assert!(off.abs() < 0.03, "{name}: off by {off}");
    }
}

#[test]
fn growth_is_no_loss_of_a_change_whose_cost_follows_load() {
    let truth = Truth {
        before: (0.0, 1.0),
        after: (0.0, 0.5),
        growth: 0.03,
        noise: 0.0,
        memory: 0.0,
    };
    let (before, after, saves) = draw(&truth, (14, 14), &mut Draw(3));
    let found = saved(&before, &after, false);
    assert!((found.daily.mid.unwrap() - saves).abs() < 1e-6 * saves && found.follows);
    assert!(found.load.unwrap() > 1.3);
    let bare: Vec<Vec<Day>> = [&before, &after]
        .map(|days| days.iter().map(|day| Day { work: None, ..*day }).collect())
        .into();
    let uncorrected = saved(&bare[0], &bare[1], false).daily.mid.unwrap();
    assert!(uncorrected < 0.75 * saves, "{uncorrected} {saves}");
}

#[test]
fn gpus_that_are_held_at_any_load_are_not_corrected() {
    let truth = Truth {
        before: (900.0, 0.0),
        after: (300.0, 0.0),
        growth: 0.02,
        noise: 0.0,
        memory: 0.0,
    };
    let (before, after, _) = draw(&truth, (14, 7), &mut Draw(5));
    let found = saved(&before, &after, false);
    assert!(!found.follows);
    let ends = [found.daily.low, found.daily.mid, found.daily.high].map(Option::unwrap);
    assert!(ends.iter().all(|end| (end - 600.0).abs() < 1e-9), "{ends:?}");
}

#[test]
fn under_a_week_there_is_a_figure_and_no_interval() {
    let truth = Truth {
        before: (900.0, 0.0),
        after: (300.0, 0.0),
        growth: 0.0,
        noise: 0.1,
        memory: 0.0,
    };
    let (before, after, _) = draw(&truth, (14, 6), &mut Draw(5));
    let found = saved(&before, &after, false).daily;
    assert!(found.mid.is_some() && found.low.is_none() && found.high.is_none());
}
