//! Quantiles of many values in little memory: counts in buckets whose bounds grow by a fiftieth, so that a quantile is right to
//! one in a hundred.

/// The smallest value that is told apart: a tenth of a millisecond.
const LEAST: f64 = 1e-4;

/// How much wider each bucket is than the one before.
const GROWTH: f64 = 1.02;

/// How many there are: up to three hours.
const BUCKETS: usize = 940;

/// Values, counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Sketch {
    counts: Vec<f64>,
    total: f64,
}

impl Default for Sketch {
    fn default() -> Self {
        Self {
            counts: Vec::new(),
            total: 0.0,
        }
    }
}

/// The bucket of a value.
fn bucket(value: f64) -> usize {
    // The cast takes what is below zero, and what is no number, to zero.
    let at = ((value / LEAST).ln() / GROWTH.ln()).ceil() as usize;
    at.min(BUCKETS - 1)
}

/// What stands for a bucket: the middle of it, by ratio.
fn middle(bucket: usize) -> f64 {
    LEAST * GROWTH.powf(bucket as f64 - 0.5)
}

impl Sketch {
    /// Counts a value so many times.
    pub fn add(&mut self, value: f64, times: f64) {
        if times > 0.0 && value.is_finite() {
            if self.counts.is_empty() {
                self.counts = vec![0.0; BUCKETS];
            }
            self.counts[bucket(value)] += times;
            self.total += times;
        }
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: &Self) {
        if self.counts.is_empty() {
            self.counts.clone_from(&other.counts);
        } else {
            for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
                *mine += theirs;
            }
        }
        self.total += other.total;
    }

    /// How many values there are.
    pub fn count(&self) -> f64 {
        self.total
    }

    /// The quantile `q` (0 to 1); `None` of nothing.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let rank = q.clamp(0.0, 1.0) * self.total;
        let mut below = 0.0;
        let reaches = |count: &f64| {
            below += count;
            below >= rank && below > 0.0
        };
        self.counts.iter().position(reaches).map(middle)
    }

    /// The mean, as far as buckets tell; `None` of nothing.
    pub fn mean(&self) -> Option<f64> {
        let sum = self.counts.iter().enumerate().map(|(at, count)| middle(at) * count);
        (self.total > 0.0).then(|| sum.sum::<f64>() / self.total)
    }

    /// How many values do not exceed a bound, as far as buckets tell.
    pub fn up_to(&self, bound: f64) -> f64 {
        if bound == f64::INFINITY {
            return self.total;
        }
        self.counts.iter().take(bucket(bound) + 1).sum()
    }

    /// The share of values above a bound, as far as buckets tell.
    pub fn share_above(&self, bound: f64) -> f64 {
        if self.total <= 0.0 {
            return 0.0;
        }
        let above = self.counts.iter().skip(bucket(bound) + 1);
        above.sum::<f64>() / self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_one_in_a_hundred() {
        let mut sketch = Sketch::default();
        (1..=1000).for_each(|value| sketch.add(f64::from(value) / 100.0, 1.0));
        for (q, right) in [(0.5, 5.0), (0.95, 9.5), (0.01, 0.1), (1.0, 10.0)] {
            let found = sketch.quantile(q).unwrap();
            assert!((found / right - 1.0).abs() <= 0.0101, "{q}: {found}");
        }
        assert!((sketch.mean().unwrap() - 5.005).abs() < 0.05);
        assert!((sketch.share_above(7.5) - 0.25).abs() < 0.02);
    }

    #[test]
    fn weights_count_and_nothing_is_no_quantile() {
        let (mut a, mut b) = (Sketch::default(), Sketch::default());
        assert_eq!(a.quantile(0.5), None);
        a.add(0.01, 9.0);
        b.add(1.0, 1.0);
        b.add(f64::NAN, 5.0);
        a.merge(&b);
        assert_eq!(a.count(), 10.0);
        assert!((a.quantile(0.9).unwrap() / 0.01 - 1.0).abs() < 0.011);
        assert!((a.quantile(0.91).unwrap() - 1.0).abs() < 0.011);
    }
}
