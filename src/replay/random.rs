//! Numbers that look drawn and are the same on every run.

/// A stream of draws from a seed (SplitMix64: Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub struct Draws(u64);

impl Draws {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another stream, for what must not depend on how much is drawn elsewhere.
    #[must_use]
    pub fn apart(seed: u64, purpose: u64) -> Self {
        let mut mixed = Self(seed ^ purpose.wrapping_mul(0xd6e8_feb8_6659_fd93));
        Self(mixed.bits())
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From zero up to, and without, one.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From the normal distribution with mean zero and spread one (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Below a number; zero of none.
    pub fn below(&mut self, number: usize) -> usize {
        ((self.unit() * number as f64) as usize).min(number.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even_and_repeat() {
        let (mut one, mut same) = (Draws::new(7), Draws::new(7));
        let drawn: Vec<f64> = (0..10_000).map(|_| one.unit()).collect();
        assert!(drawn.iter().all(|value| (0.0..1.0).contains(value)));
        assert!((drawn.iter().sum::<f64>() / 10_000.0 - 0.5).abs() < 0.01);
        assert!(drawn.iter().all(|value| value.to_bits() == same.unit().to_bits()));
        assert_ne!(Draws::apart(7, 1).bits(), Draws::apart(7, 2).bits());
        assert_eq!(one.below(0), 0);
        let drawn: Vec<f64> = (0..20_000).map(|_| one.normal()).collect();
        let square = drawn.iter().map(|value| value * value).sum::<f64>() / 20_000.0;
        assert!(drawn.iter().sum::<f64>().abs() < 300.0 && (square - 1.0).abs() < 0.03);
    }
}
