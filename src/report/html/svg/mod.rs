//! Charts: widths are shares of whatever room there is, heights and letters are pixels, so that a chart reads the same on a phone
//! and on a wall. Only lines are stretched.

pub(crate) mod cumulative;
pub(crate) mod daily;
pub(crate) mod frontier;
pub(crate) mod history;
pub(crate) mod ranges;
pub(crate) mod scale;
pub(crate) mod shares;
pub(crate) mod waterfall;

use super::element::{Element, el};
use scale::{Scale, figure, percent};

/// Units of width that stretched lines are drawn in.
const WIDTH: f64 = 1000.0;

/// Units of height in a pixel of stretched lines.
const FINE: f64 = 4.0;

/// A chart with its title and its description, which say in words what it shows.
fn chart(id: &str, (title, description): (&str, &str), height: f64) -> Element {
    let (titled, described) = (format!("{id}-t"), format!("{id}-d"));
    el("svg")
        .class("chart")
        .set("role", "img")
        .set("aria-labelledby", format!("{titled} {described}"))
        .put("height", figure(height))
        .put("width", "100%")
        .add(el("title").id(&titled).text(title))
        .add(el("desc").id(&described).text(description))
}

/// A box from one share of the width to another.
fn bar(class: &str, (from, to): (f64, f64), (top, height): (f64, f64)) -> Element {
    let (left, right) = (from.min(to), from.max(to));
    el("rect")
        .class(class)
        .put("x", percent(left))
        .put("width", percent(right - left))
        .put("y", figure(top))
        .put("height", figure(height))
}

fn line(class: &str, (x, y): (f64, f64), (to_x, to_y): (f64, f64)) -> Element {
    el("line")
        .class(class)
        .put("x1", percent(x))
        .put("y1", figure(y))
        .put("x2", percent(to_x))
        .put("y2", figure(to_y))
}

fn dot(class: &str, (x, y): (f64, f64), radius: f64) -> Element {
    el("circle")
        .class(class)
        .put("cx", percent(x))
        .put("cy", figure(y))
        .put("r", figure(radius))
}

fn words(class: &str, (x, y): (f64, f64), text: &str) -> Element {
    el("text")
        .class(class)
        .put("x", percent(x))
        .put("y", figure(y))
        .text(text)
}

/// Words that stay within the width, wherever they belong: at either end they reach inwards.
fn words_within(class: &str, (x, y): (f64, f64), text: &str) -> Element {
    let anchor = match x {
        x if x < 0.12 => "",
        x if x > 0.88 => " end",
        _ => " middle",
    };
    words(&format!("{class}{anchor}"), (x, y), text)
}

/// Room for lines that stretch with the width.
fn stretched((top, height): (f64, f64)) -> Element {
    el("svg")
        .put("y", figure(top))
        .put("width", "100%")
        .put("height", figure(height))
        .put("viewBox", format!("0 0 {WIDTH} {}", figure(height * FINE)))
        .set("preserveAspectRatio", "none")
}

fn drawn(class: &str, path: String) -> Option<Element> {
    (!path.is_empty()).then(|| el("path").class(class).put("d", path))
}

/// Where steps of equal width lie, in whole units.
fn edge(at: usize, steps: usize) -> i64 {
    (at as f64 / steps.max(1) as f64 * WIDTH).round() as i64
}

/// The height of a value in whole units: zero is the bottom.
fn level(value: f64, scale: &Scale, height: f64) -> i64 {
    ((1.0 - scale.share(value).clamp(0.0, 1.0)) * height * FINE).round() as i64
}

/// Steps that lie side by side, each with where it begins, where it ends and how high it is; equal ones are one.
type Run = Vec<(i64, i64, i64)>;

/// Steps of which something is known, run by run.
fn runs(values: &[Option<f64>], scale: &Scale, height: f64) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut is_open = false;
    for (at, value) in values.iter().enumerate() {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            is_open = false;
            continue;
        };
        let step = (
            edge(at, values.len()),
            edge(at + 1, values.len()),
            level(value, scale, height),
        );
        match runs.last_mut().filter(|_| is_open) {
            Some(run) => match run.last_mut() {
                Some(last) if last.2 == step.2 => last.1 = step.1,
                _ => run.push(step),
            },
            None => runs.push(vec![step]),
        }
        is_open = true;
    }
    runs
}

/// The upper edge of a run, from left to right.
fn forward(run: &Run) -> String {
    let mut path = String::new();
    let mut last = None;
    for (from, to, y) in run {
        match last {
            None => path.push_str(&format!("M{from} {y}h{}", to - from)),
            Some(before) => path.push_str(&format!("v{}h{}", y - before, to - from)),
        }
        last = Some(y);
    }
    path
}

/// A line of steps; what is not known is a gap.
fn steps(values: &[Option<f64>], scale: &Scale, height: f64) -> String {
    runs(values, scale, height).iter().map(forward).collect()
}

/// The room between a line of steps and zero.
fn area(values: &[Option<f64>], scale: &Scale, height: f64) -> String {
    let closed = runs(values, scale, height).into_iter().filter_map(|run| {
        let from = run.first()?.0;
        Some(format!("{}V{}H{from}z", forward(&run), level(0.0, scale, height)))
    });
    closed.collect()
}

/// The room between two lines of steps; where either is not known there is none.
fn between(low: &[Option<f64>], high: &[Option<f64>], scale: &Scale, height: f64) -> String {
    let both = |of: &[Option<f64>], other: &[Option<f64>]| {
        let pairs = of.iter().zip(other);
        let known = pairs.map(|(one, another)| one.filter(|_| another.is_some_and(f64::is_finite)));
        known.collect::<Vec<Option<f64>>>()
    };
    let upper = runs(&both(high, low), scale, height);
    let lower = runs(&both(low, high), scale, height);
    let closed = upper.iter().zip(&lower).map(|(upper, lower)| {
        let back = lower.iter().rev().map(|(from, to, y)| format!("V{y}h{}", from - to));
        format!("{}{}z", forward(upper), back.collect::<String>())
    });
    closed.collect()
}

/// What charts share: a pattern for money that is freed and still paid, one for spans of which nothing is known, and what else
/// they have in common.
pub(super) fn shared(common: Option<Element>) -> Element {
    let pattern = |id: &'static str, size: &str, path: &str, class: &str| {
        el("pattern")
            .id(id)
            .put("width", size)
            .put("height", size)
            .set("patternUnits", "userSpaceOnUse")
            .put("patternTransform", "rotate(45)")
            .add(el("path").class(class).put("d", path))
    };
    el("svg").class("defs").set("aria-hidden", "true").add(
        el("defs")
            .add(pattern("hatch", "5", "M0 0v5", "l"))
            .add(pattern("gaps", "6", "M0 0v6", "g"))
            .all(common),
    )
}

/// One of the marks of a legend, with what it means.
pub(super) fn legend(marks: &[(&str, &str)]) -> Element {
    let marks = marks.iter().map(|(class, meaning)| {
        let swatch = el("span").class(&format!("swatch {class}")).set("aria-hidden", "true");
        el("li").add(swatch).text(meaning)
    });
    el("ul").class("legend").all(marks)
}

/// A chart with what it shows in a sentence above it, and what else tells the same below.
pub(super) fn drawing(caption: &str, chart: Element, below: impl IntoIterator<Item = Element>) -> Element {
    let caption = el("figcaption").text(caption);
    el("figure").add(caption).add(chart).all(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [Option<f64>; 4] = [Some(1.0), None, Some(0.0), Some(0.0)];

    #[test]
    fn what_is_not_known_is_a_gap_and_not_nothing() {
        let scale = Scale::to(1.0);
        assert_eq!(steps(&KNOWN, &scale, 10.0), "M0 0h250M500 40h500");
        assert_eq!(area(&KNOWN, &scale, 10.0), "M0 0h250V40H0zM500 40h500V40H500z");
        let ones = [Some(1.0); 4];
        let band = between(&KNOWN, &ones, &scale, 10.0);
        assert_eq!(band, "M0 0h250V0h-250zM500 0h500V40h-500z");
        assert_eq!(steps(&[None, Some(f64::NAN)], &scale, 10.0), "");
    }

    #[test]
    fn a_chart_says_what_it_shows() {
        let html = chart("c", ("Spend", "It rises."), 100.0).to_string();
        assert!(html.contains("role=\"img\" aria-labelledby=\"c-t c-d\""), "{html}");
        assert!(html.contains("<title id=\"c-t\">Spend</title><desc id=\"c-d\">It rises.</desc>"));
    }
}
