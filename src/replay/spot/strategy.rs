//! On what a job runs next: spot capacity, on-demand capacity or nothing. Decided every second, from what is known then.

use std::fmt;
use std::str::FromStr;

use super::job::Job;

/// A way to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strategy {
    /// On-demand capacity from the beginning to the end.
    OnDemand,
    /// Spot capacity when it is there, and nothing otherwise.
    SpotOnly,
    /// Spot capacity when it is there, and on-demand capacity otherwise, with a restart at each change.
    SpotElseOnDemand,
    /// Spot capacity until only on-demand capacity can still hold the deadline.
    Greedy,
    /// Progress along the line to the deadline: spot capacity when it is there; otherwise on-demand capacity while progress is
    /// behind the line, until it is ahead of the line of two restarts later; and the safety net of `greedy` (Wu and others,
    /// Can't Be Late, NSDI 2024).
    UniformProgress,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::OnDemand,
        Self::SpotOnly,
        Self::SpotElseOnDemand,
        Self::Greedy,
        Self::UniformProgress,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::OnDemand => "on-demand",
            Self::SpotOnly => "spot-only",
            Self::SpotElseOnDemand => "spot-else-on-demand",
            Self::Greedy => "greedy",
            Self::UniformProgress => "uniform-progress",
        }
    }

    /// Whether it holds every deadline that on-demand capacity holds, as long as that is there when it is asked for.
    pub fn holds_deadlines(self) -> bool {
        !matches!(self, Self::SpotOnly | Self::SpotElseOnDemand)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Strategy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|strategy| strategy.name() == text);
        found.ok_or_else(|| format!("`{text}` is none of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// What a job runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Idle,
    Spot,
    /// On-demand capacity for now.
    Fallback,
    /// On-demand capacity until it is done.
    Net,
}

/// What is known at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub(super) on: On,
    /// Seconds since the job's beginning.
    pub(super) elapsed: i64,
    /// Seconds of work that are done.
    pub(super) done: i64,
    /// Whether it ran before, so that to run again costs a restart.
    pub(super) ran: bool,
    /// Whether it is starting.
    pub(super) starts: bool,
    /// Whether all that is done is saved, and none is being saved.
    pub(super) saved: bool,
    /// Whether spot capacity is there.
    pub(super) spot: bool,
}

impl View {
    /// Seconds by which the deadline is farther away than work, two restarts and what an interruption may cost on spot capacity.
    /// At nought it may still be tried; below, only on-demand capacity holds the deadline.
    fn margin(&self, job: &Job, launch: i64) -> i64 {
        let left = job.work - self.done;
        job.deadline - self.elapsed - left - launch - job.at_risk(left) - job.restart
    }

    /// The same, of another second without anything: where nothing is kept in reserve for spot capacity, that second itself is
    /// what would be missing.
    fn margin_to_wait(&self, job: &Job, launch: i64) -> i64 {
        let reserve = job.at_risk(job.work - self.done) + job.restart;
        self.margin(job, launch) - i64::from(reserve == 0)
    }

    fn launch(&self, job: &Job) -> i64 {
        if self.ran { job.restart } else { 0 }
    }

    /// How far progress is ahead of the line at a later second, in seconds of work times seconds of the deadline.
    fn ahead(&self, job: &Job, later: i64) -> i128 {
        i128::from(self.done) * i128::from(job.deadline) - i128::from(self.elapsed + later) * i128::from(job.work)
    }
}

impl Strategy {
    /// What it runs on in the second that begins.
    pub(super) fn choose(self, job: &Job, view: &View) -> On {
        match self {
            Self::OnDemand => On::Net,
            Self::SpotOnly if view.spot => On::Spot,
            Self::SpotOnly => On::Idle,
            Self::SpotElseOnDemand if view.spot => On::Spot,
            Self::SpotElseOnDemand => On::Fallback,
            Self::Greedy | Self::UniformProgress => self.with_a_net(job, view),
        }
    }

    fn with_a_net(self, job: &Job, view: &View) -> On {
        match view.on {
            On::Net => On::Net,
            // Between two checkpoints nothing is to be gained by leaving.
            On::Spot if view.starts || !view.saved => On::Spot,
            On::Spot if view.margin(job, 0) < 0 && job.interval.is_some() => On::Net,
            On::Spot => On::Spot,
            On::Idle if view.margin(job, view.launch(job)) < 0 => On::Net,
            On::Idle if view.spot => On::Spot,
            On::Idle if view.margin_to_wait(job, view.launch(job)) < 0 => On::Net,
            On::Idle if self == Self::UniformProgress && view.ahead(job, 0) < 0 => On::Fallback,
            On::Idle => On::Idle,
            On::Fallback if view.starts || view.ahead(job, 2 * job.restart) < 0 => On::Fallback,
            On::Fallback if view.margin(job, job.restart) < 0 => On::Net,
            On::Fallback if view.spot => On::Spot,
            On::Fallback if view.margin_to_wait(job, job.restart) < 0 => On::Net,
            On::Fallback => On::Idle,
        }
    }

    /// For how many seconds, at least, the choice stays as it is while spot capacity neither comes nor goes, nothing begins to
    /// work or is saved, and work goes on where it goes on.
    pub(super) fn stays_for(self, job: &Job, view: &View) -> i64 {
        match (self, view.on) {
            (Self::Greedy | Self::UniformProgress, On::Idle) => {
                let net = view.margin_to_wait(job, view.launch(job)) + 1;
                let line = match self {
                    // What is ahead shrinks by `work` each second.
                    Self::UniformProgress => seconds(view.ahead(job, 0), job.work) + 1,
                    _ => i64::MAX,
                };
                net.min(line).max(1)
            }
            (Self::UniformProgress, On::Fallback) if !view.starts => {
                let behind = -view.ahead(job, 2 * job.restart);
                let gain = job.deadline - job.work;
                match behind > 0 && gain > 0 {
                    // Rounded up: at that second it has caught up.
                    true => seconds(behind + i128::from(gain) - 1, gain).max(1),
                    false if behind > 0 => i64::MAX,
                    false => 1,
                }
            }
            _ => i64::MAX,
        }
    }
}

fn seconds(product: i128, by: i64) -> i64 {
    i64::try_from(product.max(0) / i128::from(by.max(1))).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_printed() {
        for strategy in Strategy::ALL {
            assert_eq!(strategy.to_string().parse(), Ok(strategy));
        }
        let told = "yolo".parse::<Strategy>().unwrap_err();
        assert!(told.starts_with("`yolo` is none of on-demand, spot-only"), "{told}");
    }

    fn view(on: On, elapsed: i64, done: i64) -> View {
        View {
            on,
            elapsed,
            done,
            ran: true,
            starts: false,
            saved: true,
            spot: false,
        }
    }

    /// Ten hours of work in fourteen, a restart of ten minutes.
    fn job() -> Job {
        Job::new(36_000, 50_400, 600, None, 1).unwrap()
    }

    #[test]
    fn the_net_is_cast_at_the_last_moment() {
        // An hour of work, thirteen hours gone: of the hour left nothing may be lost.
        let job = job();
        let idle = |elapsed| Strategy::Greedy.choose(&job, &view(On::Idle, elapsed, 32_400));
        let last = 50_400 - 3_600 - 2 * 600;
        assert_eq!((idle(last), idle(last + 1)), (On::Idle, On::Net));
        assert_eq!(Strategy::Greedy.stays_for(&job, &view(On::Idle, last - 7, 32_400)), 8);
    }

    #[test]
    fn who_is_ahead_waits_and_who_is_behind_pays() {
        let job = job();
        let idle = |done| Strategy::UniformProgress.choose(&job, &view(On::Idle, 14_000, done));
        // The line is at 10,000 seconds of work.
        assert_eq!((idle(10_000), idle(9_999)), (On::Idle, On::Fallback));
        let paid = |done, spot| {
            let view = View {
                spot,
                ..view(On::Fallback, 14_000, done)
            };
            Strategy::UniformProgress.choose(&job, &view)
        };
        // Two restarts later the line is at 10,857.2.
        assert_eq!(paid(10_857, true), On::Fallback);
        assert_eq!((paid(10_858, true), paid(10_858, false)), (On::Spot, On::Idle));
    }
}
