//! What the model servers of a workload counted and held, at the interval at which they are scraped: what arrivals are rebuilt
//! from, and what a replay is calibrated on.

use serde::{Deserialize, Serialize};

use super::time::Grid;
use super::usage::Column;

/// One column of a history; its name in the catalogue and in recordings is this in snake case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Servers that told.
    Servers,
    /// Requests that ended well.
    Finished,
    /// Requests in execution.
    Running,
    /// Requests that wait.
    Waiting,
    /// Requests that were refused or broken off.
    Rejected,
    /// Tokens of prompts.
    PromptTokens,
    /// Those of them that were found in the prefix cache.
    CachedTokens,
    /// Tokens of answers.
    AnswerTokens,
    /// Requests that were put back because the cache was full.
    Preemptions,
    /// Share of the cache in use.
    CacheUsed,
}

impl Figure {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Servers,
        Self::Finished,
        Self::Running,
        Self::Waiting,
        Self::Rejected,
        Self::PromptTokens,
        Self::CachedTokens,
        Self::AnswerTokens,
        Self::Preemptions,
        Self::CacheUsed,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Servers => "servers",
            Self::Finished => "finished",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Rejected => "rejected",
            Self::PromptTokens => "prompt_tokens",
            Self::CachedTokens => "cached_tokens",
            Self::AnswerTokens => "answer_tokens",
            Self::Preemptions => "preemptions",
            Self::CacheUsed => "cache_used",
        }
    }

    /// Whether it is counted over a step, and does not stand at a point.
    pub fn is_count(self) -> bool {
        !matches!(self, Self::Servers | Self::Running | Self::Waiting | Self::CacheUsed)
    }
}

/// All servers of a workload together. Counts are of the step that ends at a point, gauges stand at the point. A gap is a point
/// at which not all of its servers told: it is never a zero.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestHistory {
    /// Its step is the scrape interval; its window that of the snapshot, or the part of it that was read.
    pub grid: Grid,
    /// Pods whose servers told something.
    pub servers: Column,
    /// Requests that ended well.
    pub finished: Column,
    /// Requests in execution, summed over servers.
    pub running: Column,
    /// Requests that wait for execution, summed over servers.
    pub waiting: Column,
    /// Requests that were refused or broken off; `None` where nothing counts them, which is not the same as none.
    pub rejected: Option<Column>,
    /// Tokens of prompts.
    pub prompt_tokens: Column,
    /// Tokens of prompts that were found in the prefix cache; `None` where nothing counts them.
    pub cached_tokens: Option<Column>,
    /// Tokens of answers.
    pub answer_tokens: Column,
    /// Requests that were put back because the cache was full; `None` where nothing counts them.
    pub preemptions: Option<Column>,
    /// Share of the KV cache in use, 0 to 1, of the server on which it is fullest; `None` where nothing tells.
    pub cache_used: Option<Column>,
}

/// How many requests and tokens a second, over the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestsRow {
    /// Requests that ended well, a second, on average.
    pub per_second: Option<f64>,
    /// The 95th percentile of the same, minute by minute.
    pub per_second_p95: Option<f64>,
    /// Tokens of prompts a second.
    pub prompt_tokens_per_second: Option<f64>,
    /// Tokens of answers a second.
    pub answer_tokens_per_second: Option<f64>,
    /// Share of the points that are known.
    pub coverage: f64,
    /// Seconds from one point to the next.
    pub step_seconds: u32,
}

/// How long pods took from their creation to their readiness, seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartsRow {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// How many starts were seen.
    pub count: usize,
}

impl RequestHistory {
    /// One of which nothing is known.
    pub fn unknown(grid: Grid) -> Self {
        let gaps = || Column::gaps(grid.points());
        Self {
            grid,
            servers: gaps(),
            finished: gaps(),
            running: gaps(),
            waiting: gaps(),
            rejected: None,
            prompt_tokens: gaps(),
            cached_tokens: None,
            answer_tokens: gaps(),
            preemptions: None,
            cache_used: None,
        }
    }

    /// A column, where there is one.
    pub fn column(&self, figure: Figure) -> Option<&Column> {
        match figure {
            Figure::Servers => Some(&self.servers),
            Figure::Finished => Some(&self.finished),
            Figure::Running => Some(&self.running),
            Figure::Waiting => Some(&self.waiting),
            Figure::Rejected => self.rejected.as_ref(),
            Figure::PromptTokens => Some(&self.prompt_tokens),
            Figure::CachedTokens => self.cached_tokens.as_ref(),
            Figure::AnswerTokens => Some(&self.answer_tokens),
            Figure::Preemptions => self.preemptions.as_ref(),
            Figure::CacheUsed => self.cache_used.as_ref(),
        }
    }

    /// Puts a column in its place.
    pub fn put(&mut self, figure: Figure, column: Column) {
        match figure {
            Figure::Servers => self.servers = column,
            Figure::Finished => self.finished = column,
            Figure::Running => self.running = column,
            Figure::Waiting => self.waiting = column,
            Figure::Rejected => self.rejected = Some(column),
            Figure::PromptTokens => self.prompt_tokens = column,
            Figure::CachedTokens => self.cached_tokens = Some(column),
            Figure::AnswerTokens => self.answer_tokens = column,
            Figure::Preemptions => self.preemptions = Some(column),
            Figure::CacheUsed => self.cache_used = Some(column),
        }
    }

    /// The columns that there are, to be changed.
    pub fn columns_mut(&mut self) -> impl Iterator<Item = (Figure, &mut Column)> {
        let always = [
            (Figure::Servers, &mut self.servers),
            (Figure::Finished, &mut self.finished),
            (Figure::Running, &mut self.running),
            (Figure::Waiting, &mut self.waiting),
            (Figure::PromptTokens, &mut self.prompt_tokens),
            (Figure::AnswerTokens, &mut self.answer_tokens),
        ];
        let maybe = [
            (Figure::Rejected, &mut self.rejected),
            (Figure::CachedTokens, &mut self.cached_tokens),
            (Figure::Preemptions, &mut self.preemptions),
            (Figure::CacheUsed, &mut self.cache_used),
        ];
        let maybe = maybe
            .into_iter()
            .filter_map(|(figure, column)| Some((figure, column.as_mut()?)));
        always.into_iter().chain(maybe)
    }

    /// The same of which no more is kept than which columns have values.
    pub fn forget_values(&mut self) {
        for (_, column) in self.columns_mut() {
            let mut kept = Column::gaps(column.len());
            if let Some((at, value)) = column.samples().next() {
                kept.set(at, value);
            }
            *column = kept;
        }
    }

    /// How many values it holds.
    pub fn values(&self) -> usize {
        let columns = Figure::ALL.into_iter().filter_map(|figure| self.column(figure));
        columns.map(Column::count).sum()
    }
}
