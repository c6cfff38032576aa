//! Histograms of model servers over time, and the figures that a plan takes from them.
//!
//! A server counts each request, or each token, in the buckets that its value does not exceed. The metric store sums what the
//! pods of a workload counted within an hour; what stands here is that sum, an hour each, so that both the distribution over a
//! window and that of each of its hours can be told, and a service model fitted to them (the mean of an hour beside the
//! load of that hour, the quantiles to check against).

use serde::{Deserialize, Serialize};

use super::time::Grid;

/// Observations that must lie above a quantile, by the figure itself, before it is told: of fewer a single one moves it.
const BEYOND: f64 = 5.0;

/// How many observations did not exceed each bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    /// Upper bounds in rising order; the last is infinite.
    bounds: Vec<f64>,
    /// Observations up to each bound, those below it included. Not whole: a rate is extrapolated to the ends of its hour.
    counts: Vec<f64>,
    /// The sum of all observations.
    sum: Option<f64>,
}

impl Buckets {
    /// Buckets from bounds and the counts up to them, in any order. `None` where they are no histogram: no infinite bound, a
    /// bound twice, a count that is not finite, or one that is smaller than that of a lower bound (pods whose buckets differ
    /// were added up).
    pub fn new(counts: impl IntoIterator<Item = (f64, f64)>, sum: Option<f64>) -> Option<Self> {
        let mut rows: Vec<(f64, f64)> = counts.into_iter().collect();
        rows.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total = rows.last().filter(|(bound, _)| *bound == f64::INFINITY)?.1;
        let fits = |(bound, count): &(f64, f64)| !bound.is_nan() && count.is_finite() && *count >= 0.0;
        // What is left of sums of floating-point numbers.
        let slack = total.abs() * 1e-9;
        let rises = |pair: &[(f64, f64)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1 + slack;
        if !rows.iter().all(fits) || !rows.windows(2).all(rises) {
            return None;
        }
        let mut reached: f64 = 0.0;
        let counts = rows.iter().map(|(_, count)| {
            reached = reached.max(*count);
            reached
        });
        Some(Self {
            counts: counts.collect(),
            bounds: rows.iter().map(|(bound, _)| *bound).collect(),
            sum: sum.filter(|sum| sum.is_finite()),
        })
    }

    /// How many observations there are.
    pub fn count(&self) -> f64 {
        self.counts.last().copied().unwrap_or(0.0)
    }

    /// How many bounds there are.
    pub fn len(&self) -> usize {
        self.bounds.len()
    }

    /// Whether nothing was observed.
    pub fn is_empty(&self) -> bool {
        self.count() <= 0.0
    }

    /// The sum of all observations; `None` where it is not known.
    pub fn sum(&self) -> Option<f64> {
        self.sum
    }

    /// The mean of the observations; `None` where too few were seen, or their sum is not known.
    pub fn mean(&self) -> Option<f64> {
        (self.count() >= BEYOND).then_some(self.sum? / self.count())
    }

    /// The quantile `q` (0 to 1), interpolated within its bucket as `histogram_quantile` does. `None` where it lies above the
    /// last finite bound, of which nothing more is known, and where fewer than five observations lie above it.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let (total, q) = (self.count(), q.clamp(0.0, 1.0));
        if total * (1.0 - q) < BEYOND {
            return None;
        }
        let rank = q * total;
        let at = self.counts.iter().position(|count| *count >= rank)?;
        let upper = self.bounds[at];
        if !upper.is_finite() {
            return None;
        }
        let (lower, below) = match at.checked_sub(1) {
            Some(before) => (self.bounds[before], self.counts[before]),
            // The first bucket begins at zero, unless it ends there.
            None => (upper.min(0.0), 0.0),
        };
        let within = self.counts[at] - below;
        let share = if within > 0.0 { (rank - below) / within } else { 1.0 };
        Some(lower + (upper - lower) * share)
    }

    /// Bounds in rising order, each with the observations that do not exceed it; the last is infinite.
    pub fn up_to(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.bounds.iter().copied().zip(self.counts.iter().copied())
    }

    /// A value that might have been observed: that below which the share `u` (0 to 1) of observations lies, interpolated within
    /// its bucket, with no care for how few there are. What lies above the last finite bound is told as that bound. `None` of
    /// nothing.
    pub fn value_at(&self, u: f64) -> Option<f64> {
        if self.is_empty() {
            return None;
        }
        let rank = u.clamp(0.0, 1.0) * self.count();
        let at = self.counts.partition_point(|count| *count < rank);
        let at = at.min(self.bounds.len() - 1);
        let (lower, below) = at.checked_sub(1).map_or((self.bounds[at].min(0.0), 0.0), |before| {
            (self.bounds[before], self.counts[before])
        });
        let upper = self.bounds[at];
        let within = self.counts[at] - below;
        if !upper.is_finite() {
            return Some(lower);
        }
        let share = if within > 0.0 { (rank - below) / within } else { 1.0 };
        Some(lower + (upper - lower) * share)
    }

    /// Adds another's observations. Where bounds differ (a server's new version has others) those remain that both have: what
    /// one of them did not count cannot be told for both.
    pub fn add(&mut self, other: &Self) {
        self.sum = self.sum.zip(other.sum).map(|(a, b)| a + b);
        if self.bounds == other.bounds {
            for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
                *mine += theirs;
            }
            return;
        }
        let (mut bounds, mut counts) = (Vec::new(), Vec::new());
        for (bound, count) in self.bounds.iter().zip(&self.counts) {
            if let Ok(at) = other.bounds.binary_search_by(|theirs| theirs.total_cmp(bound)) {
                bounds.push(*bound);
                counts.push(count + other.counts[at]);
            }
        }
        self.bounds = bounds;
        self.counts = counts;
    }
}

/// A histogram an hour.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Its hours (see [`Grid::hourly`]).
    pub grid: Grid,
    /// What was observed in each; `None` where that is not known, which is not the same as nothing.
    pub steps: Vec<Option<Buckets>>,
}

impl Histogram {
    /// One of which nothing is known.
    pub fn unknown(grid: Grid) -> Self {
        Self {
            grid,
            steps: vec![None; grid.points()],
        }
    }

    /// How many hours are known.
    pub fn known(&self) -> usize {
        self.steps.iter().flatten().count()
    }

    /// How many figures it holds.
    pub fn values(&self) -> usize {
        self.steps.iter().flatten().map(Buckets::len).sum()
    }

    /// All hours together; `None` where none is known.
    pub fn total(&self) -> Option<Buckets> {
        let mut known = self.steps.iter().flatten();
        let mut total = known.next()?.clone();
        known.for_each(|step| total.add(step));
        Some(total)
    }
}

/// How long something took over the window, seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatencyRow {
    /// Median, interpolated within its bucket; `None` above the last bucket, or where too few were seen.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// Mean.
    pub mean: Option<f64>,
    /// How many were observed.
    pub count: f64,
    /// Share of the hours in which its pods ran that are known.
    pub coverage: f64,
    /// Which signal.
    pub signal: String,
}

/// How a workload's model servers served over the window; `None` for what none of them told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServingRow {
    /// Seconds from a request's arrival to its first token.
    pub time_to_first_token_seconds: Option<LatencyRow>,
    /// Seconds from one token of a request to the next, each token counted once.
    pub inter_token_latency_seconds: Option<LatencyRow>,
    /// Seconds from a request's arrival to its last token.
    pub request_latency_seconds: Option<LatencyRow>,
    /// Tokens of a prompt, on average.
    pub prompt_tokens_per_request: Option<f64>,
    /// Tokens of an answer, on average.
    pub answer_tokens_per_request: Option<f64>,
}

#[cfg(test)]
mod tests;
