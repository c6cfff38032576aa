//! What an hour costs over time: one price, or a series of them. Billed by the second.

use super::HOUR;

/// The price of an instance hour over the seconds of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices {
    /// From when, at what price, and what one instance cost until then; the first from second nought.
    steps: Vec<(i64, f64, f64)>,
}

/// Prices of which nothing follows.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BadPrice {
    /// It is no price.
    #[error("a price is zero or more and finite, and {0} is not")]
    Absurd(f64),
    /// It begins too late.
    #[error("the price at the trace's beginning is not known: the first one is of {0} seconds later")]
    Late(i64),
    /// There is none.
    #[error("there is no price")]
    None,
}

impl Prices {
    /// One price for all time.
    ///
    /// # Errors
    /// When it is none.
    pub fn fixed(hourly: f64) -> Result<Self, BadPrice> {
        Self::series(&[(0, hourly)])
    }

    /// Prices from the second beside each on, in order.
    ///
    /// # Errors
    /// The first that is no price; a series that begins after second nought, or is empty.
    pub fn series(points: &[(i64, f64)]) -> Result<Self, BadPrice> {
        let (first, _) = points.first().ok_or(BadPrice::None)?;
        if *first > 0 {
            return Err(BadPrice::Late(*first));
        }
        let mut steps: Vec<(i64, f64, f64)> = Vec::new();
        for &(at, hourly) in points {
            if !(hourly >= 0.0 && hourly.is_finite()) {
                return Err(BadPrice::Absurd(hourly));
            }
            let at = at.max(0);
            let before = steps.last().copied();
            let paid = before.map_or(0.0, |(from, hourly, paid)| paid + cost(hourly, at - from));
            if before.is_some_and(|(from, ..)| from == at) {
                steps.pop();
            }
            steps.push((at, hourly, paid));
        }
        Ok(Self { steps })
    }

    /// What one instance costs between two seconds.
    pub fn between(&self, from: i64, to: i64) -> f64 {
        if let [(_, hourly, _)] = self.steps[..] {
            return cost(hourly, to - from);
        }
        self.until(to) - self.until(from)
    }

    /// Whether the price never changes, and then what it is.
    pub fn only(&self) -> Option<f64> {
        match self.steps[..] {
            [(_, hourly, _)] => Some(hourly),
            _ => None,
        }
    }

    fn until(&self, second: i64) -> f64 {
        let at = self
            .steps
            .partition_point(|(from, ..)| *from <= second)
            .saturating_sub(1);
        self.steps
            .get(at)
            .map_or(0.0, |(from, hourly, paid)| paid + cost(*hourly, second - from))
    }
}

/// What so many seconds cost.
pub(super) fn cost(hourly: f64, seconds: i64) -> f64 {
    seconds as f64 / HOUR * hourly
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_is_paid_at_its_own_price() {
        let prices = Prices::series(&[(-50, 9.0), (0, 1.0), (3_600, 3.0), (5_400, 2.0)]).unwrap();
        assert_eq!(prices.between(0, 3_600), 1.0);
        assert_eq!(prices.between(1_800, 5_400), 0.5 + 1.5);
        assert!((prices.between(0, 9_000) - (1.0 + 1.5 + 2.0)).abs() < 1e-12);
        assert_eq!(prices.only(), None);
        assert_eq!(Prices::fixed(3.06).unwrap().between(7, 7 + 48 * 3_600), 146.88);
    }

    #[test]
    fn what_is_no_price_is_refused() {
        assert_eq!(
            Prices::fixed(-1.0).unwrap_err().to_string(),
            "a price is zero or more and finite, and -1 is not"
        );
        assert!(Prices::fixed(f64::NAN).is_err() && Prices::fixed(f64::INFINITY).is_err());
        assert_eq!(Prices::series(&[(5, 1.0)]), Err(BadPrice::Late(5)));
        assert_eq!(Prices::series(&[]), Err(BadPrice::None));
    }
}
