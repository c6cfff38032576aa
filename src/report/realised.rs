//! What changes really saved, in words.

use crate::model::returns::Measured;
use crate::model::since::{Followed, Since};
use crate::model::units::Monthly;

use super::figures::{UNKNOWN, count, money, number, percent};
use super::words::bare;

/// What was measured of a change, with all that is to be said of it; `unknown` with its reason where there is no figure.
pub(super) fn measured_in_words(measured: &Measured, currency: &str) -> String {
    let mut parts = vec![figure(measured, currency)];
    parts.extend(correction(measured));
    let (before, after) = measured.days;
    if measured.monthly.mid.is_some() {
        parts.push(format!("{before} days before and {after} after"));
    }
    parts.extend(measured.because.as_deref().map(|why| bare(why).to_owned()));
    parts.join("; ")
}

/// The saving a month with its interval, or `unknown`.
pub(super) fn figure(measured: &Measured, currency: &str) -> String {
    let amount = |value| money(Monthly::new(value), currency);
    match (measured.monthly.mid, measured.monthly.low, measured.monthly.high) {
        (Some(mid), Some(low), Some(high)) => format!("{} ({} to {})", amount(mid), amount(low), amount(high)),
        (Some(mid), ..) => format!("{}, without an interval", amount(mid)),
        (None, ..) => UNKNOWN.to_owned(),
    }
}

/// By what load it is corrected, and what it would be without.
pub(super) fn correction(measured: &Measured) -> Option<String> {
    let by = measured.corrected_by.as_ref()?;
    let load = measured.load.map_or_else(|| UNKNOWN.to_owned(), number);
    Some(format!("corrected for {load} times the {by}"))
}

/// What was predicted of those changes that could be measured, beside what was.
pub(super) fn calibration(since: &Since, currency: &str) -> Option<String> {
    let both = |change: &Followed| Some((change.monthly?.get(), change.measured.as_ref()?.monthly.mid?));
    let pairs: Vec<(f64, f64)> = since.changes.iter().filter_map(both).collect();
    let (predicted, measured) = pairs
        .iter()
        .fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
    let amount = |value| money(Monthly::new(value), currency);
    let share = (predicted > 0.0).then(|| format!(", {} of that", percent(Some(measured / predicted))));
    (!pairs.is_empty()).then(|| {
        format!(
            "Of {} that could be measured, {} a month was predicted and {} is measured{}.",
            count(pairs.len(), "change", "changes"),
            amount(predicted),
            amount(measured),
            share.unwrap_or_default()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scenario::Interval;

    fn measured() -> Measured {
        Measured {
            monthly: Interval {
                low: Some(1000.0),
                mid: Some(1200.0),
                high: Some(1400.0),
            },
            uncorrected_monthly: Some(Monthly::new(300.0)),
            corrected_by: Some("tokens generated".to_owned()),
            load: Some(1.3),
            days: (14, 9),
            because: Some("2 days until it was made are left out".to_owned()),
        }
    }

    #[test]
    fn a_figure_stands_with_its_interval_load_and_days() {
        assert_eq!(
            measured_in_words(&measured(), "USD"),
            "$1,200 ($1,000 to $1,400); corrected for 1.3 times the tokens generated; 14 days before and 9 after; 2 days until it \
             was made are left out"
        );
    }

    #[test]
    fn what_could_not_be_measured_says_why() {
        let none = Measured {
            monthly: Interval::default(),
            corrected_by: None,
            because: Some("this plan keeps no history of it".to_owned()),
            ..measured()
        };
        assert_eq!(
            measured_in_words(&none, "USD"),
            "unknown; this plan keeps no history of it"
        );
    }
}
