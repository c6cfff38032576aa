//! What owners tell of a job's checkpoints by annotation, as nothing measures it: how long one takes to write, and how often one
//! is written.

use super::latency::duration;
use super::overrides::{Overrides, PREFIX};
use crate::model::cluster::Labels;

/// How long one takes to write, behind the prefix.
pub const WRITE: &str = "checkpoint-write";

/// From one to the next.
pub const INTERVAL: &str = "checkpoint-interval";

/// Which of the annotations count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CheckpointFacts {
    write: bool,
    interval: bool,
}

/// What is told of one workload, in seconds; `None` where nothing is, or nothing that can be meant.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ToldCheckpoints {
    /// That one takes to write.
    pub write: Option<f64>,
    /// From one to the next.
    pub interval: Option<f64>,
}

impl CheckpointFacts {
    pub(super) fn new(overrides: &Overrides) -> Self {
        Self {
            write: overrides.allows(WRITE),
            interval: overrides.allows(INTERVAL),
        }
    }

    /// What a workload's annotations tell. Those without effect are told where all annotations are.
    pub fn of(self, annotations: &Labels) -> ToldCheckpoints {
        let told = |allowed: bool, key: &str| {
            let value = annotations.get(&format!("{PREFIX}{key}")).filter(|_| allowed)?;
            seconds(value).ok()
        };
        ToldCheckpoints {
            write: told(self.write, WRITE),
            interval: told(self.interval, INTERVAL),
        }
    }
}

/// Seconds of such an annotation.
///
/// # Errors
/// Why it tells none.
pub(super) fn seconds(value: &str) -> Result<f64, String> {
    Ok(duration(value)?.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(annotations: &[(&str, &str)], facts: CheckpointFacts) -> (Option<f64>, Option<f64>) {
        let annotations = annotations.iter();
        let annotations = annotations.map(|(key, value)| (format!("{PREFIX}{key}"), (*value).to_owned()));
        let told = facts.of(&annotations.collect());
        (told.write, told.interval)
    }

    #[test]
    fn times_are_told_and_what_is_none_is_not_known() {
        let both = CheckpointFacts {
            write: true,
            interval: true,
        };
        let of = |write, interval| told(&[(WRITE, write), (INTERVAL, interval)], both);
        assert_eq!(of("90s", "30m"), (Some(90.0), Some(1_800.0)));
        assert_eq!(of("0s", "every hour"), (None, None));
        assert_eq!(told(&[], both), (None, None));
        let one = CheckpointFacts {
            interval: false,
            ..both
        };
        let found = told(&[(WRITE, "1.5m"), (INTERVAL, "30m")], one);
        assert_eq!(found, (Some(90.0), None), "the policy allows one only");
    }
}
