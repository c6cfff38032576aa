//! The service that explains what was measured: time between tokens by batch, the rate of prefill, and what the server allows.

use std::collections::BTreeMap;
use std::ops::Range;

use super::demand::Demand;
use super::hours::over;
use super::law::{Law, Point};
use super::pool::{DAY, Routing};
use super::prefill::prefill;
use super::replica::Service;
use crate::model::histogram::Histogram;
use crate::model::requests::RequestHistory;
use crate::model::usage::Signal;

/// What the server allows, by its arguments or its defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Requests in execution at once.
    pub most_running: usize,
    /// Tokens that one step computes.
    pub chunk_tokens: f64,
    /// Tokens that the KV cache holds.
    pub cache_tokens: Option<f64>,
}

/// Why no service could be fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// The histogram of this signal is missing, or of too few requests.
    Missing(Signal),
    /// Hardly any hour of which everything is known.
    FewHours,
    /// Never a calm hour, so that nobody knows what a first token takes by itself.
    NeverCalm,
}

/// A service and how it was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// It.
    pub service: Service,
    /// Hours behind the law.
    pub hours: usize,
    /// The largest number of requests on a replica that was seen at once.
    pub seen_batch: f64,
    /// Whether its hours tell of more than one batch; else twice the batch takes as many times as long as was thought.
    pub tells: bool,
    /// By how much the law had to be changed so that the mean over its hours is that of the histogram.
    pub level: f64,
}

/// An hour of which everything is known.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Hour {
    /// The batch that a token sees.
    batch: f64,
    /// Seconds from one token to the next.
    seconds: f64,
    tokens: f64,
}

impl Hour {
    /// Those of its batch that are decoded, where each of the others spends such a share of its time with its prompt.
    fn decoded(&self, computed: f64) -> f64 {
        1.0 + (self.batch - 1.0) * (1.0 - computed)
    }

    /// The share of the time in which no prompt of another is computed.
    fn undisturbed(&self, computed: f64) -> f64 {
        (1.0 - (self.batch - 1.0) * computed).max(0.2)
    }
}

/// Seconds that a request is in execution on average, by Little's law; `None` where none arrived.
fn execution_seconds(history: &RequestHistory, demand: &Demand, days: &Range<usize>) -> Option<f64> {
    let step = f64::from(history.grid.step_seconds);
    let inside = |at: usize| days.contains(&((at as f64 * step / DAY) as usize));
    let (mut running, mut arrived) = (0.0, 0.0);
    for at in (0..history.grid.points()).filter(|at| inside(*at)) {
        if let (Some(one), Some(new)) = (history.running.get(at), demand.arrived.get(at).copied().flatten()) {
            running += one * step;
            arrived += new;
        }
    }
    (arrived > 0.0 && running > 0.0).then(|| running / arrived)
}

/// Fits on these days, counted from the window's start; where all hours are of one batch, twice as many requests are thought to
/// take `doubled` times as long.
///
/// # Errors
/// What is missing.
pub fn fit(
    history: &RequestHistory,
    histograms: &BTreeMap<Signal, Histogram>,
    demand: &Demand,
    (limits, routing, doubled): (Limits, Routing, f64),
    days: Range<usize>,
) -> Result<Fitted, Unfit> {
    let of = |signal: Signal| over(histograms, signal, history, &days, |_| true).ok_or(Unfit::Missing(signal));
    let tokens = of(Signal::InterTokenLatency)?;
    of(Signal::TimeToFirstToken)?;
    let each = tokens.mean().ok_or(Unfit::Missing(Signal::InterTokenLatency))?;
    let prefill = prefill(history, histograms, demand, &days, (each, routing)).ok_or(Unfit::NeverCalm)?;
    let seen = hours(history, histograms, &days, routing);
    if seen.len() < 24 {
        return Err(Unfit::FewHours);
    }
    // A step that computes prompts takes longer for all that are decoded beside them, and who is computed so is not decoded.
    let (prompt, ..) = demand.mean_lengths_over(&days);
    let computed =
        prompt / prefill.tokens_per_second / execution_seconds(history, demand, &days).ok_or(Unfit::FewHours)?;
    let computed = computed.min(1.0);
    let decode = |hour: &Hour| Point {
        batch: hour.decoded(computed),
        seconds: hour.seconds * hour.undisturbed(computed),
        weight: hour.tokens,
    };
    let points: Vec<Point> = seen.iter().map(decode).collect();
    let told_by_hours = Law::fit(&points);
    let tells = told_by_hours.is_some();
    let law = told_by_hours
        .or_else(|| Law::of_one_batch(&points, doubled))
        .ok_or(Unfit::FewHours)?;
    let told: f64 = seen.iter().map(|hour| hour.tokens).sum();
    let modelled = |hour: &Hour| law.seconds(hour.decoded(computed)) / hour.undisturbed(computed) * hour.tokens;
    let level = each / (seen.iter().map(modelled).sum::<f64>() / told);
    let on_each =
        |at: usize| Some(history.running.get(at)? / history.servers.get(at).filter(|servers| *servers >= 0.5)?);
    let most_seen = (0..history.grid.points()).filter_map(on_each).fold(1.0, f64::max);
    Ok(Fitted {
        hours: seen.len(),
        seen_batch: most_seen,
        tells,
        level,
        service: Service {
            law: law.times(level),
            prefill_tokens_per_second: prefill.tokens_per_second,
            overhead_seconds: prefill.overhead,
            chunk_tokens: limits.chunk_tokens,
            // A limit that was seen exceeded is none.
            most_running: limits.most_running.max(most_seen.ceil() as usize),
            cache_tokens: limits.cache_tokens,
            patience_seconds: None,
        },
    })
}

/// Hours of which both is known: the mean time between tokens, by their histogram, and the batches that they were decoded in, by
/// the gauges. Neither is computed from the other's figures: what is wrong with one would be taken for an effect.
fn hours(
    history: &RequestHistory,
    histograms: &BTreeMap<Signal, Histogram>,
    days: &Range<usize>,
    routing: Routing,
) -> Vec<Hour> {
    let Some(histogram) = histograms.get(&Signal::InterTokenLatency) else {
        return Vec::new();
    };
    let start = history.grid.window.start.as_second();
    let hours = histogram.steps.iter().enumerate();
    let known = hours.filter_map(|(at, step)| {
        let second = histogram.grid.second(at);
        let day = usize::try_from((second - start - 1).div_euclid(DAY as i64)).ok()?;
        let step = step.as_ref().filter(|_| days.contains(&day))?;
        Some(Hour {
            batch: batch_over(history, second, routing)?,
            seconds: step.mean()?,
            tokens: step.count(),
        })
    });
    known.collect()
}

/// The batch that a token finds itself in, over the hour that ends at a second; `None` where a tenth of it is not known.
fn batch_over(history: &RequestHistory, second: i64, routing: Routing) -> Option<f64> {
    let (first, last) = history
        .grid
        .index_of(second - 3_599)
        .zip(history.grid.index_of(second))?;
    let (mut batches, mut running, mut known) = (0.0, 0.0, 0);
    for at in first..=last {
        let both = history.servers.get(at).zip(history.running.get(at));
        let Some((servers, requests)) = both.filter(|(servers, _)| *servers >= 0.5) else {
            continue;
        };
        batches += requests * batch_of(requests, servers, routing);
        running += requests;
        known += 1;
    }
    let enough = known * 10 >= (last - first + 1) * 9;
    (enough && running > 0.0).then(|| batches / running)
}

/// The batch in which a request finds itself, of so many over so many servers: with the others that are on its own.
fn batch_of(requests: f64, servers: f64, routing: Routing) -> f64 {
    match routing {
        // Each of the others is on its server by the same chance.
        Routing::Random => 1.0 + (requests - 1.0).max(0.0) / servers,
        // They are spread as evenly as whole requests can be.
        Routing::LeastLoaded => {
            let each = (requests / servers).floor();
            let more = requests - each * servers;
            let even = (more * (each + 1.0) * (each + 1.0) + (servers - more) * each * each) / requests.max(1e-9);
            even.max(1.0)
        }
    }
}
