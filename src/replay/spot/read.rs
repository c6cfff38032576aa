//! Traces as they were recorded: nodes that join and leave, live instances by the minute, series of noughts and ones, and the
//! lives of a cluster's own nodes. What stands in the first line says which it is; every mistake is told with its line.

use std::collections::BTreeMap;
use std::fmt::Display;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::trace::{End, Node, Trace};

/// A trace that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTrace {
    /// A line is wrong.
    #[error("line {line}: {what}")]
    Line {
        /// Its number, from one.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// All of it is.
    #[error("{0}")]
    Whole(String),
}

fn wrong(line: usize, what: impl Display) -> BadTrace {
    let what = what.to_string();
    BadTrace::Line { line, what }
}

/// How what was recorded is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Seconds for which a number of live instances holds, where the next one is later; from then on it is unknown.
    pub holds: i64,
    /// Which of several nodes went, where only their number is known, is drawn from this.
    pub seed: u64,
}

/// A trace, and what was odd about the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// The trace.
    pub trace: Trace,
    /// What the file is, in words.
    pub kind: &'static str,
    /// Lines that go back in time, each to be read as saying anew what lines before it had said of that time.
    pub went_back: usize,
}

/// Seconds by which a line may go back: a log whose entries repeat a number for two minutes is written over each other.
const BACK_AT_MOST: i64 = 600;

const KINDS: &str = "a trace begins with `{` (a series: `{\"metadata\": {\"gap_seconds\": 300}, \"data\": [1, 0]}`), with `MILLISECONDS,add|remove,NODE`, with `DATE, TIME, LIVE INSTANCES`, or with a header `time,available` or `node,start,end`";

/// Reads a trace.
///
/// # Errors
/// The first line that is wrong, or that there is nothing.
pub fn read(text: &str, how: Reading) -> Result<Read, BadTrace> {
    let text = text.trim_start_matches('\u{feff}');
    let lines: Vec<(usize, Vec<&str>)> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, line)| (at + 1, line.split(',').map(str::trim).collect()))
        .collect();
    let Some((first, fields)) = lines.first() else {
        return Err(BadTrace::Whole("it is empty".to_owned()));
    };
    if fields.first().is_some_and(|field| field.starts_with('{')) {
        return series(text, how);
    }
    match fields[..] {
        ["time", "available"] => table(&lines[1..], how),
        ["node", "start", "end"] => lives(&lines[1..]),
        [_, "add" | "remove", _] => events(&lines),
        [date, time, _] if moment(&format!("{date} {time}")).is_some() => live(&lines, how),
        _ => Err(wrong(*first, KINDS)),
    }
}

#[derive(Deserialize)]
struct Series {
    metadata: Metadata,
    data: Vec<Option<u32>>,
}

#[derive(Deserialize)]
struct Metadata {
    gap_seconds: f64,
}

/// Numbers of instances that can be had, at a fixed step: one that is available is 1; `null` is unknown.
fn series(text: &str, how: Reading) -> Result<Read, BadTrace> {
    let series: Series = serde_json::from_str(text).map_err(|error| wrong(error.line(), error))?;
    let gap = series.metadata.gap_seconds;
    if !(1.0..=1e7).contains(&gap) || gap.fract() != 0.0 {
        let what = format!("`gap_seconds` is a whole number of seconds above zero, and {gap} is not");
        return Err(BadTrace::Whole(what));
    }
    let gap = gap as i64;
    let readings: Vec<(i64, Option<u32>)> = (0_i64..).map(|at| at * gap).zip(series.data).collect();
    of_counts(&readings, readings.len() as i64 * gap, None, how).map(|trace| Read {
        trace,
        kind: "a series of available instances",
        went_back: 0,
    })
}

fn of_counts(
    readings: &[(i64, Option<u32>)],
    length: i64,
    origin: Option<Timestamp>,
    how: Reading,
) -> Result<Trace, BadTrace> {
    let most = readings.iter().filter_map(|reading| reading.1).max();
    match most {
        None => Err(BadTrace::Whole(
            "no line tells how many instances were there".to_owned(),
        )),
        Some(most) if most > MOST_NODES => {
            let what = format!("{most} instances at a time are more than the {MOST_NODES} that a trace may have");
            Err(BadTrace::Whole(what))
        }
        Some(_) => Ok(Trace::of_counts(readings, length, origin, how.seed)),
    }
}

const MOST_NODES: u32 = 100_000;

/// `MILLISECONDS,add|remove,NODE`: a log of what joined and left, complete from its first line to its last.
fn events(lines: &[(usize, Vec<&str>)]) -> Result<Read, BadTrace> {
    let mut nodes = Vec::new();
    let mut there: BTreeMap<&str, i64> = BTreeMap::new();
    let (mut first, mut last) = (None, 0);
    for (line, fields) in lines {
        let [at, what, name] = fields[..] else {
            return Err(wrong(*line, "it is not `MILLISECONDS,add|remove,NODE`"));
        };
        let at: i64 = at
            .parse()
            .map_err(|_| wrong(*line, format!("`{at}` is no whole number of milliseconds")))?;
        let begin = *first.get_or_insert(at);
        if at < last || at < 0 {
            return Err(wrong(*line, "it is of an earlier time than the line before it"));
        }
        last = at;
        let second = (at - begin) / 1_000;
        match what {
            "add" if there.contains_key(name) => return Err(wrong(*line, format!("{name} is there already"))),
            "add" => _ = there.insert(name, second),
            "remove" => {
                let from = there
                    .remove(name)
                    .ok_or_else(|| wrong(*line, format!("{name} was never added")))?;
                let (to, end) = (second, End::Taken);
                nodes.push(Node { from, to, end });
            }
            other => return Err(wrong(*line, format!("`{other}` is neither add nor remove"))),
        }
    }
    let length = (last - first.unwrap_or(last)) / 1_000;
    if length <= 0 {
        return Err(BadTrace::Whole(
            "it has no length: all its lines are of the same second".to_owned(),
        ));
    }
    let (to, end) = (length, End::Unseen);
    nodes.extend(there.into_values().map(|from| Node { from, to, end }));
    Ok(Read {
        trace: Trace::new(length, None, nodes, Vec::new()),
        kind: "a log of nodes that joined and left",
        went_back: 0,
    })
}

/// `DATE, TIME, LIVE INSTANCES`, or `DATETIME`: in UTC where it says nothing else.
fn moment(text: &str) -> Option<Timestamp> {
    let zoneless = || Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    text.parse().ok().or_else(zoneless)
}

/// `DATE, TIME, LIVE INSTANCES`.
fn live(lines: &[(usize, Vec<&str>)], how: Reading) -> Result<Read, BadTrace> {
    let mut readings: Vec<(i64, Option<u32>)> = Vec::new();
    let (mut origin, mut went_back) = (None, 0);
    for (line, fields) in lines {
        let [date, time, count] = fields[..] else {
            return Err(wrong(*line, "it is not `DATE, TIME, LIVE INSTANCES`"));
        };
        let at = moment(&format!("{date} {time}"));
        let at = at.ok_or_else(|| wrong(*line, format!("`{date}, {time}` is no date and time")))?;
        let count: u32 = count
            .parse()
            .map_err(|_| wrong(*line, format!("`{count}` is no number of instances")))?;
        let second = at.as_second() - origin.get_or_insert(at).as_second();
        let before = readings.last().map_or(second, |last| last.0);
        if before - second > BACK_AT_MOST || second < 0 {
            return Err(wrong(*line, "it is of an earlier time than the line before it"));
        }
        went_back += usize::from(second < before);
        // What stands later was written later.
        readings.retain(|reading| reading.0 < second);
        readings.push((second, Some(count)));
    }
    let length = readings.last().map_or(0, |last| last.0);
    if length <= 0 {
        return Err(BadTrace::Whole(
            "it has no length: all its lines are of the same second".to_owned(),
        ));
    }
    of_counts(&held(&readings, how.holds), length, origin, how).map(|trace| Read {
        trace,
        kind: "live instances by the minute",
        went_back,
    })
}

/// Readings that hold for so long, and are unknown from then on.
fn held(readings: &[(i64, Option<u32>)], holds: i64) -> Vec<(i64, Option<u32>)> {
    let mut told = Vec::with_capacity(readings.len());
    for (at, reading) in readings.iter().enumerate() {
        told.push(*reading);
        let next = readings.get(at + 1).map_or(reading.0, |next| next.0);
        if next - reading.0 > holds {
            told.push((reading.0 + holds, None));
        }
    }
    told
}

/// `time,available`: each line holds until the next; the last one ends the trace. Nothing is unknown.
fn table(lines: &[(usize, Vec<&str>)], how: Reading) -> Result<Read, BadTrace> {
    let mut readings: Vec<(i64, Option<u32>)> = Vec::new();
    let mut origin: Option<Timestamp> = None;
    for (line, fields) in lines {
        let [time, available] = fields[..] else {
            return Err(wrong(*line, "it is not `time,available`"));
        };
        let (second, told) = clock(time, *line, origin)?;
        origin = origin.or(told);
        let count = match available {
            "" => None,
            text => Some(
                text.parse()
                    .map_err(|_| wrong(*line, format!("`{text}` is no number of instances")))?,
            ),
        };
        if readings.last().is_some_and(|last| second <= last.0) {
            return Err(wrong(*line, "it is not of a later time than the line before it"));
        }
        readings.push((second, count));
    }
    let (Some(first), Some(last)) = (readings.first().map(|first| first.0), readings.pop()) else {
        return Err(BadTrace::Whole("it has a header, and nothing below".to_owned()));
    };
    if readings.is_empty() {
        return Err(BadTrace::Whole(
            "it has one line: it takes another to end it".to_owned(),
        ));
    }
    readings.iter_mut().for_each(|reading| reading.0 -= first);
    of_counts(&readings, last.0 - first, origin, how).map(|trace| Read {
        trace,
        kind: "a table of available instances",
        went_back: 0,
    })
}

/// A time as seconds from the trace's beginning, or from nought where it is a number; with the beginning, where it tells it.
fn clock(text: &str, line: usize, origin: Option<Timestamp>) -> Result<(i64, Option<Timestamp>), BadTrace> {
    if let Ok(second) = text.parse::<i64>() {
        return Ok((second, None));
    }
    let at = moment(text).ok_or_else(|| wrong(line, format!("`{text}` is neither a time nor a number of seconds")))?;
    let begin = origin.unwrap_or(at);
    Ok((at.as_second() - begin.as_second(), Some(begin)))
}

/// `node,start,end`: the lives of nodes; one without an end is still there. The trace goes from the first start to the last time
/// that stands in it, and every end is taken for an interruption.
fn lives(lines: &[(usize, Vec<&str>)]) -> Result<Read, BadTrace> {
    let mut spans: Vec<(Timestamp, Option<Timestamp>)> = Vec::new();
    for (line, fields) in lines {
        let [_, start, end] = fields[..] else {
            return Err(wrong(*line, "it is not `node,start,end`"));
        };
        let at = |text: &str| moment(text).ok_or_else(|| wrong(*line, format!("`{text}` is no time")));
        let from = at(start)?;
        let to = if end.is_empty() { None } else { Some(at(end)?) };
        if to.is_some_and(|to| to <= from) {
            return Err(wrong(*line, "it ends before it begins"));
        }
        spans.push((from, to));
    }
    let first = spans.iter().map(|span| span.0).min();
    let last = spans.iter().flat_map(|(from, to)| [Some(*from), *to]).flatten().max();
    let (Some(first), Some(last)) = (first, last) else {
        return Err(BadTrace::Whole("it has a header, and nothing below".to_owned()));
    };
    let second = |at: Timestamp| at.as_second() - first.as_second();
    let length = second(last);
    let nodes = spans.iter().map(|(from, to)| Node {
        from: second(*from),
        to: to.map_or(length, second),
        end: if to.is_some() { End::Taken } else { End::Unseen },
    });
    Ok(Read {
        trace: Trace::new(length, Some(first), nodes.collect(), Vec::new()),
        kind: "lives of nodes",
        went_back: 0,
    })
}

/// Prices over time, `time,price` under a header or without one: the second from which each holds, counted from the trace's
/// beginning, where times are times.
///
/// # Errors
/// The first line that is wrong; times where the trace has none.
pub fn prices(text: &str, origin: Option<Timestamp>) -> Result<Vec<(i64, f64)>, BadTrace> {
    let mut points: Vec<(i64, f64)> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let (number, fields): (usize, Vec<&str>) = (at + 1, line.split(',').map(str::trim).collect());
        let [time, price] = fields[..] else {
            match line.trim() {
                "" => continue,
                _ => return Err(wrong(number, "it is not `time,price`")),
            }
        };
        if (time, price) == ("time", "price") {
            continue;
        }
        let (second, told) = clock(time, number, origin)?;
        if told.is_some() && origin.is_none() {
            return Err(wrong(
                number,
                "the trace tells no time of day: give seconds from its beginning",
            ));
        }
        let price = price
            .parse()
            .map_err(|_| wrong(number, format!("`{price}` is no price")))?;
        if points.last().is_some_and(|last| second <= last.0) {
            return Err(wrong(number, "it is not of a later time than the line before it"));
        }
        points.push((second, price));
    }
    Ok(points)
}

#[cfg(test)]
mod tests;
