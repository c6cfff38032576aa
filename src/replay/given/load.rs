//! Values of metrics over time as a file gives them: a column for the time, and one for each metric.

use std::fmt;

use jiff::Timestamp;

/// What may stand in a cell as no value does: nothing.
const ABSENT: &str = "";

/// A sample counts as long as one and a half of the usual step; what is missing for longer is a hole.
const HOLD: f64 = 1.5;

/// Days that a load spans at most: a stray time must not make a run of a thousand years.
const MOST_DAYS: i64 = 400;

/// Mistakes that are told at most.
const MOST_TOLD: usize = 20;

/// A metric that needs a column, by the names that its column may have; the first is the one that is asked for.
pub type Wanted = Vec<String>;

/// Values over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Times, rising, in milliseconds of Unix time.
    pub times: Vec<i64>,
    /// Line of the file of each, from one.
    pub lines: Vec<u64>,
    /// The usual step, in milliseconds.
    pub step: i64,
    /// By metric, then by time; `None` where the cell is empty.
    pub values: Vec<Vec<Option<f64>>>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Line, from one.
    pub line: u64,
    /// Column by its name; empty where it is about the line.
    pub column: String,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column.as_str() {
            "" => write!(f, "line {}: {}", self.line, self.what),
            column => write!(f, "line {}, column `{column}`: {}", self.line, self.what),
        }
    }
}

/// A file that gives no load.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", told(.0))]
pub struct BadLoad(pub Vec<Mistake>);

fn told(mistakes: &[Mistake]) -> String {
    let mut lines: Vec<String> = mistakes.iter().take(MOST_TOLD).map(Mistake::to_string).collect();
    if mistakes.len() > MOST_TOLD {
        lines.push(format!("and {} more", mistakes.len() - MOST_TOLD));
    }
    lines.join("\n")
}

/// What a metric shows at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shown {
    /// A value.
    Value(f64),
    /// Its cell is empty: the series was absent.
    Nothing,
    /// There is no line for so long that nothing is known.
    Hole,
}

/// Reads comma-separated values with a column `time` and one for every metric.
///
/// # Errors
/// Every line and column that is wrong.
pub fn read(text: &str, wanted: &[Wanted]) -> Result<Load, BadLoad> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut mistakes = Vec::new();
    let header = reader.headers().cloned();
    let columns = match header {
        Ok(header) => columns(&header, wanted, &mut mistakes),
        Err(error) => return Err(BadLoad(vec![unreadable(1, &error)])),
    };
    let Some((time, columns)) = columns.filter(|_| mistakes.is_empty()) else {
        return Err(BadLoad(mistakes));
    };
    let mut load = Load {
        times: Vec::new(),
        lines: Vec::new(),
        step: 0,
        values: vec![Vec::new(); wanted.len()],
    };
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                mistakes.push(unreadable(line, &error));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        load.add(line, &record, (time, &columns), &mut mistakes);
    }
    let mut steps: Vec<i64> = load.times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    steps.sort_unstable();
    match steps.get(steps.len() / 2) {
        _ if !mistakes.is_empty() => Err(BadLoad(mistakes)),
        Some(step) => Ok(Load { step: *step, ..load }),
        None => Err(BadLoad(vec![mistake(1, "", "it needs two lines of values or more")])),
    }
}

fn mistake(line: u64, column: &str, what: impl Into<String>) -> Mistake {
    Mistake {
        line,
        column: column.to_owned(),
        what: what.into(),
    }
}

fn unreadable(line: u64, error: &csv::Error) -> Mistake {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            mistake(line, "", format!("{len} fields, and the header has {expected_len}"))
        }
        _ => mistake(line, "", error.to_string()),
    }
}

/// A metric's column: where it stands, and its name.
type Column = (usize, String);

/// Where the time stands, and each metric.
fn columns(header: &csv::StringRecord, wanted: &[Wanted], mistakes: &mut Vec<Mistake>) -> Option<(usize, Vec<Column>)> {
    let mut found: Vec<Option<Column>> = vec![None; wanted.len()];
    let mut time = None;
    for (at, name) in header.iter().enumerate() {
        if name == "time" {
            match time {
                None => time = Some(at),
                Some(_) => mistakes.push(mistake(1, name, "it stands twice")),
            }
            continue;
        }
        match wanted.iter().position(|names| names.iter().any(|known| known == name)) {
            None => {
                let names: Vec<String> = wanted.iter().flatten().map(|name| format!("`{name}`")).collect();
                mistakes.push(mistake(
                    1,
                    name,
                    format!("no such column is read; there are {}", names.join(", ")),
                ));
            }
            Some(metric) if found[metric].is_some() => {
                mistakes.push(mistake(1, name, "its metric has a column already"))
            }
            Some(metric) => found[metric] = Some((at, name.to_owned())),
        }
    }
    if time.is_none() {
        mistakes.push(mistake(1, "", "there is no column `time`"));
    }
    for (names, _) in wanted.iter().zip(&found).filter(|(_, found)| found.is_none()) {
        let other = names.get(1).map_or(String::new(), |other| format!(" or `{other}`"));
        let name = names.first().map_or("", String::as_str);
        mistakes.push(mistake(1, "", format!("there is no column `{name}`{other}")));
    }
    Some((time?, found.into_iter().collect::<Option<_>>()?))
}

/// RFC 3339, or seconds of Unix time.
fn milliseconds(text: &str) -> Option<i64> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    // Up to the year 9999; times before 1970 are no measurements.
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds: &f64| (0.0..253_402_300_800.0).contains(seconds));
    seconds.map(|seconds| (seconds * 1_000.0).round() as i64)
}

impl Load {
    fn add(
        &mut self,
        line: u64,
        record: &csv::StringRecord,
        (time, columns): (usize, &[Column]),
        mistakes: &mut Vec<Mistake>,
    ) {
        let cell = |at: usize| record.get(at).unwrap_or("");
        match milliseconds(cell(time)) {
            None => {
                let what = format!("`{}` is neither RFC 3339 nor seconds", cell(time));
                mistakes.push(mistake(line, "time", what));
            }
            Some(at) if self.times.last().is_some_and(|last| *last >= at) => {
                mistakes.push(mistake(line, "time", "it is not later than the line before"));
            }
            Some(at)
                if self
                    .times
                    .first()
                    .is_some_and(|first| at - first > MOST_DAYS * 86_400_000) =>
            {
                let what = format!("it is more than {MOST_DAYS} days after the first line");
                mistakes.push(mistake(line, "time", what));
            }
            Some(at) => {
                self.times.push(at);
                self.lines.push(line);
            }
        }
        for (values, (at, name)) in self.values.iter_mut().zip(columns) {
            let text = cell(*at);
            let value = (text != ABSENT).then(|| text.parse::<f64>());
            let before = values.iter().rev().copied().flatten().next();
            match value {
                None => values.push(None),
                Some(Ok(value)) if value.is_finite() && value >= 0.0 => {
                    if let Some(before) = before.filter(|before| name.ends_with("_total") && *before > value) {
                        let what = format!(
                            "a counter fell from {before} to {value}: it was reset, and what it had counted by then is lost; give its rate"
                        );
                        mistakes.push(mistake(line, name, what));
                    }
                    values.push(Some(value));
                }
                Some(Ok(value)) if value < 0.0 => {
                    mistakes.push(mistake(line, name, format!("`{text}` is below zero")));
                }
                Some(_) => {
                    let what = format!("`{text}` is no finite number; leave the cell empty where there is no value");
                    mistakes.push(mistake(line, name, what));
                }
            }
        }
    }

    /// How long a line counts, in milliseconds.
    fn hold(&self) -> i64 {
        (self.step as f64 * HOLD) as i64
    }

    /// From when to when nothing is known, in milliseconds.
    pub fn holes(&self) -> Vec<(i64, i64)> {
        let hold = self.hold();
        let pairs = self.times.windows(2).filter(|pair| pair[1] - pair[0] > hold);
        pairs.map(|pair| (pair[0] + hold, pair[1])).collect()
    }

    /// From its first line to the end of the step that its last begins, in milliseconds.
    pub fn span(&self) -> (i64, i64) {
        let first = self.times.first().copied().unwrap_or(0);
        (first, self.times.last().map_or(first, |last| last + self.step))
    }

    /// What a metric shows, by the last line that is not later.
    pub fn shown(&self, metric: usize, now: i64) -> Shown {
        let after = self.times.partition_point(|time| *time <= now);
        let Some(at) = after.checked_sub(1).filter(|at| now - self.times[*at] <= self.hold()) else {
            return Shown::Hole;
        };
        let value = self
            .values
            .get(metric)
            .and_then(|values| values.get(at).copied().flatten());
        value.map_or(Shown::Nothing, Shown::Value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Vec<Wanted> {
        vec![
            vec!["queue".to_owned(), "s0".to_owned()],
            vec!["requests_total".to_owned()],
        ]
    }

    fn told(text: &str) -> Vec<String> {
        let bad = read(text, &wanted()).expect_err("it is refused");
        bad.0.iter().map(Mistake::to_string).collect()
    }

    #[test]
    fn columns_stand_in_any_order_and_times_in_two_ways() {
        let text = "requests_total, time, s0\n5, 1970-01-01T00:01:00Z, 1.5\n6, 75, \n7,90,2\n";
        let load = read(text, &wanted()).unwrap();
        assert_eq!(
            (load.times.as_slice(), load.step),
            ([60_000, 75_000, 90_000].as_slice(), 15_000)
        );
        assert_eq!(
            load.values,
            [vec![Some(1.5), None, Some(2.0)], vec![Some(5.0), Some(6.0), Some(7.0)]]
        );
        assert_eq!(
            (load.shown(0, 74_999), load.shown(0, 75_000)),
            (Shown::Value(1.5), Shown::Nothing)
        );
        assert_eq!((load.shown(0, 59_999), load.span()), (Shown::Hole, (60_000, 105_000)));
    }

    #[test]
    fn what_is_missing_for_long_is_a_hole_and_no_old_value() {
        let load = read("time,queue,requests_total\n0,1,1\n10,2,2\n20,3,3\n60,4,4\n", &wanted()).unwrap();
        assert_eq!(load.holes(), [(35_000, 60_000)]);
        assert_eq!(load.shown(0, 35_000), Shown::Value(3.0));
        assert_eq!(load.shown(0, 35_001), Shown::Hole);
        assert_eq!(load.shown(0, 60_000), Shown::Value(4.0));
    }

    #[test]
    fn mistakes_are_told_with_line_and_column_all_at_once() {
        let text = "time,queue,requests_total\n0,-1,9\n0,NaN,10\nnoon,many,4\n30,1\n";
        assert_eq!(
            told(text),
            [
                "line 2, column `queue`: `-1` is below zero",
                "line 3, column `time`: it is not later than the line before",
                "line 3, column `queue`: `NaN` is no finite number; leave the cell empty where there is no value",
                "line 4, column `time`: `noon` is neither RFC 3339 nor seconds",
                "line 4, column `queue`: `many` is no finite number; leave the cell empty where there is no value",
                "line 4, column `requests_total`: a counter fell from 10 to 4: it was reset, and what it had counted by then is lost; give its rate",
                "line 5: 2 fields, and the header has 3"
            ]
        );
    }

    #[test]
    fn columns_are_those_of_the_metrics() {
        assert_eq!(
            told("queue,s0,waiting\n"),
            [
                "line 1, column `s0`: its metric has a column already",
                "line 1, column `waiting`: no such column is read; there are `queue`, `s0`, `requests_total`",
                "line 1: there is no column `time`",
                "line 1: there is no column `requests_total`"
            ]
        );
        assert_eq!(
            told("time,requests_total\n"),
            ["line 1: there is no column `queue` or `s0`"]
        );
        assert_eq!(
            told("time,queue,requests_total\n1,1,1\n"),
            ["line 1: it needs two lines of values or more"]
        );
        assert_eq!(
            told("time,time,queue,requests_total\n"),
            ["line 1, column `time`: it stands twice"]
        );
    }

    #[test]
    fn a_stray_time_is_told() {
        let text = "time,queue,requests_total\n0,1,1\n2026-11-26T00:00:00Z,1,1\n60,1,1\n";
        assert_eq!(
            told(text),
            ["line 3, column `time`: it is more than 400 days after the first line"]
        );
    }

    #[test]
    fn of_many_mistakes_the_first_are_told() {
        let text = format!("time,queue,requests_total\n{}", "x,1,1\n".repeat(30));
        let bad = read(&text, &wanted()).unwrap_err().to_string();
        assert_eq!(bad.lines().count(), 21);
        assert!(bad.ends_with("and 10 more"), "{bad}");
    }
}
