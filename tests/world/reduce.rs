//! What Prometheus makes of raw samples: `avg_over_time`, `max_over_time` and `rate` over left-open ranges.

/// Mean and maximum of the ticks that fall into each step.
#[derive(Debug, Clone)]
pub struct Steps {
    start: i64,
    step: i64,
    cells: Vec<(u64, u32, u32)>,
}

impl Steps {
    /// Steps from `start` to `end`; a step holds the samples in `(t - step, t]`.
    pub fn new(start: i64, end: i64, step: i64) -> Self {
        Self {
            start,
            step,
            cells: vec![(0, 0, 0); ((end - start) / step) as usize],
        }
    }

    /// Adds a sample.
    pub fn add(&mut self, second: i64, ticks: u32) {
        let index = (second - self.start - 1).div_euclid(self.step);
        if let Some(cell) = usize::try_from(index).ok().and_then(|index| self.cells.get_mut(index)) {
            *cell = (cell.0 + u64::from(ticks), cell.1 + 1, cell.2.max(ticks));
        }
    }

    /// `avg_over_time`; sums are whole ticks, so that equal samples have exactly their own value as mean.
    pub fn means(&self, tick: f64) -> Vec<Option<f64>> {
        let mean =
            |&(sum, count, _): &(u64, u32, u32)| (count > 0).then(|| rounded(sum as f64 * tick / f64::from(count)));
        self.cells.iter().map(mean).collect()
    }

    /// `max_over_time`.
    pub fn maxima(&self, tick: f64) -> Vec<Option<f64>> {
        let max = |&(_, count, max): &(u64, u32, u32)| (count > 0).then(|| rounded(f64::from(max) * tick));
        self.cells.iter().map(max).collect()
    }
}

/// The nearest billionth: what is left of a sum's rounding goes, far below what any exporter prints.
fn rounded(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

/// `rate(counter[range])` at the end of each step: `extrapolatedRate` of prometheus/promql/functions.go (v3), with its
/// resets, its extrapolation by at most half an interval beyond 1.1 of it, and its stop at zero.
pub fn rates(samples: &[(i64, f64)], start: i64, end: i64, step: i64) -> Vec<Option<f64>> {
    let range = step.max(120);
    let mut rates = Vec::new();
    let mut low = 0;
    let mut high = 0;
    let mut at = start + step;
    while at <= end {
        while high < samples.len() && samples[high].0 <= at {
            high += 1;
        }
        while low < high && samples[low].0 <= at - range {
            low += 1;
        }
        rates.push(rate(&samples[low..high], at - range, at));
        at += step;
    }
    rates
}

fn rate(samples: &[(i64, f64)], begin: i64, end: i64) -> Option<f64> {
    let (first, last) = (samples.first()?, samples.last()?);
    let resets = samples.windows(2).filter(|pair| pair[1].1 < pair[0].1);
    let lost = resets.map(|pair| pair[0].1).sum();
    extrapolated((*first, *last, samples.len()), lost, begin, end)
}

/// The rate between the first and the last of so many samples in `(begin, end]`, with what was counted before resets among them.
pub fn extrapolated(
    (first, last, count): ((i64, f64), (i64, f64), usize),
    lost: f64,
    begin: i64,
    end: i64,
) -> Option<f64> {
    if count < 2 {
        return None;
    }
    let increase = last.1 - first.1 + lost;
    let sampled = (last.0 - first.0) as f64;
    let interval = sampled / (count - 1) as f64;
    let threshold = interval * 1.1;
    let mut before = (first.0 - begin) as f64;
    let mut after = (end - last.0) as f64;
    if before >= threshold {
        before = interval / 2.0;
    }
    if increase > 0.0 && first.1 >= 0.0 {
        before = before.min(sampled * first.1 / increase);
    }
    if after >= threshold {
        after = interval / 2.0;
    }
    Some(rounded(
        increase * ((sampled + before + after) / sampled) / (end - begin) as f64,
    ))
}
