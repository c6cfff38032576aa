//! Figures as people read them: money, shares, counts, times. What is not a finite number is `unknown`, never zero.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::scenario::Interval;
use crate::model::time::Window;
use crate::model::units::{GpuCount, Money, Monthly};
use crate::model::usage::Signal;

use super::safe::plain;

pub(super) const UNKNOWN: &str = "unknown";

/// Money: `$12,345` or `12,345 EUR`; cents below one hundred, where they are the figure.
pub(super) fn money(amount: Monthly, currency: &str) -> String {
    let value = amount.to_cents().get();
    if !value.is_finite() {
        return UNKNOWN.to_owned();
    }
    let size = value.abs();
    let digits = if !(0.005..100.0).contains(&size) {
        thousands(size)
    } else {
        format!("{size:.2}")
    };
    let sign = if value < 0.0 { "-" } else { "" };
    if currency == "USD" {
        format!("{sign}${digits}")
    } else {
        format!("{sign}{digits} {}", plain(currency))
    }
}

/// The same for an amount that is no rate.
pub(super) fn sum(amount: Money, currency: &str) -> String {
    money(Monthly::new(amount.get()), currency)
}

/// The same for an amount that may not be known.
pub(super) fn maybe_money(amount: Option<Monthly>, currency: &str) -> String {
    amount.map_or_else(|| UNKNOWN.to_owned(), |amount| money(amount, currency))
}

/// A whole number with commas.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things, `1 change` or `1,200 changes`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    let word = if number == 1 { one } else { many };
    format!("{} {word}", thousands(number as f64))
}

/// A ratio as a percentage. Rounding never makes all or nothing out of a part.
pub(super) fn percent(ratio: Option<f64>) -> String {
    match ratio {
        Some(ratio) if ratio.is_finite() => {
            let rounded = (ratio * 100.0).round();
            if rounded.abs() < 0.5 && ratio > 1e-9 {
                "under 1%".to_owned()
            } else if (rounded - 100.0).abs() < 0.5 && ratio < 1.0 - 1e-9 {
                "over 99%".to_owned()
            } else {
                format!("{:.0}%", rounded + 0.0)
            }
        }
        _ => UNKNOWN.to_owned(),
    }
}

/// A plain number with at most two digits behind the point.
pub(super) fn number(value: f64) -> String {
    if !value.is_finite() {
        return UNKNOWN.to_owned();
    }
    if value.abs() >= 1000.0 {
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}{}", thousands(value.abs()));
    }
    // Two digits would make a zero of a small figure.
    if value.abs() > 0.0 && value.abs() < 0.005 {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A length of time; milliseconds where it is under a second, of which two digits would tell too little.
pub(super) fn seconds(value: f64) -> String {
    match value {
        value if !value.is_finite() => UNKNOWN.to_owned(),
        value if value.abs() < 1.0 => format!("{} ms", number((value * 10_000.0).round() / 10.0)),
        value => format!("{} s", number(value)),
    }
}

/// A number of GPUs; fractions are slices or averages over time.
pub(super) fn gpus(count: GpuCount) -> String {
    number(count.get())
}

/// The same with its noun.
pub(super) fn gpus_in_words(count: GpuCount) -> String {
    match gpus(count) {
        one if one == "1" => "1 GPU".to_owned(),
        many => format!("{many} GPUs"),
    }
}

/// A figure with its interval, where there is one.
pub(super) fn interval(figure: &Interval) -> String {
    let Some(mid) = figure.mid else {
        return UNKNOWN.to_owned();
    };
    match (figure.low, figure.high) {
        (Some(low), Some(high)) => format!("{} ({} to {})", number(mid), number(low), number(high)),
        _ => number(mid),
    }
}

/// The window in words. Days are those of UTC: what a zone makes of them is not known without its rules.
pub(super) fn window(window: Window) -> String {
    let days = window.days();
    let length = if days >= 2.0 {
        format!("{} days", number((days * 10.0).round() / 10.0))
    } else {
        format!("{} hours", number((window.hours() * 10.0).round() / 10.0))
    };
    format!("{} to {} ({length})", moment(window.start), moment(window.end))
}

/// `on` one day, or `from` one `to` another.
pub(super) fn on_days(first: Date, last: Date) -> String {
    match first == last {
        true => format!("on {first}"),
        false => format!("from {first} to {last}"),
    }
}

/// How busy GPUs were by this signal: a utilization of zero is one below a hundredth, which it is told in whole ones of.
pub(super) fn busy(share: f64, signal: &str) -> String {
    match signal == Signal::GpuUtil.name() && share.abs() < 1e-9 {
        true => "under 1%".to_owned(),
        false => percent(Some(share)),
    }
}

/// A day, or a minute where it is not midnight, in UTC.
pub(super) fn moment(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC);
    let (hour, minute) = (at.hour(), at.minute());
    if hour == 0 && minute == 0 {
        at.date().to_string()
    } else {
        format!("{} {hour:02}:{minute:02} UTC", at.date())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_as_money() {
        let usd = |value| money(Monthly::new(value), "USD");
        assert_eq!(usd(12_345.4), "$12,345");
        assert_eq!(usd(1_234_567.0), "$1,234,567");
        assert_eq!(usd(3.4), "$3.40");
        assert_eq!(usd(99.996), "$100");
        assert_eq!(usd(-1200.0), "-$1,200");
        assert_eq!(usd(-0.0001), "$0");
        assert_eq!(usd(f64::NAN), "unknown");
        assert_eq!(money(Monthly::new(12_345.0), "EUR"), "12,345 EUR");
        assert_eq!(maybe_money(None, "USD"), "unknown");
    }

    #[test]
    fn a_part_is_never_all_or_nothing() {
        assert_eq!(percent(Some(0.83)), "83%");
        assert_eq!(percent(Some(0.001)), "under 1%");
        assert_eq!(percent(Some(0.999)), "over 99%");
        assert_eq!(percent(Some(1.0)), "100%");
        assert_eq!(percent(Some(0.0)), "0%");
        assert_eq!(percent(None), "unknown");
        assert_eq!(percent(Some(f64::NAN)), "unknown");
        assert_eq!(
            [busy(0.0, "gpu_util"), busy(0.0, "engine_active"), busy(0.2, "gpu_util")],
            ["under 1%", "0%", "20%"]
        );
    }

    #[test]
    fn numbers_lose_no_small_figure() {
        assert_eq!(number(8.0), "8");
        assert_eq!(number(7.5), "7.5");
        assert_eq!(number(0.0004), "4.0e-4");
        assert_eq!(number(12_000.0), "12,000");
        assert_eq!(
            (seconds(0.0282), seconds(15.4)),
            ("28.2 ms".to_owned(), "15.4 s".to_owned())
        );
        assert_eq!(count(1, "change", "changes"), "1 change");
        assert_eq!(count(1200, "change", "changes"), "1,200 changes");
    }

    #[test]
    fn a_window_names_its_days() {
        let at = |text: &str| text.parse().unwrap();
        let days = |start, end| {
            window(Window {
                start: at(start),
                end: at(end),
            })
        };
        assert_eq!(
            days("2026-11-01T00:00:00Z", "2026-11-15T00:00:00Z"),
            "2026-11-01 to 2026-11-15 (14 days)"
        );
        assert_eq!(
            days("2026-11-01T22:30:00Z", "2026-11-02T00:00:00Z"),
            "2026-11-01 22:30 UTC to 2026-11-02 (1.5 hours)"
        );
    }
}
