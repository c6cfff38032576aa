//! A range query split by time, so that no server refuses it for its points and a refusal for its samples can be answered
//! by asking for half. The number of requests depends on the grid alone, never on how many series there are.

use crate::model::time::Grid;

/// Points a series in one request. Prometheus refuses above 11,000; a week of minutes is 10,080.
pub const POINTS_PER_REQUEST: usize = 10_800;

/// The part of a grid that one request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    grid: Grid,
    first: usize,
    points: usize,
}

impl Chunk {
    /// Index of its first point on the grid.
    pub fn first(self) -> usize {
        self.first
    }

    /// How many points it has; never none.
    pub fn points(self) -> usize {
        self.points
    }

    /// `start` of the request, unix seconds.
    pub fn start_second(self) -> i64 {
        self.grid.second(self.first)
    }

    /// `end` of the request, unix seconds; the API includes it.
    pub fn end_second(self) -> i64 {
        self.grid.second(self.first + self.points - 1)
    }

    /// `step` of the request, seconds.
    pub fn step_seconds(self) -> u32 {
        self.grid.step_seconds
    }

    /// Its two halves, earlier first; `None` for a single point, which cannot be asked for any more gently.
    pub fn halved(self) -> Option<(Self, Self)> {
        let left = self.points / 2;
        let right = Self {
            first: self.first + left,
            points: self.points - left,
            ..self
        };
        (left > 0).then_some((Self { points: left, ..self }, right))
    }
}

/// The requests that together ask for every point of the grid exactly once, in time order and of nearly equal length.
pub fn chunks(grid: Grid) -> Vec<Chunk> {
    let points = grid.points();
    let count = points.div_ceil(POINTS_PER_REQUEST);
    let boundary = |index: usize| points * index / count;
    (0..count)
        .map(|index| Chunk {
            grid,
            first: boundary(index),
            points: boundary(index + 1) - boundary(index),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Window;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn grid(points: i64, step_seconds: u32) -> Grid {
        let start = Timestamp::from_second(1_760_000_000).unwrap();
        let end = Timestamp::from_second(1_760_000_000 + points * i64::from(step_seconds)).unwrap();
        Grid {
            window: Window { start, end },
            step_seconds,
        }
    }

    /// Every grid point that a request's `start`, `end` and step touch.
    fn asked(chunk: Chunk) -> Vec<i64> {
        let step = usize::try_from(chunk.grid.step_seconds).unwrap();
        (chunk.start_second()..=chunk.end_second()).step_by(step).collect()
    }

    #[test]
    fn two_weeks_of_minutes_are_two_requests() {
        assert_eq!(chunks(grid(14 * 24 * 60, 60)).len(), 2);
        assert_eq!(chunks(grid(0, 60)).len(), 0);
    }

    proptest! {
        #[test]
        fn every_point_is_asked_for_exactly_once(points in 0_i64..60_000, step in 1_u32..4_000) {
            let grid = grid(points, step);
            let all: Vec<i64> = chunks(grid).into_iter().flat_map(asked).collect();
            prop_assert_eq!(all, (0..grid.points()).map(|index| grid.second(index)).collect::<Vec<_>>());
            prop_assert!(chunks(grid).iter().all(|chunk| (1..=POINTS_PER_REQUEST).contains(&chunk.points())));
        }

        #[test]
        fn halves_ask_for_the_same_points(points in 1_i64..10_000) {
            let whole = chunks(grid(points, 60))[0];
            match whole.halved() {
                None => prop_assert_eq!(points, 1),
                Some((left, right)) => {
                    prop_assert_eq!([asked(left), asked(right)].concat(), asked(whole));
                    prop_assert_eq!(right.first(), left.first() + left.points());
                }
            }
        }
    }
}
