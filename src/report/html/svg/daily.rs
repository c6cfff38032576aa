//! Days that a replay scored: what was held, and what would have been, with what is left open.

use super::scale::{Scale, figure};
use super::{between, chart, drawn, line, steps, stretched, words, words_within};
use crate::report::html::element::Element;

const HEIGHT: f64 = 90.0;
const TOP: f64 = 8.0;

/// A day.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::html) struct Day {
    pub(in crate::report::html) name: String,
    pub(in crate::report::html) before: f64,
    pub(in crate::report::html) after: f64,
    /// Between what it lies; `None` where nothing is left open.
    pub(in crate::report::html) ends: Option<(f64, f64)>,
}

pub(in crate::report::html) fn daily(id: &str, days: &[Day], named: (&str, &str)) -> Element {
    let most = days.iter().map(|day| {
        let high = day.ends.map_or(0.0, |(_, high)| high);
        day.before.max(day.after).max(high)
    });
    let scale = Scale::to(most.fold(0.0, f64::max) * 1.05);
    let of = |value: fn(&Day) -> Option<f64>| days.iter().map(value).collect::<Vec<Option<f64>>>();
    let (before, after) = (of(|day| Some(day.before)), of(|day| Some(day.after)));
    let (low, high) = (
        of(|day| day.ends.map(|ends| ends.0)),
        of(|day| day.ends.map(|ends| ends.1)),
    );
    let bottom = TOP + HEIGHT;
    let grid = scale.ticks(3).into_iter().flat_map(|at| {
        let y = bottom - scale.share(at) * HEIGHT;
        let class = if at > 0.0 { "g" } else { "axis" };
        [
            Some(line(class, (0.0, y), (1.0, y))),
            (at > 0.0).then(|| words("halo", (0.0, y + 11.0), &figure(at))),
        ]
    });
    let ends = [(0.0, days.first()), (1.0, days.last())];
    let ends = ends.map(|(at, day)| day.map(|day| words_within("", (at, bottom + 14.0), &day.name)));
    chart(id, named, bottom + 18.0)
        .all(grid.flatten())
        .add(
            stretched((TOP, HEIGHT))
                .all(drawn("fs", between(&low, &high, &scale, HEIGHT)))
                .all(drawn("lq", steps(&before, &scale, HEIGHT)))
                .all(drawn("l", steps(&after, &scale, HEIGHT))),
        )
        .all(ends.into_iter().flatten())
}
