//! What an autoscaler did over values that were given: what it comes to, a chart, and every change.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::chart::{axis, chart};
use crate::replay::given::{Change, Run, Writer};
use crate::replay::keda::lint::Finding;
use crate::report::figures::{UNKNOWN, count, number, percent};
use crate::report::safe::plain;

/// What values that are given cannot tell.
pub const NOTE: &str = "The values do not answer to the replicas: a load that comes from outside (requests, tokens) is replayed rightly, but a queue, a latency or a cache's use would have changed with them. --service replays a queue that does answer.";

/// Changes that are listed in words.
const LISTED: usize = 40;

/// Narrower than this nothing is readable.
pub(super) const NARROWEST: usize = 40;

/// For people, in lines of this width; the price is of a replica's hour.
pub fn text(run: &Run, findings: &[Finding], hourly: Option<f64>, width: usize) -> String {
    let width = width.max(NARROWEST);
    let lines = [
        summary(run, hourly),
        findings
            .iter()
            .map(|one| labelled("Advice", &format!("{}: {}", one.field, one.words)))
            .collect(),
        vec![labelled("Note", NOTE)],
    ];
    let mut text = String::new();
    for line in lines.into_iter().flatten() {
        text.push_str(&wrapped(&line, width));
    }
    text.push('\n');
    text.push_str(&charts(run, width));
    text.push('\n');
    text.push_str(&changes(run, width));
    text
}

pub(super) fn labelled(label: &str, what: &str) -> String {
    format!("{label:<9} {what}")
}

fn summary(run: &Run, hourly: Option<f64>) -> Vec<String> {
    let hours = (run.span.1 - run.span.0) as f64 / 3_600_000.0;
    let replicas = run.moments.iter().map(|moment| moment.replicas);
    let (least, most) = (replicas.clone().min().unwrap_or(0), replicas.max().unwrap_or(0));
    let mean = if hours > 0.0 {
        run.replica_hours / hours
    } else {
        f64::NAN
    };
    let mut lines = vec![
        labelled(
            "Time",
            &format!(
                "{} to {} ({} hours)",
                at(run.span.0),
                at(run.span.1),
                number(tenths(hours))
            ),
        ),
        labelled(
            "Replicas",
            &format!(
                "{least} to {most}, {} on average, {}",
                number(mean),
                count(run.changes.len(), "change", "changes")
            ),
        ),
    ];
    let mut cost = format!("{} replica-hours", number(run.replica_hours));
    if let Some(hourly) = hourly {
        cost.push_str(&format!(
            ", {} at {} an hour",
            number(run.replica_hours * hourly),
            number(hourly)
        ));
    }
    lines.push(labelled("Cost", &cost));
    if run.failed_syncs > 0 {
        let share = percent(Some(run.failed_syncs as f64 / run.moments.len().max(1) as f64));
        let what = format!(
            "{share} of {} had a metric without a value: nothing is scaled down then",
            count(run.moments.len(), "sync", "syncs")
        );
        lines.push(labelled("Failed", &what));
    }
    if !run.holes.is_empty() {
        let hours: f64 = run
            .holes
            .iter()
            .map(|(from, to)| (to - from) as f64 / 3_600_000.0)
            .sum();
        let what = format!(
            "{} in the values, {} hours in all: metrics count as missing there",
            count(run.holes.len(), "hole", "holes"),
            number(hours)
        );
        lines.push(labelled("Holes", &what));
    }
    lines
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A line broken between words, the rest of it under its text.
pub(super) fn wrapped(line: &str, width: usize) -> String {
    let indent = " ".repeat(10);
    let (label, what) = line.split_at(line.len().min(10));
    let mut text = String::from(label);
    let mut used = 10;
    for (at, word) in what.split_whitespace().enumerate() {
        let word = plain(word);
        let length = word.chars().count();
        if at > 0 && used + 1 + length > width {
            text.push('\n');
            text.push_str(&indent);
            used = 10;
        } else if at > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(&word);
        used += length;
    }
    text.push('\n');
    text
}

fn charts(run: &Run, width: usize) -> String {
    let replicas: Vec<Option<f64>> = run
        .moments
        .iter()
        .map(|moment| Some(f64::from(moment.replicas)))
        .collect();
    let mut text = chart("Replicas", &replicas, width);
    if let Some(name) = run.names.first() {
        let values: Vec<Option<f64>> = run.moments.iter().map(|moment| moment.value).collect();
        let title: String = plain(name).chars().take(width).collect();
        text.push_str(&chart(&title, &values, width));
    }
    text.push_str(&axis(&at(run.span.0), &at(run.span.1), width));
    text
}

fn who(change: &Change) -> &'static str {
    match change.by {
        Writer::Autoscaler => "autoscaler",
        Writer::Operator => "keda",
    }
}

fn changes(run: &Run, width: usize) -> String {
    if run.changes.is_empty() {
        return "Nothing is scaled.\n".to_owned();
    }
    let mut text = format!(
        "{:<20} {:>9}  {:>8}  {:<11} Values\n",
        "Time", "Replicas", "Proposed", "By"
    );
    for change in run.changes.iter().take(LISTED) {
        let values: Vec<String> = run
            .names
            .iter()
            .zip(&change.values)
            .map(|(name, value)| format!("{} {}", plain(name), value.map_or_else(|| UNKNOWN.to_owned(), number)))
            .collect();
        let line = format!(
            "{:<20} {:>9}  {:>8}  {:<11} {}",
            at(change.at),
            format!("{} > {}", change.from, change.to),
            change
                .proposed
                .map_or_else(String::new, |proposed| proposed.to_string()),
            who(change),
            values.join(", ")
        );
        let line: String = line.chars().take(width).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if run.changes.len() > LISTED {
        let more = count(run.changes.len() - LISTED, "change", "changes");
        text.push_str(&wrapped(
            &format!("          and {more} more; --format json has them all"),
            width,
        ));
    }
    let cut: String = text
        .lines()
        .map(|line| line.chars().take(width).collect::<String>() + "\n")
        .collect();
    cut
}

/// A second in UTC.
pub(super) fn at(millisecond: i64) -> String {
    Timestamp::from_millisecond(millisecond).map_or_else(
        |_| UNKNOWN.to_owned(),
        |at| at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

/// The same for scripts.
pub fn json(run: &Run, findings: &[Finding], hourly: Option<f64>) -> String {
    let change = |change: &Change| {
        let values: Vec<(&str, Option<f64>)> = run
            .names
            .iter()
            .map(String::as_str)
            .zip(change.values.iter().copied())
            .collect();
        json!({
            "time": at(change.at),
            "by": who(change),
            "values": values.into_iter().map(|(name, value)| json!({"metric": name, "value": value})).collect::<Value>(),
            "proposed": change.proposed,
            "from": change.from,
            "to": change.to,
        })
    };
    let rounded = |value: f64| (value * 10_000.0).round() / 10_000.0;
    let finding = |one: &Finding| json!({"code": one.code, "field": one.field, "words": one.words});
    let answer = json!({
        "from": at(run.span.0),
        "to": at(run.span.1),
        "replica_hours": rounded(run.replica_hours),
        "cost": hourly.map(|hourly| rounded(run.replica_hours * hourly)),
        "syncs": run.moments.len(),
        "failed_syncs": run.failed_syncs,
        "holes": run.holes.iter().map(|(from, to)| json!({"from": at(*from), "to": at(*to)})).collect::<Value>(),
        "changes": run.changes.iter().map(change).collect::<Value>(),
        "advice": findings.iter().map(finding).collect::<Value>(),
        "note": NOTE,
    });
    format!("{answer}\n")
}
