//! Columns as the server told them to a history that says where it knows nothing.

use crate::model::requests::{Figure, RequestHistory};
use crate::model::time::Grid;
use crate::model::usage::Column;

/// Seconds within which a server that stopped telling and tells again was there all along.
const HOLE: u32 = 300;

/// A history of these columns; `None` where no server told anything.
pub(super) fn history(grid: Grid, columns: impl Iterator<Item = (Figure, Option<Column>)>) -> Option<RequestHistory> {
    let mut history = RequestHistory::unknown(grid);
    for (figure, column) in columns {
        if let Some(column) = column {
            history.put(figure, column);
        }
    }
    if history.servers.count() == 0 {
        return None;
    }
    let holes = holes(&history.servers, (HOLE / grid.step_seconds.max(1)).max(1) as usize);
    for (figure, column) in history.columns_mut() {
        for at in 0..column.len() {
            // What was counted since a point at which some did not tell is not that step's.
            let is_hole = holes[at] || (figure.is_count() && at > 0 && holes[at - 1]);
            if is_hole {
                column.clear(at);
            }
        }
    }
    Some(history)
}

/// The points at which fewer servers told than both a while before and a while after.
fn holes(servers: &Column, reach: usize) -> Vec<bool> {
    let told: Vec<f64> = (0..servers.len()).map(|at| servers.get(at).unwrap_or(0.0)).collect();
    let before = highest(told.iter().copied(), reach);
    let mut after = highest(told.iter().rev().copied(), reach);
    after.reverse();
    let both = before.iter().zip(&after).map(|(before, after)| before.min(*after));
    both.zip(&told).map(|(most, told)| *told < most).collect()
}

/// At each point the highest value among it and so many before it.
fn highest(values: impl Iterator<Item = f64>, reach: usize) -> Vec<f64> {
    let mut found = Vec::new();
    // Values that may still be the highest, with their places, falling.
    let mut open: std::collections::VecDeque<(usize, f64)> = std::collections::VecDeque::new();
    for (at, value) in values.enumerate() {
        while open.back().is_some_and(|(_, last)| *last <= value) {
            open.pop_back();
        }
        open.push_back((at, value));
        while open.front().is_some_and(|(first, _)| first + reach < at) {
            open.pop_front();
        }
        found.push(open.front().map_or(value, |(_, most)| *most));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Window;
    use jiff::Timestamp;

    fn settled(servers: &[u32], reach: usize) -> Vec<usize> {
        let servers = Column::from_options(servers.iter().map(|count| Some(f64::from(*count)).filter(|c| *c > 0.0)));
        let holes = holes(&servers, reach);
        (0..holes.len()).filter(|at| holes[*at]).collect()
    }

    #[test]
    fn a_server_that_misses_a_scrape_is_a_hole_and_one_that_goes_or_comes_is_none() {
        assert_eq!(settled(&[2, 2, 1, 2, 2], 3), [2]);
        assert_eq!(settled(&[2, 2, 0, 0, 2], 3), [2, 3]);
        assert_eq!(settled(&[3, 3, 2, 2, 2, 1, 1], 3), [0; 0]);
        assert_eq!(settled(&[1, 1, 2, 2, 3], 3), [0; 0]);
        assert_eq!(
            settled(&[2, 2, 0, 0, 0, 0, 0, 0, 2], 3),
            [0; 0],
            "scaled to zero, and back"
        );
    }

    #[test]
    fn what_was_counted_over_a_hole_is_not_known() {
        let start = Timestamp::from_second(0).unwrap();
        let end = Timestamp::from_second(75).unwrap();
        let grid = Grid {
            window: Window { start, end },
            step_seconds: 15,
        };
        let column = |values: [f64; 5]| Some(Column::from_options(values.map(Some)));
        let columns = [
            (Figure::Servers, column([2.0, 2.0, 1.0, 2.0, 2.0])),
            (Figure::Running, column([5.0; 5])),
            (Figure::Finished, column([7.0; 5])),
        ];
        let history = history(grid, columns.into_iter()).unwrap();
        let known = |column: &Column| column.samples().map(|(at, _)| at).collect::<Vec<_>>();
        assert_eq!(known(&history.running), [0, 1, 3, 4]);
        assert_eq!(known(&history.finished), [0, 1, 4]);
        assert_eq!((history.rejected, history.prompt_tokens.count()), (None, 0));
        assert_eq!(
            super::history(grid, [(Figure::Running, column([1.0; 5]))].into_iter()),
            None
        );
    }
}
