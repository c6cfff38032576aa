//! How often training should write a checkpoint, and what interruptions cost it then.

/// What writing checkpoints costs, and what is lost without them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Checkpoints {
    write_seconds: f64,
    mtbf_seconds: f64,
    restart_seconds: f64,
}

/// Figures from which no interval follows.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{what} must be {bound} and finite, and is {value}")]
pub struct Absurd {
    what: &'static str,
    bound: &'static str,
    value: f64,
}

impl Checkpoints {
    /// Seconds that one checkpoint takes to write, mean seconds between two interruptions, and seconds from one until work goes
    /// on.
    ///
    /// # Errors
    /// What is negative, nothing where something is needed, or no number.
    pub fn new(write_seconds: f64, mtbf_seconds: f64, restart_seconds: f64) -> Result<Self, Absurd> {
        let above = |what, value: f64| {
            let bound = "above zero";
            (value > 0.0 && value.is_finite())
                .then_some(value)
                .ok_or(Absurd { what, bound, value })
        };
        let (what, bound, value) = ("the time of a restart", "zero or more", restart_seconds);
        if !(value >= 0.0 && value.is_finite()) {
            return Err(Absurd { what, bound, value });
        }
        Ok(Self {
            write_seconds: above("the time of a checkpoint", write_seconds)?,
            mtbf_seconds: above("the mean time between interruptions", mtbf_seconds)?,
            restart_seconds,
        })
    }

    /// Seconds of work between two checkpoints by which least is lost: Daly's higher-order estimate (J. T. Daly, A higher order
    /// estimate of the optimum checkpoint interval for restart dumps, 2006, equation 37). Where writing takes twice the time
    /// between interruptions or longer, that time.
    pub fn interval_seconds(&self) -> f64 {
        let (d, m) = (self.write_seconds, self.mtbf_seconds);
        if d >= 2.0 * m {
            return m;
        }
        let ratio = d / (2.0 * m);
        (2.0 * d * m).sqrt() * (1.0 + ratio.sqrt() / 3.0 + ratio / 9.0) - d
    }

    /// The share of time that is no progress when a checkpoint follows each such interval of work: writing, half an interval
    /// done again after each interruption, and restarts. To first order (Young, 1974), and never more than all.
    pub fn waste(&self, interval_seconds: f64) -> f64 {
        let lost = interval_seconds / 2.0 + self.restart_seconds;
        (self.write_seconds / interval_seconds + lost / self.mtbf_seconds).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn checkpoints(write_minutes: f64, mtbf_minutes: f64) -> Checkpoints {
        Checkpoints::new(write_minutes * 60.0, mtbf_minutes * 60.0, 0.0).unwrap()
    }

    #[test]
    fn five_minutes_of_writing_give_the_published_intervals() {
        for (mtbf_hours, minutes) in [(24.0, 116.7), (6.0, 56.7), (0.25, 9.1)] {
            let found = checkpoints(5.0, mtbf_hours * 60.0).interval_seconds() / 60.0;
            assert!(
                (found - minutes).abs() < 0.05,
                "{found} minutes at an MTBF of {mtbf_hours} h"
            );
        }
        assert_eq!(
            checkpoints(30.0, 15.0).interval_seconds(),
            900.0,
            "writing takes too long for any"
        );
    }

    #[test]
    fn waste_is_writing_work_done_again_and_restarts() {
        let day = Checkpoints::new(300.0, 86_400.0, 600.0).unwrap();
        let waste = day.waste(6_000.0);
        assert!((waste - (0.05 + 3_600.0 / 86_400.0)).abs() < 1e-12, "{waste}");
        assert_eq!(checkpoints(30.0, 1.0).waste(60.0), 1.0);
    }

    #[test]
    fn absurd_figures_are_refused_by_name() {
        let told = |write, mtbf, restart| Checkpoints::new(write, mtbf, restart).unwrap_err().to_string();
        assert_eq!(
            told(0.0, 1.0, 0.0),
            "the time of a checkpoint must be above zero and finite, and is 0"
        );
        assert_eq!(
            told(1.0, f64::NAN, 0.0),
            "the mean time between interruptions must be above zero and finite, and is NaN"
        );
        assert_eq!(
            told(1.0, 1.0, -1.0),
            "the time of a restart must be zero or more and finite, and is -1"
        );
        assert!(Checkpoints::new(f64::INFINITY, 1.0, 0.0).is_err());
    }

    proptest! {
        /// Nearly nothing is gained by another interval, as long as interruptions are rare beside checkpoints.
        #[test]
        fn no_interval_wastes_clearly_less(write in 1.0_f64..600.0, times in 50.0_f64..5_000.0, other in 0.2_f64..5.0) {
            let checkpoints = Checkpoints::new(write, write * times, 0.0).unwrap();
            let best = checkpoints.interval_seconds();
            prop_assert!(checkpoints.waste(best) <= checkpoints.waste(best * other) * 1.01);
        }
    }
}
