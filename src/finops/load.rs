//! What days would have cost without a change, by how cost followed load before it, and how sure that is.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::model::scenario::Interval;

/// Days on each side below which there is no interval: a week.
const LEAST_DAYS: usize = 7;

/// The share of an interval on either side that lies outside.
const TAIL: f64 = 0.05;

/// Spread of load before, relative to its mean, below which nobody sees whether cost follows it.
const LEAST_SPREAD: f64 = 0.01;

/// The most that one day is taken to tell of the next.
const MOST_MEMORY: f64 = 0.7;

/// A day: what it cost, and the work that was done; no work where cost is not to be explained by it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Day {
    /// The day of the week, 0 to 6.
    pub(super) weekday: usize,
    pub(super) cost: f64,
    pub(super) work: Option<f64>,
}

/// How cost followed work: `base + slope * work`, both of them not negative.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    base: f64,
    slope: f64,
    /// Variance of what a day differs from it.
    variance: f64,
    /// Variance of the line at a mean work, for each unit of `variance`.
    leverage: Leverage,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Leverage {
    /// Of a mean of so many days.
    Mean(f64),
    /// Of a line through the origin, by the sum of squares of work.
    Origin(f64),
    /// Of a line: days, mean work, and its sum of squares about that.
    Free(f64, f64, f64),
}

/// What a day saves on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Saved {
    /// Money a day, with an interval of 90 % where there are days enough.
    pub(super) daily: Interval,
    /// Whether cost followed load before, so that the figure is corrected.
    pub(super) follows: bool,
    /// Mean work after over mean work before.
    pub(super) load: Option<f64>,
}

/// What days save by cost and work before and after; work must be known of all of them or of none. `proportional` where cost is known
/// to follow load, for days that do not show whether it does.
pub(super) fn saved(before: &[Day], after: &[Day], proportional: bool) -> Saved {
    let line = Line::of(before, proportional);
    let own = Line::of(after, false);
    let weights = weights(after);
    let mean = |of: fn(&Day) -> f64| {
        after
            .iter()
            .zip(&weights)
            .map(|(day, weight)| of(day) * weight)
            .sum::<f64>()
    };
    let work = mean(|day| day.work.unwrap_or(0.0));
    let mid = line.at(work) - mean(|day| day.cost);
    let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
    let parts = [
        (line.variance_at(work), before.len()),
        (own.variance * squares, after.len()),
    ];
    let half = half_width(parts).filter(|_| before.len() >= LEAST_DAYS && after.len() >= LEAST_DAYS);
    let load = average(before)
        .filter(|before| *before > 0.0)
        .map(|before| work / before);
    Saved {
        daily: Interval {
            low: half.map(|half| mid - half),
            mid: Some(mid),
            high: half.map(|half| mid + half),
        },
        follows: line.slope > 0.0,
        load: load.filter(|_| after.iter().all(|day| day.work.is_some())),
    }
}

/// Mean work, every day of the week counting the same.
fn average(days: &[Day]) -> Option<f64> {
    let work: Option<f64> = days
        .iter()
        .zip(weights(days))
        .map(|(day, weight)| Some(day.work? * weight))
        .sum();
    work.filter(|_| !days.is_empty())
}

/// The weight of each day, so that each day of the week counts the same; of each the same where one of the week is missing.
pub(super) fn weights(days: &[Day]) -> Vec<f64> {
    let mut count = [0_u32; 7];
    days.iter().for_each(|day| count[day.weekday % 7] += 1);
    if count.contains(&0) {
        return vec![1.0 / days.len().max(1) as f64; days.len()];
    }
    let weight = |day: &Day| 1.0 / (7.0 * f64::from(count[day.weekday % 7]));
    days.iter().map(weight).collect()
}

impl Line {
    fn of(days: &[Day], proportional: bool) -> Self {
        let count = days.len() as f64;
        let points: Option<Vec<(f64, f64)>> = days.iter().map(|day| Some((day.work?, day.cost))).collect();
        let Some(points) = points.filter(|points| !points.is_empty()) else {
            return Self::flat(days);
        };
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
        let (work, cost) = (mean(|point| point.0), mean(|point| point.1));
        let squares: f64 = points.iter().map(|(w, _)| (w - work).powi(2)).sum();
        let spread = (squares / count).sqrt();
        if work <= 0.0 || (spread < LEAST_SPREAD * work && !proportional) {
            return Self::flat(days);
        }
        let products: f64 = points.iter().map(|(w, c)| (w - work) * (c - cost)).sum();
        let slope = products / squares.max(f64::MIN_POSITIVE);
        let through_origin = spread < LEAST_SPREAD * work || slope * work > cost;
        if slope <= 0.0 && !through_origin {
            return Self::flat(days);
        }
        let (base, slope, leverage) = if through_origin {
            let all: f64 = points.iter().map(|(w, _)| w * w).sum();
            (0.0, cost / work, Leverage::Origin(all))
        } else {
            (cost - slope * work, slope, Leverage::Free(count, work, squares))
        };
        let rest: Vec<f64> = points.iter().map(|(w, c)| c - base - slope * w).collect();
        Self {
            base,
            slope,
            variance: variance(&rest, 2.0),
            leverage,
        }
    }

    /// The mean, whatever work was done.
    fn flat(days: &[Day]) -> Self {
        let weights = weights(days);
        let base: f64 = days.iter().zip(&weights).map(|(day, weight)| day.cost * weight).sum();
        let rest: Vec<f64> = days.iter().map(|day| day.cost - base).collect();
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        Self {
            base,
            slope: 0.0,
            variance: variance(&rest, 1.0),
            leverage: Leverage::Mean(1.0 / squares.max(f64::MIN_POSITIVE)),
        }
    }

    fn at(&self, work: f64) -> f64 {
        self.base + self.slope * work
    }

    fn variance_at(&self, work: f64) -> f64 {
        let share = match self.leverage {
            Leverage::Mean(count) => 1.0 / count.max(1.0),
            Leverage::Origin(squares) => work * work / squares.max(f64::MIN_POSITIVE),
            Leverage::Free(count, mean, squares) => {
                1.0 / count + (work - mean).powi(2) / squares.max(f64::MIN_POSITIVE)
            }
        };
        self.variance * share
    }
}

/// The variance of what days differ by, larger where each day is like the one before: then they tell less than their number.
fn variance(rest: &[f64], parameters: f64) -> f64 {
    let count = rest.len() as f64;
    let squares: f64 = rest.iter().map(|value| value * value).sum();
    if squares <= 0.0 || count <= parameters {
        return 0.0;
    }
    let next: f64 = rest.windows(2).map(|pair| pair[0] * pair[1]).sum();
    // Few days show less of what each tells of the next than there is.
    let memory = ((next / squares) * count + 1.0) / (count - 3.0).max(1.0);
    let memory = memory.clamp(0.0, MOST_MEMORY);
    squares / (count - parameters) * (1.0 + memory) / (1.0 - memory)
}

/// Half of the interval of a difference of two means, of which each has its variance and days.
fn half_width(parts: [(f64, usize); 2]) -> Option<f64> {
    let sum: f64 = parts.iter().map(|(variance, _)| variance).sum();
    if sum <= 0.0 {
        return Some(0.0);
    }
    let each = parts
        .iter()
        .map(|(variance, days)| variance * variance / (*days as f64 - 2.0).max(1.0));
    let freedom = sum * sum / each.sum::<f64>();
    let student = StudentsT::new(0.0, 1.0, freedom.max(1.0)).ok()?;
    Some(student.inverse_cdf(1.0 - TAIL) * sum.sqrt())
}

#[cfg(test)]
mod tests;
