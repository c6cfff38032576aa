//! Intervals over days whose truth is known.

use super::*;

/// A stream of draws from a normal distribution (SplitMix64, Box and Muller).
struct Noise(u64);

impl Noise {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
}

/// A Monday.
const MONDAY: i64 = 20_724;

fn day(at: i64, saving: f64) -> Day {
    Day {
        number: MONDAY + at,
        saving,
        known: 1.0,
    }
}

/// How daily savings come about: `100 - 50 x level x a lognormal factor that remembers`.
#[derive(Debug, Clone, Copy)]
struct Series {
    weekend: f64,
    sigma: f64,
    memory: f64,
    trend: f64,
    /// Spread of what is the same on all days, and whose ends the replay knows.
    model: f64,
}

impl Series {
    /// Twenty days, the ends of what is not known of them, and what they would save on average.
    fn month(&self, seed: u64) -> (Vec<Day>, Vec<Vec<f64>>, f64) {
        let mut noise = Noise(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let first = (noise.unit() * 7.0) as i64;
        let mut state = noise.normal();
        let (mut truth, mut counts) = ([0.0; 2], [0.0; 2]);
        let mut days = Vec::new();
        for at in 0..20 {
            let mut one = day(first + at, 0.0);
            let level = if one.weekend() { self.weekend } else { 1.0 } * (1.0 + self.trend * (at as f64 - 9.5));
            truth[usize::from(one.weekend())] += 100.0 - 50.0 * level;
            counts[usize::from(one.weekend())] += 1.0;
            one.saving = 100.0 - 50.0 * level * (self.sigma * state - self.sigma.powi(2) / 2.0).exp();
            state = self.memory * state + (1.0 - self.memory.powi(2)).sqrt() * noise.normal();
            days.push(one);
        }
        // What the replay says is off by as much on every day, and its ends say by how much it may be.
        let off = self.model * noise.normal();
        days.iter_mut().for_each(|day| day.saving += off);
        let end = |by: f64| days.iter().map(|day| day.saving + by).collect();
        let model = [-NORMAL * self.model, NORMAL * self.model].map(end).to_vec();
        let truth = 5.0 / 7.0 * truth[0] / counts[0] + 2.0 / 7.0 * truth[1] / counts[1];
        (days, model, truth)
    }

    /// The share of months whose interval covers the truth.
    fn coverage(&self, months: u64) -> f64 {
        let covers = |seed: &u64| {
            let (days, model, truth) = self.month(*seed);
            let (low, high) = ends(&days, &model);
            low <= truth && truth <= high
        };
        (0..months).filter(covers).count() as f64 / months as f64
    }
}

fn ends(days: &[Day], model: &[Vec<f64>]) -> (f64, f64) {
    let found = daily(days, model).unwrap();
    assert!(found.low <= found.mid && found.mid <= found.high, "{found:?}");
    (found.low.unwrap(), found.high.unwrap())
}

const PLAIN: Series = Series {
    weekend: 0.4,
    sigma: 0.2,
    memory: 0.0,
    trend: 0.0,
    model: 0.0,
};

#[test]
fn the_table_of_students_distribution_is_met() {
    for (freedom, value) in [
        (3.0, 2.353_363),
        (4.0, 2.131_847),
        (5.0, 2.015_048),
        (10.0, 1.812_461),
        (18.0, 1.734_064),
        (30.0, 1.697_261),
        (1e9, 1.644_854),
    ] {
        assert!(
            (t95(freedom) / value - 1.0).abs() < 0.001,
            "{freedom}: {}",
            t95(freedom)
        );
    }
}

#[test]
fn nine_days_are_too_few_and_what_is_not_known_is_no_day() {
    let mut days: Vec<Day> = (0..10).map(|at| day(at, at as f64)).collect();
    assert!(daily(&days, &[]).is_some());
    assert_eq!(daily(&days[1..], &[]), None);
    days[3].saving = f64::NAN;
    assert_eq!(daily(&days, &[]), None);
    days[3].saving = 3.0;
    days[4].known = 0.4;
    assert_eq!(daily(&days, &[]), None);
    days[4].known = 0.6;
    assert!(daily(&days, &[]).is_some());
    days[5].number = days[4].number;
    assert_eq!(daily(&days, &[]), None);
}

#[test]
fn an_end_that_does_not_tell_a_scored_day_leaves_no_interval() {
    let days: Vec<Day> = (0..12).map(|at| day(at, (at % 3) as f64)).collect();
    let mut model = vec![vec![1.0; 12]; 2];
    assert!(daily(&days, &model).is_some());
    model[1][5] = f64::INFINITY;
    assert_eq!(daily(&days, &model), None);
    // Unless the day is not scored anyway.
    let mut days = days;
    days[5].saving = f64::NAN;
    assert!(daily(&days, &model).is_some());
    model[1].truncate(11);
    assert_eq!(daily(&days, &model), None);
}

#[test]
fn days_that_are_all_the_same_leave_nothing_open_but_what_the_model_leaves() {
    let days: Vec<Day> = (0..20).map(|at| day(at, 24.1)).collect();
    let (low, high) = ends(&days, &[]);
    assert!((low - 24.1).abs() < 1e-9 && (high - 24.1).abs() < 1e-9);
    // Nine in ten between the ends of the model are nine in ten between those of the interval.
    let (low, high) = ends(&days, &[vec![22.1; 20], vec![26.1; 20]]);
    assert!((low - 22.1).abs() < 1e-9 && (high - 26.1).abs() < 1e-9, "{low} {high}");
}

#[test]
fn a_week_counts_as_a_week_whichever_days_a_month_has() {
    // Ten on workdays, 45 on weekends: 20 a day, with three weekends or with two.
    for first in [0, 3, 5] {
        let days: Vec<Day> = (first..first + 17)
            .map(|at| day(at, if at % 7 >= 5 { 45.0 } else { 10.0 }))
            .collect();
        let (low, high) = ends(&days, &[]);
        assert!((low - 20.0).abs() < 1e-9 && (high - 20.0).abs() < 1e-9, "{low} {high}");
    }
}

#[test]
fn the_order_of_days_and_the_unit_do_not_matter() {
    let (days, model, _) = Series { model: 3.0, ..PLAIN }.month(4);
    let (low, high) = ends(&days, &model);
    let turned = |values: &[f64]| values.iter().rev().copied().collect::<Vec<f64>>();
    let model_turned: Vec<Vec<f64>> = model.iter().map(|end| turned(end)).collect();
    let days_turned: Vec<Day> = days.iter().rev().copied().collect();
    assert_eq!(ends(&days_turned, &model_turned), (low, high));
    let dearer = days.iter().map(|day| Day {
        saving: -2.5 * day.saving,
        ..*day
    });
    let model: Vec<Vec<f64>> = model
        .iter()
        .map(|end| end.iter().map(|one| -2.5 * one).collect())
        .collect();
    let (low_dearer, high_dearer) = ends(&dearer.collect::<Vec<_>>(), &model);
    assert!((low_dearer + 2.5 * high).abs() < 1e-9 && (high_dearer + 2.5 * low).abs() < 1e-9);
}

#[test]
fn more_days_do_not_average_away_what_the_model_leaves_open() {
    let width = |days: i64| {
        let days: Vec<Day> = (0..days).map(|at| day(at, [3.0, 5.0, 4.0][at as usize % 3])).collect();
        let (low, high) = ends(&days, &[vec![1.0; days.len()], vec![7.0; days.len()]]);
        high - low
    };
    assert!(width(180) > 0.95 * width(20), "{} {}", width(180), width(20));
}

#[test]
fn nine_months_in_ten_have_the_truth_within_their_interval() {
    for (series, least, most) in [
        (PLAIN, 0.90, 0.96),
        (Series { memory: 0.3, ..PLAIN }, 0.87, 0.93),
        (Series { memory: 0.6, ..PLAIN }, 0.82, 0.90),
        (
            Series {
                sigma: 0.8,
                memory: 0.3,
                ..PLAIN
            },
            0.86,
            0.93,
        ),
        (
            Series {
                model: 6.0,
                memory: 0.3,
                ..PLAIN
            },
            0.87,
            0.93,
        ),
        (
            Series {
                weekend: 0.0,
                memory: 0.3,
                ..PLAIN
            },
            0.87,
            0.94,
        ),
        (
            Series {
                trend: 0.01,
                memory: 0.3,
                ..PLAIN
            },
            0.87,
            1.0,
        ),
    ] {
        let covered = series.coverage(2_000);
        assert!((least..=most).contains(&covered), "{series:?}: {covered}");
    }
}
