//! From which day on a change shows in what a workload held, or in what that cost.

use crate::model::history::HistoryDay;
use crate::model::scenario::Move;
use crate::model::usage::quantile;

/// How much, in logarithms, GPUs or their price must differ for a change to show.
const LEAST_STEP: f64 = 0.05;

/// Days at the end by which it is told where a change led.
const LAST_DAYS: usize = 7;

/// How near to that, as a share of the step, a day must be so that it is not still on the way.
const ARRIVED: f64 = 0.25;

/// Days on the way at most.
const MOST_ON_THE_WAY: usize = 2;

/// From where on days are after the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Since {
    /// The first day that counts, by its place.
    pub(super) first: usize,
    /// Whether the change shows at all.
    pub(super) shows: bool,
}

/// The first of `later` days that is as these moves left the workload; `before` are days without them.
pub(super) fn since(moves: &[Move], before: &[&HistoryDay], later: &[&HistoryDay]) -> Since {
    let by_price = moves
        .iter()
        .any(|change| matches!(change, Move::UseSpot { .. } | Move::UseGpu { .. }));
    let [price, gpus] = [ratios(before, later, price), ratios(before, later, gpus)];
    let order = if by_price { [price, gpus] } else { [gpus, price] };
    for ratios in order {
        if let Some(first) = step(&ratios) {
            return Since { first, shows: true };
        }
    }
    Since { first: 0, shows: false }
}

fn gpus(day: &HistoryDay) -> Option<f64> {
    (day.hours > 0.0).then(|| day.gpu_hours / day.hours)
}

fn price(day: &HistoryDay) -> Option<f64> {
    let cost = day.cost?.get();
    (day.gpu_hours > 0.0).then(|| cost / day.gpu_hours)
}

/// What a figure of each later day is of what it was before on such a day of the week, or else on any.
fn ratios(before: &[&HistoryDay], later: &[&HistoryDay], of: fn(&HistoryDay) -> Option<f64>) -> Vec<Option<f64>> {
    let usual = |day: &HistoryDay| {
        let same = before.iter().filter(|other| other.day.weekday() == day.day.weekday());
        let same: Vec<f64> = same.filter_map(|other| of(other)).collect();
        median(same).or_else(|| median(before.iter().filter_map(|other| of(other)).collect()))
    };
    let ratio = |day: &&HistoryDay| {
        let usual = usual(day).filter(|usual| *usual > 0.0)?;
        Some(of(day)? / usual)
    };
    later.iter().map(ratio).collect()
}

/// The place of the first day after a step, if there is one.
fn step(ratios: &[Option<f64>]) -> Option<usize> {
    let known: Vec<f64> = ratios.iter().flatten().copied().collect();
    let last = known.len().div_ceil(2).min(LAST_DAYS);
    let led_to = median(known.iter().rev().take(last).copied().collect())?;
    if led_to.max(1e-9).ln().abs() < LEAST_STEP {
        return None;
    }
    let is_after = |ratio: f64| (ratio - 1.0) / (led_to - 1.0) > 0.5;
    let wrong = |first: usize| {
        let sides = ratios
            .iter()
            .enumerate()
            .filter_map(|(at, ratio)| Some((at >= first, is_after((*ratio)?))));
        sides.filter(|(expected, seen)| expected != seen).count()
    };
    let first = (0..ratios.len()).min_by_key(|first| wrong(*first))?;
    let on_the_way =
        |ratio: &&Option<f64>| ratio.is_some_and(|ratio| ((ratio - led_to) / (led_to - 1.0)).abs() > ARRIVED);
    // A day on which it was made is of both times, and the way back to it is never long.
    let odd = ratios
        .iter()
        .skip(first)
        .take(MOST_ON_THE_WAY)
        .take_while(on_the_way)
        .count();
    Some(first + odd)
}

/// A figure that was there: of an even number the lower one in the middle.
fn median(values: Vec<f64>) -> Option<f64> {
    quantile(values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(ratios: &[f64]) -> Option<usize> {
        step(&ratios.iter().copied().map(Some).collect::<Vec<_>>())
    }

    #[test]
    fn a_step_is_found_and_the_day_of_it_left_out() {
        assert_eq!(places(&[1.0, 1.02, 0.7, 0.42, 0.4, 0.41, 0.4]), Some(3));
        assert_eq!(places(&[0.4, 0.41, 0.4]), Some(0), "it was made before");
        assert_eq!(places(&[1.0, 1.0, 0.0, 0.0, 0.0]), Some(2));
        assert_eq!(places(&[1.0, 1.01, 0.99, 1.0]), None);
    }

    #[test]
    fn one_odd_day_does_not_move_it() {
        assert_eq!(places(&[1.0, 1.0, 0.5, 0.5, 1.3, 0.5, 0.5, 0.5]), Some(2));
    }
}
