//! What the coming days cost, by the weekly pattern of the days before: a level that drifts (simple exponential smoothing) under
//! effects of the days of the week. The interval is the model's own (Hyndman et al., Forecasting with Exponential Smoothing, 2008,
//! ch. 6: the error of a sum of h days is the sum of each day's shock and of what it adds to the level of the days after it).

use jiff::civil::Date;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::model::scenario::Interval;

/// Days below which there is no weekly pattern: every day of the week must have come twice.
const SEASONAL_DAYS: usize = 14;

/// Days below which there is no interval.
const INTERVAL_DAYS: usize = 21;

/// Days that are looked back on at most: what was before tells little of next month.
const LONGEST: usize = 63;

/// How much of the newest day's surprise the level takes on, tried in turn.
const ALPHAS: [f64; 8] = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9];

/// A fitted pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    level: f64,
    effects: [f64; 7],
    alpha: f64,
    /// Variance of a day's shock, and its degrees of freedom; `None` where there are too few days.
    shock: Option<(f64, f64)>,
    /// What a day costs at least: days do not give back what others cost, unless some have.
    least: f64,
}

fn weekday(day: Date) -> usize {
    usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0)
}

impl Forecast {
    /// Fits whole days, oldest first; `None` without any.
    pub fn fit(days: &[(Date, f64)]) -> Option<Self> {
        let days = &days[days.len().saturating_sub(LONGEST)..];
        if days.is_empty() {
            return None;
        }
        let effects = if days.len() >= SEASONAL_DAYS {
            effects(days)
        } else {
            [0.0; 7]
        };
        let plain: Vec<f64> = days.iter().map(|(day, cost)| cost - effects[weekday(*day)]).collect();
        let fits = ALPHAS.iter().map(|alpha| {
            let (level, errors) = smoothed(&plain, *alpha);
            (*alpha, level, errors)
        });
        let (alpha, level, errors) = fits.min_by(|a, b| {
            let squares = |errors: &[f64]| errors.iter().map(|error| error * error).sum::<f64>();
            squares(&a.2).total_cmp(&squares(&b.2))
        })?;
        // Seven effects, of which six are free, a level and the smoothing were fitted.
        let freedom = errors.len() as f64 - 8.0;
        let squares: f64 = errors.iter().map(|error| error * error).sum();
        let shock = (days.len() >= INTERVAL_DAYS && freedom >= 5.0).then(|| (squares / freedom, freedom));
        Some(Self {
            level,
            effects,
            alpha,
            shock,
            least: if days.iter().all(|(_, cost)| *cost >= 0.0) {
                0.0
            } else {
                f64::NEG_INFINITY
            },
        })
    }

    /// What these days cost together, each with the part of it that is meant, with an interval of 90 %.
    pub fn sum(&self, days: &[(Date, f64)]) -> Interval {
        let expected = |(day, part): &(Date, f64)| (self.level + self.effects[weekday(*day)]).max(self.least) * part;
        let mid: f64 = days.iter().map(expected).sum();
        let half = self.shock.and_then(|(variance, freedom)| {
            // The shock of day i is on the day itself, and with alpha of it on every later one.
            let weight = |at: usize| {
                let later: f64 = days[at + 1..].iter().map(|(_, part)| part).sum();
                (days[at].1 + self.alpha * later).powi(2)
            };
            let all: f64 = (0..days.len()).map(weight).sum();
            let quantile = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.95);
            Some(quantile * (variance * all).sqrt())
        });
        Interval {
            low: half.map(|half| (mid - half).max(self.least)),
            mid: Some(mid),
            high: half.map(|half| mid + half),
        }
    }
}

/// By how much each day of the week is off the mean of the seven days around it, on average; together they are nothing.
fn effects(days: &[(Date, f64)]) -> [f64; 7] {
    let mut sums = [(0.0, 0.0); 7];
    for (at, (day, cost)) in days.iter().enumerate() {
        let first = at.saturating_sub(3).min(days.len().saturating_sub(7));
        let around = &days[first..(first + 7).min(days.len())];
        let mean = around.iter().map(|(_, cost)| cost).sum::<f64>() / around.len() as f64;
        let sum = &mut sums[weekday(*day)];
        sum.0 += cost - mean;
        sum.1 += 1.0;
    }
    let mut effects = sums.map(|(sum, count): (f64, f64)| if count > 0.0 { sum / count } else { 0.0 });
    let mean = effects.iter().sum::<f64>() / 7.0;
    effects.iter_mut().for_each(|effect| *effect -= mean);
    effects
}

/// The last level, and by how much each day was off the level before it; the first level is the mean of the first week.
fn smoothed(plain: &[f64], alpha: f64) -> (f64, Vec<f64>) {
    let first = plain.len().min(7);
    let mut level = plain[..first].iter().sum::<f64>() / first as f64;
    let mut errors = Vec::with_capacity(plain.len());
    for value in plain {
        let error = value - level;
        errors.push(error);
        level += alpha * error;
    }
    (level, errors)
}

#[cfg(test)]
mod tests {
    use jiff::civil::Weekday;

    use super::*;

    const START: Date = Date::constant(2026, 9, 7);

    fn is_weekend(day: Date) -> bool {
        matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
    }

    /// A generator that shares nothing with the model but its seed: xorshift, and the sum of twelve uniforms.
    struct Draws(u64);

    impl Draws {
        fn uniform(&mut self) -> f64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as f64 / (1u64 << 53) as f64
        }

        fn normal(&mut self) -> f64 {
            (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
        }
    }

    fn world(draws: &mut Draws, days: i64, drift: f64, noise: f64) -> Vec<(Date, f64)> {
        let mut level = 1000.0;
        (0..days)
            .map(|at| {
                let day = START + jiff::Span::new().days(at);
                level += drift * draws.normal();
                let week = if is_weekend(day) { -300.0 } else { 120.0 };
                (day, level + week + noise * draws.normal())
            })
            .collect()
    }

    #[test]
    fn weekends_are_foreseen() {
        let mut draws = Draws(7);
        let days = world(&mut draws, 56, 0.0, 10.0);
        let forecast = Forecast::fit(&days).unwrap();
        let saturday = forecast.sum(&[(Date::constant(2026, 11, 7), 1.0)]).mid.unwrap();
        let monday = forecast.sum(&[(Date::constant(2026, 11, 9), 1.0)]).mid.unwrap();
        assert!(
            (saturday - 700.0).abs() < 25.0 && (monday - 1120.0).abs() < 25.0,
            "{saturday} {monday}"
        );
    }

    #[test]
    fn nine_in_ten_intervals_hold_what_came() {
        let mut draws = Draws(99);
        for (drift, noise) in [(0.0, 50.0), (8.0, 40.0), (25.0, 20.0)] {
            let (mut held, mut all) = (0, 0);
            for _ in 0..400 {
                let days = world(&mut draws, 42 + 14, drift, noise);
                let (past, future) = days.split_at(42);
                let asked: Vec<(Date, f64)> = future.iter().map(|(day, _)| (*day, 1.0)).collect();
                let told = Forecast::fit(past).unwrap().sum(&asked);
                let truth: f64 = future.iter().map(|(_, cost)| cost).sum();
                all += 1;
                held += i32::from(told.low.unwrap() <= truth && truth <= told.high.unwrap());
            }
            let share = f64::from(held) / f64::from(all);
            assert!((0.84..=0.96).contains(&share), "{drift} {noise}: {share}");
        }
    }

    #[test]
    fn of_few_days_there_is_a_figure_and_no_interval() {
        let mut draws = Draws(3);
        let days = world(&mut draws, 10, 0.0, 10.0);
        let told = Forecast::fit(&days).unwrap().sum(&[(Date::constant(2026, 9, 18), 1.0)]);
        assert!(told.mid.is_some() && told.low.is_none() && told.high.is_none());
        assert_eq!(Forecast::fit(&[]), None);
    }
}
