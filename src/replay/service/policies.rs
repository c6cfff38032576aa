//! What says how many replicas there are: what really was, a number that stays, a horizontal pod autoscaler.

use super::pool::{Policy, Seen};
use crate::model::requests::RequestHistory;
use crate::replay::hpa::proposal::{Tolerance, by_average_value};
use crate::replay::hpa::spec::{Behavior, Rules};
use crate::replay::hpa::{Autoscaler, Controller, Faults, Flags};

/// As many as took requests at the time.
#[derive(Debug, Clone, PartialEq)]
pub struct AsItWas {
    servers: Vec<u32>,
    step_seconds: f64,
    /// Seconds for which its replicas held GPUs, day by day; empty where nobody knows.
    held: Vec<f64>,
}

impl AsItWas {
    /// What servers told; where none of them is known, as many as before.
    pub fn of(history: &RequestHistory) -> Self {
        let first = history.servers.samples().next().map_or(0.0, |(_, servers)| servers);
        let mut last = first.round() as u32;
        let points = 0..history.grid.points();
        let servers = points.map(|at| {
            last = history.servers.get(at).map_or(last, |servers| servers.round() as u32);
            last
        });
        Self {
            servers: servers.collect(),
            step_seconds: f64::from(history.grid.step_seconds),
            held: Vec::new(),
        }
    }

    /// The same, where it is known for how many seconds of each day its replicas held GPUs, those that start or end among them.
    pub fn holding(self, held: &[f64]) -> Self {
        let held = held.to_vec();
        Self { held, ..self }
    }

    /// The most that there were.
    pub fn most(&self) -> u32 {
        self.servers.iter().copied().max().unwrap_or(0)
    }

    /// Seconds for which replicas were there on each day, ready or not; no less than they were ready.
    pub fn replica_seconds(&self) -> Vec<f64> {
        let held = self.held.iter().copied().chain(std::iter::repeat(0.0));
        let ready = self.ready_seconds().into_iter();
        ready.zip(held).map(|(ready, held)| ready.max(held)).collect()
    }

    /// Seconds for which replicas took requests on each day.
    pub fn ready_seconds(&self) -> Vec<f64> {
        let a_day = (super::pool::DAY / self.step_seconds) as usize;
        let of = |day: &[u32]| day.iter().map(|servers| f64::from(*servers)).sum::<f64>() * self.step_seconds;
        self.servers.chunks(a_day.max(1)).map(of).collect()
    }
}

impl Policy for AsItWas {
    fn first(&self) -> u32 {
        self.servers.first().copied().unwrap_or(0)
    }

    fn wanted(&mut self, seen: &Seen) -> u32 {
        let at = (seen.now as f64 / 1_000.0 / self.step_seconds) as usize;
        self.servers.get(at).or(self.servers.last()).copied().unwrap_or(0)
    }

    fn is_of_ready(&self) -> bool {
        true
    }
}

/// What an autoscaler looks at: requests, summed over the pool, of which each replica is to have so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Watched {
    /// In execution.
    Running,
    /// In execution and waiting: grows with what is asked even where replicas are full.
    InFlight,
    /// Waiting.
    Waiting,
}

/// How many replicas there are to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// So many, always.
    Fixed(u32),
    /// As an autoscaler says.
    Scaled(Scaling),
}

/// An autoscaler with one metric whose target is an average over replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scaling {
    /// What it looks at.
    pub watched: Watched,
    /// The target, in thousandths of a request a replica.
    pub target_milli: i64,
    /// Fewest replicas; with none, the last goes once nothing was asked for as long as replicas wait before there are fewer, and
    /// the first comes back when a request waits, as KEDA does it.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
    /// Seconds for which the largest recommendation holds before there are fewer.
    pub down_window: i64,
}

impl Setting {
    /// The policy that it is.
    pub fn policy(self) -> Box<dyn Policy> {
        match self {
            Self::Fixed(replicas) => Box::new(Fixed(replicas)),
            Self::Scaled(scaling) => Box::new(Scaled::new(scaling)),
        }
    }

    /// The fewest replicas.
    pub fn min(self) -> u32 {
        match self {
            Self::Fixed(replicas) => replicas,
            Self::Scaled(scaling) => scaling.min,
        }
    }
}

/// So many, always.
#[derive(Debug, Clone, Copy)]
struct Fixed(u32);

impl Policy for Fixed {
    fn first(&self) -> u32 {
        self.0
    }

    fn wanted(&mut self, _: &Seen) -> u32 {
        self.0
    }
}

/// The autoscaler of Kubernetes with its defaults but for one window.
#[derive(Debug, Clone)]
pub struct Scaled {
    scaling: Scaling,
    autoscaler: Autoscaler,
    controller: Controller,
    /// Since when nothing has been asked, in milliseconds, and how many requests had arrived when it looked last.
    idle_since: Option<i64>,
    arrived: f64,
}

/// Milliseconds from one look at a trigger to the next: KEDA's default.
const POLL: i64 = 30_000;

const FLAGS: Flags = Flags {
    downscale_stabilization_seconds: 300,
    scale_to_zero: false,
};

const TOLERANCE: Tolerance = Tolerance { up: 0.1, down: 0.1 };

impl Scaled {
    /// One that has just begun.
    pub fn new(scaling: Scaling) -> Self {
        let number = |replicas: u32| i32::try_from(replicas).unwrap_or(i32::MAX);
        let down = Rules {
            stabilization_window_seconds: Some(scaling.down_window),
            ..Rules::default()
        };
        let behavior = Behavior {
            scale_up: None,
            scale_down: Some(down),
        };
        Self {
            scaling,
            controller: Controller::default(),
            idle_since: None,
            arrived: 0.0,
            autoscaler: Autoscaler {
                // What goes to none and comes back is no decision of the autoscaler.
                min: number(scaling.min.max(1)),
                max: number(scaling.max),
                behavior: Some(behavior.defaulted()),
                tolerance: TOLERANCE,
                has_metric_without_pods: true,
            },
        }
    }

    /// What it wants at this time of so much that it watches, in thousandths, where anything was asked since it looked last, or
    /// nothing was.
    pub fn next(&mut self, now: i64, (wanted, there): (u32, u32), (watched, asked): (i64, bool)) -> u32 {
        if self.scaling.min == 0 {
            self.idle_since = match asked {
                true => None,
                false => self.idle_since.or(Some(now)),
            };
            if wanted == 0 {
                return u32::from(asked && now % POLL == 0);
            }
            if self
                .idle_since
                .is_some_and(|since| now - since >= self.scaling.down_window * 1_000)
            {
                return 0;
            }
        }
        let current = i32::try_from(wanted).unwrap_or(i32::MAX);
        let of = i32::try_from(there).unwrap_or(i32::MAX);
        let target = self.scaling.target_milli;
        let proposals = || vec![Ok(by_average_value(watched, target, of, TOLERANCE).replicas)];
        let synced = self
            .controller
            .sync((&self.autoscaler, FLAGS), (now, current), Faults::default(), proposals);
        synced
            .written
            .and_then(|written| u32::try_from(written).ok())
            .unwrap_or(wanted)
    }
}

impl Policy for Scaled {
    fn first(&self) -> u32 {
        self.scaling.max
    }

    fn wanted(&mut self, seen: &Seen) -> u32 {
        let watched = match self.scaling.watched {
            Watched::Running => seen.running,
            Watched::InFlight => seen.running + seen.waiting,
            Watched::Waiting => seen.waiting,
        };
        let watched = (watched * 1_000.0).round() as i64;
        // A request may come and go between two looks: a counter tells of it, and a gauge does not.
        let asked = seen.running + seen.waiting > 0.0 || seen.arrived > self.arrived;
        self.arrived = seen.arrived;
        self.next(seen.now, (seen.wanted, seen.there), (watched, asked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::usage::Column;
    use crate::replay::service::demand::tests::grid;

    fn seen(now: i64, wanted: u32, running: f64, waiting: f64) -> Seen {
        Seen {
            now: now * 1_000,
            wanted,
            there: wanted,
            ready: wanted,
            running,
            waiting,
            arrived: 0.0,
        }
    }

    #[test]
    fn the_last_replica_goes_when_nothing_was_asked_and_comes_back_at_a_look_at_its_trigger() {
        let mut scaled = Scaled::new(Scaling {
            watched: Watched::InFlight,
            target_milli: 8_000,
            min: 0,
            max: 6,
            down_window: 300,
        });
        assert_eq!(scaled.wanted(&seen(15, 1, 1.0, 0.0)), 1);
        let mut wanted = 1;
        for now in (30..=345).step_by(15) {
            wanted = scaled.wanted(&seen(now, wanted, 0.0, 0.0));
            assert_eq!(wanted, u32::from(now < 330), "{now}");
        }
        // A request waits: it is seen when the trigger is looked at.
        assert_eq!(scaled.wanted(&seen(375, 0, 0.0, 1.0)), 0);
        assert_eq!(scaled.wanted(&seen(390, 0, 0.0, 1.0)), 1);
        assert_eq!(scaled.wanted(&seen(405, 1, 0.0, 9.0)), 2);
        // One that came and went between two looks is asked, too: only its count tells of it.
        let mut asked = seen(420, 1, 0.0, 0.0);
        for now in (420..=1_020).step_by(15) {
            asked.now = now * 1_000;
            asked.arrived += if now == 705 { 1.0 } else { 0.0 };
            assert_eq!(scaled.wanted(&asked), u32::from(now < 1_020), "{now}");
        }
    }

    #[test]
    fn an_autoscaler_follows_what_is_in_flight_and_waits_before_it_goes_down() {
        let mut scaled = Scaled::new(Scaling {
            watched: Watched::InFlight,
            target_milli: 8_000,
            min: 1,
            max: 6,
            down_window: 600,
        });
        assert_eq!(scaled.wanted(&seen(15, 2, 30.0, 1.0)), 4);
        assert_eq!(scaled.wanted(&seen(30, 4, 90.0, 40.0)), 6, "no more than the most");
        let mut wanted = 6;
        for now in (45..=630).step_by(15) {
            wanted = scaled.wanted(&seen(now, wanted, 4.0, 0.0));
            let expected = if now < 630 { 6 } else { 1 };
            assert_eq!(wanted, expected, "{now}");
        }
    }

    #[test]
    fn what_was_is_told_step_by_step_and_kept_over_gaps() {
        let mut history = RequestHistory::unknown(grid(5, 15));
        history.servers = Column::from_options([Some(2.0), None, Some(3.0), None, Some(1.0)]);
        let mut was = AsItWas::of(&history);
        assert_eq!((was.first(), was.most()), (2, 3));
        let told: Vec<u32> = (0..5).map(|at| was.wanted(&seen(at * 15, 0, 0.0, 0.0))).collect();
        assert_eq!(told, [2, 2, 3, 3, 1]);
        assert_eq!(was.replica_seconds(), [11.0 * 15.0]);
    }
}
