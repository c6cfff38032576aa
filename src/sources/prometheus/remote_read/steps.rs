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
    fold: Fold,
    left: LeftEdge,
    /// Milliseconds of the window's beginning, of its end, and of a step.
    start: i64,
    end: i64,
    step: i64,
    /// The time of the last sample.
    last: i64,
    /// The end of the step that is filled just now.
    edge: i64,
    count: u64,
    value: f64,
    /// What `value` lost to rounding, where it is a sum.
    lost: f64,
    /// Second and value of each step that had a sample.
    points: Vec<(f64, f64)>,
}

impl Steps {
    pub(super) fn new(grid: Grid, left: LeftEdge) -> Self {
        let start = grid.window.start.as_second() * 1000;
        let step = i64::from(grid.step_seconds.max(1)) * 1000;
        Self {
            fold: Fold::Max,
            left,
            start,
            end: start + step * grid.points() as i64,
            step,
            last: i64::MIN,
            edge: i64::MIN,
            count: 0,
            value: 0.0,
            lost: 0.0,
            points: Vec::new(),
        }
    }

    /// Takes the next samples, milliseconds and value; what lies outside the window is left out, as is the mark of a series' end.
    pub(super) fn take(&mut self, samples: &[(i64, f64)]) -> Result<(), OutOfOrder> {
        let mut rest = samples;
        while let Some((time, _)) = rest.first() {
            if *time > self.edge && !self.open(*time) {
                self.add(&[(*time, f64::from_bits(STALE))])?;
                rest = &rest[1..];
                continue;
            }
            let until = rest.iter().position(|(time, _)| *time > self.edge);
            let (own, later) = rest.split_at(until.unwrap_or(rest.len()));
            self.add(own)?;
            rest = later;
            if let Some((time, value)) = own.last()
                && *time == self.edge
                && self.left == LeftEdge::Closed
            {
                self.next(*value)?;
            }
        }
        Ok(())
    }

    /// Ends the step with a sample just at its end, which the next one begins with.
    fn next(&mut self, value: f64) -> Result<(), OutOfOrder> {
        self.close();
        let at = self.edge;
        // The window's last step has none behind it.
        if at >= self.end {
            self.edge = i64::MIN;
            return Ok(());
        }
        self.edge += self.step;
        self.last = at - 1;
        self.add(&[(at, value)])
    }

    /// Begins the step that holds this time, if the window has it.
    fn open(&mut self, time: i64) -> bool {
        self.close();
        let next = self.edge.saturating_add(self.step);
        // Most samples follow each other closely, and a division takes as long as all else.
        if self.edge != i64::MIN && time <= next && next <= self.end {
            self.edge = next;
            return true;
        }
        self.edge = i64::MIN;
        let at_the_beginning = time == self.start && self.left == LeftEdge::Closed;
        if time > self.end || time < self.start || (time == self.start && !at_the_beginning) {
            return false;
        }
        let index = (time - self.start - 1).max(0) / self.step;
        self.edge = self.start + (index + 1) * self.step;
        true
    }

    /// Adds samples to the open step.
    fn add(&mut self, samples: &[(i64, f64)]) -> Result<(), OutOfOrder> {
        // In variables of their own, sums stay in registers.
        let (mut last, mut count, mut total, mut lost) = (self.last, self.count, self.value, self.lost);
        for &(time, value) in samples {
            if time <= last {
                return Err(OutOfOrder);
            }
            last = time;
            if value.to_bits() == STALE {
                continue;
            }
            count += 1;
            match self.fold {
                // Kahan's summation in Neumaier's form, as Prometheus has it.
                Fold::Mean => {
                    let sum = total + value;
                    let (larger, smaller) = if total.abs() >= value.abs() {
                        (total, value)
                    } else {
                        (value, total)
                    };
                    lost += (larger - sum) + smaller;
                    total = sum;
                }
                Fold::Max if count == 1 || value > total || total.is_nan() => total = value,
                Fold::Max => {}
            }
        }
        (self.last, self.count, self.value, self.lost) = (last, count, total, lost);
        Ok(())
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
        self.points.push(((self.edge / 1000) as f64, value));
        (self.count, self.value, self.lost) = (0, 0.0, 0.0);
    }

    /// Says what becomes of the samples of the series that comes next.
    pub(super) fn begin(&mut self, fold: Fold) {
        self.fold = fold;
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
        let mut steps = Steps::new(grid(10), left);
        steps.begin(fold);
        let at = |(milliseconds, value): &(i64, f64)| (START * 1000 + milliseconds, *value);
        let samples: Vec<(i64, f64)> = samples.iter().map(at).collect();
        // In pieces, as chunks come.
        samples.chunks(7).for_each(|piece| steps.take(piece).unwrap());
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
        let mut steps = Steps::new(grid(10), LeftEdge::Open);
        let at = |milliseconds| [(START * 1000 + milliseconds, 1.0)];
        steps.take(&at(5)).unwrap();
        assert_eq!(steps.take(&at(5)), Err(OutOfOrder));
        assert_eq!(steps.take(&at(4)), Err(OutOfOrder));
        // Outside the window, too.
        steps.take(&at(900_000)).unwrap();
        assert_eq!(steps.take(&at(800_000)), Err(OutOfOrder));
        // Another series begins anew.
        assert_eq!(steps.finish().len(), 1);
        steps.take(&at(4)).unwrap();
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
