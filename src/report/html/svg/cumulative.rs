//! A budget over its span: what was spent so far, where that leads, and what may be spent.

use super::scale::Scale;
use super::{FINE, WIDTH, chart, dot, drawn, line, stretched, words, words_within};
use crate::report::html::element::Element;

const HEIGHT: f64 = 120.0;
const TOP: f64 = 14.0;

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::report::html) struct Course {
    /// Days of the span.
    pub(in crate::report::html) days: f64,
    /// What was spent on each day so far; `None` where nobody told.
    pub(in crate::report::html) daily: Vec<Option<f64>>,
    /// Days that are over, whether or not anybody told of them: where now is.
    pub(in crate::report::html) now: f64,
    /// What may be spent.
    pub(in crate::report::html) amount: f64,
    /// What was spent so far, and what that comes to by the end.
    pub(in crate::report::html) spent: Option<f64>,
    pub(in crate::report::html) projected: Option<f64>,
    /// What the span will cost, between these.
    pub(in crate::report::html) forecast: Option<(f64, f64)>,
    /// Words at the left and at the right end, for the budget's line, and for a day that is marked.
    pub(in crate::report::html) ends: (String, String),
    pub(in crate::report::html) limit: String,
    pub(in crate::report::html) runs_out: Option<(f64, String)>,
}

pub(in crate::report::html) fn cumulative(id: &str, course: &Course, named: (&str, &str)) -> Element {
    let forecast = course.forecast.map_or(0.0, |(_, high)| high);
    let known = [course.spent, course.projected].into_iter().flatten();
    let most = known.fold(course.amount.max(forecast), f64::max) * 1.08;
    let scale = Scale::to(most);
    let x = |day: f64| (day / course.days.max(1e-9)).clamp(0.0, 1.0);
    let y = |money: f64| (1.0 - scale.share(money).clamp(0.0, 1.0)) * HEIGHT;
    let point = |day: f64, money: f64| format!("{:.0} {:.0}", x(day) * WIDTH, y(money) * FINE);
    let now = course.spent.map(|spent| (course.now, spent));
    let band = now.zip(course.forecast).map(|((day, spent), (low, high))| {
        let (from, to_high) = (point(day, spent), point(course.days, high));
        format!("M{from}L{to_high}L{}z", point(course.days, low))
    });
    let projection = now
        .zip(course.projected)
        .map(|((day, spent), projected)| format!("M{}L{}", point(day, spent), point(course.days, projected)));
    let plot = stretched((TOP, HEIGHT))
        .all(drawn("fs", band.unwrap_or_default()))
        .all(drawn("l", spent_so_far(course, &point)))
        .all(drawn("ld", projection.unwrap_or_default()));
    let limit = TOP + y(course.amount);
    let bottom = TOP + HEIGHT;
    let out = course.runs_out.as_ref().map(|(day, text)| {
        let at = x(*day);
        [
            dot("hollow", (at, limit), 4.0),
            words_within("halo", (at, limit + 17.0), text),
        ]
    });
    chart(id, named, bottom + 18.0)
        .add(line("axis", (0.0, bottom), (1.0, bottom)))
        .add(plot)
        .add(line("lb", (0.0, limit), (1.0, limit)))
        .add(words("halo", (0.0, limit - 5.0), &course.limit))
        .all(now.map(|(day, spent)| dot("dot", (x(day), TOP + y(spent)), 4.5)))
        .all(out.into_iter().flatten())
        .add(words("", (0.0, bottom + 14.0), &course.ends.0))
        .add(words("end", (1.0, bottom + 14.0), &course.ends.1))
}

/// The line of what was spent; a day of which nobody told is a gap in it.
fn spent_so_far(course: &Course, point: &impl Fn(f64, f64) -> String) -> String {
    let mut path = String::new();
    let mut sum = 0.0;
    let mut broken = true;
    for (day, cost) in course.daily.iter().enumerate() {
        let Some(cost) = cost.filter(|cost| cost.is_finite()) else {
            broken = true;
            continue;
        };
        let end = (day as f64 + 1.0).min(course.now.max(day as f64));
        if broken {
            path.push_str(&format!("M{}", point(day as f64, sum)));
        }
        sum += cost;
        path.push_str(&format!("L{}", point(end, sum)));
        broken = false;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_which_nobody_told_is_a_gap() {
        let course = Course {
            days: 6.0,
            now: 4.5,
            daily: vec![Some(10.0), None, None, Some(10.0), Some(5.0)],
            ..Course::default()
        };
        let path = spent_so_far(&course, &|day, sum| format!("{day},{sum}"));
        assert_eq!(path, "M0,0L1,10M3,10L4,20L4.5,25");
    }
}
