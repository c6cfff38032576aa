//! What is counted while a world runs: the truth of each day, and what monitoring would have seen.

use gpuwise::model::histogram::{Buckets, Histogram};
use gpuwise::model::requests::RequestHistory;
use gpuwise::model::time::Grid;
use gpuwise::model::usage::Column;

use super::draws::{Draws, Sketch};

/// How a day, or all days, went.
#[derive(Debug, Clone, Default)]
pub(crate) struct Served {
    /// Hours of replicas, from the creation of a pod to its end.
    pub(crate) replica_hours: f64,
    /// Requests that came.
    pub(crate) arrived: f64,
    /// Requests that were answered.
    pub(crate) finished: f64,
    /// Requests whose clients left.
    pub(crate) refused: f64,
    /// Seconds from arrival to first token.
    pub(crate) ttft: Sketch,
    /// Seconds between tokens, each token counted once.
    pub(crate) itl: Sketch,
    /// Seconds from arrival to last token.
    pub e2e: Sketch,
    /// Seconds that requests spent in execution or waiting, all together.
    pub(crate) in_flight: f64,
}

impl Served {
    /// Adds another's.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.replica_hours += other.replica_hours;
        self.arrived += other.arrived;
        self.finished += other.finished;
        self.refused += other.refused;
        self.in_flight += other.in_flight;
        self.ttft.merge(&other.ttft);
        self.itl.merge(&other.itl);
        self.e2e.merge(&other.e2e);
    }

    /// Share of the requests that were refused.
    pub(crate) fn refused_share(&self) -> f64 {
        self.refused / self.arrived.max(1.0)
    }
}

/// What counters count in a step.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Step {
    /// Requests answered.
    pub(crate) finished: f64,
    /// Requests given up.
    pub(crate) refused: f64,
    /// Tokens of prompts.
    pub(crate) prompt: f64,
    /// Those of them in the cache.
    pub(crate) cached: f64,
    /// Tokens of answers.
    pub(crate) answer: f64,
    /// Requests put back.
    pub(crate) preempted: f64,
}

/// What gauges show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gauges {
    /// Servers that tell.
    pub(crate) servers: f64,
    /// Requests in execution.
    pub(crate) running: f64,
    /// Requests waiting.
    pub(crate) waiting: f64,
    /// Share of the fullest cache in use.
    pub(crate) cache: f64,
}

/// Bounds of numbers of tokens.
const TOKENS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0, 5_000.0, 10_000.0, 20_000.0, 50_000.0,
    100_000.0,
];

/// Bounds of vLLM 0.11's histograms: time to first token, between tokens, of a request; tokens of prompts, and of answers.
const BOUNDS: [&[f64]; 5] = [
    &[
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
        160.0, 640.0, 2_560.0,
    ],
    &[
        0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0,
    ],
    &[
        0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0,
        1_920.0, 7_680.0,
    ],
    TOKENS,
    TOKENS,
];

/// An hour's counts up to each bound, not yet added up, and the sum.
type Hour = [(Vec<f64>, f64); 5];

fn hour() -> Hour {
    BOUNDS.map(|bounds| (vec![0.0; bounds.len() + 1], 0.0))
}

/// What was counted.
#[derive(Debug)]
pub(crate) struct Tally {
    /// The truth by day.
    pub(crate) days: Vec<Served>,
    /// The day that is counted now; none before the first.
    pub(crate) day: Option<usize>,
    /// What is counted since the last scrape.
    pub(crate) step: Step,
    /// Scrapes so far.
    pub(crate) scrapes: Vec<(Step, Gauges)>,
    hour: Hour,
    hours: Vec<Hour>,
    /// Draws of what no law explains.
    pub(crate) draws: Draws,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new(days: usize, seed: u64) -> Self {
        Self {
            days: vec![Served::default(); days],
            day: None,
            step: Step::default(),
            scrapes: Vec::new(),
            hour: hour(),
            hours: Vec::new(),
            draws: Draws::new(seed, 4),
        }
    }

    fn observe(&mut self, family: usize, value: f64, times: f64) {
        let (counts, sum) = &mut self.hour[family];
        counts[BOUNDS[family].partition_point(|bound| *bound < value)] += times;
        *sum += value * times;
    }

    /// The day that is counted now.
    pub(crate) fn today(&mut self) -> Option<&mut Served> {
        self.days.get_mut(self.day?)
    }

    /// So many tokens came this long after those before them.
    pub(crate) fn tokens(&mut self, seconds: f64, tokens: f64) {
        self.step.answer += tokens;
        self.observe(1, seconds, tokens);
        if let Some(today) = self.today() {
            today.itl.add(seconds, tokens);
        }
    }

    /// A request's first token came.
    pub(crate) fn first_token(&mut self, seconds: f64, prompt: f64, cached: f64, answer: f64) {
        self.step.answer += 1.0;
        self.step.prompt += prompt;
        self.step.cached += cached;
        self.observe(0, seconds, 1.0);
        self.observe(3, prompt, 1.0);
        self.observe(4, answer, 1.0);
        if let Some(today) = self.today() {
            today.ttft.add(seconds, 1.0);
        }
    }

    /// A request's last token came.
    pub(crate) fn finish(&mut self, seconds: f64) {
        self.step.finished += 1.0;
        self.observe(2, seconds, 1.0);
        if let Some(today) = self.today() {
            today.finished += 1.0;
            today.e2e.add(seconds, 1.0);
        }
    }

    /// A client left.
    pub(crate) fn refuse(&mut self) {
        self.step.refused += 1.0;
        if let Some(today) = self.today() {
            today.refused += 1.0;
        }
    }

    /// Monitoring reads the servers.
    pub(crate) fn scrape(&mut self, gauges: Gauges) {
        self.scrapes.push((std::mem::take(&mut self.step), gauges));
    }

    /// An hour ends.
    pub(crate) fn turn(&mut self) {
        self.hours.push(std::mem::replace(&mut self.hour, hour()));
    }

    /// Forgets what monitoring saw so far.
    pub(crate) fn forget(&mut self) {
        self.step = Step::default();
        self.scrapes.clear();
        self.hours.clear();
        self.hour = hour();
    }

    /// The histograms hour by hour, in vLLM's order.
    pub(crate) fn histograms(&self, grid: Grid) -> [Histogram; 5] {
        let grid = grid.hourly();
        std::array::from_fn(|family| {
            let step = |hour: &Hour| {
                let mut reached = 0.0;
                let bounds = BOUNDS[family].iter().copied().chain([f64::INFINITY]);
                let rows = bounds.zip(&hour[family].0).map(|(bound, count)| {
                    reached += count;
                    (bound, reached)
                });
                Buckets::new(rows.collect::<Vec<_>>(), Some(hour[family].1))
            };
            Histogram {
                grid,
                steps: self.hours.iter().map(step).collect(),
            }
        })
    }

    /// The scrapes as a history; `gap` says which are missing.
    pub(crate) fn requests(&self, grid: Grid, gap: impl Fn(usize) -> bool) -> RequestHistory {
        let column = |value: &dyn Fn(&Step, &Gauges) -> f64| {
            let points = self.scrapes.iter().enumerate();
            Column::from_options(points.map(|(at, (step, gauges))| (!gap(at)).then(|| value(step, gauges))))
        };
        RequestHistory {
            grid,
            servers: column(&|_, gauges| gauges.servers),
            finished: column(&|step, _| step.finished),
            running: column(&|_, gauges| gauges.running),
            waiting: column(&|_, gauges| gauges.waiting),
            rejected: Some(column(&|step, _| step.refused)),
            prompt_tokens: column(&|step, _| step.prompt),
            cached_tokens: Some(column(&|step, _| step.cached)),
            answer_tokens: column(&|step, _| step.answer),
            preemptions: Some(column(&|step, _| step.preempted)),
            cache_used: Some(column(&|_, gauges| gauges.cache)),
        }
    }
}
