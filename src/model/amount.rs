//! Money that is added up: exact, so that sums of parts are the sum, to the cent.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Decimals that are kept: as many as cost sources send.
const DECIMALS: u32 = 5;

/// An amount of money with five decimals, in the currency of what it stands in. Statistics are done with plain numbers; what is
/// added up and printed is this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Amount(Decimal);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// From a number; `None` where it is none, or larger than any bill (a thousand billions).
    pub fn new(value: f64) -> Option<Self> {
        let decimal = Decimal::from_f64(value).filter(|_| value.abs() < 1e15)?;
        Some(Self(
            decimal.round_dp_with_strategy(DECIMALS, RoundingStrategy::MidpointNearestEven),
        ))
    }

    /// From whole cents.
    pub fn from_cents(cents: i64) -> Self {
        Self(Decimal::new(cents, 2))
    }

    /// As a number.
    pub fn get(self) -> f64 {
        self.0.to_f64().unwrap_or(f64::NAN)
    }

    /// Whole cents, halves away from zero.
    pub fn cents(self) -> i64 {
        let cents = self.0 * Decimal::ONE_HUNDRED;
        let whole = cents.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
        whole.to_i64().unwrap_or(i64::MAX)
    }

    /// Whole cents, rounded down.
    pub fn floor_cents(self) -> i64 {
        (self.0 * Decimal::ONE_HUNDRED).floor().to_i64().unwrap_or(i64::MAX)
    }

    /// Whether it is nothing at all.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Whether it is a credit.
    pub fn is_negative(self) -> bool {
        self.0.is_sign_negative() && !self.0.is_zero()
    }

    /// The part of it that this share is; none for a share that is no number.
    pub fn times(self, share: f64) -> Self {
        Self::new(self.get() * share).unwrap_or(Self::ZERO)
    }
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Neg for Amount {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.get())
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(from)?;
        Self::new(value).ok_or_else(|| serde::de::Error::custom(format!("{value} is no amount of money")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_add_up_to_one() {
        let tenth = Amount::new(0.1).unwrap();
        let sum: Amount = std::iter::repeat_n(tenth, 10).sum();
        assert_eq!(sum, Amount::new(1.0).unwrap());
        assert_eq!(sum.cents(), 100);
    }

    #[test]
    fn what_is_no_number_is_no_amount() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e16] {
            assert_eq!(Amount::new(value), None, "{value}");
        }
    }

    #[test]
    fn it_comes_back_from_json_as_it_was() {
        for value in [0.0, 0.00001, -12.5, 50_000.123_45, 999_999_999.999_99] {
            let amount = Amount::new(value).unwrap();
            let text = serde_json::to_string(&amount).unwrap();
            assert_eq!(serde_json::from_str::<Amount>(&text).unwrap(), amount, "{text}");
        }
        assert!(Amount::new(-0.01).unwrap().is_negative());
        assert!(!Amount::new(-0.0).unwrap().is_negative());
    }
}
