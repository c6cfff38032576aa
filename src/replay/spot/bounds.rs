//! What a count allows to say of a rate or a share. No interruption in so many hours is not "never".

use statrs::distribution::{Beta, ChiSquared, ContinuousCDF};

/// Hours of a month, as plans count it.
const MONTH: f64 = 730.0;

/// A rate per hour, between what and what it lies, and what it is of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Events.
    pub events: u64,
    /// In so many hours.
    pub hours: f64,
    /// The lower bound, per hour.
    pub low: f64,
    /// The upper bound, per hour.
    pub high: f64,
}

impl Rate {
    /// Events per hour.
    pub fn mid(&self) -> f64 {
        self.events as f64 / self.hours
    }

    /// The bounds for a gang of so many nodes that are taken away independently of each other. They are not: capacity goes in
    /// bursts, which a trace shows and a rate does not.
    #[must_use]
    pub fn of_gang(&self, nodes: u32) -> Self {
        let n = f64::from(nodes);
        Self {
            events: self.events,
            hours: self.hours / n,
            low: self.low * n,
            high: self.high * n,
        }
    }
}

/// Garwood's interval for the rate of so many events in so many hours (F. Garwood, Fiducial limits for the Poisson distribution,
/// 1936), which holds the rate with this confidence, such as 0.95. Without any event the upper bound is one-sided: 3.0 over the
/// hours at 0.95. `None` where there are no hours, or the confidence is no share.
pub fn garwood(events: u64, hours: f64, confidence: f64) -> Option<Rate> {
    let sound = hours > 0.0 && hours.is_finite() && confidence > 0.0 && confidence < 1.0;
    if !sound {
        return None;
    }
    let beyond = 1.0 - confidence;
    let quantile = |degrees: f64, p: f64| Some(ChiSquared::new(degrees).ok()?.inverse_cdf(p) / (2.0 * hours));
    let k = events as f64;
    let (low, high) = match events {
        0 => (0.0, quantile(2.0, confidence)?),
        _ => (
            quantile(2.0 * k, beyond / 2.0)?,
            quantile(2.0 * k + 2.0, 1.0 - beyond / 2.0)?,
        ),
    };
    Some(Rate {
        events,
        hours,
        low,
        high,
    })
}

/// The rate per hour behind a published share of instances that were interrupted within a month. A LOWER bound: instances
/// rarely live for a month, and the published share is no hazard. `None` where it is no share below one.
pub fn monthly_share(interrupted: f64) -> Option<f64> {
    (0.0..1.0)
        .contains(&interrupted)
        .then(|| -(1.0 - interrupted).ln() / MONTH)
}

/// The upper bound of a share of which `hits` of `of` were seen (Clopper and Pearson, 1934), one-sided at this confidence. One
/// where nothing was looked at.
pub fn share_at_most(hits: u64, of: u64, confidence: f64) -> f64 {
    if hits >= of {
        return 1.0;
    }
    let (k, n) = (hits as f64, of as f64);
    let bound = Beta::new(k + 1.0, n - k).map(|beta| beta.inverse_cdf(confidence.clamp(0.0, 1.0)));
    bound.unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-3 * b.abs().max(1.0), "{a} is not {b}");
    }

    /// Rows of Garwood's published table at 95 %.
    #[test]
    fn rates_have_the_published_interval() {
        for (events, low, high) in [
            (1, 0.0253, 5.572),
            (5, 1.623, 11.67),
            (10, 4.795, 18.39),
            (50, 37.11, 65.92),
        ] {
            let rate = garwood(events, 1.0, 0.95).unwrap();
            near(rate.low, low);
            near(rate.high, high);
        }
    }

    #[test]
    fn nothing_seen_is_not_never() {
        let none = garwood(0, 1_000.0, 0.95).unwrap();
        assert_eq!(none.low, 0.0);
        assert!((none.high - 2.9957 / 1_000.0).abs() < 1e-7, "{}", none.high);
        assert_eq!(garwood(0, 0.0, 0.95), None);
        assert_eq!(garwood(3, f64::NAN, 0.95), None);
        assert_eq!(garwood(3, 1.0, 1.0), None);
    }

    #[test]
    fn a_gang_of_eight_is_hit_eight_times_as_often() {
        let one = garwood(4, 100.0, 0.95).unwrap();
        let gang = one.of_gang(8);
        assert!((gang.mid() - 8.0 * one.mid()).abs() < 1e-12 && (gang.high - 8.0 * one.high).abs() < 1e-12);
    }

    #[test]
    fn a_month_of_a_twentieth_is_a_small_rate_an_hour() {
        assert!((monthly_share(0.05).unwrap() - 7.03e-5).abs() < 1e-7);
        assert!((monthly_share(0.2).unwrap() - 3.06e-4).abs() < 1e-6);
        assert_eq!(
            (monthly_share(1.0), monthly_share(-0.1), monthly_share(f64::NAN)),
            (None, None, None)
        );
    }

    #[test]
    fn a_share_that_was_not_seen_may_still_be_there() {
        near(share_at_most(0, 10, 0.95), 1.0 - 0.05_f64.powf(0.1));
        near(share_at_most(3, 30, 0.975), 0.2653);
        assert_eq!((share_at_most(4, 4, 0.95), share_at_most(0, 0, 0.95)), (1.0, 1.0));
    }

    proptest! {
        /// The exact test behind the interval: at its ends what was seen is just as improbable as it may be.
        #[test]
        fn the_bounds_are_where_the_tails_are(events in 1_u64..60, hours in 0.5_f64..5_000.0) {
            let rate = garwood(events, hours, 0.9).unwrap();
            // P(X <= k) of a Poisson distribution, summed term by term.
            let at_most = |mean: f64, k: u64| {
                let mut term = (-mean).exp();
                let mut sum = term;
                for i in 1..=k {
                    term *= mean / i as f64;
                    sum += term;
                }
                sum
            };
            prop_assert!((at_most(rate.high * hours, events) - 0.05).abs() < 1e-6);
            prop_assert!((1.0 - at_most(rate.low * hours, events - 1) - 0.05).abs() < 1e-6);
            prop_assert!(rate.low < rate.mid() && rate.mid() < rate.high);
        }

        #[test]
        fn a_bound_of_a_share_lies_above_it(hits in 0_u64..40, more in 1_u64..400) {
            let of = hits + more;
            let bound = share_at_most(hits, of, 0.95);
            prop_assert!(bound > hits as f64 / of as f64 && bound <= 1.0);
        }
    }
}
