//! When requests come and how long they are: hours, weekdays, days of their own, bursts, and gaps of more than a chance's spread.

use super::draws::{Draws, normal_quantile};
use super::fleet::WARM;

/// Seconds for which a rate holds.
const HOLD: f64 = 600.0;

/// Requests by hour of day, mean 1: ServeGen's model `m-small` (alibaba/ServeGen, Apache-2.0).
const HOURLY: [f64; 24] = [
    0.84, 0.71, 0.73, 0.68, 0.71, 0.66, 0.68, 0.85, 1.02, 1.05, 1.13, 1.09, 1.06, 1.07, 1.06, 1.05, 1.09, 1.08, 1.01,
    1.23, 1.46, 1.40, 1.27, 1.06,
];

/// What a workload is asked.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// Requests a second at the highest hour of a usual workday.
    pub(crate) peak: f64,
    /// How deep the night is: 0 is flat, 1 is ServeGen's shape, 2 twice as deep.
    pub(crate) depth: f64,
    /// Level of each weekday, Monday first, relative to a workday.
    pub(crate) week: [f64; 7],
    /// Spread of a day's own factor, as a logarithm.
    pub(crate) day_sigma: f64,
    /// Correlation of a day's factor with that of the day before.
    pub(crate) day_rho: f64,
    /// Spread of ten minutes' own factor, as a logarithm.
    pub(crate) window_sigma: f64,
    /// Bursts a day, and by how much each raises the load for ten to thirty minutes.
    pub(crate) bursts: (f64, f64),
    /// Coefficient of variation of gaps between arrivals.
    pub(crate) cv: f64,
    /// Growth of the load from one day to the next, relative to its level in the middle of the month.
    pub(crate) growth: f64,
    /// Tokens of prompts: mean, and spread of the logarithm.
    pub(crate) prompt: (f64, f64),
    /// Tokens of answers, likewise.
    pub(crate) answer: (f64, f64),
    /// Share of prompts' tokens that the prefix cache knows.
    pub(crate) cached: f64,
}

/// A request as it comes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// Seconds since the first day began; below zero on the day before.
    pub(crate) at: f64,
    /// Tokens.
    pub(crate) prompt: f64,
    /// Those of them that are cached.
    pub(crate) cached: f64,
    /// Tokens of the answer.
    pub(crate) answer: f64,
}

impl Load {
    /// The factors of so many days in a row.
    pub(crate) fn days(&self, days: usize, seed: u64) -> Vec<f64> {
        let mut draws = Draws::new(seed, 1);
        let mut state = draws.normal();
        (0..days)
            .map(|_| {
                let factor = self.factor(state);
                state = self.day_rho * state + (1.0 - self.day_rho * self.day_rho).sqrt() * draws.normal();
                factor
            })
            .collect()
    }

    /// Factors of the same distribution, spread evenly over it: that of sweep `sweep` of `of`, so that the sweeps together
    /// have each part of the distribution once a day.
    pub(crate) fn even_days(&self, days: usize, sweep: usize, of: usize) -> Vec<f64> {
        let factor = |day: usize| {
            // Parts in an order that differs from day to day, and a place within the part that does, too.
            let part = (sweep + day * 5 / 3) % of;
            let within = (0.5 + day as f64 * 0.618_033_988_75).fract();
            self.factor(normal_quantile((part as f64 + within) / of as f64))
        };
        (0..days).map(factor).collect()
    }

    fn factor(&self, normal: f64) -> f64 {
        (self.day_sigma * normal - self.day_sigma.powi(2) / 2.0).exp()
    }

    /// Requests a second, without chance, at a second of a day of the month, which is this day of the week (0 for Monday).
    pub(crate) fn usual(&self, day: i64, weekday: i64, second: f64) -> f64 {
        let hour = second / 3600.0 - 0.5;
        let (before, part) = (hour.floor(), hour - hour.floor());
        let shape = |hour: f64| 1.0 + self.depth * (HOURLY[hour.rem_euclid(24.0) as usize % 24] - 1.0);
        let level = shape(before) * (1.0 - part) + shape(before + 1.0) * part;
        let highest = HOURLY
            .iter()
            .fold(0.0_f64, |most, hour| most.max(1.0 + self.depth * (hour - 1.0)));
        let grown = (1.0 + self.growth * (day as f64 - 13.5)).max(0.05);
        self.peak * (level / highest).max(0.0) * grown * self.week[weekday.rem_euclid(7) as usize]
    }
}

/// The requests of days in a row, and of the last hour before them.
pub(crate) struct Arrivals<'a> {
    load: &'a Load,
    factors: Vec<f64>,
    first: (i64, i64),
    draws: Draws,
    weather: Draws,
    now: f64,
    until: f64,
    rate: f64,
    burst: (usize, f64),
}

impl<'a> Arrivals<'a> {
    /// Those of days with these factors, of which the first is that of the day before; `first` is the number of the first of these
    /// days in its month, and its weekday.
    pub(crate) fn new(load: &'a Load, factors: Vec<f64>, first: (i64, i64), seed: u64) -> Self {
        Self {
            load,
            factors,
            first,
            draws: Draws::new(seed, 2),
            weather: Draws::new(seed, 3),
            now: -WARM,
            until: -WARM,
            rate: 0.0,
            burst: (0, 1.0),
        }
    }

    /// Sets the rate of the ten minutes that begin now.
    fn turn(&mut self) {
        self.until = ((self.now / HOLD).round() + 1.0) * HOLD;
        let day = (self.now / 86_400.0 + 1e-9).floor() as i64;
        let own = self.factors[(day + 1) as usize];
        let second = self.until - HOLD / 2.0 - day as f64 * 86_400.0;
        let window = self.weather.lognormal(self.load.window_sigma);
        // As many draws whatever comes of them, so that the same seed has the same weather.
        let (begins, long) = (self.weather.unit(), self.weather.unit());
        if self.burst.0 == 0 && begins < self.load.bursts.0 * HOLD / 86_400.0 {
            self.burst = (1 + (long * 3.0) as usize, self.load.bursts.1 * (0.7 + 0.6 * long));
        }
        let burst = if self.burst.0 > 0 { self.burst.1 } else { 1.0 };
        self.burst.0 = self.burst.0.saturating_sub(1);
        self.rate = self.load.usual(self.first.0 + day, self.first.1 + day, second) * own * window * burst;
    }
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let end = (self.factors.len() - 1) as f64 * 86_400.0;
        let mut gap = self.draws.gap(self.load.cv);
        loop {
            let left = self.rate * (self.until - self.now);
            if gap < left {
                break;
            }
            gap -= left;
            self.now = self.until;
            if self.now >= end - 1e-6 {
                return None;
            }
            self.turn();
        }
        self.now += gap / self.rate;
        let (load, draws) = (self.load, &mut self.draws);
        let mut tokens =
            |(mean, sigma): (f64, f64), most: f64| (mean * draws.lognormal(sigma)).round().clamp(1.0, most);
        let prompt = tokens(load.prompt, 16.0 * load.prompt.0);
        let answer = tokens(load.answer, 16.0 * load.answer.0);
        let known = (2.0 * load.cached * draws.unit()).min(0.95);
        let cached = ((prompt * known / 16.0).floor() * 16.0).min(prompt - 1.0);
        Some(Arrival {
            at: self.now,
            prompt,
            cached: cached.max(0.0),
            answer,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load() -> Load {
        Load {
            peak: 1.0,
            depth: 1.0,
            week: [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.0],
            day_sigma: 0.2,
            day_rho: 0.5,
            window_sigma: 0.2,
            bursts: (0.0, 1.0),
            cv: 1.5,
            growth: 0.0,
            prompt: (800.0, 0.8),
            answer: (200.0, 0.7),
            cached: 0.2,
        }
    }

    #[test]
    fn as_many_come_as_the_rates_say_and_nobody_on_a_silent_day() {
        let load = load();
        let expected: f64 = (0..144)
            .map(|at| 600.0 * load.usual(0, 0, f64::from(at) * 600.0 + 300.0))
            .sum();
        let all: Vec<Arrival> = Arrivals::new(&load, vec![1.0; 29], (0, 0), 7)
            .filter(|one| one.at >= 0.0)
            .collect();
        assert!(all.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let on = |weekday: usize| {
            all.iter()
                .filter(|one| (one.at / 86_400.0) as usize % 7 == weekday)
                .count() as f64
        };
        assert!(
            (on(1) / (4.0 * expected) - 1.0).abs() < 0.03,
            "{} {expected}",
            on(1) / 4.0
        );
        assert!((on(5) / (2.0 * expected) - 1.0).abs() < 0.03);
        assert_eq!(on(6), 0.0);
        let mean = |value: &dyn Fn(&Arrival) -> f64| all.iter().map(value).sum::<f64>() / all.len() as f64;
        assert!((mean(&|one| one.prompt) / 800.0 - 1.0).abs() < 0.02);
        assert!((mean(&|one| one.answer) / 200.0 - 1.0).abs() < 0.02);
        assert!((mean(&|one| one.cached) / mean(&|one| one.prompt) - 0.2).abs() < 0.02);
    }

    #[test]
    fn days_vary_and_remember_as_they_should_and_even_days_have_the_same_mean_and_spread() {
        let load = load();
        let logs = |days: Vec<f64>| -> Vec<f64> { days.iter().map(|day| day.ln()).collect() };
        let days = logs(load.days(100_000, 3));
        let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
        let spread = |of: &[f64]| (mean(&of.iter().map(|v| v * v).collect::<Vec<_>>()) - mean(of).powi(2)).sqrt();
        assert!((spread(&days) - 0.2).abs() < 0.01);
        let pairs: Vec<f64> = days
            .windows(2)
            .map(|pair| (pair[0] + 0.02) * (pair[1] + 0.02))
            .collect();
        assert!((mean(&pairs) / 0.04 - 0.5).abs() < 0.05);
        let even: Vec<f64> = (0..4).flat_map(|sweep| load.even_days(21, sweep, 4)).collect();
        assert!((mean(&even) - 1.0).abs() < 0.01, "{}", mean(&even));
        assert!((spread(&logs(even)) - 0.2).abs() < 0.02);
    }
}
