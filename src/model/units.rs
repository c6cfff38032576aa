//! Units that cannot be mixed up: shares, memory, money per hour and per month, GPU counts.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub, SubAssign};

use serde::{Deserialize, Serialize};

/// Hours in the month that every `monthly` figure means.
pub const HOURS_PER_MONTH: f64 = 730.0;

/// A ratio of a whole: 0.07 is seven percent. May exceed one where a load would not fit.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Share(f64);

impl Share {
    /// A share from a ratio; `None` unless the number is finite and not negative.
    pub fn new(ratio: f64) -> Option<Self> {
        (ratio.is_finite() && ratio >= 0.0).then_some(Self(ratio))
    }

    /// A share from a percentage as DCGM's `*_UTIL` fields give it (0 to 100).
    pub fn from_percent(percent: f64) -> Option<Self> {
        Self::new(percent / 100.0)
    }

    /// The ratio: one is the whole.
    pub fn ratio(self) -> f64 {
        self.0
    }

    /// The percentage: one hundred is the whole.
    pub fn percent(self) -> f64 {
        self.0 * 100.0
    }
}

/// An amount of GPU memory, held in MiB: the unit of DCGM, of NVIDIA's node labels and of instance catalogues.
///
/// A marketing "GB" is neither: an L40S sold with 48 GB has 46,068 MiB. Capacity therefore comes from a catalogue row,
/// never from a name.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Memory(f64);

impl Memory {
    /// From MiB (2^20 bytes).
    pub const fn from_mib(mib: f64) -> Self {
        Self(mib)
    }

    /// From GiB (2^30 bytes).
    pub fn from_gib(gib: f64) -> Self {
        Self(gib * 1024.0)
    }

    /// From bytes.
    pub fn from_bytes(bytes: f64) -> Self {
        Self(bytes / (1024.0 * 1024.0))
    }

    /// In MiB.
    pub fn mib(self) -> f64 {
        self.0
    }

    /// In GiB.
    pub fn gib(self) -> f64 {
        self.0 / 1024.0
    }

    /// In bytes.
    pub fn bytes(self) -> f64 {
        self.0 * 1024.0 * 1024.0
    }

    /// The larger of two amounts.
    pub fn max(self, other: Self) -> Self {
        if other.0 > self.0 { other } else { self }
    }
}

/// Money per hour, in the plan's currency.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hourly(f64);

/// Money per month of 730 hours, in the plan's currency.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Monthly(f64);

/// An amount of money, in the plan's currency.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(f64);

/// A number of GPUs. Fractions are MIG slices or time averages.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GpuCount(f64);

macro_rules! amount {
    ($name:ident, $unit:literal) => {
        impl $name {
            /// None at all.
            pub const ZERO: Self = Self(0.0);

            #[doc = concat!("From a number of ", $unit, ".")]
            pub fn new(value: f64) -> Self {
                Self(value)
            }

            #[doc = concat!("As a number of ", $unit, ".")]
            pub fn get(self) -> f64 {
                self.0
            }
        }
        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }
        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }
        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }
        impl SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                self.0 -= other.0;
            }
        }
        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }
        impl Mul<f64> for $name {
            type Output = Self;
            fn mul(self, factor: f64) -> Self {
                Self(self.0 * factor)
            }
        }
        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
                parts.fold(Self::ZERO, Add::add)
            }
        }
    };
}

amount!(Hourly, "currency units per hour");
amount!(Monthly, "currency units per month of 730 hours");
amount!(Money, "currency units");
amount!(GpuCount, "GPUs");

impl Hourly {
    /// The same rate held for a month.
    pub fn monthly(self) -> Monthly {
        Monthly(self.0 * HOURS_PER_MONTH)
    }
}

impl Money {
    /// For how many hours it pays this rate; `None` where that takes nothing.
    pub fn hours_of(self, rate: Hourly) -> Option<f64> {
        (rate.0 > 0.0).then(|| self.0 / rate.0)
    }
}

impl Monthly {
    /// The hourly rate that gives this month.
    pub fn hourly(self) -> Hourly {
        Hourly(self.0 / HOURS_PER_MONTH)
    }

    /// Rounded to the cent, so that what a report adds up is what it prints.
    pub fn to_cents(self) -> Self {
        Self(to_cents(self.0))
    }
}

impl Money {
    /// Rounded to the cent.
    pub fn to_cents(self) -> Self {
        Self(to_cents(self.0))
    }
}

/// An amount rounded to the cent.
pub fn to_cents(amount: f64) -> f64 {
    // A negative zero would print a sign.
    (amount * 100.0).round() / 100.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_refuses_what_is_not_a_number() {
        assert_eq!(Share::new(f64::NAN), None);
        assert_eq!(Share::new(-0.1), None);
        assert_eq!(Share::from_percent(7.0).unwrap().ratio(), 0.07);
    }

    #[test]
    fn an_hour_and_a_month_agree() {
        assert_eq!(Hourly::new(2.0).monthly(), Monthly::new(1460.0));
        assert_eq!(Monthly::new(1460.0).hourly(), Hourly::new(2.0));
    }

    #[test]
    fn money_lasts_for_hours_of_a_rate_and_for_ever_at_none() {
        assert_eq!(Money::new(100.0).hours_of(Hourly::new(4.0)), Some(25.0));
        assert_eq!(Money::new(100.0).hours_of(Hourly::ZERO), None);
    }

    #[test]
    fn memory_keeps_mib_and_gib_apart() {
        assert_eq!(Memory::from_gib(2.0).mib(), 2048.0);
        assert_eq!(Memory::from_bytes(1_048_576.0).mib(), 1.0);
    }

    #[test]
    fn cents_have_no_negative_zero() {
        assert_eq!(format!("{}", Monthly::new(-0.001).to_cents().get()), "0");
    }
}
