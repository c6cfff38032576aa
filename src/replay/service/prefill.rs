//! How quickly prompts are computed: what of the time to the first token in calm hours is work, and what of that grows with the prompt.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::demand::Demand;
use super::hours::over;
use super::pool::{DAY, Routing};
use crate::model::histogram::{Buckets, Histogram};
use crate::model::requests::RequestHistory;
use crate::model::usage::Signal;

/// Of so many hours the calmest one.
const CALM: usize = 3;

/// The share of the time to a first token in calm hours that must be work, and not waiting.
const WORK_AT_LEAST: f64 = 0.2;

/// How prompts are computed.
pub(super) struct Prefill {
    /// Tokens of them in a second, when nothing else is done.
    pub(super) tokens_per_second: f64,
    /// Seconds that a request takes besides.
    pub(super) overhead: f64,
}

/// What of the time to the first token grows with the prompt, and what does not: of all ways to split the mean of calm hours the
/// one whose distribution is most like that which was measured, and of ways that are alike the one that blames the prompt most,
/// as that makes replicas slower.
pub(super) fn prefill(
    history: &RequestHistory,
    histograms: &BTreeMap<Signal, Histogram>,
    demand: &Demand,
    days: &Range<usize>,
    (each, routing): (f64, Routing),
) -> Option<Prefill> {
    let calm = Calm::of(history, histograms, demand, days)?;
    let is_calm = |hour: i64| calm.hours.contains(&hour);
    let first = over(histograms, Signal::TimeToFirstToken, history, days, is_calm)?;
    // Of short prompts a queue that hardly is one is most of the time to the first token.
    let measured = first.mean()?;
    let mean = measured - calm.queued_seconds;
    if mean < measured * WORK_AT_LEAST {
        return None;
    }
    let prompts = over(histograms, Signal::PromptTokens, history, days, is_calm);
    let (prompt, cached, _) = demand.mean_lengths_over(days);
    // It is part of a step, and where others are in execution it waits for half of one to end.
    let steps = ((1.0 + 0.5 * calm.busy(routing)) * each).min(mean * 0.8);
    let rest = mean - steps;
    let split = |part: f64| Prefill {
        tokens_per_second: prompt / (rest * (1.0 - part)),
        overhead: rest * part + steps - each,
    };
    let scale = prompts.as_ref().and_then(Buckets::mean).map_or(1.0, |mean| {
        let all = prompt + cached;
        if mean > 0.0 {
            all / mean * (prompt / all.max(1e-9))
        } else {
            1.0
        }
    });
    let unlike = |part: f64| {
        let prefill = split(part);
        let drawn = |u: f64| {
            let tokens = prompts.as_ref()?.value_at(u)? * scale;
            Some(tokens / prefill.tokens_per_second + prefill.overhead + each)
        };
        let values: Option<Vec<f64>> = (0..200).map(|at| drawn((f64::from(at) + 0.5) / 200.0)).collect();
        values.map_or(0.0, |values| furthest(&first, &values))
    };
    let parts = (0..19).map(|at| f64::from(at) * 0.05);
    let tried: Vec<(f64, f64)> = parts.map(|part| (part, unlike(part))).collect();
    let best = tried.iter().map(|(_, unlike)| *unlike).fold(f64::INFINITY, f64::min);
    let chosen = tried.iter().find(|(_, unlike)| *unlike <= best + 0.01);
    let mut found = split(chosen.map_or(0.0, |(part, _)| *part));
    found.overhead = found.overhead.max(0.0);
    Some(found)
}

/// Hours in which little was in execution, and how long a request waited in them on average.
struct Calm {
    /// By their last second.
    hours: BTreeSet<i64>,
    queued_seconds: f64,
    /// Requests in execution on a server, and servers, on average.
    running: f64,
    servers: f64,
}

impl Calm {
    /// The third of the hours of these days with the fewest requests in execution. They are not chosen by who waits in them: of
    /// hours in which nobody was seen to wait more did than was seen. How long by Little's law: those that wait over those that
    /// arrive.
    fn of(
        history: &RequestHistory,
        histograms: &BTreeMap<Signal, Histogram>,
        demand: &Demand,
        days: &Range<usize>,
    ) -> Option<Self> {
        let histogram = histograms.get(&Signal::TimeToFirstToken)?;
        let start = history.grid.window.start.as_second();
        let hour = |at: usize| {
            let second = histogram.grid.second(at);
            let day = usize::try_from((second - start - 1).div_euclid(DAY as i64)).ok()?;
            let counted = histogram.steps.get(at)?.as_ref()?;
            let asked = days.contains(&day) && !counted.is_empty();
            asked.then(|| Hourly::of(history, demand, second)).flatten()
        };
        let mut hours: Vec<Hourly> = (0..histogram.steps.len()).filter_map(hour).collect();
        hours.sort_by(|a, b| a.running.total_cmp(&b.running).then(a.second.cmp(&b.second)));
        hours.truncate(hours.len().div_ceil(CALM));
        let sum = |of: fn(&Hourly) -> f64| hours.iter().map(of).sum::<f64>();
        let arrived = sum(|hour| hour.arrived);
        (arrived > 0.0).then(|| Self {
            queued_seconds: sum(|hour| hour.waited_seconds) / arrived,
            running: sum(|hour| hour.running) / hours.len() as f64,
            servers: sum(|hour| hour.servers) / hours.len() as f64,
            hours: hours.iter().map(|hour| hour.second).collect(),
        })
    }
}

impl Calm {
    /// The share of arrivals that find none of the servers idle that they may go to: as many are in execution as if each had a
    /// server of its own.
    fn busy(&self, routing: Routing) -> f64 {
        let (servers, running) = match routing {
            Routing::Random => (1.0, self.running),
            Routing::LeastLoaded => (self.servers.round(), self.running * self.servers),
        };
        let (mut fewer, mut exactly) = (0.0, (-running).exp());
        let mut requests = 0.0;
        while requests < servers {
            fewer += exactly;
            requests += 1.0;
            exactly *= running / requests;
        }
        (1.0 - fewer).clamp(0.0, 1.0)
    }
}

/// What an hour was like.
struct Hourly {
    /// Its last.
    second: i64,
    /// Requests in execution on a server.
    running: f64,
    servers: f64,
    /// Added up over requests.
    waited_seconds: f64,
    arrived: f64,
}

impl Hourly {
    /// `None` where a tenth of it is not known.
    fn of(history: &RequestHistory, demand: &Demand, second: i64) -> Option<Self> {
        let first = history.grid.index_of(second - 3_599)?;
        let last = history.grid.index_of(second)?;
        let step = f64::from(history.grid.step_seconds);
        let mut hour = Self {
            second,
            running: 0.0,
            servers: 0.0,
            waited_seconds: 0.0,
            arrived: 0.0,
        };
        let (mut known, mut servers) = (0_u32, 0.0);
        for at in first..=last {
            let gauges = (
                history.running.get(at),
                history.waiting.get(at),
                history.servers.get(at),
            );
            let (Some(running), Some(waiting), Some(of)) = gauges else {
                continue;
            };
            let Some(arrived) = demand.arrived.get(at).copied().flatten() else {
                continue;
            };
            known += 1;
            servers += of;
            hour.running += running;
            hour.waited_seconds += waiting * step;
            hour.arrived += arrived;
        }
        hour.running /= servers;
        hour.servers = servers / f64::from(known);
        (known as usize * 10 >= (last - first + 1) * 9 && servers > 0.0).then_some(hour)
    }
}

/// How far apart two distributions are at most, at the bounds of the first; `values` rise.
fn furthest(measured: &Buckets, values: &[f64]) -> f64 {
    let total = measured.count();
    let apart = |(bound, count): (f64, f64)| {
        let modelled = values.partition_point(|value| *value <= bound) as f64 / values.len() as f64;
        (count / total - modelled).abs()
    };
    measured.up_to().map(apart).fold(0.0, f64::max)
}
