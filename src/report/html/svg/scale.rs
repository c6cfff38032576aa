//! Scales: where on an axis a figure lies, and at which round figures the axis is marked.

/// From one figure to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::report::html) struct Scale {
    from: f64,
    to: f64,
}

impl Scale {
    /// From zero to this, or somewhat more; never of no length.
    pub(in crate::report::html) fn to(most: f64) -> Self {
        Self::between(0.0, most)
    }

    /// From one figure to another; never of no length.
    pub(in crate::report::html) fn between(from: f64, to: f64) -> Self {
        let to = if to.is_finite() && to > from { to } else { from + 1.0 };
        Self { from, to }
    }

    /// Where a figure lies: 0 at the beginning, 1 at the end.
    pub(in crate::report::html) fn share(&self, value: f64) -> f64 {
        (value - self.from) / (self.to - self.from)
    }

    /// Round figures on it, no more than about so many.
    pub(in crate::report::html) fn ticks(&self, about: usize) -> Vec<f64> {
        let step = round_step((self.to - self.from) / about.max(1) as f64);
        let first = (self.from / step).ceil() as i64;
        let last = (self.to / step + 1e-9).floor() as i64;
        (first..=last).map(|at| at as f64 * step).collect()
    }
}

/// The next of 1, 2 and 5 times a power of ten.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(f64::MIN_POSITIVE).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|times| times * power)
        .find(|step| *step >= least * 0.999)
        .unwrap_or(power * 10.0)
}

/// A round figure that is no more than this.
pub(in crate::report::html) fn floor_to_round(value: f64, span: f64) -> f64 {
    let step = round_step(span / 4.0);
    (value / step).floor() * step
}

/// A figure of a drawing: one digit behind the point.
pub(in crate::report::html) fn figure(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A share of the width.
pub(in crate::report::html) fn percent(share: f64) -> String {
    if share.abs() < 5e-5 {
        return "0".to_owned();
    }
    let text = format!("{:.2}", share * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_marked_at_round_figures() {
        assert_eq!(Scale::to(100.0).ticks(4), [0.0, 50.0, 100.0]);
        assert_eq!(Scale::between(480.0, 610.0).ticks(3), [500.0, 550.0, 600.0]);
        assert_eq!(Scale::to(0.37).ticks(4), [0.0, 0.1, 0.2, 0.30000000000000004]);
    }

    #[test]
    fn a_scale_of_no_length_still_has_places() {
        assert_eq!(Scale::to(0.0).share(0.5), 0.5);
        assert_eq!(Scale::to(f64::NAN).share(0.0), 0.0);
    }

    #[test]
    fn figures_are_short() {
        assert_eq!((figure(12.0), figure(0.25)), ("12".to_owned(), "0.2".to_owned()));
        assert_eq!(
            (percent(0.5), percent(1.0 / 3.0)),
            ("50%".to_owned(), "33.33%".to_owned())
        );
    }
}
