//! The table of two ways to run a pool: a line for each figure, and by how much it changes.

use super::{Compared, LATENCIES, QUANTILES, bounds};
use crate::replay::served::Outcome;
use crate::report::figures::{UNKNOWN, number};
use crate::report::table::bold;

/// Columns of a label, and of a figure.
const WIDTHS: (usize, usize) = (27, 12);

/// The same on a narrow terminal, which has no room for changes.
const NARROW: (usize, usize) = (20, 10);

/// A line of the table.
struct Row {
    label: String,
    before: String,
    after: String,
    change: String,
}

impl Row {
    fn new(label: impl Into<String>, before: String, after: String, change: String) -> Self {
        Self {
            label: label.into(),
            before,
            after,
            change,
        }
    }

    /// Two figures, and by which part the second is more.
    fn relative(label: &str, values: [Option<f64>; 2], shown: fn(f64) -> String) -> Self {
        let [before, after] = values.map(|value| value.map_or_else(|| UNKNOWN.to_owned(), shown));
        let change = match values {
            [Some(a), Some(b)] if before == after || (a - b).abs() < 1e-12 => "same".to_owned(),
            [Some(a), Some(b)] if a > 0.0 => more(b / a),
            _ => String::new(),
        };
        Self::new(label, before, after, change)
    }

    /// Two counts, and how many more the second is.
    fn counted(label: &str, values: [Option<u32>; 2]) -> Self {
        let [before, after] =
            values.map(|value| value.map_or_else(|| UNKNOWN.to_owned(), |value| number(f64::from(value))));
        let change = match values {
            [Some(a), Some(b)] if a == b => "same".to_owned(),
            [Some(a), Some(b)] => {
                let sign = if b > a { "+" } else { "-" };
                format!("{sign}{}", number(f64::from(a.abs_diff(b))))
            }
            _ => String::new(),
        };
        Self::new(label, before, after, change)
    }
}

/// A ratio as people say it: so much more or less in percent, or so many times as much.
pub(super) fn more(ratio: f64) -> String {
    match ratio {
        ratio if ratio >= 10.0 => format!("{} times", number(ratio.round())),
        ratio if (ratio - 1.0).abs() < 0.005 => "under 1%".to_owned(),
        ratio if ratio > 1.0 => format!("+{:.0}%", (ratio - 1.0) * 100.0),
        // A part is never all of it.
        ratio if ratio > 0.0 => format!("-{:.0}%", ((1.0 - ratio) * 100.0).min(99.0)),
        _ => "-100%".to_owned(),
    }
}

/// Three digits of a time.
pub(super) fn seconds(value: f64) -> String {
    let (value, unit) = if value < 0.9995 {
        (value * 1_000.0, "ms")
    } else {
        (value, "s")
    };
    let digits = match value {
        value if value >= 99.95 => 0,
        value if value >= 9.995 => 1,
        _ => 2,
    };
    let plain = format!("{value:.digits$}");
    let plain = if digits > 0 {
        plain.trim_end_matches('0').trim_end_matches('.')
    } else {
        &plain
    };
    format!("{plain} {unit}")
}

/// A share in percent, of which little is not nothing.
pub(super) fn share(value: f64) -> String {
    match value {
        value if value > 0.0 && value < 5e-5 => "<0.01%".to_owned(),
        value => format!("{}%", number(value * 100.0)),
    }
}

fn rows(compared: &Compared<'_>) -> Vec<Row> {
    // With nothing before, that column is not printed.
    let sides = [compared.before.unwrap_or(compared.after).1, compared.after.1];
    let hours = sides.map(|side| Some(side.replica_hours()));
    let range = sides.map(|side| match side.replicas {
        (least, most) if least == most => number(f64::from(most)),
        (least, most) => format!("{least} to {most}"),
    });
    let [before, after] = range;
    let changes: (String, String) = sides.map(|side| number(side.changes as f64)).into();
    let span = (compared.span.1 - compared.span.0) as f64 / 3_600_000.0;
    let mut rows = vec![
        Row::new("Replicas", before, after, String::new()),
        Row::relative(
            "                  mean",
            hours.map(|hours| Some(hours? / span).filter(|mean| mean.is_finite())),
            number,
        ),
        Row::new("                  changes", changes.0, changes.1, String::new()),
        Row::relative("Replica-hours", hours, number),
    ];
    if let Some(hourly) = compared.hourly {
        let cost = hours.map(|hours| hours.map(|hours| hours * hourly));
        rows.push(Row::relative("Cost", cost, number));
    }
    let [before, after] = sides.map(|side| number(side.day.arrived));
    rows.push(Row::new("Requests", before, after, String::new()));
    let refused = sides.map(|side| side.day.refused_share());
    rows.push(Row::relative("Refused", refused, share));
    for (label, of) in LATENCIES {
        for (at, (percentile, q)) in QUANTILES.into_iter().enumerate() {
            let label = format!("{:<18}{percentile}", if at == 0 { label } else { "" });
            let values = sides.map(|side| side.day.of(of).quantile(q));
            rows.push(Row::relative(&label, values, seconds));
        }
    }
    rows.push(Row::counted(
        "Waiting           p95",
        sides.map(|side| side.waiting(0.95)),
    ));
    rows.push(Row::counted("                  most", sides.map(Outcome::most_waiting)));
    if sides.iter().any(|side| side.waiting_at_end > 0) {
        rows.push(Row::counted(
            "                  end",
            sides.map(|side| Some(side.waiting_at_end)),
        ));
    }
    for bound in bounds(compared.objective) {
        let [before, after] = sides.map(|side| match bound.kept(side) {
            Some(true) => "kept".to_owned(),
            Some(false) => "broken".to_owned(),
            None => UNKNOWN.to_owned(),
        });
        let at_most = if bound.unit == "seconds" {
            seconds(bound.at_most)
        } else {
            share(bound.at_most)
        };
        rows.push(Row::new(
            format!("{} <= {at_most}", bound.what),
            before,
            after,
            String::new(),
        ));
    }
    rows
}

/// Both, side by side, and what of it changes.
pub(super) fn table(compared: &Compared<'_>, width: usize, colour: bool) -> String {
    let is_wide = width >= WIDTHS.0 + 3 * WIDTHS.1;
    let (label, figure) = if is_wide { WIDTHS } else { NARROW };
    let line = |row: &Row| {
        let change = if is_wide { row.change.as_str() } else { "" };
        let name = match is_wide {
            true => row.label.clone(),
            // The percentile stands nearer to what it is of.
            false => row.label.replacen("  ", "", 1),
        };
        let name: String = name.chars().take(label).collect();
        let text = match compared.before {
            Some(_) => format!(
                "{name:<label$}{:>figure$}{:>figure$}{change:>figure$}",
                row.before, row.after
            ),
            None => format!("{name:<label$}{:>figure$}", row.after),
        };
        text.trim_end().to_owned()
    };
    let header = Row::new("", "Before".to_owned(), "After".to_owned(), "Change".to_owned());
    let mut text = bold(&line(&header), colour) + "\n";
    for row in rows(compared) {
        text.push_str(&line(&row));
        text.push('\n');
    }
    text
}
