//! Draws at random, and histograms that are fine enough to be the truth.

/// A stream of draws: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
#[derive(Debug, Clone)]
pub(crate) struct Draws {
    state: u64,
    spare: Option<f64>,
}

/// Bits well mixed.
fn mix(seed: u64) -> u64 {
    let z = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Draws {
    /// The stream of a seed and of what it is for.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        Self {
            state: mix(seed ^ mix(purpose.wrapping_add(0x9e37_79b9_7f4a_7c15))),
            spare: None,
        }
    }

    /// Any whole number: a seed for another stream.
    pub(crate) fn whole(&mut self) -> u64 {
        self.bits()
    }

    fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// From `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From `[low, high)`.
    pub(crate) fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// From `[low, high)`, even on a logarithmic scale.
    pub(crate) fn scale(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.unit())
    }

    /// One of them.
    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[(self.unit() * from.len() as f64) as usize].clone()
    }

    /// Whether something of this chance happens.
    pub(crate) fn chance(&mut self, of: f64) -> bool {
        self.unit() < of
    }

    /// Mean 1, exponential.
    pub(crate) fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// Mean 0, variance 1 (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let length = (2.0 * self.exponential()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.unit()).sin_cos();
        self.spare = Some(length * sin);
        length * cos
    }

    /// Mean 1, lognormal with this spread of its logarithm.
    pub(crate) fn lognormal(&mut self, sigma: f64) -> f64 {
        (sigma * self.normal() - sigma * sigma / 2.0).exp()
    }

    /// Mean 1 and this coefficient of variation, one at least: two exponentials of balanced means.
    pub(crate) fn gap(&mut self, cv: f64) -> f64 {
        if cv <= 1.0 {
            return self.exponential();
        }
        let lean = ((cv * cv - 1.0) / (cv * cv + 1.0)).sqrt();
        let often = (1.0 + lean) / 2.0;
        let share = if self.chance(often) { often } else { 1.0 - often };
        self.exponential() / (2.0 * share)
    }
}

/// The value below which a standard normal variable lies with this chance: bisection of the distribution function.
pub(crate) fn normal_quantile(q: f64) -> f64 {
    let (mut low, mut high) = (-9.0_f64, 9.0_f64);
    for _ in 0..80 {
        let middle = (low + high) / 2.0;
        if normal_share(middle) < q {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

/// The chance that a standard normal variable lies below: the integral of its density by Simpson's rule.
fn normal_share(x: f64) -> f64 {
    let (steps, density) = (400, |x: f64| (-x * x / 2.0).exp());
    let width = x / f64::from(steps);
    let inner = (1..steps).map(|at| f64::from(2 + 2 * (at % 2)) * density(width * f64::from(at)));
    let sum = density(0.0) + density(x) + inner.sum::<f64>();
    0.5 + sum * width / 3.0 / std::f64::consts::TAU.sqrt()
}

/// Parts of each doubling.
const PARTS: u32 = 7;

/// The least binary exponent told apart: about a tenth of a millisecond.
const LEAST: u64 = 1023 - 13;

/// How often values fell into bins that are at most 0.8 % wide.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sketch {
    bins: Vec<f64>,
    /// How many values.
    pub(crate) count: f64,
    /// Their sum.
    pub(crate) sum: f64,
}

impl Sketch {
    /// Counts a value `times` times.
    pub(crate) fn add(&mut self, value: f64, times: f64) {
        let at = (value.to_bits() >> (52 - PARTS)).saturating_sub(LEAST << PARTS) as usize;
        if at >= self.bins.len() {
            self.bins.resize(at + 64, 0.0);
        }
        self.bins[at] += times;
        self.count += times;
        self.sum += value * times;
    }

    /// Adds what another counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.bins.resize(self.bins.len().max(other.bins.len()), 0.0);
        for (mine, theirs) in self.bins.iter_mut().zip(&other.bins) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum += other.sum;
    }

    /// The mean; NaN of nothing.
    pub(crate) fn mean(&self) -> f64 {
        self.sum / self.count
    }

    /// The value that the share `q` does not exceed; NaN of nothing.
    pub(crate) fn quantile(&self, q: f64) -> f64 {
        let rank = q * self.count;
        let mut below = 0.0;
        for (at, here) in self.bins.iter().enumerate() {
            if *here > 0.0 && below + here >= rank {
                let edge = |at: u64| f64::from_bits((at + (LEAST << PARTS)) << (52 - PARTS));
                let (low, high) = (edge(at as u64), edge(at as u64 + 1));
                return low + (high - low) * ((rank - below) / here);
            }
            below += here;
        }
        f64::NAN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(mut draw: impl FnMut() -> f64) -> (f64, f64) {
        let values: Vec<f64> = (0..200_000).map(|_| draw()).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let spread = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        (mean, spread.sqrt())
    }

    #[test]
    fn draws_have_the_moments_that_they_say() {
        let mut draws = Draws::new(1, 2);
        for (cv, close) in [(1.0, 0.02), (1.7, 0.03), (2.5, 0.06)] {
            let (mean, spread) = moments(|| draws.gap(cv));
            assert!(
                (mean - 1.0).abs() < 0.02 && (spread - cv).abs() < close,
                "{cv}: {mean} {spread}"
            );
        }
        let (mean, spread) = moments(|| draws.normal());
        assert!(mean.abs() < 0.01 && (spread - 1.0).abs() < 0.01, "{mean} {spread}");
        let (mean, spread) = moments(|| draws.lognormal(0.5));
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
        assert!((spread - (0.25_f64.exp() - 1.0).sqrt()).abs() < 0.02, "{spread}");
    }

    #[test]
    fn quantiles_of_the_normal_distribution_are_those_of_the_tables() {
        for (q, value) in [(0.5, 0.0), (0.95, 1.644_854), (0.975, 1.959_964), (0.01, -2.326_348)] {
            assert!((normal_quantile(q) - value).abs() < 1e-5, "{q}");
        }
    }

    #[test]
    fn a_sketch_tells_quantiles_within_a_percent() {
        let mut sketch = Sketch::default();
        (1..=10_000).for_each(|at| sketch.add(f64::from(at) / 1000.0, 1.0));
        for q in [0.01, 0.5, 0.95, 0.99] {
            assert!(
                (sketch.quantile(q) / (q * 10.0) - 1.0).abs() < 0.008,
                "{q}: {}",
                sketch.quantile(q)
            );
        }
        assert!((sketch.mean() - 5.0005).abs() < 1e-9);
        assert!(Sketch::default().quantile(0.5).is_nan());
    }
}
