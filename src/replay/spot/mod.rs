//! Work on capacity that may be taken away: a job, or a pool of replicas, over how such capacity really came and went, and
//! bounds of rates where only counts exist.
//!
//! A [`trace::Trace`] tells when which nodes were there; [`read`] makes one of recorded files. [`gang`] reads it as a job on so
//! many nodes does, [`job`] runs that job from one moment by one [`strategy`], and [`starts`] from every moment. [`pool`]
//! serves replicas from it. [`bounds`] says what a count of interruptions allows, and [`expected`] what a rate alone comes to. Times are whole seconds from the trace's
//! beginning. On-demand capacity is taken to be there whenever it is asked for: that is an assumption, and reports call it so.

pub mod bounds;
pub mod trace;
pub mod read;
pub mod prices;
pub mod gang;
pub mod strategy;
pub mod job;
pub mod starts;
pub mod pool;
pub mod expected;

#[cfg(test)]
mod tests;

/// Seconds of an hour.
pub(super) const HOUR: f64 = 3_600.0;

/// A small generator of random numbers (splitmix64, by S. Vigna, in the public domain): the same seed, the same numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of so many, counted from nought; nought of none.
    pub(crate) fn below(&mut self, many: usize) -> usize {
        let wide = u128::from(self.next()) * (many as u128);
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// A shuffled order of so many.
    pub(crate) fn order(&mut self, many: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..many).collect();
        for last in (1..many).rev() {
            order.swap(last, self.below(last + 1));
        }
        order
    }
}
