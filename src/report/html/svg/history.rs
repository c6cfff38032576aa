//! What a workload held, and how busy that was: two panels over the same time. What was not measured is a gap.

use super::scale::{Scale, figure};
use super::{area, bar, between, chart, drawn, line, steps, stretched, words, words_within};
use crate::report::html::element::{Element, el};

/// Pixels of the two panels, and of what stands above each.
const HELD: f64 = 38.0;
const BUSY: f64 = 78.0;
const HEAD: f64 = 18.0;

/// What is drawn, in steps of equal length.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::report::html) struct Course {
    pub(in crate::report::html) held: Vec<Option<f64>>,
    pub(in crate::report::html) mean: Vec<Option<f64>>,
    pub(in crate::report::html) most: Vec<Option<f64>>,
    /// Steps of which a part was not measured, though something is known of the rest.
    pub(in crate::report::html) partly: Vec<bool>,
    /// Words for times, each at a share of the width.
    pub(in crate::report::html) marks: Vec<(f64, String)>,
}

impl Course {
    /// In no more than so many steps: means of means, and the most of the most. A step of which nothing is known stays so, and one of
    /// which a part is not known is marked.
    pub(in crate::report::html) fn in_steps(&self, limit: usize) -> Self {
        let size = self.held.len().max(self.mean.len()).div_ceil(limit.max(1)).max(1);
        let mean = |values: &[Option<f64>]| {
            let known: Vec<f64> = values.iter().copied().flatten().collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        };
        let most = |values: &[Option<f64>]| values.iter().copied().flatten().reduce(f64::max);
        let unknown: Vec<bool> = (0..self.mean.len()).map(|at| self.lacks(at)).collect();
        let partly = |steps: &[bool]| steps.iter().any(|is_unknown| *is_unknown);
        Self {
            partly: unknown.chunks(size).map(partly).collect(),
            held: self.held.chunks(size).map(mean).collect(),
            mean: self.mean.chunks(size).map(mean).collect(),
            most: self.most.chunks(size).map(most).collect(),
            marks: self.marks.clone(),
        }
    }

    /// Whether a step, or a part of it, was not measured.
    fn lacks(&self, at: usize) -> bool {
        self.mean[at].is_none() || self.partly.get(at).is_some_and(|partly| *partly)
    }
}

/// Where the second panel begins, and where it ends.
const BUSY_TOP: f64 = HEAD + HELD + 8.0 + HEAD;
const BOTTOM: f64 = BUSY_TOP + BUSY;

/// Where what charts share stands in the page.
const FRAME: &str = "history-frame";

/// A chart; `shared` says that its words for times are those of [`frame`], which is then not drawn again.
pub(in crate::report::html) fn history(id: &str, course: &Course, named: (&str, &str), shared: bool) -> Element {
    let most = course.held.iter().copied().flatten().fold(0.0, f64::max);
    let whole = Scale::to(1.0);
    let held = drawn("held", area(&course.held, &Scale::to(most), HELD));
    let band = drawn("fs", between(&course.mean, &course.most, &whole, BUSY));
    let mean = drawn("l", steps(&course.mean, &whole, BUSY));
    let frame = if shared {
        el("use").to(FRAME)
    } else {
        ground(&course.marks)
    };
    chart(id, named, BOTTOM + 18.0)
        .add(words("", (0.0, 11.0), &format!("GPUs held, {} at most", figure(most))))
        .add(stretched((HEAD, HELD)).all(held))
        .all(gaps(course, (BUSY_TOP, BUSY)))
        .add(stretched((BUSY_TOP, BUSY)).all(band).all(mean))
        .add(frame)
}

/// What all charts over the same time have in common, to stand once in the page.
pub(in crate::report::html) fn frame(marks: &[(f64, String)]) -> Element {
    ground(marks).id(FRAME)
}

fn ground(marks: &[(f64, String)]) -> Element {
    let grid = [0.0, 0.5, 1.0].map(|share| {
        let y = BOTTOM - share * BUSY;
        line(if share > 0.0 { "g" } else { "axis" }, (0.0, y), (1.0, y))
    });
    let said = [0.5, 1.0].map(|share| {
        let text = format!("{:.0}%", share * 100.0);
        words("halo", (0.0, BOTTOM - share * BUSY + 11.0), &text)
    });
    let times = marks
        .iter()
        .map(|(at, text)| words_within("", (*at, BOTTOM + 14.0), text));
    let about = "busy: mean, and up to the busiest sample";
    el("g")
        .all(grid)
        .add(words("", (0.0, BUSY_TOP - 7.0), about))
        .all(said)
        .all(times)
}

/// Spans of steps that lack something: what is known of them is drawn over it.
fn gaps(course: &Course, place: (f64, f64)) -> Vec<Element> {
    let count = course.mean.len();
    let share = |at: usize| at as f64 / count.max(1) as f64;
    let mut found = Vec::new();
    let mut at = 0;
    while at < count {
        let run = (at..count).take_while(|at| course.lacks(*at)).count();
        if run > 0 {
            found.push(bar("gap", (share(at), share(at + run)), place));
        }
        at += run.max(1);
    }
    found
}

/// How busy it was, as small as a word.
pub(in crate::report::html) fn spark(course: &Course) -> Element {
    const HEIGHT: f64 = 24.0;
    let scale = Scale::to(1.0);
    el("svg")
        .class("spark")
        .put("aria-hidden", "true")
        .put("viewBox", format!("0 0 1000 {}", figure(HEIGHT * super::FINE)))
        .put("preserveAspectRatio", "none")
        .all(drawn("held", area(&course.mean, &scale, HEIGHT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_steps_keep_gaps_and_the_busiest_sample() {
        let course = Course {
            held: vec![Some(2.0); 4],
            mean: vec![Some(0.2), Some(0.4), None, None],
            most: vec![Some(0.3), Some(0.9), None, None],
            ..Course::default()
        };
        let fewer = course.in_steps(2);
        assert_eq!(fewer.held, [Some(2.0), Some(2.0)]);
        assert!((fewer.mean[0].unwrap() - 0.3).abs() < 1e-9 && fewer.mean[1].is_none());
        assert_eq!(fewer.most, [Some(0.9), None]);
        assert_eq!(gaps(&fewer, (0.0, 1.0)).len(), 1);
    }

    #[test]
    fn a_hole_shorter_than_a_step_is_marked_however_often_steps_are_joined() {
        let mut mean = vec![Some(0.5); 16];
        mean[5] = None;
        let course = Course {
            held: vec![Some(1.0); 16],
            most: mean.clone(),
            mean,
            ..Course::default()
        };
        let fewer = course.in_steps(8).in_steps(4);
        assert_eq!(fewer.partly, [false, true, false, false]);
        assert!(fewer.mean.iter().all(Option::is_some), "what is known is drawn");
        let drawn = gaps(&fewer, (0.0, 1.0));
        assert_eq!(drawn.len(), 1);
        assert!(drawn[0].to_string().contains("x=\"25%\""), "{}", drawn[0]);
    }

    #[test]
    fn a_course_of_nothing_is_drawn() {
        let html = history("h", &Course::default(), ("a", "b"), false).to_string();
        assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
    }
}
