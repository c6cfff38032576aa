//! Kubernetes quantities with the arithmetic of its autoscaler: whole thousandths, rounded away from zero, and floats that are a
//! mantissa times a power of ten.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A quantity such as `1500m`, `1Gi` or `1e3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    text: String,
    mantissa: i128,
    /// Of ten.
    exponent: i32,
    /// Of 1,024.
    binary: u32,
}

/// A text that is no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no quantity such as 1500m, 2, 1Gi or 1e3")]
pub struct NoQuantity(String);

impl FromStr for Quantity {
    type Err = NoQuantity;

    fn from_str(text: &str) -> Result<Self, NoQuantity> {
        let wrong = || NoQuantity(text.to_owned());
        let digits = text
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
            .unwrap_or(text.len());
        let (number, suffix) = text.split_at(digits);
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let mantissa = format!("{whole}{part}").parse().map_err(|_| wrong())?;
        let (exponent, binary): (i32, u32) = match suffix {
            "n" => (-9, 0),
            "u" => (-6, 0),
            "m" => (-3, 0),
            "" => (0, 0),
            "k" => (3, 0),
            "M" => (6, 0),
            "G" => (9, 0),
            "T" => (12, 0),
            "P" => (15, 0),
            "E" => (18, 0),
            "Ki" => (0, 1),
            "Mi" => (0, 2),
            "Gi" => (0, 3),
            "Ti" => (0, 4),
            "Pi" => (0, 5),
            "Ei" => (0, 6),
            other => (
                other
                    .strip_prefix(['e', 'E'])
                    .and_then(|e| e.parse().ok())
                    .ok_or_else(wrong)?,
                0,
            ),
        };
        Ok(Self {
            text: text.to_owned(),
            mantissa,
            exponent: i32::try_from(part.len())
                .ok()
                .and_then(|digits| exponent.checked_sub(digits))
                .ok_or_else(wrong)?,
            binary,
        })
    }
}

impl Quantity {
    /// Its sign: one, zero or minus one.
    pub fn sign(&self) -> i32 {
        self.mantissa.signum() as i32
    }

    /// Thousandths, rounded away from zero; `None` where they are more than 64 bits hold.
    pub fn milli(&self) -> Option<i64> {
        let value = self.mantissa.checked_mul(1_024_i128.checked_pow(self.binary)?)?;
        let exponent = self.exponent.checked_add(3)?;
        let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
        let milli = if exponent >= 0 {
            value.checked_mul(power)?
        } else {
            let (quotient, rest) = (value / power, value % power);
            quotient + if rest == 0 { 0 } else { rest.signum() }
        };
        i64::try_from(milli).ok()
    }

    /// As a float, computed as the autoscaler does: the mantissa times a power of ten.
    pub fn as_f64(&self) -> f64 {
        let base = self.mantissa as f64 * 1_024_f64.powi(i32::try_from(self.binary).unwrap_or(0));
        // A literal is the nearest float; a product of tens is not.
        let power: f64 = format!("1e{}", self.exponent).parse().unwrap_or(f64::NAN);
        if self.exponent == 0 { base } else { base * power }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousandths_are_rounded_away_from_zero() {
        let milli = |text: &str| text.parse::<Quantity>().unwrap().milli();
        assert_eq!(
            (milli("1500m"), milli("2"), milli("0.5")),
            (Some(1_500), Some(2_000), Some(500))
        );
        assert_eq!(
            (milli("1e3"), milli("1Ki"), milli("1.5Gi")),
            (Some(1_000_000), Some(1_024_000), Some(1_610_612_736_000))
        );
        assert_eq!((milli("1u"), milli("-1u"), milli("100n")), (Some(1), Some(-1), Some(1)));
        assert_eq!(
            (milli("9E"), milli("1e2147483647"), milli("1e-2147483648")),
            (None, None, None)
        );
    }

    #[test]
    fn floats_are_a_mantissa_times_a_power_of_ten() {
        let float = |text: &str| text.parse::<Quantity>().unwrap().as_f64();
        assert_eq!((float("50m"), float("0.07"), float("0")), (0.05, 0.07, 0.0));
        assert_eq!(float("0.123456789"), 0.123_456_789_000_000_01);
    }

    #[test]
    fn what_is_none_is_told() {
        for text in ["", "m", "1.2.3", "1Xi", "one", "1e", "0.1e-2147483648"] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }
}
