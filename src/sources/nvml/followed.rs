//! What the driver notes of a GPU by itself, followed from one reading to the next, so that nothing between them is missed.

use std::collections::BTreeMap;

use nvml_wrapper::enums::device::SampleValue;
use nvml_wrapper::struct_wrappers::device::Sample;

/// The longest time that one utilization sample speaks for, in µs: NVML's documentation of `nvmlUtilization_t` gives
/// 1/6 to 1 second, depending on the product. An H200 takes one every 0.2 s.
const LONGEST: u64 = 1_000_000;

/// A GPU at its last reading.
#[derive(Debug, Default)]
pub(super) struct Followed {
    pub(super) gpu: Buffer,
    pub(super) memory: Buffer,
    energy: Option<u64>,
}

impl Followed {
    /// The energy since the last reading, in mJ, of the counter's value now. `None` where the counter began anew.
    pub(super) fn spent(&mut self, energy: Option<u64>) -> Option<u64> {
        let before = std::mem::replace(&mut self.energy, energy);
        energy?.checked_sub(before?)
    }
}

/// The driver's buffer of utilization samples of one kind: up to where it has been read.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    last: Option<u64>,
}

impl Buffer {
    /// The time stamp after which samples are new; `None` where all are to be asked for.
    pub(super) fn last(&self) -> Option<u64> {
        self.last
    }

    /// The mean of the samples since the last reading, in percent; at the first one, of the last second. `None` where
    /// there are none: drivers stop to take samples while a GPU rests, and forget old ones.
    ///
    /// `now` is in µs since 1970, and so are time stamps; where a driver counts from elsewhere, only the first reading
    /// has no mean.
    pub(super) fn mean(&mut self, samples: &[Sample], now: u64) -> Option<f64> {
        // Time stamps of the future are of before the clock was set back.
        let known: BTreeMap<u64, f64> = samples
            .iter()
            .map(|sample| (sample.timestamp, percent(&sample.value)))
            .filter(|(at, value)| *at <= now && (0.0..=100.0).contains(value))
            .collect();
        let newest = known.keys().next_back().copied();
        let after = match self.last {
            Some(last) => Some(last),
            None => newest.filter(|at| now - at <= LONGEST).map(|at| at - LONGEST.min(at)),
        };
        let new: Vec<(u64, f64)> = known
            .into_iter()
            .filter(|(at, _)| after.is_some_and(|after| *at > after))
            .collect();
        // Where nothing is new, the next reading begins anew: the clock may have been set back.
        self.last = newest.filter(|_| self.last.is_none() || !new.is_empty());
        weighted(&new, after)
    }
}

/// The mean over time, where each sample is of the time since the one before it.
fn weighted(samples: &[(u64, f64)], after: Option<u64>) -> Option<f64> {
    let gaps: Vec<u64> = samples
        .windows(2)
        .map(|pair| (pair[1].0 - pair[0].0).min(LONGEST))
        .collect();
    let (first, rest) = samples.split_first()?;
    // What came before it may be forgotten, so that it is not of all the time since the last reading.
    let longest = gaps.iter().copied().max().unwrap_or(LONGEST);
    let begins = after.map_or(longest, |after| (first.0 - after).min(longest));
    let (mut sum, mut time) = (first.1 * begins as f64, begins as f64);
    for ((_, value), gap) in rest.iter().zip(gaps) {
        sum += value * gap as f64;
        time += gap as f64;
    }
    Some(sum / time)
}

fn percent(value: &SampleValue) -> f64 {
    match *value {
        SampleValue::F64(value) => value,
        SampleValue::U32(value) => f64::from(value),
        SampleValue::U64(value) => value as f64,
        SampleValue::I64(value) => value as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-26, in µs.
    const NOW: u64 = 1_795_662_000_000_000;

    /// Samples of these values that end now, each so many µs after the one before.
    fn samples(now: u64, every: u64, values: &[u32]) -> Vec<Sample> {
        let sample = |(at, value): (usize, &u32)| Sample {
            timestamp: now - every * (values.len() - 1 - at) as u64,
            value: SampleValue::U32(*value),
        };
        values.iter().enumerate().map(sample).collect()
    }

    #[test]
    fn what_is_busy_between_two_readings_is_seen() {
        let mut buffer = Buffer::default();
        // Of before the last second, and of it.
        let first = [vec![100; 25], vec![0, 24, 0, 7, 19]].concat();
        assert_eq!(buffer.mean(&samples(NOW, 200_000, &first), NOW), Some(10.0));
        assert_eq!(buffer.last(), Some(NOW));
        // Busy for 0.05 s of every 0.5 s; the last of them is all that a moment shows.
        let later = NOW + 1_000_000;
        let second = [first, vec![24, 0, 7, 19, 0]].concat();
        assert_eq!(buffer.mean(&samples(later, 200_000, &second), later), Some(10.0));
        assert_eq!(buffer.last(), Some(later));
    }

    #[test]
    fn a_sample_weighs_what_it_lasts() {
        let mut buffer = Buffer { last: Some(NOW) };
        let at = |offset, value| Sample {
            timestamp: NOW + offset,
            value,
        };
        let uneven = [
            at(200_000, SampleValue::U32(100)),
            at(400_000, SampleValue::F64(50.0)),
            at(1_000_000, SampleValue::U64(0)),
        ];
        assert_eq!(buffer.mean(&uneven, NOW + 1_000_000), Some(30.0));
    }

    #[test]
    fn a_buffer_that_reaches_back_less_far_than_the_last_reading_tells_of_what_it_holds() {
        let later = NOW + 60_000_000;
        let mut buffer = Buffer { last: Some(NOW) };
        assert_eq!(buffer.mean(&samples(later, 200_000, &[90, 0, 0]), later), Some(30.0));
        // One alone, too, whatever lies before it.
        let mut buffer = Buffer { last: Some(NOW) };
        assert_eq!(buffer.mean(&samples(later, 200_000, &[90]), later), Some(90.0));
    }

    #[test]
    fn nothing_new_is_nothing_known_and_no_zero() {
        let mut buffer = Buffer { last: Some(NOW) };
        assert_eq!(buffer.mean(&[], NOW + 1_000_000), None);
        assert_eq!(buffer.last(), None, "the next reading begins anew");
        // What it still holds is old: the GPU rested since.
        let old = samples(NOW, 200_000, &[100, 100]);
        assert_eq!(buffer.mean(&old, NOW + 300_000_000), None);
        let refused = [101.0, -1.0, f64::NAN].map(|value| Sample {
            timestamp: NOW,
            value: SampleValue::F64(value),
        });
        assert_eq!(Buffer::default().mean(&refused, NOW), None);
        let negative = Sample {
            timestamp: NOW,
            value: SampleValue::I64(-1),
        };
        assert_eq!(Buffer::default().mean(&[negative], NOW), None);
    }

    #[test]
    fn a_clock_that_is_set_back_costs_one_reading() {
        let mut buffer = Buffer { last: Some(NOW) };
        let back = NOW - 3_600_000_000;
        let ring = |now| [samples(NOW, 200_000, &[100; 9]), samples(now, 200_000, &[40; 5])].concat();
        assert_eq!(buffer.mean(&ring(back), back), None);
        for later in [back + 1_000_000, back + 2_000_000] {
            assert_eq!(buffer.mean(&ring(later), later), Some(40.0));
        }
    }

    #[test]
    fn a_driver_that_counts_time_from_its_start_is_followed_after_the_first_reading() {
        let mut buffer = Buffer::default();
        assert_eq!(buffer.mean(&samples(9_000_000, 200_000, &[100; 9]), NOW), None);
        let second = samples(10_000_000, 200_000, &[100, 30, 30, 30, 30, 30]);
        assert_eq!(buffer.mean(&second, NOW + 1_000_000), Some(30.0));
    }

    #[test]
    fn energy_is_of_two_readings_of_one_counter() {
        let mut gpu = Followed::default();
        assert_eq!(gpu.spent(Some(5000)), None);
        assert_eq!(gpu.spent(Some(5700)), Some(700));
        assert_eq!(gpu.spent(Some(3)), None, "the driver was loaded anew");
        assert_eq!(gpu.spent(None), None);
        assert_eq!(gpu.spent(Some(900)), None);
    }
}
