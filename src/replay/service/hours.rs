//! Histograms of an hour each, over days and hours that are asked about.

use std::collections::BTreeMap;
use std::ops::Range;

use super::pool::DAY;
use crate::model::histogram::{Buckets, Histogram};
use crate::model::requests::RequestHistory;
use crate::model::usage::Signal;

/// A histogram over the hours of these days that are wanted; an hour is named by its last second.
pub(super) fn over(
    histograms: &BTreeMap<Signal, Histogram>,
    signal: Signal,
    history: &RequestHistory,
    days: &Range<usize>,
    wanted: impl Fn(i64) -> bool,
) -> Option<Buckets> {
    let histogram = histograms.get(&signal)?;
    let start = history.grid.window.start.as_second();
    let inside = |second: i64| {
        let day = (second - start - 1).div_euclid(DAY as i64);
        usize::try_from(day).is_ok_and(|day| days.contains(&day))
    };
    let hours = histogram.steps.iter().enumerate();
    let hours = hours.filter(|(at, _)| {
        let second = histogram.grid.second(*at);
        inside(second) && wanted(second)
    });
    let mut known = hours.filter_map(|(_, step)| step.as_ref());
    let mut sum = known.next()?.clone();
    known.for_each(|step| sum.add(step));
    (!sum.is_empty()).then_some(sum)
}
