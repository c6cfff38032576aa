//! A remote-read answer to columns.

use std::hint::black_box;

use gpuwise::model::time::{Grid, Window};
use gpuwise::sources::prometheus::remote_read::decode::{Folding, decode};
use gpuwise::sources::prometheus::remote_read::{Fold, LeftEdge};
use jiff::Timestamp;

use crate::answer::best;

/// Series and samples of the answer: two hundred GPUs over a week, scraped every fifteen seconds.
const SERIES: usize = 200;
const SAMPLES: usize = 40_320;
const SCRAPE_MS: i64 = 15_000;

/// Samples in a chunk, as Prometheus cuts them.
const CHUNK: usize = 120;

/// The beginning of the window, unix seconds.
const START: i64 = 1_760_000_000;

/// Bits, written from the highest.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    free: u32,
}

impl Writer {
    fn put(&mut self, value: u64, bits: u32) {
        for bit in (0..bits).rev() {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            self.free -= 1;
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << self.free;
            }
        }
    }

    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.put(value & 0x7f | 0x80, 8);
            value >>= 7;
        }
        self.put(value, 8);
    }
}

/// Samples in XOR encoding, `first` being the number of the first one.
fn chunk(first: usize, values: &[f64]) -> Vec<u8> {
    let mut out = Writer::default();
    out.put(values.len() as u64, 16);
    let (mut before, mut place) = (0_u64, None::<(u32, u32)>);
    for (index, value) in values.iter().enumerate() {
        let bits = value.to_bits();
        match index {
            0 => {
                out.put_varint(((START * 1000 + SCRAPE_MS * (first as i64 + 1)) << 1) as u64);
                out.put(bits, 64);
                before = bits;
                continue;
            }
            1 => out.put_varint(SCRAPE_MS as u64),
            _ => out.put(0, 1),
        }
        let differs = bits ^ before;
        before = bits;
        if differs == 0 {
            out.put(0, 1);
            continue;
        }
        let (leading, trailing) = (differs.leading_zeros().min(31), differs.trailing_zeros());
        match place {
            Some((over, under)) if leading >= over && trailing >= under => {
                out.put(0b10, 2);
                out.put(differs >> under, 64 - over - under);
            }
            _ => {
                place = Some((leading, trailing));
                let width = 64 - leading - trailing;
                out.put(0b11, 2);
                out.put(u64::from(leading), 5);
                out.put(u64::from(width) & 0x3f, 6);
                out.put(differs >> trailing, width);
            }
        }
    }
    out.bytes
}

fn field(number: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(number << 3 | 2);
    varint(bytes.len() as u64, out);
    out.extend(bytes);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// An answer as Prometheus streams it, whose values are what `value` makes of random bits.
fn answer(value: impl Fn(u64) -> f64) -> Vec<u8> {
    let mut state = 7_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        value(state >> 40)
    };
    let mut body = Vec::new();
    for number in 0..SERIES {
        let mut series = Vec::new();
        let labels = [
            ("Hostname", format!("node-{}", number / 8)),
            ("UUID", format!("GPU-{number:08}")),
            ("__name__", "DCGM_FI_PROF_GR_ENGINE_ACTIVE".to_owned()),
            ("namespace", "ml".to_owned()),
            ("pod", format!("train-{number}")),
        ];
        for (name, text) in &labels {
            let mut label = Vec::new();
            field(1, name.as_bytes(), &mut label);
            field(2, text.as_bytes(), &mut label);
            field(1, &label, &mut series);
        }
        for first in (0..SAMPLES).step_by(CHUNK) {
            let values: Vec<f64> = (0..CHUNK).map(|_| next()).collect();
            // Type 1, and the bytes.
            let mut one = vec![3 << 3, 1];
            field(4, &chunk(first, &values), &mut one);
            field(2, &one, &mut series);
        }
        let mut message = Vec::new();
        field(1, &series, &mut message);
        varint(message.len() as u64, &mut body);
        body.extend(crc32c::crc32c(&message).to_be_bytes());
        body.extend(message);
    }
    body
}

/// Measures and prints.
pub(crate) fn measure() {
    let end = START + SAMPLES as i64 * SCRAPE_MS / 1000;
    let folding = Folding {
        grid: Grid {
            window: Window {
                start: Timestamp::from_second(START).unwrap(),
                end: Timestamp::from_second(end).unwrap(),
            },
            step_seconds: 60,
        },
        folds: vec![Fold::Mean],
        left: LeftEdge::Open,
    };
    let percent = answer(|random| (random % 101) as f64);
    let ratio = answer(|random| (random % 1_000_000) as f64 / 1e6);
    for (what, body) in [("whole percents", percent), ("ratios of six digits", ratio)] {
        let time = best(|| {
            let mut points = 0;
            let samples = decode(body.as_slice(), &folding, |_, row| points += row.samples.len()).unwrap();
            assert_eq!(black_box(samples), (SERIES * SAMPLES) as u64);
            assert_eq!(points, SERIES * SAMPLES / 4);
        });
        println!(
            "remote read, {what}: {:.1} million samples a second ({:.0} MB/s, {:.1} bytes a sample)",
            (SERIES * SAMPLES) as f64 / time.as_secs_f64() / 1e6,
            body.len() as f64 / time.as_secs_f64() / 1e6,
            body.len() as f64 / (SERIES * SAMPLES) as f64,
        );
    }
}
