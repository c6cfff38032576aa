//! A series' samples to one value a step, as `avg_over_time` and `max_over_time` of Prometheus have it.

use super::chunk::STALE;
use crate::model::time::Grid;

/// What becomes of the samples in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// Their mean.
    Mean,
    /// The largest.
    Max,
}

/// Whether a sample just at a step's beginning belongs to it: in Prometheus 2 it belongs to two steps, since 3.0 to the earlier
/// one alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftEdge {
    /// It does not.
    Open,
    /// It does.
    Closed,
}

/// A sample that is no later than the one before, which no server's own engine would see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfOrder;

/// The samples of one series on their way into steps.
#[derive(Debug)]
pub(super) struct Steps {
    grid: Grid,
    fold: Fold,
    left: LeftEdge,
    /// Milliseconds of the window's beginning, of its end, and of a step.
    start: i64,
    end: i64,
    step: i64,
    /// The time of the last sample.
    last: i64,
    /// The step that is filled just now, and its end.
    index: usize,
    edge: i64,
    count: u64,
    value: f64,
    /// What `value` lost to rounding, where it is a sum.
    lost: f64,
    /// Second and value of each step that had a sample.
    points: Vec<(f64, f64)>,
}

impl Steps {
    pub(super) fn new(grid: Grid, fold: Fold, left: LeftEdge) -> Self {
        let start = grid.window.start.as_second() * 1000;
        let step = i64::from(grid.step_seconds.max(1)) * 1000;
        Self {
            grid,
            fold,
            left,
            start,
            end: start + step * grid.points() as i64,
            step,
            last: i64::MIN,
            index: 0,
            edge: i64::MIN,
            count: 0,
            value: 0.0,
            lost: 0.0,
            points: Vec::new(),
        }
    }

    /// Takes the next sample; what lies outside the window is left out, as is the mark of a series' end.
    #[inline]
    pub(super) fn take(&mut self, time: i64, value: f64) -> Result<(), OutOfOrder> {
        if time <= self.last {
            return Err(OutOfOrder);
        }
        self.last = time;
        if value.to_bits() == STALE {
            return Ok(());
        }
        if time > self.edge && !self.open(time) {
            return Ok(());
        }
        self.add(value);
        if time == self.edge && self.left == LeftEdge::Closed {
            self.close();
            self.index += 1;
            // The window's last step has none behind it.
            self.edge = match self.edge {
                edge if edge < self.end => edge + self.step,
                _ => i64::MIN,
            };
            if self.edge != i64::MIN {
                self.add(value);
            }
        }
        Ok(())
    }

    /// Begins the step that holds this time, if the window has it.
    fn open(&mut self, time: i64) -> bool {
        self.close();
        self.edge = i64::MIN;
        let at_the_beginning = time == self.start && self.left == LeftEdge::Closed;
        if time > self.end || time < self.start || (time == self.start && !at_the_beginning) {
            return false;
        }
        let index = ((time - self.start - 1).max(0)) / self.step;
        self.index = index as usize;
        self.edge = self.start + (index + 1) * self.step;
        true
    }

    #[inline]
    fn add(&mut self, value: f64) {
        self.count += 1;
        match self.fold {
            // Kahan's summation in Neumaier's form, as Prometheus has it.
            Fold::Mean => {
                let sum = self.value + value;
                self.lost += if self.value.abs() >= value.abs() {
                    (self.value - sum) + value
                } else {
                    (value - sum) + self.value
                };
                self.value = sum;
            }
            Fold::Max if self.count == 1 || value > self.value || self.value.is_nan() => self.value = value,
            Fold::Max => {}
        }
    }

    fn close(&mut self) {
        if self.count == 0 {
            return;
        }
        let value = match self.fold {
            Fold::Mean if self.value.is_infinite() => self.value,
            Fold::Mean => (self.value + self.lost) / self.count as f64,
            Fold::Max => self.value,
        };
        self.points.push((self.grid.second(self.index) as f64, value));
        (self.count, self.value, self.lost) = (0, 0.0, 0.0);
    }

    /// The steps that had a sample, in time order; what comes next is another series.
    pub(super) fn finish(&mut self) -> Vec<(f64, f64)> {
        self.close();
        self.last = i64::MIN;
        self.edge = i64::MIN;
        let room = self.points.len();
        std::mem::replace(&mut self.points, Vec::with_capacity(room))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Window;
    use jiff::Timestamp;
    use proptest::prelude::*;

    const START: i64 = 1_760_000_000;

    fn grid(points: i64) -> Grid {
        Grid {
            window: Window {
                start: Timestamp::from_second(START).unwrap(),
                end: Timestamp::from_second(START + 60 * points).unwrap(),
            },
            step_seconds: 60,
        }
    }

    fn folded(fold: Fold, left: LeftEdge, samples: &[(i64, f64)]) -> Vec<(i64, f64)> {
        let mut steps = Steps::new(grid(10), fold, left);
        for (milliseconds, value) in samples {
            steps.take(START * 1000 + milliseconds, *value).unwrap();
        }
        let points = steps.finish();
        points
            .into_iter()
            .map(|(at, value)| (at as i64 - START, value))
            .collect()
    }

    #[test]
    fn a_sample_at_the_edge_belongs_to_the_steps_that_the_server_says() {
        let samples = [(0, 1.0), (60_000, 5.0), (61_000, 7.0), (600_000, 9.0), (600_001, 11.0)];
        let open = folded(Fold::Max, LeftEdge::Open, &samples);
        assert_eq!(open, [(60, 5.0), (120, 7.0), (600, 9.0)]);
        let closed = folded(Fold::Mean, LeftEdge::Closed, &samples);
        assert_eq!(closed, [(60, 3.0), (120, 6.0), (600, 9.0)]);
    }

    #[test]
    fn the_mark_of_an_end_is_no_sample_and_a_nan_is() {
        let stale = f64::from_bits(STALE);
        let samples = [(15_000, 4.0), (30_000, stale), (75_000, f64::NAN), (90_000, 2.0)];
        let mean = folded(Fold::Mean, LeftEdge::Open, &samples);
        assert_eq!(mean[0], (60, 4.0));
        assert!(mean[1].1.is_nan(), "a mean over a NaN is none");
        assert_eq!(folded(Fold::Max, LeftEdge::Open, &samples), [(60, 4.0), (120, 2.0)]);
    }

    #[test]
    fn time_that_stands_still_or_runs_back_is_refused() {
        let mut steps = Steps::new(grid(10), Fold::Max, LeftEdge::Open);
        steps.take(START * 1000 + 5, 1.0).unwrap();
        assert_eq!(steps.take(START * 1000 + 5, 1.0), Err(OutOfOrder));
        assert_eq!(steps.take(START * 1000 + 4, 1.0), Err(OutOfOrder));
        // Another series begins anew.
        assert_eq!(steps.finish().len(), 1);
        steps.take(START * 1000 + 4, 1.0).unwrap();
    }

    proptest! {
        /// What the definition says, sample by sample.
        #[test]
        fn steps_are_what_their_definition_says(
            gaps in prop::collection::vec(1_i64..90_000, 0..60),
            from in -100_000_i64..100_000,
            is_closed in any::<bool>(),
            is_mean in any::<bool>(),
        ) {
            let left = if is_closed { LeftEdge::Closed } else { LeftEdge::Open };
            let fold = if is_mean { Fold::Mean } else { Fold::Max };
            let mut at = from;
            let samples: Vec<(i64, f64)> = gaps.iter().enumerate().map(|(index, gap)| {
                // Many samples lie just at an edge.
                at = if gap % 3 == 0 { (at / 60_000 + 1) * 60_000 } else { at + gap };
                (at, f64::from(index as u32 % 7))
            }).collect();
            let expected: Vec<(i64, f64)> = (1..=10).filter_map(|step| {
                let (begin, end) = ((step - 1) * 60_000, step * 60_000);
                let inside: Vec<f64> = samples.iter()
                    .filter(|(at, _)| *at <= end && (*at > begin || (is_closed && *at == begin)))
                    .map(|(_, value)| *value)
                    .collect();
                let value = if is_mean {
                    inside.iter().sum::<f64>() / inside.len() as f64
                } else {
                    inside.iter().copied().fold(f64::MIN, f64::max)
                };
                (!inside.is_empty()).then_some((step * 60, value))
            }).collect();
            prop_assert_eq!(folded(fold, left, &samples), expected);
        }
    }
}
