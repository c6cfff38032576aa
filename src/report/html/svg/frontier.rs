//! What settings save beside how long requests then take: those that were tried, the one that was chosen, and the bound.

use super::scale::{Scale, figure};
use super::{chart, dot, line, words, words_within};
use crate::report::figures::seconds;
use crate::report::html::element::{Element, el};

const HEIGHT: f64 = 170.0;
const TOP: f64 = 18.0;

/// A setting that was tried.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::html) struct Setting {
    pub(in crate::report::html) name: String,
    /// The share that it saves; negative where it takes more.
    pub(in crate::report::html) saved: f64,
    pub(in crate::report::html) seconds: f64,
    /// What speaks against it, in words; `None` where it keeps to every bound.
    pub(in crate::report::html) breaks: Option<String>,
    pub(in crate::report::html) chosen: bool,
}

/// All that were tried.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report::html) struct Frontier {
    pub(in crate::report::html) settings: Vec<Setting>,
    pub(in crate::report::html) bound: f64,
    pub(in crate::report::html) as_it_was: Option<f64>,
}

/// How high the axis of latency reaches: what is beyond is drawn at its upper end, and told in the table.
fn highest(frontier: &Frontier) -> f64 {
    let chosen = frontier.settings.iter().filter(|one| one.chosen).map(|one| one.seconds);
    let shown = chosen.chain(frontier.as_it_was).fold(frontier.bound, f64::max);
    let all = frontier.settings.iter().map(|one| one.seconds).fold(shown, f64::max);
    all.min(shown * 1.6) * 1.06
}

pub(in crate::report::html) fn frontier(id: &str, frontier: &Frontier, named: (&str, &str)) -> Element {
    let saved = |pick: fn(f64, f64) -> f64| frontier.settings.iter().map(|one| one.saved).fold(0.0, pick);
    let (least, most) = (saved(f64::min), saved(f64::max));
    let room = (most - least).max(0.05) * 0.06;
    let (across, up) = (
        // Room at its left for what the lines are marked with.
        Scale::between(least - room * 2.5, most + room),
        Scale::to(highest(frontier)),
    );
    let y = |seconds: f64| TOP + (1.0 - up.share(seconds).clamp(0.0, 1.0)) * HEIGHT;
    let bottom = TOP + HEIGHT;
    let grid = up.ticks(4).into_iter().flat_map(|at| {
        let class = if at > 0.0 { "g" } else { "axis" };
        [
            Some(line(class, (0.0, y(at)), (1.0, y(at)))),
            (at > 0.0).then(|| words("halo", (0.0, y(at) + 11.0), &seconds(at))),
        ]
    });
    let marks = across.ticks(5).into_iter().map(|at| {
        let text = format!("{}%", figure(at * 100.0));
        words_within("", (across.share(at), bottom + 15.0), &text)
    });
    let was = frontier
        .as_it_was
        .map(|seconds| dot("hollow", (across.share(0.0), y(seconds)), 5.0));
    let settings = frontier.settings.iter().map(|one| {
        let place = (across.share(one.saved), y(one.seconds));
        let ring = one.chosen.then(|| dot("ring", place, 10.0));
        let label = one
            .chosen
            .then(|| words_within("strong halo", (place.0, place.1 - 15.0), "chosen"));
        let point = if one.breaks.is_none() {
            dot("dot", place, 5.0)
        } else {
            cross(place)
        };
        el("g").add(point).all(ring).all(label)
    });
    chart(id, named, bottom + 34.0)
        .all(grid.flatten())
        .add(line("lb", (0.0, y(frontier.bound)), (1.0, y(frontier.bound))))
        .add(words(
            "halo end",
            (1.0, y(frontier.bound) - 5.0),
            &format!("bound {}", seconds(frontier.bound)),
        ))
        .all(was)
        .all(settings)
        .all(marks)
        .add(words("middle", (0.5, bottom + 31.0), "replica hours saved"))
}

/// What breaks a bound: another shape, not only another colour.
fn cross((x, y): (f64, f64)) -> Element {
    el("svg")
        .put("x", super::percent(x))
        .put("y", figure(y))
        .put("overflow", "visible")
        .add(el("path").class("cross").put("d", "M-4-4L4 4M-4 4L4-4"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_is_far_too_slow_does_not_flatten_the_rest() {
        let one = |seconds, chosen: bool| Setting {
            name: String::new(),
            saved: 0.5,
            seconds,
            breaks: (!chosen).then(String::new),
            chosen,
        };
        let drawn = Frontier {
            settings: vec![one(90.0, false), one(0.2, true)],
            bound: 0.4,
            as_it_was: Some(0.1),
        };
        assert!(highest(&drawn) < 1.0);
    }
}
