//! Requests one by one, of a load that tells how many arrive: at a rate, or so many in each step.

use crate::replay::given::load::{self, BadLoad, Load, Mistake, Shown, Wanted};
use crate::replay::random::Draws;
use crate::replay::service::replica::Request;

use super::server::{Lengths, MOST_TOKENS};

/// What a column with a rate is called, and one with a count.
const COUNTED: [&str; 2] = ["requests_per_second", "requests"];

/// Columns that a load may have.
const LENGTHS: [&str; 2] = ["prompt_tokens", "answer_tokens"];

/// Requests that are replayed at most: some minutes of work.
const MOST: f64 = 2e7;

/// What arrives, and what metrics show that do not answer to the replicas.
#[derive(Debug, Clone)]
pub struct Arrivals {
    load: Load,
    /// Whether each line tells how many come in its step, and not how many a second.
    are_counted: bool,
    /// The column of each length, where there is one.
    columns: [Option<usize>; 2],
    /// How many columns stand before those of metrics.
    own: usize,
    lengths: Lengths,
}

/// Reads comma-separated values with a column `time`, one for the requests, those for lengths that may be there, and one for each
/// metric that is wanted.
///
/// # Errors
/// Every line and column that is wrong.
pub fn read(text: &str, lengths: Lengths, metrics: &[Wanted]) -> Result<Arrivals, BadLoad> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    // What cannot be read here cannot be read below, and is told there.
    let header = reader.headers().cloned().unwrap_or_default();
    let has = |name: &str| header.iter().any(|column| column == name);
    let one = |name: &str| vec![name.to_owned()];
    let are_counted = has(COUNTED[1]) && !has(COUNTED[0]);
    let mut wanted: Vec<Wanted> = match COUNTED.iter().any(|name| has(name)) {
        true => vec![one(COUNTED[usize::from(are_counted)])],
        false => vec![COUNTED.map(str::to_owned).to_vec()],
    };
    let mut columns = [None, None];
    for (column, name) in columns.iter_mut().zip(LENGTHS) {
        if has(name) {
            *column = Some(wanted.len());
            wanted.push(one(name));
        }
    }
    let own = wanted.len();
    wanted.extend(metrics.iter().cloned());
    let load = load::read(text, &wanted)?;
    let arrivals = Arrivals {
        load,
        are_counted,
        columns,
        own,
        lengths,
    };
    let mistakes = arrivals.mistakes();
    match mistakes.is_empty() {
        true => Ok(arrivals),
        false => Err(BadLoad(mistakes)),
    }
}

impl Arrivals {
    /// What makes it no load of requests: none may be unknown, and none without a length.
    fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let mut add = |line: u64, column: &str, what: String| {
            let column = column.to_owned();
            mistakes.push(Mistake { line, column, what });
        };
        let counted = COUNTED[usize::from(self.are_counted)];
        for (name, of) in LENGTHS.iter().zip([self.lengths.prompt, self.lengths.answer]) {
            let column = LENGTHS
                .iter()
                .position(|length| length == name)
                .and_then(|at| self.columns[at]);
            if column.is_none() && of.is_none() {
                let what = format!("there is no column `{name}`, and the service file has no mean `{name}` either");
                add(1, "", what);
            }
        }
        for (at, line) in self.load.lines.iter().enumerate() {
            if self.load.values[0][at].is_none() {
                add(
                    *line,
                    counted,
                    "how many came is not known; give 0 where none did".to_owned(),
                );
            }
            for (name, (column, of)) in LENGTHS
                .iter()
                .zip(self.columns.iter().zip([self.lengths.prompt, self.lengths.answer]))
            {
                let Some(column) = *column else { continue };
                match self.load.values[column][at] {
                    None if of.is_none() => {
                        add(
                            *line,
                            name,
                            "it is not known, and the service file has no mean either".to_owned(),
                        );
                    }
                    Some(tokens) if tokens > MOST_TOKENS => add(*line, name, format!("{tokens} tokens are no request")),
                    _ => {}
                }
            }
        }
        for (_, until) in self.load.holes() {
            let at = self.load.times.partition_point(|time| *time < until);
            let before = at.checked_sub(1).map_or(until, |before| self.load.times[before]);
            let what = format!(
                "nothing is given for the {} seconds before it: a queue cannot be replayed over a hole; give the lines, with 0 where none came",
                (until - before) / 1_000
            );
            add(self.load.lines.get(at).copied().unwrap_or(0), "", what);
        }
        let all = self.expected();
        if all > MOST {
            let what = format!("{all:.0} requests are more than the {MOST:.0} that are replayed; give a shorter time");
            add(1, counted, what);
        }
        mistakes
    }

    /// How many requests there are, on average.
    fn expected(&self) -> f64 {
        (0..self.load.times.len()).map(|at| self.count(at)).sum()
    }

    /// From when to when, in milliseconds of Unix time.
    pub fn span(&self) -> (i64, i64) {
        self.load.span()
    }

    /// Seconds from the first line on between which a line counts.
    fn step(&self, at: usize) -> (f64, f64) {
        let (first, last) = self.span();
        let time = |at: usize| self.load.times.get(at).copied().unwrap_or(last);
        let seconds = |time: i64| (time - first) as f64 / 1_000.0;
        (seconds(time(at)), seconds(time(at + 1)))
    }

    /// Requests of a line's step, on average where a rate is told.
    fn count(&self, at: usize) -> f64 {
        let told = self.load.values[0][at].unwrap_or(0.0);
        let (from, until) = self.step(at);
        if self.are_counted { told } else { told * (until - from) }
    }

    /// Requests that arrive in a second at this time, in milliseconds of Unix time.
    pub fn rate(&self, now: i64) -> f64 {
        let at = self.load.times.partition_point(|time| *time <= now).saturating_sub(1);
        let (from, until) = self.step(at);
        self.count(at) / (until - from)
    }

    /// What a metric's column shows.
    pub fn shown(&self, column: usize, now: i64) -> Shown {
        self.load.shown(self.own + column, now)
    }

    /// The requests, in order of time: those of a rate by chance one by one (Poisson), those of a count as many as it tells, spread
    /// evenly by chance.
    pub fn requests(&self, seed: u64) -> impl Iterator<Item = Request> + '_ {
        Requests {
            of: self,
            draws: Draws::apart(seed, 2),
            at: 0,
            now: 0.0,
            left: self.count(0),
        }
    }

    /// The length of a request of this line.
    fn length(&self, which: usize, at: usize, draws: &mut Draws) -> f64 {
        let told = self.columns[which].and_then(|column| self.load.values[column][at]);
        let usual = [self.lengths.prompt, self.lengths.answer][which];
        let spread = self.lengths.spread;
        let mean = told.or(usual).unwrap_or(1.0);
        (mean * (spread * draws.normal() - spread * spread / 2.0).exp()).max(1.0)
    }
}

struct Requests<'a> {
    of: &'a Arrivals,
    draws: Draws,
    /// The line that counts.
    at: usize,
    /// When the last one came.
    now: f64,
    /// How many of this line are still to come, where they are counted; what is no whole one goes to the next.
    left: f64,
}

impl Requests<'_> {
    /// When the next one of this line's step comes; `None` where no more does.
    fn next_of_step(&mut self) -> Option<f64> {
        let (from, until) = self.of.step(self.at);
        let now = self.now.max(from);
        let next = if self.of.are_counted {
            // The first of so many that are spread evenly over what is left of the step. Nearly a whole one is one.
            let left = (self.left + 1e-9).floor();
            (left >= 1.0).then(|| now + (until - now) * (1.0 - (1.0 - self.draws.unit()).powf(1.0 / left)))
        } else {
            let rate = self.of.load.values[0][self.at].unwrap_or(0.0);
            (rate > 0.0).then(|| now - (1.0 - self.draws.unit()).ln() / rate)
        };
        let next = next.filter(|next| *next < until || self.of.are_counted)?;
        self.left -= 1.0;
        Some(next)
    }
}

impl Iterator for Requests<'_> {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        while self.at < self.of.load.times.len() {
            if let Some(at) = self.next_of_step() {
                self.now = at;
                let prompt = self.of.length(0, self.at, &mut self.draws);
                let cached = prompt * self.of.lengths.cached_share;
                return Some(Request {
                    at,
                    prompt: prompt - cached,
                    cached,
                    answer: self.of.length(1, self.at, &mut self.draws),
                });
            }
            self.at += 1;
            if self.at < self.of.load.times.len() {
                self.left = self.left.max(0.0) + self.of.count(self.at);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTHS: Lengths = Lengths {
        prompt: Some(800.0),
        answer: Some(200.0),
        spread: 0.85,
        cached_share: 0.25,
    };

    fn told(text: &str, lengths: Lengths) -> Vec<String> {
        let bad = read(text, lengths, &[]).expect_err("it is refused");
        bad.0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_rate_comes_by_chance_and_lengths_keep_their_mean() {
        let text = "time,requests_per_second\n0,2\n20000,8\n40000,0\n";
        let arrivals = read(text, LENGTHS, &[]).unwrap();
        let all: Vec<Request> = arrivals.requests(1).collect();
        let early = all.iter().filter(|request| request.at < 20_000.0).count() as f64;
        let late = all.len() as f64 - early;
        // Within four standard deviations of the mean, and as they come by chance not the mean itself.
        assert!(
            (early - 40_000.0).abs() < 800.0 && (late - 160_000.0).abs() < 1_600.0,
            "{early} {late}"
        );
        assert!(all.iter().all(|request| request.at < 40_000.0));
        assert!(all.windows(2).all(|pair| pair[0].at <= pair[1].at));
        let gaps: Vec<f64> = all
            .windows(2)
            .take(30_000)
            .map(|pair| pair[1].at - pair[0].at)
            .collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let square = gaps.iter().map(|gap| gap * gap).sum::<f64>() / gaps.len() as f64;
        // Of exponential gaps the mean square is twice the squared mean.
        assert!((square / mean / mean / 2.0 - 1.0).abs() < 0.05, "{square} {mean}");
        let prompt = all.iter().map(|request| request.prompt + request.cached).sum::<f64>() / all.len() as f64;
        let cached = all.iter().map(|request| request.cached).sum::<f64>() / all.len() as f64;
        assert!(
            (prompt / 800.0 - 1.0).abs() < 0.02 && (cached / prompt - 0.25).abs() < 1e-9,
            "{prompt}"
        );
        assert_eq!(
            (arrivals.rate(0), arrivals.rate(20_000_000), arrivals.span()),
            (2.0, 8.0, (0, 60_000_000))
        );
        let again: Vec<Request> = arrivals.requests(1).collect();
        assert!(all == again && all != arrivals.requests(2).collect::<Vec<_>>());
    }

    #[test]
    fn a_count_is_kept_and_parts_of_requests_add_up() {
        let text = "time,requests,prompt_tokens\n0,3,100\n60,0,\n120,0.5,\n180,0.5,\n240,7,10\n";
        let constant = Lengths { spread: 0.0, ..LENGTHS };
        let arrivals = read(text, constant, &[]).unwrap();
        let all: Vec<Request> = arrivals.requests(5).collect();
        let within = |from: f64| {
            all.iter()
                .filter(|request| (from..from + 60.0).contains(&request.at))
                .count()
        };
        assert_eq!([0.0, 60.0, 120.0, 180.0, 240.0].map(within), [3, 0, 0, 1, 7]);
        let prompt = |request: &Request| request.prompt + request.cached;
        assert_eq!(
            (prompt(&all[0]), prompt(&all[3]), prompt(&all[4])),
            (100.0, 800.0, 10.0)
        );
        assert_eq!((all[0].answer, arrivals.rate(240_000)), (200.0, 7.0 / 60.0));
    }

    #[test]
    fn what_is_unknown_of_requests_is_refused_with_its_line() {
        let none = Lengths {
            prompt: None,
            answer: None,
            ..LENGTHS
        };
        assert_eq!(
            told(
                "time,requests,prompt_tokens\n0,1,\n10,,20000000\n20,3,5\n90,1,5\n",
                none
            ),
            [
                "line 1: there is no column `answer_tokens`, and the service file has no mean `answer_tokens` either",
                "line 2, column `prompt_tokens`: it is not known, and the service file has no mean either",
                "line 3, column `requests`: how many came is not known; give 0 where none did",
                "line 3, column `prompt_tokens`: 20000000 tokens are no request",
                "line 5: nothing is given for the 70 seconds before it: a queue cannot be replayed over a hole; give the lines, with 0 where none came",
            ]
        );
        assert_eq!(
            told("time,requests_per_second\n0,99999\n3600,1\n", LENGTHS),
            [
                "line 1, column `requests_per_second`: 360000000 requests are more than the 20000000 that are replayed; give a shorter time"
            ]
        );
        assert_eq!(
            told("time,queue\n0,1\n", LENGTHS),
            [
                "line 1, column `queue`: no such column is read; there are `requests_per_second`, `requests`",
                "line 1: there is no column `requests_per_second` or `requests`"
            ]
        );
        assert_eq!(
            told("time,requests,requests_per_second\n0,1,1\n9,1,1\n", LENGTHS),
            ["line 1, column `requests`: no such column is read; there are `requests_per_second`"]
        );
    }

    #[test]
    fn columns_of_metrics_stand_beside_them() {
        let wanted = [vec!["gateway".to_owned(), "s0".to_owned()]];
        let arrivals = read("time,s0,requests\n0,4,1\n60,,1\n", LENGTHS, &wanted).unwrap();
        assert_eq!(
            (arrivals.shown(0, 10_000), arrivals.shown(0, 61_000)),
            (Shown::Value(4.0), Shown::Nothing)
        );
    }
}
