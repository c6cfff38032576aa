//! A pool of replicas under a policy that says how many there are, replayed event by event.

use super::outcome::Day;
use super::replica::{Phase, Replica, Request, Service, Steps};
use crate::replay::random::Draws;

/// How requests are spread over replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// To the one with the fewest requests, as an endpoint picker or a gateway that counts them does.
    LeastLoaded,
    /// To any, as a Service of Kubernetes does.
    Random,
}

/// What a policy sees at one sync.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Milliseconds since the replay began.
    pub now: i64,
    /// Replicas that are wanted.
    pub wanted: u32,
    /// Replicas that are there and are not going away.
    pub there: u32,
    /// Of these, those that take requests.
    pub ready: u32,
    /// Requests in execution.
    pub running: f64,
    /// Requests that wait.
    pub waiting: f64,
    /// Requests that have arrived so far.
    pub arrived: f64,
}

/// What a ready replica holds at one sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holds {
    /// Requests in execution.
    pub running: usize,
    /// Requests that wait.
    pub waiting: usize,
}

/// What says how many replicas there are.
pub trait Policy {
    /// How many there are at the beginning.
    fn first(&self) -> u32;

    /// What each ready replica holds; told just before it is asked.
    fn told(&mut self, _each: &mut dyn Iterator<Item = Holds>) {}

    /// How many are wanted from now on.
    fn wanted(&mut self, seen: &Seen) -> u32;

    /// Whether what is added takes requests at once: a policy that tells how many were ready, and not how many were wanted.
    fn is_of_ready(&self) -> bool {
        false
    }
}

/// What surrounds the replicas.
#[derive(Debug, Clone, PartialEq)]
pub struct Surroundings {
    /// How requests are spread.
    pub routing: Routing,
    /// Whether something holds requests while no replica is ready; else they are refused.
    pub holds_requests: bool,
    /// Seconds from the wish for a replica to its readiness, one of which is drawn each time; never empty.
    pub start_seconds: Vec<f64>,
    /// Seconds that a replica has to finish what it has begun when it is to go.
    pub grace_seconds: f64,
    /// Seconds between two looks of the policy.
    pub sync_seconds: f64,
    /// What is drawn is drawn from this.
    pub seed: u64,
}

/// When the load is known, as (first second, one past the last) since the replay began.
pub type Known = [(f64, f64)];

/// A day, in seconds.
pub const DAY: f64 = 86_400.0;

struct Pool<'a> {
    steps: Steps<'a>,
    around: &'a Surroundings,
    replicas: Vec<Replica>,
    held: Vec<Request>,
    wanted: u32,
    arrived: f64,
    draws: Draws,
    days: Vec<Day>,
}

/// Replays arrivals, in order of time, through a pool; a figure of a day is that of the arrivals and replicas of the day.
pub fn replay(
    service: &Service,
    around: &Surroundings,
    policy: &mut dyn Policy,
    arrivals: impl IntoIterator<Item = Request>,
    seconds: f64,
) -> Vec<Day> {
    let days = (seconds / DAY).ceil() as usize;
    let mut pool = Pool {
        steps: Steps::new(service),
        around,
        replicas: Vec::new(),
        held: Vec::new(),
        wanted: policy.first(),
        arrived: 0.0,
        draws: Draws::apart(around.seed, 1),
        days: vec![Day::default(); days.max(1)],
    };
    for _ in 0..pool.wanted {
        pool.replicas.push(Replica::new(0.0, Phase::Ready));
    }
    let mut arrivals = arrivals.into_iter().peekable();
    let mut sync = around.sync_seconds;
    loop {
        let arrival = arrivals.peek().map_or(f64::INFINITY, |request| request.at);
        let (which, event) = pool.next_event();
        let now = arrival.min(event).min(sync);
        if now > seconds {
            break;
        }
        if event <= now {
            pool.happens(which, now);
        } else if arrival <= now {
            if let Some(request) = arrivals.next() {
                pool.arrives(request);
            }
        } else {
            pool.sync(policy, now);
            sync += around.sync_seconds;
        }
    }
    pool.end(seconds);
    pool.days
}

impl Pool<'_> {
    fn day(&mut self, now: f64) -> usize {
        ((now / DAY) as usize).min(self.days.len() - 1)
    }

    fn next_event(&self) -> (usize, f64) {
        let mut first = (0, f64::INFINITY);
        for (at, replica) in self.replicas.iter().enumerate() {
            let due = match replica.phase {
                Phase::Starting { ready_at } => ready_at,
                Phase::Ready => replica.next,
                Phase::Draining { until } => replica.next.min(until),
            };
            if due < first.1 {
                first = (at, due);
            }
        }
        first
    }

    fn happens(&mut self, which: usize, now: f64) {
        let day = self.day(now);
        let replica = &mut self.replicas[which];
        match replica.phase {
            Phase::Starting { .. } => {
                replica.phase = Phase::Ready;
                for request in std::mem::take(&mut self.held) {
                    self.place(request, now);
                }
            }
            Phase::Draining { until } if until <= now && replica.next > now => {
                let broken = replica.break_off();
                self.days[day].refused += broken as f64;
                self.gone(which, now);
            }
            Phase::Ready => replica.turn(now, &self.steps, &mut self.days[day]),
            Phase::Draining { .. } => {
                replica.turn(now, &self.steps, &mut self.days[day]);
                if replica.running() + replica.waiting() == 0 {
                    self.gone(which, now);
                }
            }
        }
    }

    fn arrives(&mut self, request: Request) {
        let day = self.day(request.at);
        self.days[day].arrived += 1.0;
        self.arrived += 1.0;
        self.place(request, request.at);
    }

    fn place(&mut self, request: Request, now: f64) {
        let day = self.day(now);
        let is_ready = |replica: &Replica| replica.phase == Phase::Ready;
        let ready = self.replicas.iter().filter(|replica| is_ready(replica)).count();
        if ready == 0 {
            match self.around.holds_requests {
                true => {
                    self.days[day].held += 1.0;
                    self.held.push(request);
                }
                false => self.days[day].refused += 1.0,
            }
            return;
        }
        let ready = self.replicas.iter_mut().filter(|replica| is_ready(replica));
        let chosen = match self.around.routing {
            Routing::LeastLoaded => ready.min_by_key(|replica| replica.running() + replica.waiting()),
            Routing::Random => {
                let number = self.draws.below(self.replicas_ready());
                self.replicas.iter_mut().filter(|replica| is_ready(replica)).nth(number)
            }
        };
        if let Some(replica) = chosen {
            replica.take(request, now, &self.steps, &mut self.days[day]);
        }
    }

    fn replicas_ready(&self) -> usize {
        let ready = self.replicas.iter().filter(|replica| replica.phase == Phase::Ready);
        ready.count()
    }

    fn sync(&mut self, policy: &mut dyn Policy, now: f64) {
        let stays = |replica: &&Replica| !matches!(replica.phase, Phase::Draining { .. });
        let running: usize = self.replicas.iter().map(Replica::running).sum();
        let waiting: usize = self.replicas.iter().map(Replica::waiting).sum::<usize>() + self.held.len();
        let seen = Seen {
            now: (now * 1_000.0).round() as i64,
            wanted: self.wanted,
            there: self.replicas.iter().filter(stays).count() as u32,
            ready: self.replicas_ready() as u32,
            running: running as f64,
            waiting: waiting as f64,
            arrived: self.arrived,
        };
        let day = self.day(now);
        self.days[day].in_flight.add(seen.running + seen.waiting, 1.0);
        let ready = self.replicas.iter().filter(|replica| replica.phase == Phase::Ready);
        let holds = |replica: &Replica| Holds {
            running: replica.running(),
            waiting: replica.waiting(),
        };
        policy.told(&mut ready.map(holds));
        self.wanted = policy.wanted(&seen);
        for _ in seen.there..self.wanted {
            let phase = if policy.is_of_ready() {
                Phase::Ready
            } else {
                let drawn = self.draws.below(self.around.start_seconds.len());
                let start = self.around.start_seconds.get(drawn).copied().unwrap_or(0.0);
                Phase::Starting { ready_at: now + start }
            };
            self.replicas.push(Replica::new(now, phase));
        }
        for _ in self.wanted..seen.there {
            self.remove_one(now);
        }
    }

    /// Removes as a ReplicaSet does: what is not ready first, then the youngest.
    fn remove_one(&mut self, now: f64) {
        let rank = |replica: &Replica| match replica.phase {
            Phase::Starting { .. } => Some((1, replica.created)),
            Phase::Ready => Some((0, replica.created)),
            Phase::Draining { .. } => None,
        };
        let ranked = self.replicas.iter().enumerate();
        let ranked = ranked.filter_map(|(at, replica)| rank(replica).map(|rank| (rank, at)));
        let last = ranked.max_by(|((a, x), _), ((b, y), _)| a.cmp(b).then(x.total_cmp(y)));
        let Some((_, which)) = last else { return };
        let replica = &mut self.replicas[which];
        if replica.running() + replica.waiting() == 0 {
            self.gone(which, now);
        } else {
            replica.phase = Phase::Draining {
                until: now + self.around.grace_seconds,
            };
        }
    }

    /// Counts the seconds of a replica that is gone on the days on which it was there.
    fn gone(&mut self, which: usize, now: f64) {
        let replica = self.replicas.swap_remove(which);
        let mut from = replica.created;
        while from < now {
            let day = self.day(from);
            let until = ((day + 1) as f64 * DAY).min(now);
            if until <= from {
                break;
            }
            self.days[day].replica_seconds += until - from;
            from = until;
        }
    }

    /// Who still waits has waited so long at least.
    fn end(&mut self, seconds: f64) {
        let last = self.days.len() - 1;
        let waiting = self
            .replicas
            .iter()
            .flat_map(Replica::waiting_since)
            .chain(self.held.iter().map(|held| held.at));
        for since in waiting.collect::<Vec<f64>>() {
            self.days[last].first_token(seconds - since);
        }
        while !self.replicas.is_empty() {
            self.gone(0, seconds);
        }
    }
}

#[cfg(test)]
mod tests;
