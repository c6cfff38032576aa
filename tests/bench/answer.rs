//! An answer to columns.

use std::hint::black_box;
use std::time::{Duration, Instant};

use gpuwise::sources::prometheus::decode::decode;

/// Series and points of the answer: two hundred GPUs over a week of minutes.
const SERIES: usize = 200;
const POINTS: usize = 10_080;

/// Runs of which the best counts: others on the machine can only slow one down.
const RUNS: usize = 5;

/// An answer to a range query as Prometheus writes it, utilization with as many digits as a mean of four scrapes has.
fn answer() -> String {
    let mut text = r#"{"status":"success","data":{"resultType":"matrix","result":["#.to_owned();
    let mut state = 7_u64;
    for series in 0..SERIES {
        if series > 0 {
            text.push(',');
        }
        text.push_str(&format!(
            r#"{{"metric":{{"Hostname":"node-{}","UUID":"GPU-{series:08}","gpu":"{}","modelName":"NVIDIA H100 80GB HBM3","namespace":"ml","pod":"train-{series}"}},"values":["#,
            series / 8, series % 8
        ));
        for point in 0..POINTS {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let value = (state >> 40) as f64 / (1_u64 << 24) as f64;
            let second = 1_760_000_000 + 60 * point;
            let comma = if point > 0 { "," } else { "" };
            text.push_str(&format!("{comma}[{second},\"{:.6}\"]", value));
        }
        text.push_str("]}");
    }
    text.push_str("]}}");
    text
}

pub(crate) fn best(mut run: impl FnMut()) -> Duration {
    let once = |run: &mut dyn FnMut()| {
        let began = Instant::now();
        run();
        began.elapsed()
    };
    (0..RUNS).map(|_| once(&mut run)).min().unwrap_or_default()
}

/// Measures and prints.
pub(crate) fn measure() {
    let text = answer();
    let samples = (SERIES * POINTS) as f64;
    let decoding = best(|| {
        let mut seen = 0;
        decode(text.as_bytes(), |row| seen += row.samples.len()).unwrap();
        assert_eq!(black_box(seen), SERIES * POINTS);
    });
    let serde = best(|| {
        black_box(serde_json::from_str::<serde_json::Value>(&text).unwrap());
    });
    let rate = |time: Duration| samples / time.as_secs_f64() / 1e6;
    println!(
        "decode: {:.1} million samples a second ({:.0} MB/s)",
        rate(decoding),
        text.len() as f64 / decoding.as_secs_f64() / 1e6
    );
    println!(
        "serde_json into a tree, the same text: {:.1} million samples a second",
        rate(serde)
    );
}
