//! What a server's histograms say: every request with its latencies and tokens, counted into buckets as vLLM counts them.
//!
//! Planted: time between tokens is `a + b x batch`, and one token in twenty waits for somebody's prompt; of ten requests six are
//! short, three longer and one long. So every quantile is known to be among few values.

use super::reduce::extrapolated;
use super::streams::{self, ServerSample};
use super::workload::Server;
use super::{END, HOUR, World};

/// A histogram of vLLM's: its name, and its upper bounds but for the infinite one.
pub type Family = (&'static str, &'static [f64]);

/// Bounds of numbers of tokens.
const TOKENS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0, 20_000.0, 50_000.0,
    100_000.0,
];

/// vLLM's histograms, with the buckets of its version 0.11.
pub const FAMILIES: [Family; 5] = [
    (
        "vllm:time_to_first_token_seconds",
        &[
            0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0,
            80.0, 160.0, 640.0, 2_560.0,
        ],
    ),
    (
        "vllm:inter_token_latency_seconds",
        &[
            0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
        ],
    ),
    (
        "vllm:e2e_request_latency_seconds",
        &[
            0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0,
            960.0, 1_920.0, 7_680.0,
        ],
    ),
    ("vllm:request_prompt_tokens", TOKENS),
    ("vllm:request_generation_tokens", TOKENS),
];

/// Of ten requests in a row, how much longer each is than the mean: together exactly ten.
const LENGTHS: [f64; 10] = [0.8, 0.8, 1.1, 0.8, 0.8, 1.9, 0.8, 1.1, 0.8, 1.1];

/// What one request adds to the histogram of this index: values, and how often each.
fn observed(server: &Server, running: u64, length: f64, family: usize) -> [(f64, u64); 2] {
    let (alone, each) = server.token_seconds;
    let answer = (server.answer_tokens * length).round().max(2.0);
    let prompt = ((server.context_tokens - server.answer_tokens).max(16.0) * length).round();
    let batch = running.max(1) as f64;
    let first = 0.03 + (0.002 * batch + 0.00004 * prompt) * length;
    let step = alone + each * batch;
    let gaps = answer as u64 - 1;
    let stalled = gaps / 20;
    let request = first + step * (gaps - stalled) as f64 + 4.0 * step * stalled as f64;
    match family {
        0 => [(first, 1), (0.0, 0)],
        1 => [(step, gaps - stalled), (4.0 * step, stalled)],
        2 => [(request, 1), (0.0, 0)],
        3 => [(prompt, 1), (0.0, 0)],
        _ => [(answer, 1), (0.0, 0)],
    }
}

/// Hands over what each scrape adds: the sample, and the requests that ended since the one before, by their length. The counters
/// of a container that has just begun are at zero.
fn requests(samples: &[ServerSample], mut each: impl FnMut(&ServerSample, bool, &[f64])) {
    let mut ended: Option<u64> = None;
    let mut number = 0;
    for sample in samples {
        let finished = sample.stopped + sample.cut;
        let restarted = ended.is_some_and(|ended| finished < ended);
        let new = match ended {
            Some(ended) if !restarted => finished - ended,
            // What was counted before the first scrape is not looked at.
            Some(_) => finished,
            None => 0,
        };
        ended = Some(finished);
        let lengths: Vec<f64> = (number..number + new).map(|n| LENGTHS[(n % 10) as usize]).collect();
        number += new;
        each(sample, restarted, &lengths);
    }
}

/// One scrape of one histogram.
#[derive(Debug, Clone)]
pub struct Counted {
    /// Unix seconds.
    pub second: i64,
    /// Whether the container was restarted since the scrape before.
    pub restarted: bool,
    /// Observations up to each bound, the infinite one last, since the container began.
    pub buckets: Vec<u64>,
    /// Their sum.
    pub sum: f64,
}

/// The scrapes of a pod's histogram of this index, in time order.
pub fn scrapes(samples: &[ServerSample], server: &Server, family: usize) -> Vec<Counted> {
    let bounds = FAMILIES[family].1;
    let (mut buckets, mut sum) = (vec![0_u64; bounds.len() + 1], 0.0);
    let mut found = Vec::new();
    requests(samples, |sample, restarted, lengths| {
        if restarted {
            buckets.fill(0);
            sum = 0.0;
        }
        for length in lengths {
            for (value, times) in observed(server, sample.running, *length, family) {
                let above = bounds.partition_point(|bound| *bound < value);
                buckets[above..].iter_mut().for_each(|count| *count += times);
                sum += value * times as f64;
            }
        }
        found.push(Counted {
            second: sample.second,
            restarted,
            buckets: buckets.clone(),
            sum,
        });
    });
    found
}

/// By how much each bound's count, and the sum behind them, rose within each hour from `start` on: `increase` over an hour. Nothing
/// for an hour with less than two scrapes.
pub fn hourly(scrapes: &[Counted], start: i64) -> Vec<Option<Vec<f64>>> {
    let hours = (END - start) / HOUR;
    let hour = |at: i64| {
        let (begin, end) = (start + at * HOUR, start + (at + 1) * HOUR);
        let from = scrapes.partition_point(|scrape| scrape.second <= begin);
        let to = scrapes.partition_point(|scrape| scrape.second <= end);
        let within = scrapes.get(from..to)?;
        let (first, last) = (within.first()?, within.last()?);
        let restarts: Vec<usize> = (1..within.len()).filter(|at| within[*at].restarted).collect();
        let rise = |value: &dyn Fn(&Counted) -> f64| {
            let drops = restarts.iter().map(|at| (value(&within[*at - 1]), value(&within[*at])));
            let lost = drops
                .filter(|(before, after)| after < before)
                .map(|(before, _)| before)
                .sum();
            let ends = ((first.second, value(first)), (last.second, value(last)), within.len());
            Some(extrapolated(ends, lost, begin, end)? * HOUR as f64)
        };
        let bounds = 0..first.buckets.len();
        let mut rises: Vec<f64> = bounds
            .map(|at| rise(&|scrape| scrape.buckets[at] as f64))
            .collect::<Option<_>>()?;
        rises.push(rise(&|scrape| scrape.sum)?);
        Some(rises)
    };
    (0..hours).map(hour).collect()
}

/// Every observation of a workload's servers in `(begin, END]`, with how often it was made: the truth behind its histograms.
pub fn truth(world: &World, workload: usize, family: usize, begin: i64) -> Vec<(f64, u64)> {
    let mut found = Vec::new();
    for (pod, server) in streams::servers(world).filter(|(pod, _)| pod.workload == workload) {
        let samples = streams::server_samples(world, pod, server);
        requests(&samples, |sample, _, lengths| {
            if sample.second > begin {
                let all = lengths.iter();
                let all = all.flat_map(|length| observed(server, sample.running, *length, family));
                found.extend(all.filter(|(_, times)| *times > 0));
            }
        });
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found
}

/// The value that the share `q` of observations does not exceed.
pub fn quantile(observations: &[(f64, u64)], q: f64) -> Option<f64> {
    let total: u64 = observations.iter().map(|(_, times)| times).sum();
    let rank = (q * total as f64).ceil().max(1.0) as u64;
    let mut below = 0;
    observations.iter().find_map(|(value, times)| {
        below += times;
        (below >= rank).then_some(*value)
    })
}

/// Begin of the hours of a window, which end with it.
pub fn first_hour(start: i64) -> i64 {
    END - (END - start) / HOUR * HOUR
}
