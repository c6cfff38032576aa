//! How sure a saving is that was replayed day by day.
//!
//! Days of a month are few, and no independent draws: weekends differ, a busy day follows a busy day, and a few days are far
//! busier than most. So the interval is a studentised one about the mean of paired differences, with each of these told apart:
//!
//! - Workdays and weekends have means of their own, which count five and two sevenths: which weekdays a month happened to have
//!   moves nothing, and that weekends differ widens nothing.
//! - What a day remembers of the day before is estimated from what is left, drawn towards what serving workloads have, as twenty
//!   days alone hardly tell it, and the variance of the mean is computed with it.
//! - Skewness is corrected with Hall's cubic transformation (P. Hall, On the removal of skewness by transformation, J. R.
//!   Statist. Soc. B 54, 1992).
//! - What the service model, cold starts or spot windows leave open is the same on all days and is added to the variance of the
//!   mean (the law of total variance): more days do not average it away.
//!
//! A trend is left in what is unexplained: days to come differ from those seen, and the interval is the wider for it.

use crate::model::scenario::Interval;

/// Days that must be scored before there is an interval.
pub const LEAST_DAYS: usize = 10;

/// Share of a day that must be known for the day to be scored.
const LEAST_KNOWN: f64 = 0.5;

/// The memory that serving workloads have from day to day, and how sure that is: mean and standard deviation.
const USUAL_MEMORY: (f64, f64) = (0.4, 0.35);

/// Memory beyond this cannot be told from a trend.
const MOST_MEMORY: f64 = 0.85;

/// The 95th percentile of the normal distribution.
const NORMAL: f64 = 1.644_853_626_951_472_7;

/// What a day showed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Day {
    /// Days since 1970-01-01, in the time zone in which days are cut.
    pub number: i64,
    /// What the policy that ran cost on that day less what the other one would have, in any unit. Not finite: unknown.
    pub saving: f64,
    /// Share of the day that is known, 0 to 1.
    pub known: f64,
}

impl Day {
    fn scored(&self) -> bool {
        self.saving.is_finite() && self.known >= LEAST_KNOWN
    }

    fn weekend(&self) -> bool {
        // 1970 began on a Thursday.
        (self.number + 3).rem_euclid(7) >= 5
    }
}

/// The saving a day with its 90 % interval, in the days' unit.
///
/// `model` are the savings of the same days, in the same order, at both ends of what the replay does not know (residuals of the
/// service model, cold starts, spot windows): nine in ten lie between them, as between the ends of the interval. Empty where it
/// leaves nothing open. `None` where fewer than ten days are scored, where a day comes twice, and where an end does not tell every
/// scored day.
pub fn daily(days: &[Day], model: &[Vec<f64>]) -> Option<Interval> {
    let mut order: Vec<usize> = (0..days.len()).filter(|at| days[*at].scored()).collect();
    order.sort_by_key(|at| days[*at].number);
    let scored: Vec<Day> = order.iter().map(|at| days[*at]).collect();
    if scored.len() < LEAST_DAYS || scored.windows(2).any(|pair| pair[0].number == pair[1].number) {
        return None;
    }
    let weights = Weights::new(&scored);
    let savings: Vec<f64> = scored.iter().map(|day| day.saving).collect();
    let mid = weights.mean(&savings);
    let seen = spread(&scored, &weights, &savings);
    let mut left_open = 0.0;
    for end in model {
        let end: Option<Vec<f64>> = order.iter().map(|at| end.get(*at).copied()).collect();
        let end = end.filter(|end| end.iter().all(|value| value.is_finite()))?;
        // About the figure itself: ends that lie to one side of it widen the interval, too.
        left_open += ((weights.mean(&end) - mid) / NORMAL).powi(2) / model.len() as f64;
    }
    let ends = ends(&seen, left_open);
    Some(Interval {
        low: Some(mid - ends.1),
        mid: Some(mid),
        high: Some(mid - ends.0),
    })
}

/// How much each day counts for the mean of a week.
struct Weights {
    /// For the mean of a week; together one.
    week: Vec<f64>,
    /// Known share of each day over that of all days of its kind.
    kind: Vec<f64>,
    /// Whether workdays and weekends are told apart.
    apart: bool,
}

impl Weights {
    fn new(days: &[Day]) -> Self {
        let weekends = days.iter().filter(|day| day.weekend()).count();
        let apart = weekends >= 2 && days.len() - weekends >= 2;
        let same = |a: &Day, b: &Day| !apart || a.weekend() == b.weekend();
        let known = |of: &Day| -> f64 { days.iter().filter(|day| same(day, of)).map(|day| day.known).sum() };
        let kind: Vec<f64> = days.iter().map(|day| day.known / known(day)).collect();
        let share = |day: &Day| match (apart, day.weekend()) {
            (false, _) => 1.0,
            (true, false) => 5.0 / 7.0,
            (true, true) => 2.0 / 7.0,
        };
        let week = days.iter().zip(&kind).map(|(day, kind)| share(day) * kind).collect();
        Self { week, kind, apart }
    }

    fn mean(&self, values: &[f64]) -> f64 {
        self.week.iter().zip(values).map(|(weight, value)| weight * value).sum()
    }
}

/// How uncertain a mean is.
#[derive(Debug, Default)]
struct Spread {
    /// Variance of the mean.
    variance: f64,
    /// Degrees of freedom of its estimate; no matter where the variance is zero.
    freedom: f64,
    /// Skewness of the mean.
    skewness: f64,
}

/// How uncertain the mean is for the days that were seen.
fn spread(days: &[Day], weights: &Weights, savings: &[f64]) -> Spread {
    let count = days.len();
    let same = |a: usize, b: usize| !weights.apart || days[a].weekend() == days[b].weekend();
    let own = |day: usize| -> f64 {
        let all = (0..count).filter(|other| same(day, *other));
        all.map(|other| weights.kind[other] * savings[other]).sum()
    };
    let left: Vec<f64> = (0..count).map(|day| savings[day] - own(day)).collect();
    let squares: f64 = left.iter().map(|left| left * left).sum();
    let scale: f64 = savings.iter().map(|saving| saving * saving).sum();
    // What rounding leaves of days that are all the same.
    if squares <= scale * 1e-24 {
        return Spread::default();
    }
    let memory = memory(days, &left, squares, weights.apart);
    let (mut of_mean, mut used) = (0.0, 0.0);
    for a in 0..count {
        for b in 0..count {
            let apart = days[a].number.abs_diff(days[b].number);
            let together = memory.powi(i32::try_from(apart).unwrap_or(i32::MAX));
            of_mean += weights.week[a] * weights.week[b] * together;
            used += if same(a, b) { weights.kind[b] * together } else { 0.0 };
        }
    }
    // The kinds' own means take away some of the variance, the more the longer days remember.
    let of_day = squares / (count as f64 - used).max(1.0);
    let kinds = if weights.apart { 2.0 } else { 1.0 };
    let (cubes, usual) = (
        left.iter().map(|left| left.powi(3)).sum::<f64>(),
        squares / count as f64,
    );
    Spread {
        variance: of_day * of_mean,
        freedom: (count as f64 - kinds) * (1.0 - memory * memory) / (1.0 + memory * memory),
        skewness: cubes / count as f64 / usual.powf(1.5) * of_mean.sqrt(),
    }
}

/// Correlation of a day with the day before: what the days show, without the bias of short series, drawn towards what is usual.
fn memory(days: &[Day], left: &[f64], squares: f64, apart: bool) -> f64 {
    let count = days.len() as f64;
    let pairs = (1..days.len()).filter(|at| days[*at].number == days[*at - 1].number + 1);
    let (mut sum, mut seen) = (0.0, 0.0);
    for at in pairs {
        sum += left[at] * left[at - 1];
        seen += 1.0;
    }
    if seen < 3.0 {
        return USUAL_MEMORY.0;
    }
    // As if all days had a day before them; a series of so many days shows `(1 + 3 rho) / n` too little (Marriott and Pope,
    // Bias in the estimation of autocorrelations, Biometrika 41, 1954), and once more of that constant for each mean more.
    let shown = sum / squares * (count - 1.0) / seen;
    let kinds = if apart { 2.0 } else { 1.0 };
    let straight = (shown * count + kinds) / (count - 3.0);
    let (sure, usual) = (seen, USUAL_MEMORY.1.powi(-2));
    ((straight * sure + USUAL_MEMORY.0 * usual) / (sure + usual)).clamp(0.0, MOST_MEMORY)
}

/// How far the ends of the interval lie from the figure, the lower first: what to take from it for the upper and the lower end.
fn ends(seen: &Spread, left_open: f64) -> (f64, f64) {
    let variance = seen.variance + left_open;
    if variance <= 0.0 {
        return (0.0, 0.0);
    }
    // Welch and Satterthwaite; what is left open was measured on many more than there are days.
    let freedom = match seen.variance > 0.0 {
        true => (variance / seen.variance).powi(2) * seen.freedom,
        false => f64::INFINITY,
    };
    let skewness = seen.skewness * (seen.variance / variance).powf(1.5);
    let (t, error) = (t95(freedom), variance.sqrt());
    (error * unskewed(-t, skewness), error * unskewed(t, skewness))
}

/// The studentised value that Hall's transformation takes to `x`, for a mean of this skewness.
fn unskewed(x: f64, skewness: f64) -> f64 {
    let a = skewness / 6.0;
    if a.abs() < 1e-6 {
        return x;
    }
    ((1.0 + 6.0 * a * (x - a)).cbrt() - 1.0) / (2.0 * a)
}

/// The 95th percentile of Student's distribution: the expansion of Fisher and Cornish about the normal one (Abramowitz and Stegun
/// 26.7.5), within 0.1 % from three degrees of freedom on, which is the least that is taken.
fn t95(freedom: f64) -> f64 {
    let of = freedom.max(3.0);
    let power = |exponent: i32| NORMAL.powi(exponent);
    let first = (power(3) + NORMAL) / 4.0;
    let second = (5.0 * power(5) + 16.0 * power(3) + 3.0 * NORMAL) / 96.0;
    let third = (3.0 * power(7) + 19.0 * power(5) + 17.0 * power(3) - 15.0 * NORMAL) / 384.0;
    let fourth = 79.0 * power(9) + 776.0 * power(7) + 1_482.0 * power(5) - 1_920.0 * power(3) - 945.0 * NORMAL;
    NORMAL + first / of + second / of.powi(2) + third / of.powi(3) + fourth / 92_160.0 / of.powi(4)
}

#[cfg(test)]
mod tests;
