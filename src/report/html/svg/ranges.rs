//! What was promised beside what was measured, with its interval.

use super::scale::Scale;
use super::{chart, dot, line, words, words_within};
use crate::report::html::element::{Element, el};

const STEP: f64 = 46.0;
const TOP: f64 = 4.0;

/// A figure twice: as it was told before, and as it came.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::html) struct Pair {
    pub(in crate::report::html) label: String,
    pub(in crate::report::html) said: String,
    pub(in crate::report::html) before: Option<f64>,
    pub(in crate::report::html) came: Option<f64>,
    pub(in crate::report::html) ends: Option<(f64, f64)>,
}

pub(in crate::report::html) fn ranges(
    id: &str,
    pairs: &[Pair],
    tick: impl Fn(f64) -> String,
    named: (&str, &str),
) -> Element {
    let all = || {
        let ends = pairs
            .iter()
            .filter_map(|pair| pair.ends)
            .flat_map(|(low, high)| [low, high]);
        let figures = pairs.iter().flat_map(|pair| [pair.before, pair.came]).flatten();
        ends.chain(figures)
    };
    let (least, most) = (all().fold(0.0, f64::min), all().fold(0.0, f64::max));
    let scale = Scale::between(least, most + (most - least) * 0.03);
    let bottom = TOP + pairs.len() as f64 * STEP;
    let marks = scale.ticks(3).into_iter().map(|at| {
        let x = scale.share(at);
        el("g")
            .add(line("g", (x, TOP), (x, bottom)))
            .add(words_within("", (x, bottom + 14.0), &tick(at)))
    });
    let rows = pairs.iter().enumerate().map(|(at, pair)| {
        let (top, y) = (TOP + at as f64 * STEP, TOP + at as f64 * STEP + 29.0);
        let range = pair
            .ends
            .map(|(low, high)| line("range", (scale.share(low), y), (scale.share(high), y)));
        let before = pair.before.map(|before| dot("hollow", (scale.share(before), y), 5.5));
        let came = pair.came.map(|came| dot("dot", (scale.share(came), y), 5.5));
        el("g")
            .add(words("label halo", (0.0, top + 13.0), &pair.label))
            .add(words("label halo end", (1.0, top + 13.0), &pair.said))
            .all(range)
            .all(before)
            .all(came)
    });
    chart(id, named, bottom + 18.0).all(marks).all(rows)
}
