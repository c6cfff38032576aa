//! From spend today to spend after: what each lever would save alone, what they count twice, and what is freed and still paid.

use super::scale::{Scale, floor_to_round};
use super::{bar, chart, line, words};
use crate::report::html::element::{Element, el};

/// Pixels of one step: its words, and the bar under them.
const STEP: f64 = 44.0;
const BAR: f64 = 14.0;

/// What a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report::html) enum Kind {
    /// A level that spend stands at.
    Level,
    /// What changes would save.
    Saved,
    /// What is saved only once though it was counted twice.
    Overlap,
    /// What is freed for others and stays on the bill.
    Freed,
}

/// A step of the walk.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::html) struct Step {
    pub(in crate::report::html) kind: Kind,
    pub(in crate::report::html) label: String,
    /// Its figure in words.
    pub(in crate::report::html) said: String,
    /// Where it begins and ends, in money a month; a level begins at nothing.
    pub(in crate::report::html) from: f64,
    pub(in crate::report::html) to: f64,
}

/// What the bars begin at: nothing, or a round figure where what is saved would else be too small to see.
pub(in crate::report::html) fn begins_at(steps: &[Step]) -> f64 {
    let ends = || steps.iter().map(|step| step.to);
    let most = ends().fold(0.0, f64::max);
    let least = ends().fold(most, f64::min);
    let span = most - least;
    if span > most * 0.4 || span <= 0.0 {
        return 0.0;
    }
    floor_to_round(least - span * 0.35, span).max(0.0)
}

/// The walk as a chart.
pub(in crate::report::html) fn waterfall(steps: &[Step], (title, description): (&str, &str)) -> Element {
    let begin = begins_at(steps);
    let most = steps.iter().map(|step| step.to.max(step.from)).fold(begin, f64::max);
    let scale = Scale::between(begin, most);
    let height = steps.len() as f64 * STEP;
    let mut svg = chart("waterfall", (title, description), height);
    for (at, step) in steps.iter().enumerate() {
        let top = at as f64 * STEP;
        let from = if step.kind == Kind::Level { begin } else { step.from };
        let ends = (scale.share(from).clamp(0.0, 1.0), scale.share(step.to).clamp(0.0, 1.0));
        svg = svg.add(row(step, top, ends));
        if step.kind == Kind::Level && begin > 0.0 {
            svg = svg.add(torn(top));
        }
        if at + 1 < steps.len() {
            let at = ends.1;
            svg = svg.add(line("axis", (at, top + 20.0), (at, top + STEP + 20.0)));
        }
    }
    svg
}

fn row(step: &Step, top: f64, ends: (f64, f64)) -> Element {
    let class = match step.kind {
        Kind::Level => "fq",
        Kind::Saved => "f",
        Kind::Overlap => "fw",
        Kind::Freed => "hatch",
    };
    let weight = if step.kind == Kind::Level { "strong" } else { "label" };
    let moved = (ends.0 - ends.1).abs() > 1e-4;
    el("g")
        .add(words(weight, (0.0, top + 13.0), &step.label))
        .add(words(&format!("{weight} end"), (1.0, top + 13.0), &step.said))
        .all(moved.then(|| bar(class, ends, (top + 20.0, BAR))))
}

/// The mark of a bar that does not begin at nothing.
fn torn(top: f64) -> Element {
    let (high, low) = (top + 19.0, top + 20.0 + BAR + 1.0);
    el("g").all([6.0, 11.0].map(|x| {
        el("path")
            .class("torn")
            .put("d", format!("M{x} {low}L{} {high}", x + 4.0))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(to: f64) -> Step {
        Step {
            kind: Kind::Level,
            label: String::new(),
            said: String::new(),
            from: 0.0,
            to,
        }
    }

    #[test]
    fn bars_begin_at_nothing_where_that_can_be_read() {
        assert_eq!(begins_at(&[level(100.0), level(40.0)]), 0.0);
        assert_eq!(begins_at(&[level(100.0), level(100.0)]), 0.0);
        let begin = begins_at(&[level(610_000.0), level(527_000.0)]);
        assert!((400_000.0..527_000.0).contains(&begin), "{begin}");
    }
}
