//! How long a replica takes from one token to the next, by how many requests it decodes at once: `a + b x batch`, fitted to what
//! was measured, and between two measured batches what lies between them.

/// A measured batch: how many requests were decoded at once, the seconds between two tokens then, and how much was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Requests in execution on one replica.
    pub batch: f64,
    /// Seconds from one token of a request to the next.
    pub seconds: f64,
    /// Weight, such as the tokens behind it.
    pub weight: f64,
}

/// How much a batch may differ for two points to be one: they are put together before anything is fitted.
const TOGETHER: f64 = 1.19;

/// The share of what was measured that must lie at a batch for the slope up to it to be believed.
const SEEN: f64 = 0.02;

/// How many times as long tokens take at twice the batch where no batch tells, the dearest first: nine of ten measured doublings
/// cost at most the first, half of them no more than a third (AIConfigurator, 2026).
pub const DOUBLED: [f64; 4] = [1.75, 1.55, 1.33, 1.15];

/// How far beyond the largest batch that was measured the law is believed.
pub const BEYOND: f64 = 2.0;

/// Seconds between tokens by batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Law {
    /// Of the line that fits best: seconds of a step whatever its batch.
    pub alone: f64,
    /// Seconds that each request adds.
    pub each: f64,
    /// Measured batches in rising order, with seconds that do not fall.
    knots: Vec<(f64, f64)>,
    /// Seconds beyond the last knot, a request.
    beyond: f64,
}

impl Law {
    /// The law of these points; `None` with fewer than two different batches, or where a longer batch never takes longer.
    ///
    /// The line is that of least squares of relative errors, so that small batches count as much as large ones. Between batches
    /// that were measured it is not the line that is believed but the two next to it: on 447 measured series (AIConfigurator,
    /// 2026) that halves the error of a batch that was left out.
    pub fn fit(points: &[Point]) -> Option<Self> {
        let mut knots = together(points);
        let (alone, each) = line(&knots)?;
        rising(&mut knots);
        let all: f64 = knots.iter().map(|knot| knot.weight).sum();
        let slope = |pair: &[Knot]| {
            let slope = (pair[1].seconds - pair[0].seconds) / (pair[1].batch - pair[0].batch);
            // What was hardly seen is no slope.
            if pair[1].weight >= SEEN * all { slope } else { each }
        };
        let last = knots.windows(2).last().map(slope)?;
        // Not less than halfway to the line's: that a larger batch costs less than it does would promise what is not there.
        let beyond = last.max(f64::midpoint(last, each));
        if !beyond.is_finite() || beyond <= 0.0 {
            return None;
        }
        Some(Self {
            alone,
            each,
            knots: knots.iter().map(|knot| (knot.batch, knot.seconds)).collect(),
            beyond,
        })
    }

    /// The law of points that are all of nearly one batch, which tell nothing of another, where twice as many take `doubled` times
    /// as long. `None` of nothing.
    pub fn of_one_batch(points: &[Point], doubled: f64) -> Option<Self> {
        let all: f64 = points.iter().map(|point| point.weight).sum();
        let mean = |of: fn(&Point) -> f64| points.iter().map(|point| of(point) * point.weight).sum::<f64>() / all;
        let (batch, seconds) = (mean(|point| point.batch), mean(|point| point.seconds));
        let usable = [batch, seconds].iter().all(|value| value.is_finite() && *value > 0.0);
        let each = (doubled - 1.0) * seconds / batch;
        usable.then(|| Self {
            alone: seconds - each * batch,
            each,
            knots: vec![(batch, seconds)],
            beyond: each,
        })
    }

    /// A law that is a line, such as a person gives.
    pub fn line(alone: f64, each: f64, most_batch: f64) -> Self {
        let at = |batch: f64| (batch, alone + each * batch);
        Self {
            alone,
            each,
            knots: vec![at(1.0), at(most_batch.max(2.0))],
            beyond: each,
        }
    }

    /// The largest batch that was measured.
    pub fn seen(&self) -> f64 {
        self.knots.last().map_or(0.0, |knot| knot.0)
    }

    /// The largest batch for which it is believed.
    pub fn most(&self) -> f64 {
        self.seen() * BEYOND
    }

    /// Seconds between two tokens at a batch; beyond what is believed, by the last slope all the same.
    pub fn seconds(&self, batch: f64) -> f64 {
        let at = self.knots.partition_point(|knot| knot.0 < batch);
        match (at.checked_sub(1).map(|before| self.knots[before]), self.knots.get(at)) {
            (Some((b0, s0)), Some((b1, s1))) => s0 + (s1 - s0) * (batch - b0) / (b1 - b0),
            (Some((b0, s0)), None) => s0 + self.beyond * (batch - b0),
            // Below the smallest batch: along the line, and never less than nothing.
            (None, Some((b1, s1))) => (s1 - self.each * (b1 - batch)).max(s1 * 0.5),
            (None, None) => f64::INFINITY,
        }
    }

    /// With every figure so many times as long: what a drawn error of the law makes of it.
    #[must_use]
    pub fn times(&self, factor: f64) -> Self {
        Self {
            alone: self.alone * factor,
            each: self.each * factor,
            knots: self.knots.iter().map(|knot| (knot.0, knot.1 * factor)).collect(),
            beyond: self.beyond * factor,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Knot {
    batch: f64,
    seconds: f64,
    weight: f64,
}

/// Points with nearly the same batch become one.
fn together(points: &[Point]) -> Vec<Knot> {
    let usable = |point: &&Point| {
        let all = [point.batch, point.seconds, point.weight];
        all.iter().all(|value| value.is_finite() && *value > 0.0)
    };
    let mut sorted: Vec<&Point> = points.iter().filter(usable).collect();
    sorted.sort_by(|a, b| a.batch.total_cmp(&b.batch));
    let mut knots: Vec<Knot> = Vec::new();
    let mut first = 0.0;
    for point in sorted {
        match knots.last_mut().filter(|_| point.batch <= first * TOGETHER) {
            Some(knot) => {
                let weight = knot.weight + point.weight;
                knot.batch += (point.batch - knot.batch) * point.weight / weight;
                knot.seconds += (point.seconds - knot.seconds) * point.weight / weight;
                knot.weight = weight;
            }
            None => {
                first = point.batch;
                knots.push(Knot {
                    batch: point.batch,
                    seconds: point.seconds,
                    weight: point.weight,
                });
            }
        }
    }
    knots
}

/// The line with the least squared relative errors: what is alone, and what each adds.
fn line(knots: &[Knot]) -> Option<(f64, f64)> {
    if knots.len() < 2 {
        return None;
    }
    let (mut s, mut sx, mut sxx, mut sy, mut sxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for knot in knots {
        // A batch that was seen often counts more, but a rare one is not lost beside it.
        let weight = knot.weight.sqrt() / (knot.seconds * knot.seconds);
        s += weight;
        sx += weight * knot.batch;
        sxx += weight * knot.batch * knot.batch;
        sy += weight * knot.seconds;
        sxy += weight * knot.batch * knot.seconds;
    }
    let determinant = s * sxx - sx * sx;
    if determinant <= 1e-12 * s * sxx {
        return None;
    }
    let each = (s * sxy - sx * sy) / determinant;
    let alone = (sy - each * sx) / s;
    Some((alone, each))
}

/// Pools neighbours that fall (pool adjacent violators): a larger batch is never quicker.
fn rising(knots: &mut Vec<Knot>) {
    let mut pooled: Vec<(f64, f64, Vec<Knot>)> = Vec::new();
    for knot in knots.drain(..) {
        pooled.push((knot.seconds, knot.weight, vec![knot]));
        while let [.., before, last] = &pooled[..] {
            if before.0 <= last.0 {
                break;
            }
            let Some((seconds, weight, members)) = pooled.pop() else {
                break;
            };
            let Some(into) = pooled.last_mut() else { break };
            let sum = into.1 + weight;
            into.0 += (seconds - into.0) * weight / sum;
            into.1 = sum;
            into.2.extend(members);
        }
    }
    for (seconds, _, members) in pooled {
        knots.extend(members.into_iter().map(|knot| Knot { seconds, ..knot }));
    }
}

#[cfg(test)]
mod tests;
