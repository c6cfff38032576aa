//! Randomness without state: every draw is a pure function of a key and an index, so that any sample of any series can be
//! made alone, in any order, and twice.

/// The finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014).
pub fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The key of a thing by its name: FNV-1a over the bytes, mixed with the world's seed.
pub fn key(seed: u64, name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(hash ^ mix(seed))
}

/// A draw from `[0, 1)`.
pub fn unit(key: u64, index: i64) -> f64 {
    (mix(key ^ mix(index as u64)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A draw of mean 0 and variance 1, never beyond 3.5: four uniform draws added (Irwin-Hall).
pub fn normal(key: u64, index: i64) -> f64 {
    let sum: f64 = (0..4).map(|part| unit(key.wrapping_add(part), index)).sum();
    (sum - 2.0) * 3.0_f64.sqrt()
}

/// A draw from the Poisson distribution of this mean, by inversion; for means up to a few hundred.
pub fn poisson(draw: f64, mean: f64) -> u64 {
    let mut term = (-mean).exp();
    let mut sum = term;
    let mut count = 0;
    while sum < draw && count < 2_000 {
        count += 1;
        term *= mean / count as f64;
        sum += term;
    }
    count
}

/// Letters as Kubernetes appends them to generated names (`k8s.io/apimachinery/pkg/util/rand`).
pub fn suffix(key: u64, length: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let letter = |at: usize| LETTERS[(mix(key.wrapping_add(at as u64)) % LETTERS.len() as u64) as usize];
    (0..length).map(|at| char::from(letter(at))).collect()
}

/// An identifier in the form of RFC 4122, version 4.
pub fn uuid(key: u64) -> String {
    let (a, b) = (mix(key), mix(key ^ 0x5851_f42d_4c95_7f2d));
    let (p, q, r) = (a >> 32, (a >> 16) & 0xffff, a & 0x0fff);
    let (s, t) = ((b >> 48) & 0x3fff | 0x8000, b & 0xffff_ffff_ffff);
    format!("{p:08x}-{q:04x}-4{r:03x}-{s:04x}-{t:012x}")
}

/// A stream of draws, for the parameters of a world.
pub struct Rng(u64);

impl Rng {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// A draw from `[low, high)`.
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        low + (high - low) * (mix(self.0) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A whole draw from `low..=high`.
    pub fn whole(&mut self, low: i64, high: i64) -> i64 {
        (self.range(low as f64, high as f64 + 1.0).floor() as i64).clamp(low, high)
    }
}
