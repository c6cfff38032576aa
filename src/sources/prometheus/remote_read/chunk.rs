//! Samples out of the chunks in which Prometheus stores floats: XOR, and XOR2 with or without start timestamps.
//!
//! Source: Prometheus 3.16, `tsdb/chunkenc` (`xor.go`, `xor2.go`, `varbit.go`). Both begin with the number of samples (two bytes,
//! the higher first). Times are milliseconds; the third sample and all behind it have the change of the interval, values the bits
//! that differ from the value before.

use super::bits::{Bits, signed};

/// What Prometheus writes where a series has ended, which is no sample.
pub(super) const STALE: u64 = 0x7ff0_0000_0000_0002;

/// Why a chunk cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Its bytes end before its samples.
    #[error("a chunk ends before its last sample")]
    Truncated,
    /// Its bits mean nothing.
    #[error("a chunk is broken: {0}")]
    Malformed(&'static str),
}

/// How a chunk is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Type 1.
    Xor,
    /// Type 4: time and value share their first bits, and a start timestamp may follow.
    Xor2,
}

/// Hands over every sample of a chunk, in the chunk's order: unix milliseconds and value, stale markers included.
///
/// # Errors
/// As [`ChunkError`] says; samples before the break have been handed over.
pub fn samples(encoding: Encoding, data: &[u8], mut visit: impl FnMut(i64, f64)) -> Result<(), ChunkError> {
    let (count, rest) = data.split_first_chunk::<2>().ok_or(ChunkError::Truncated)?;
    let count = u16::from_be_bytes(*count);
    match encoding {
        Encoding::Xor => xor(count, rest, &mut visit),
        Encoding::Xor2 => xor2(count, rest, &mut visit),
    }
}

/// The value before, and which of the next one's bits may differ from it.
#[derive(Default)]
struct Value {
    bits: u64,
    leading: u32,
    trailing: u32,
}

impl Value {
    /// The bits that differ lie where they lay last time.
    #[inline(always)]
    fn same_place(&mut self, bits: &mut Bits<'_>) -> Result<(), ChunkError> {
        let width = 64 - self.leading - self.trailing;
        self.bits ^= bits.take_many(width)? << self.trailing;
        Ok(())
    }

    /// They lie elsewhere: five bits say how many above are alike, six how many differ.
    #[inline(always)]
    fn new_place(&mut self, bits: &mut Bits<'_>) -> Result<(), ChunkError> {
        let place = bits.take(11)?;
        self.leading = (place >> 6) as u32;
        // Sixty-four does not fit into six bits, and none would be no difference.
        let width = match place & 0x3f {
            0 => 64,
            width => width as u32,
        };
        self.trailing = 64_u32
            .checked_sub(self.leading + width)
            .ok_or(ChunkError::Malformed("a value has more than 64 bits"))?;
        self.bits ^= bits.take_many(width)? << self.trailing;
        Ok(())
    }
}

fn xor(count: u16, data: &[u8], visit: &mut impl FnMut(i64, f64)) -> Result<(), ChunkError> {
    let mut bits = Bits::new(data);
    let (mut time, mut interval) = (0_i64, 0_i64);
    let mut value = Value::default();
    for index in 0..count {
        if index == 0 {
            time = bits.signed_varint()?;
            value.bits = bits.take_many(64)?;
            visit(time, f64::from_bits(value.bits));
            continue;
        }
        interval = match index {
            1 => bits.varint()? as i64,
            _ => interval.wrapping_add(match bits.ones(4)? {
                0 => 0,
                1 => signed(bits.take(14)?, 14, true),
                2 => signed(bits.take(17)?, 17, true),
                3 => signed(bits.take(20)?, 20, true),
                _ => bits.take_many(64)? as i64,
            }),
        };
        time = time.wrapping_add(interval);
        match bits.ones(2)? {
            0 => {}
            1 => value.same_place(&mut bits)?,
            _ => value.new_place(&mut bits)?,
        }
        visit(time, f64::from_bits(value.bits));
    }
    Ok(())
}

fn xor2(count: u16, data: &[u8], visit: &mut impl FnMut(i64, f64)) -> Result<(), ChunkError> {
    let (header, data) = data.split_first().ok_or(ChunkError::Truncated)?;
    // Whether the first sample has a start timestamp, and from which sample on each one has a change of it; zero is never.
    let (first_start, starts_from) = (header & 0x80 != 0, u16::from(header & 0x7f));
    let mut bits = Bits::new(data);
    let (mut time, mut interval) = (0_i64, 0_i64);
    let mut value = Value::default();
    for index in 0..count {
        let mut is_stale = false;
        match index {
            0 => {
                time = bits.signed_varint()?;
                let first = bits.take_many(64)?;
                is_stale = first == STALE;
                value.bits = if is_stale { 0 } else { first };
                if first_start {
                    bits.signed_varint()?;
                }
            }
            1 => {
                interval = bits.varint()? as i64;
                is_stale = value_after_time(&mut value, &mut bits)?;
            }
            _ => {
                let prefix = bits.ones(5)?;
                let change = match prefix {
                    2 => signed(bits.take(13)?, 13, false),
                    3 => signed(bits.take(20)?, 20, false),
                    4 => bits.take_many(64)? as i64,
                    _ => 0,
                };
                interval = interval.wrapping_add(change);
                match prefix {
                    0 => {}
                    1 => match bits.take(1)? {
                        0 => value.same_place(&mut bits)?,
                        _ => value.new_place(&mut bits)?,
                    },
                    5 => is_stale = true,
                    _ => is_stale = value_after_time(&mut value, &mut bits)?,
                }
            }
        }
        if index > 0 {
            time = time.wrapping_add(interval);
        }
        if starts_from > 0 && index >= starts_from {
            skip_start(&mut bits)?;
        }
        visit(time, f64::from_bits(if is_stale { STALE } else { value.bits }));
    }
    Ok(())
}

/// A value where the time did not say whether it changed; whether the series ended there.
fn value_after_time(value: &mut Value, bits: &mut Bits<'_>) -> Result<bool, ChunkError> {
    match bits.ones(3)? {
        0 => {}
        1 => value.same_place(bits)?,
        2 => value.new_place(bits)?,
        _ => return Ok(true),
    }
    Ok(false)
}

/// Start timestamps say when a counter began; what is read here are gauges.
fn skip_start(bits: &mut Bits<'_>) -> Result<(), ChunkError> {
    let width = match bits.ones(8)? {
        0 => return Ok(()),
        1 => 3,
        2 => 6,
        3 => 9,
        4 => 12,
        5 => 18,
        6 => 25,
        7 => 56,
        _ => 64,
    };
    bits.take_many(width).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    /// Chunks that Prometheus 3.16 itself wrote, and the samples that it read out of them again.
    const RECORDED: &str = include_str!("vectors.jsonl");

    #[derive(Deserialize)]
    struct Recorded {
        case: String,
        encoding: u8,
        data: String,
        /// Time and value of each sample, eight bytes each.
        samples: String,
    }

    impl Recorded {
        fn all() -> Vec<Self> {
            let read = |line| serde_json::from_str(line).unwrap();
            RECORDED.lines().map(read).collect()
        }

        fn encoding(&self) -> Encoding {
            match self.encoding {
                1 => Encoding::Xor,
                4 => Encoding::Xor2,
                other => panic!("{other}"),
            }
        }

        fn data(&self) -> Vec<u8> {
            bytes(&self.data)
        }

        fn samples(&self) -> Vec<(i64, u64)> {
            let word = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().unwrap());
            let pair = |pair: &[u8]| (word(&pair[..8]) as i64, word(&pair[8..]));
            bytes(&self.samples).chunks(16).map(pair).collect()
        }
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(byte).collect()
    }

    fn read(encoding: Encoding, data: &[u8]) -> (Vec<(i64, u64)>, Result<(), ChunkError>) {
        let mut found = Vec::new();
        let outcome = samples(encoding, data, |time, value| found.push((time, value.to_bits())));
        (found, outcome)
    }

    #[test]
    fn chunks_are_read_as_prometheus_reads_them() {
        let recorded = Recorded::all();
        assert_eq!(recorded.len(), 28);
        for one in recorded {
            let (found, outcome) = read(one.encoding(), &one.data());
            assert_eq!(outcome, Ok(()), "{} ({})", one.case, one.encoding);
            assert_eq!(found, one.samples(), "{} ({})", one.case, one.encoding);
        }
    }

    #[test]
    fn a_chunk_cut_anywhere_is_never_taken_for_whole() {
        for one in Recorded::all() {
            let data = one.data();
            for end in 0..data.len() {
                let (found, outcome) = read(one.encoding(), &data[..end]);
                // What was handed over before the cut is right all the same.
                assert!(outcome.is_err(), "{} cut at {end}", one.case);
                assert_eq!(found, one.samples()[..found.len()], "{} cut at {end}", one.case);
            }
        }
    }
}
