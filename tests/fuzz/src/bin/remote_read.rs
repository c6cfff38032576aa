//! Chunks of remote read give the samples that a decoder which reads them bit by bit gives, whatever they hold; frames around
//! them that are cut or turned are never whole; and a series' steps lie in the window, each once and in time order.

#![no_main]

use std::io::Read;

use gpuwise::model::time::{Grid, Window};
use gpuwise::sources::prometheus::decode::SeriesRow;
use gpuwise::sources::prometheus::remote_read::chunk::{Encoding, samples};
use gpuwise::sources::prometheus::remote_read::decode::{Folding, RemoteReadError, decode};
use gpuwise::sources::prometheus::remote_read::{Fold, LeftEdge};
use gpuwise_fuzz::pieces::Pieces;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

const STALE: u64 = 0x7ff0_0000_0000_0002;

fuzz_target!(|data: &[u8]| {
    let Some((&seed, rest)) = data.split_first() else {
        return;
    };
    match seed % 4 {
        0 => a_chunk(Encoding::Xor, rest),
        1 => a_chunk(Encoding::Xor2, rest),
        2 => a_stream(&framed(rest), seed),
        _ => a_stream(rest, seed),
    }
});

fn a_chunk(encoding: Encoding, data: &[u8]) {
    let mut found = Vec::new();
    let outcome = samples(encoding, data, |time, value| found.push((time, value.to_bits())));
    let mut slow = Slow {
        data,
        bit: 16,
        found: Vec::new(),
    };
    let whole = slow.read(encoding == Encoding::Xor2).is_some();
    assert_eq!(found, slow.found);
    assert_eq!(outcome.is_ok(), whole, "{outcome:?}");
}

/// A decoder after the formats' description, a bit at a time.
struct Slow<'d> {
    data: &'d [u8],
    bit: usize,
    found: Vec<(i64, u64)>,
}

impl Slow<'_> {
    fn bits(&mut self, count: usize) -> Option<u64> {
        // What is not there in full is not read at all.
        if self.bit + count > self.data.len() * 8 {
            return None;
        }
        let value = (self.bit..self.bit + count).fold(0_u64, |value, at| {
            value << 1 | u64::from(self.data[at / 8] >> (7 - at % 8) & 1)
        });
        self.bit += count;
        Some(value)
    }

    /// How many of the choices a prefix of ones rules out.
    fn choice(&mut self, most: u64) -> Option<u64> {
        let mut ones = 0;
        while ones < most && self.bits(1)? == 1 {
            ones += 1;
        }
        Some(ones)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.bits(8)?;
            value |= (byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A number whose values above `largest` are negative.
    fn signed(&mut self, bits: usize, largest: u64) -> Option<i64> {
        let value = self.bits(bits)?;
        let below = if value > largest { 1_i128 << bits } else { 0 };
        Some((i128::from(value) - below) as i64)
    }

    /// How the interval changes, and in which form the value follows.
    fn change(&mut self, is_second: bool) -> Option<(i64, Form)> {
        if is_second {
            return Some(match self.choice(5)? {
                0 => (0, Form::None),
                1 => (0, Form::Differs),
                2 => (self.signed(13, (1 << 12) - 1)?, Form::Second),
                3 => (self.signed(20, (1 << 19) - 1)?, Form::Second),
                4 => (self.bits(64)? as i64, Form::Second),
                _ => (0, Form::Stale),
            });
        }
        let change = match self.choice(4)? {
            0 => 0,
            1 => self.signed(14, 1 << 13)?,
            2 => self.signed(17, 1 << 16)?,
            3 => self.signed(20, 1 << 19)?,
            _ => self.bits(64)? as i64,
        };
        Some((change, Form::First))
    }

    fn read(&mut self, is_second: bool) -> Option<()> {
        let count = u16::from_be_bytes([*self.data.first()?, *self.data.get(1)?]);
        let header = if is_second { self.bits(8)? } else { 0 };
        let (mut time, mut interval, mut value) = (0_i64, 0_i64, 0_u64);
        let mut place = (0, 0);
        for index in 0..u64::from(count) {
            let mut stale = false;
            // Whether the value follows in full, in its form that is known to differ, or not at all.
            let mut form = if is_second { Form::Second } else { Form::First };
            match index {
                0 => {
                    time = self.zigzag()?;
                    value = self.bits(64)?;
                    if is_second && value == STALE {
                        (stale, value) = (true, 0);
                    }
                    if header & 0x80 != 0 {
                        self.zigzag()?;
                    }
                    form = Form::None;
                }
                1 => interval = self.varint()? as i64,
                _ => {
                    let (change, later) = self.change(is_second)?;
                    interval = interval.wrapping_add(change);
                    form = later;
                }
            }
            if index > 0 {
                time = time.wrapping_add(interval);
            }
            let told = match form {
                Form::None => 0,
                Form::First => self.choice(2)?,
                Form::Second => self.choice(3)?,
                Form::Differs => self.choice(1)? + 1,
                Form::Stale => 3,
            };
            match told {
                0 => {}
                1 => value ^= self.bits(64 - place.0 - place.1)? << place.1,
                2 => {
                    // Both numbers or neither, as they are one word to who reads them at once.
                    let both = self.bits(11)?;
                    let (leading, width) = ((both >> 6) as usize, (both & 0x3f) as usize);
                    let width = if width == 0 { 64 } else { width };
                    place = (leading, 64_usize.checked_sub(leading + width)?);
                    value ^= self.bits(width)? << place.1;
                }
                _ => stale = true,
            }
            let starts = header & 0x7f;
            if starts > 0 && index >= starts {
                let width = [0, 3, 6, 9, 12, 18, 25, 56, 64][self.choice(8)? as usize];
                self.bits(width)?;
            }
            self.found.push((time, if stale { STALE } else { value }));
        }
        Some(())
    }
}

enum Form {
    None,
    First,
    Second,
    Differs,
    Stale,
}

/// A message in its frame.
fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let mut length = message.len();
    while length >= 0x80 {
        frame.push(length as u8 | 0x80);
        length >>= 7;
    }
    frame.push(length as u8);
    frame.extend(crc32c::crc32c(message).to_be_bytes());
    frame.extend(message);
    frame
}

type Outcome = Result<u64, RemoteReadError>;

fn decoded(body: impl Read, folding: &Folding) -> (Vec<(usize, SeriesRow)>, Outcome) {
    let mut rows = Vec::new();
    let outcome = decode(body, folding, |query, row| rows.push((query, row)));
    (rows, outcome)
}

fn a_stream(body: &[u8], seed: u8) {
    let at = |second| Timestamp::from_second(second).unwrap_or_default();
    let folding = &Folding {
        grid: Grid {
            window: Window {
                start: at(1_760_000_000),
                end: at(1_760_000_600),
            },
            step_seconds: 60,
        },
        folds: vec![if seed & 64 == 0 { Fold::Max } else { Fold::Mean }; 3],
        left: if seed & 128 == 0 {
            LeftEdge::Open
        } else {
            LeftEdge::Closed
        },
    };
    let (rows, outcome) = decoded(body, folding);
    let (same, again) = decoded(Pieces::new(body, seed), folding);
    assert_eq!(
        format!("{rows:?} {outcome:?}"),
        format!("{same:?} {again:?}"),
        "in pieces it is another answer"
    );
    for (_, row) in &rows {
        let seconds: Vec<f64> = row.samples.iter().map(|(second, _)| *second).collect();
        assert!(seconds.is_sorted_by(|a, b| a < b), "{seconds:?}");
        assert!(
            seconds
                .iter()
                .all(|second| (1_760_000_060.0..=1_760_000_600.0).contains(second)),
            "{seconds:?}"
        );
    }
    // A frame that is cut is told, as is one of which a bit is turned.
    if let (Ok(_), Some(last)) = (&outcome, body.len().checked_sub(1)) {
        assert!(
            decoded(&body[..last], folding).1.is_err(),
            "cut short it passes for whole"
        );
        let mut turned = body.to_vec();
        turned[last] ^= 1 << (seed & 7);
        assert!(
            decoded(turned.as_slice(), folding).1.is_err(),
            "turned it passes for whole"
        );
    }
}
