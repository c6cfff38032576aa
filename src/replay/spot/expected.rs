//! What a rate of interruptions alone comes to, where there is no trace: Young's and Daly's waste, to first order.

use super::HOUR;
use super::job::Job;
use crate::replay::checkpoint::{Absurd, Checkpoints};

/// What a job on spot capacity is expected to come to at a rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// Mean hours between two interruptions of the gang, whose nodes are taken away independently of each other.
    pub mtbf_hours: f64,
    /// Seconds of work between two checkpoints; `None` where none is written.
    pub interval_seconds: Option<f64>,
    /// Time that is no progress: writing, work done again and restarts, as a share of the work. At one it is never done.
    pub waste: f64,
    /// Hours until it is done, were capacity always to be had again at once; `None` where it is never done.
    pub hours: Option<f64>,
    /// What it costs, all nodes.
    pub cost: Option<f64>,
    /// The share of the on-demand price above which spot capacity saves nothing.
    pub breaks_even_at: f64,
}

/// At this mean time between interruptions of one node. `write_seconds` is how long a checkpoint takes; without it the restart is
/// all that is lost. The interval is Daly's, unless one is given.
///
/// # Errors
/// A time that is none.
pub fn expected(
    job: &Job,
    node_mtbf_hours: f64,
    write_seconds: Option<f64>,
    interval_seconds: Option<f64>,
    spot_hourly: f64,
) -> Result<Expected, Absurd> {
    let mtbf_hours = node_mtbf_hours / f64::from(job.nodes);
    let restart = job.restart as f64;
    // A second of writing stands in where there is none, to have the other figures looked at.
    let checkpoints = Checkpoints::new(write_seconds.unwrap_or(1.0), mtbf_hours * HOUR, restart)?;
    let interval = write_seconds.map(|_| interval_seconds.unwrap_or_else(|| checkpoints.interval_seconds()));
    let waste = match interval {
        Some(interval) => checkpoints.waste(interval),
        None => (restart / (mtbf_hours * HOUR)).min(1.0),
    };
    let hours = (waste < 1.0).then(|| job.work as f64 / HOUR * (1.0 + waste));
    Ok(Expected {
        mtbf_hours,
        interval_seconds: interval,
        waste,
        hours,
        cost: hours.map(|hours| hours * spot_hourly * f64::from(job.nodes)),
        breaks_even_at: 1.0 / (1.0 + waste),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(nodes: u32, restart: i64) -> Job {
        Job::new(48 * 3_600, 60 * 3_600, restart, None, nodes).unwrap()
    }

    /// lambda = 0.2 an hour, a minute of writing, ten minutes of restart.
    #[test]
    fn waste_is_what_was_published() {
        let found = expected(&job(1, 600), 5.0, Some(60.0), None, 1.0).unwrap();
        assert!((found.waste - 0.115).abs() < 0.001, "{}", found.waste);
        assert!((found.hours.unwrap() - 48.0 * (1.0 + found.waste)).abs() < 1e-9);
        assert!((found.breaks_even_at - 1.0 / 1.115).abs() < 0.001);
    }

    #[test]
    fn a_gang_is_interrupted_as_often_as_any_of_its_nodes() {
        let found = expected(&job(8, 360), 8.0, None, None, 2.0).unwrap();
        assert_eq!((found.mtbf_hours, found.interval_seconds), (1.0, None));
        assert!((found.waste - 0.1).abs() < 1e-12 && (found.cost.unwrap() - 48.0 * 1.1 * 16.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_never_done_has_no_cost() {
        let found = expected(&job(64, 3_600), 2.0, None, None, 1.0).unwrap();
        assert_eq!((found.waste, found.hours, found.cost), (1.0, None, None));
        assert!(expected(&job(1, 0), 0.0, None, None, 1.0).is_err());
        assert!(expected(&job(1, 0), f64::NAN, Some(60.0), None, 1.0).is_err());
    }
}
