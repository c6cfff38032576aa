//! What the model servers of a workload counted and held, at the interval at which they are scraped: what arrivals are rebuilt
//! from, and what a replay is calibrated on.

use super::time::Grid;
use super::usage::Column;

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
}
