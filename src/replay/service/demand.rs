//! What was asked of a workload, rebuilt: requests that ended, and those that are now in execution or waiting and were not
//! before. Gauges alone would tell what the replicas of then made of it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::pool::DAY;
use super::replica::Request;
use crate::model::histogram::{Buckets, Histogram};
use crate::model::requests::RequestHistory;
use crate::model::time::Grid;
use crate::model::usage::{Column, Signal};
use crate::replay::random::Draws;

/// Spread of lengths of which only the mean is known, as a standard deviation of the logarithm (Azure's conversations of 2023:
/// 0.9 for prompts, 0.8 for answers).
const SPREAD: f64 = 0.85;

/// Requests that are refused or broken off within a step, above which the demand of its day is censored.
const SOME: f64 = 0.5;

/// What was asked, step by step.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Its steps.
    pub grid: Grid,
    /// Requests that arrived within each; `None` where that cannot be told.
    pub arrived: Vec<Option<f64>>,
    /// Days, from the window's start, on which requests were refused: more may have been wanted than came.
    pub censored: Vec<bool>,
    /// Lengths by hour.
    lengths: Vec<Lengths>,
}

/// How long prompts and answers of an hour were.
#[derive(Debug, Clone, PartialEq, Default)]
struct Lengths {
    prompt: Length,
    answer: Length,
    /// Share of the prompts' tokens that the prefix cache held.
    hits: f64,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Length {
    mean: f64,
    /// How they are spread; the mean over it is not used.
    spread: Option<Buckets>,
    /// What turns a drawn value's mean into that of the hour.
    scale: f64,
}

impl Length {
    fn new(mean: f64, spread: Option<Buckets>) -> Self {
        // The mean of what is drawn, from the middles of a hundred equal parts.
        let drawn = |buckets: &Buckets, at: i32| buckets.value_at((f64::from(at) + 0.5) / 100.0);
        let mean_drawn = |buckets: &Buckets| (0..100).filter_map(|at| drawn(buckets, at)).sum::<f64>() / 100.0;
        let of_drawn = spread.as_ref().map(mean_drawn);
        Self {
            mean,
            scale: of_drawn.filter(|of| *of > 0.0).map_or(1.0, |of| mean / of),
            spread,
        }
    }

    fn draw(&self, draws: &mut Draws) -> f64 {
        let value = match &self.spread {
            Some(buckets) => buckets.value_at(draws.unit()).unwrap_or(self.mean) * self.scale,
            None => self.mean * (SPREAD * draws.normal() - SPREAD * SPREAD / 2.0).exp(),
        };
        value.max(1.0)
    }
}

impl Demand {
    /// Rebuilds it from what servers counted and held.
    pub fn of(history: &RequestHistory, histograms: &BTreeMap<Signal, Histogram>) -> Self {
        let grid = history.grid;
        let points = grid.points();
        let flying = |at: usize| Some(history.running.get(at)? + history.waiting.get(at)?);
        let refused = |at: usize| match &history.rejected {
            Some(column) => column.get(at),
            None => Some(0.0),
        };
        let days = (points as f64 * f64::from(grid.step_seconds) / DAY).ceil() as usize;
        let mut demand = Self {
            grid,
            arrived: Vec::with_capacity(points),
            censored: vec![false; days],
            lengths: Vec::new(),
        };
        // Scrapes are not all of one moment: what a step has too little the next has too much.
        let mut owed = 0.0;
        for at in 0..points {
            let before = at.checked_sub(1).and_then(flying);
            let told = || Some((history.finished.get(at)?, refused(at)?, flying(at)?));
            let Some(((ended, refused), change)) =
                told().and_then(|(ended, refused, now)| Some(((ended, refused), now - before?)))
            else {
                demand.arrived.push(None);
                owed = 0.0;
                continue;
            };
            if refused > SOME
                && let Some(day) = demand.censored.get_mut(demand_day(grid, at))
            {
                *day = true;
            }
            let arrived = ended + refused + change + owed;
            owed = arrived.min(0.0);
            demand.arrived.push(Some(arrived.max(0.0)));
        }
        demand.lengths = lengths(history, histograms);
        demand
    }

    /// How long the replay is.
    pub fn seconds(&self) -> f64 {
        self.arrived.len() as f64 * f64::from(self.grid.step_seconds)
    }

    /// Seconds from one point at which it was counted to the next.
    pub fn step_seconds(&self) -> f64 {
        f64::from(self.grid.step_seconds)
    }

    /// Requests that arrived on these days, as far as they are known.
    pub fn arrived_on(&self, days: &Range<usize>) -> f64 {
        let inside = |at: &usize| days.contains(&((*at as f64 * self.step_seconds() / DAY) as usize));
        let steps = (0..self.arrived.len()).filter(inside);
        steps.filter_map(|at| self.arrived[at]).sum()
    }

    /// The share of each day of which it is known.
    pub fn known(&self) -> Vec<f64> {
        let mut known = vec![0.0; self.censored.len()];
        let step = f64::from(self.grid.step_seconds) / DAY;
        for at in (0..self.arrived.len()).filter(|at| self.arrived[*at].is_some()) {
            if let Some(day) = known.get_mut(demand_day(self.grid, at)) {
                *day += step;
            }
        }
        known
    }

    /// The mean of prompt tokens to compute, of prompt tokens that a cache held, and of answer tokens at a step.
    pub fn mean_lengths(&self, at: usize) -> (f64, f64, f64) {
        let lengths = self.lengths.get(hour(self.grid, at)).cloned().unwrap_or_default();
        let (prompt, hits) = (lengths.prompt.mean, lengths.hits);
        (prompt * (1.0 - hits), prompt * hits, lengths.answer.mean)
    }

    /// The mean over days of prompt tokens to compute, of those that a cache held, and of answer tokens, by requests.
    pub fn mean_lengths_over(&self, days: &Range<usize>) -> (f64, f64, f64) {
        let step = f64::from(self.grid.step_seconds);
        let point = |day: usize| ((day as f64 * DAY / step) as usize).min(self.arrived.len());
        let (mut sums, mut all) = ((0.0, 0.0, 0.0), 0.0);
        for at in point(days.start)..point(days.end) {
            if let Some(arrived) = self.arrived[at] {
                let (prompt, cached, answer) = self.mean_lengths(at);
                sums = (
                    sums.0 + arrived * prompt,
                    sums.1 + arrived * cached,
                    sums.2 + arrived * answer,
                );
                all += arrived;
            }
        }
        let all = all.max(1e-9);
        (sums.0 / all, sums.1 / all, sums.2 / all)
    }

    /// The requests one by one, in order of time: as many as arrived in each step, spread evenly by chance, with lengths drawn as
    /// those of their hour are spread.
    pub fn requests(&self, seed: u64) -> impl Iterator<Item = Request> + '_ {
        self.requests_from(0, seed)
    }

    /// The requests of this day and those after it; the same whatever the day, so that settings are compared on equal ones.
    pub fn requests_from(&self, day: usize, seed: u64) -> impl Iterator<Item = Request> + '_ {
        let step = f64::from(self.grid.step_seconds);
        let mut draws = Draws::apart(seed, 2);
        let mut rest = 0.0;
        let mut batch: Vec<Request> = Vec::new();
        let steps = self.arrived.iter().enumerate();
        steps
            .skip((day as f64 * DAY / step) as usize)
            .flat_map(move |(at, arrived)| {
                if (at as f64 * step) % DAY < step {
                    // Each day is drawn for itself.
                    draws = Draws::apart(seed, 2 + (at as f64 * step / DAY) as u64);
                    rest = 0.0;
                }
                rest += arrived.unwrap_or(0.0);
                let number = (rest + 1e-9).floor();
                rest -= number;
                batch.clear();
                let lengths = &self.lengths[hour(self.grid, at)];
                for _ in 0..number as usize {
                    let prompt = lengths.prompt.draw(&mut draws);
                    batch.push(Request {
                        at: (at as f64 + draws.unit()) * step,
                        prompt: prompt * (1.0 - lengths.hits),
                        cached: prompt * lengths.hits,
                        answer: lengths.answer.draw(&mut draws),
                    });
                }
                batch.sort_by(|a, b| a.at.total_cmp(&b.at));
                std::mem::take(&mut batch)
            })
    }
}

fn demand_day(grid: Grid, at: usize) -> usize {
    (at as f64 * f64::from(grid.step_seconds) / DAY) as usize
}

fn hour(grid: Grid, at: usize) -> usize {
    at * grid.step_seconds as usize / 3_600
}

/// Lengths by the hour of the replay. An hour of which nothing is known has those of the hour before.
fn lengths(history: &RequestHistory, histograms: &BTreeMap<Signal, Histogram>) -> Vec<Lengths> {
    let grid = history.grid;
    let hours = hour(grid, grid.points().saturating_sub(1)) + 1;
    let per_hour = (3_600 / grid.step_seconds.max(1)) as usize;
    let sum = |column: &Column, of: usize| -> f64 {
        let points = of * per_hour..(of + 1) * per_hour;
        points.filter_map(|at| column.get(at)).sum()
    };
    let spread = |signal: Signal, of: usize| {
        let histogram = histograms.get(&signal)?;
        let second = grid.window.start.as_second() + of as i64 * 3_600 + 1_800;
        let step = histogram.steps.get(histogram.grid.index_of(second)?)?;
        step.clone().filter(|buckets| buckets.count() >= 20.0)
    };
    let all = |column: &Column| column.samples().map(|(_, value)| value).sum::<f64>();
    let whole = |signal: Signal| histograms.get(&signal).and_then(Histogram::total);
    let (prompts, answers) = (whole(Signal::PromptTokens), whole(Signal::AnswerTokens));
    let ended = all(&history.finished);
    let hits = |cached: f64, prompt: f64| {
        if prompt > 0.0 {
            (cached / prompt).clamp(0.0, 1.0)
        } else {
            0.0
        }
    };
    let mut last = Lengths {
        prompt: Length::new(all(&history.prompt_tokens) / ended.max(1.0), prompts.clone()),
        answer: Length::new(all(&history.answer_tokens) / ended.max(1.0), answers.clone()),
        hits: hits(
            history.cached_tokens.as_ref().map_or(0.0, all),
            all(&history.prompt_tokens),
        ),
    };
    let mut found = Vec::with_capacity(hours);
    for of in 0..hours {
        let ended = sum(&history.finished, of);
        // Of few requests a mean is chance, and tokens of requests that had not ended are among them.
        if ended >= 20.0 {
            let prompt_tokens = sum(&history.prompt_tokens, of);
            let cached = history.cached_tokens.as_ref().map_or(0.0, |column| sum(column, of));
            let of_hour = |signal, whole: &Option<Buckets>| spread(signal, of).or_else(|| whole.clone());
            last = Lengths {
                prompt: Length::new(prompt_tokens / ended, of_hour(Signal::PromptTokens, &prompts)),
                answer: Length::new(
                    sum(&history.answer_tokens, of) / ended,
                    of_hour(Signal::AnswerTokens, &answers),
                ),
                hits: hits(cached, prompt_tokens),
            };
        }
        found.push(last.clone());
    }
    found
}

#[cfg(test)]
pub(crate) mod tests;
