//! How often runs of a workload were interrupted within the window, and what that cost them.

use crate::model::time::Window;
use crate::model::workload::Workload;
use crate::recommenders::runs::{self, Run, SPREAD_AT_MOST, Usual};
use crate::replay::spot::bounds::{Rate, garwood};

/// What was seen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    /// Times that a run went on in another pod once it had none.
    pub(super) interruptions: u64,
    /// How often that is, per hour of a run, with Garwood's interval at 95 %; `None` where no run was there.
    pub(super) rate: Option<Rate>,
    /// The length of a run that nothing interrupts, or how many such runs were seen in vain.
    pub(super) usual: Result<Usual, usize>,
    /// Runs that began and ended within the window, those left out of which nobody can tell how much they did again.
    pub(super) told: Vec<Run>,
    /// Hours that an interruption costs beyond work done again, at most.
    restart_hours: f64,
}

/// Hours that an interruption cost, restart included: by the longest, the median and the shortest of the usual runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lost {
    pub(super) least: f64,
    pub(super) median: f64,
    pub(super) most: f64,
}

impl Lost {
    /// The same, whatever a run takes.
    pub(super) fn exactly(hours: f64) -> Self {
        Self {
            least: hours,
            median: hours,
            most: hours,
        }
    }
}

/// Reads the runs of the window. `restart_hours` are those that an interruption costs beyond work done again, at most.
pub(super) fn seen(workload: &Workload, window: Window, restart_hours: f64) -> Seen {
    of_runs(runs::of(workload, window), restart_hours)
}

fn of_runs(runs: Vec<Run>, restart_hours: f64) -> Seen {
    let hours: f64 = runs.iter().map(Run::together).sum();
    let interruptions = runs.iter().map(|run| run.parts.len() as u64 - 1).sum();
    let complete: Vec<Run> = runs.into_iter().filter(|run| run.complete).collect();
    let usual = runs::usual(&complete);
    let tells = |run: &Run| match usual {
        Ok(usual) => is_usual(run, usual, restart_hours),
        Err(_) => false,
    };
    Seen {
        interruptions,
        rate: garwood(interruptions, hours, 0.95),
        usual,
        told: complete.into_iter().filter(tells).collect(),
        restart_hours,
    }
}

/// Hours that its interruptions can have cost a run: what it had done, and restarts.
fn at_stake(run: &Run, restart_hours: f64) -> f64 {
    let parts = run.hours();
    let before = parts.split_last().map_or(&[][..], |(_, before)| before);
    before.iter().sum::<f64>() + restart_hours * before.len() as f64
}

/// Whether it did what others did: it took no longer than what it can have done again explains, beside what runs differ by, and was
/// not given up.
fn is_usual(run: &Run, usual: Usual, restart_hours: f64) -> bool {
    let beyond = run.together() - usual.most;
    let explained = at_stake(run, restart_hours) + usual.most - usual.least;
    beyond <= explained && run.together() >= usual.median * (1.0 - SPREAD_AT_MOST)
}

impl Seen {
    /// Runs that were interrupted and tell how much they did again.
    pub(super) fn broken(&self) -> impl Iterator<Item = &Run> {
        self.told.iter().filter(|run| run.parts.len() > 1)
    }

    /// What an interruption cost on average; `None` where nothing tells.
    pub(super) fn lost(&self) -> Option<Lost> {
        let usual = self.usual.ok()?;
        let count: usize = self.broken().map(|run| run.parts.len() - 1).sum();
        let beyond = |length: f64| {
            let of = |run: &Run| {
                let most = at_stake(run, self.restart_hours);
                (run.together() - length).clamp(0.0, most)
            };
            self.broken().map(of).sum::<f64>() / count as f64
        };
        (count > 0).then(|| Lost {
            least: beyond(usual.most),
            median: beyond(usual.median),
            most: beyond(usual.least),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A run with these hours from and to which it was there.
    pub(in crate::recommenders::checkpointing) fn run(parts: &[(f64, f64)]) -> Run {
        let seconds = |hours: f64| (hours * 3_600.0).round() as i64;
        Run {
            parts: parts.iter().map(|(from, to)| (seconds(*from), seconds(*to))).collect(),
            complete: true,
        }
    }

    /// What such runs show, a restart being ten minutes.
    pub(in crate::recommenders::checkpointing) fn shown(runs: &[Run]) -> Seen {
        of_runs(runs.to_vec(), 1.0 / 6.0)
    }

    fn whole() -> Vec<Run> {
        [5.9, 6.0, 6.3].map(|hours| run(&[(0.0, hours)])).to_vec()
    }

    fn lost(broken: Run) -> Option<Lost> {
        let mut runs = whole();
        runs.push(broken);
        shown(&runs).lost()
    }

    #[test]
    fn what_a_run_did_again_is_what_it_took_longer_than_others() {
        let anew = lost(run(&[(0.0, 4.0), (4.5, 10.5)])).unwrap();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} is not {b}");
        near(anew.least, 3.7);
        near(anew.median, 4.0);
        near(anew.most, 4.1);
        // Its own work took longer than that of any other: it did no more again than it had done.
        let longer = lost(run(&[(0.0, 4.0), (4.5, 11.1)])).unwrap();
        near(longer.least, 4.0 + 1.0 / 6.0);
        // Two interruptions share what was done again.
        let twice = lost(run(&[(0.0, 2.0), (2.1, 3.1), (3.2, 8.2)])).unwrap();
        near(twice.median, 1.0);
        let resumed = lost(run(&[(0.0, 4.0), (4.5, 6.3)])).unwrap();
        assert_eq!(resumed.least, 0.0, "the longest run took longer");
    }

    #[test]
    fn a_run_that_did_something_else_tells_nothing() {
        // It had done one hour, and took five hours longer than any.
        assert_eq!(lost(run(&[(0.0, 1.0), (1.5, 11.8)])), None);
        // It was given up.
        assert_eq!(lost(run(&[(0.0, 1.0), (1.5, 3.0)])), None);
        // It is not done, and was interrupted all the same.
        let mut runs = whole();
        runs.push(Run {
            complete: false,
            ..run(&[(0.0, 4.0), (4.5, 10.5)])
        });
        let seen = shown(&runs);
        assert_eq!((seen.lost(), seen.interruptions), (None, 1));
        let rate = seen.rate.unwrap();
        assert!((rate.hours - 28.2).abs() < 1e-9, "{rate:?}");
    }

    #[test]
    fn runs_that_differ_tell_no_length() {
        let runs = [1.0, 6.0, 6.0, 12.0].map(|hours| run(&[(0.0, hours)]));
        let seen = shown(&runs);
        assert_eq!((seen.usual, seen.lost()), (Err(4), None));
        assert_eq!(shown(&[]).rate, None);
    }
}
