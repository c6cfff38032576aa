//! The replicas of a workload: pods that start, serve, drain and end, a router before them, and whatever decides how many there
//! are.

use std::collections::VecDeque;

use super::autoscaler::{Memory, Metric, Policy};
use super::draws::Draws;
use super::load::Arrival;
use super::replica::{Law, Replica, Request};
use super::tally::{Gauges, Tally};

/// How requests find their server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Routing {
    /// The one with the fewest requests.
    LeastLoaded,
    /// One after the other.
    RoundRobin,
    /// Any.
    Random,
}

/// What replicas are like.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// Each server.
    pub(crate) law: Law,
    /// The router.
    pub(crate) routing: Routing,
    /// Seconds from the creation of a pod until it serves: median, and spread of the logarithm.
    pub(crate) start: (f64, f64),
    /// Seconds from one scrape to the next; divides an hour.
    pub(crate) scrape: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    Starting,
    Ready,
    Draining,
}

#[derive(Debug)]
struct Pod {
    server: Replica,
    phase: Phase,
    created: f64,
}

/// Seconds between the autoscaler's looks.
const SYNC: f64 = 15.0;

/// By how many seconds they follow the scrapes.
const LAG: f64 = 7.0;

/// Seconds before the first day from which a world runs, so that the day begins with what there would be.
pub(crate) const WARM: f64 = 3_600.0;

/// A run of a policy.
pub(crate) struct Fleet<'a> {
    site: &'a Site,
    policy: &'a Policy,
    pods: Vec<Pod>,
    front: VecDeque<Request>,
    turn: usize,
    draws: Draws,
    memory: Memory,
    seen: f64,
    /// What was counted.
    pub(crate) tally: Tally,
    /// When each pod that started within the days was created, and how long it took, seconds.
    pub(crate) starts: Vec<(f64, f64)>,
}

impl<'a> Fleet<'a> {
    /// Before anything runs. The same seed has the same luck.
    pub(crate) fn new(site: &'a Site, policy: &'a Policy, days: usize, seed: u64) -> Self {
        Self {
            site,
            policy,
            pods: Vec::new(),
            front: VecDeque::new(),
            turn: 0,
            draws: Draws::new(seed, 5),
            memory: Memory::default(),
            seen: 0.0,
            tally: Tally::new(days, seed),
            starts: Vec::new(),
        }
    }

    /// Runs through arrivals. They begin [`WARM`] seconds before the first day; the days' own seconds begin at zero.
    pub(crate) fn run(&mut self, arrivals: impl Iterator<Item = Arrival>) {
        let end = self.tally.days.len() as f64 * 86_400.0;
        let first = match self.policy {
            Policy::Fixed(count) => *count,
            Policy::Hpa(hpa) => hpa.min.max(hpa.max.div_ceil(2)),
        };
        for _ in 0..first {
            let slower = self.draws.lognormal(self.site.law.servers);
            self.pods.push(Pod {
                server: Replica::new(-WARM, slower),
                phase: Phase::Ready,
                created: -WARM,
            });
        }
        let mut arrivals = arrivals.peekable();
        let scrape = f64::from(self.site.scrape);
        let (mut next_scrape, mut next_sync) = (-WARM + scrape, -WARM + SYNC + LAG);
        loop {
            let arrival = arrivals.peek().map_or(f64::INFINITY, |one| one.at);
            let (pod, due) = self.next_pod();
            let tick = next_scrape.min(next_sync);
            if due <= arrival && due <= tick {
                self.fire(pod);
            } else if arrival <= tick {
                let Some(one) = arrivals.next() else { break };
                self.arrive(one);
            } else if next_scrape <= next_sync {
                self.scrape(next_scrape);
                if next_scrape >= end - 1e-6 {
                    break;
                }
                next_scrape += scrape;
            } else {
                self.sync(next_sync);
                next_sync += SYNC;
            }
        }
        for pod in &self.pods {
            let from = pod.created.max(0.0);
            book(&mut self.tally, from, end);
        }
    }

    fn next_pod(&self) -> (usize, f64) {
        let mut found = (0, f64::INFINITY);
        for (at, pod) in self.pods.iter().enumerate() {
            if pod.server.next < found.1 {
                found = (at, pod.server.next);
            }
        }
        found
    }

    fn fire(&mut self, at: usize) {
        let pod = &mut self.pods[at];
        if pod.phase == Phase::Starting {
            pod.phase = Phase::Ready;
            let now = pod.server.next;
            pod.server = Replica::new(now, self.draws.lognormal(self.site.law.servers));
            while let Some(request) = self.front.pop_front() {
                self.route(now, request);
            }
            return;
        }
        let now = pod.server.next;
        pod.server.fire(&self.site.law, &mut self.tally);
        if pod.phase == Phase::Draining && pod.server.running() + pod.server.waiting() == 0 {
            self.end(at, now);
        }
    }

    fn end(&mut self, at: usize, now: f64) {
        let pod = self.pods.swap_remove(at);
        book(&mut self.tally, pod.created.max(0.0), now);
    }

    fn arrive(&mut self, one: Arrival) {
        if let Some(today) = self.tally.today() {
            today.arrived += 1.0;
        }
        let request = Request {
            arrived: one.at,
            prompt: one.prompt,
            cached: one.cached,
            answer: one.answer,
            begun: false,
        };
        self.route(one.at, request);
    }

    fn route(&mut self, now: f64, request: Request) {
        let ready = self.pods.iter().filter(|pod| pod.phase == Phase::Ready).count();
        if ready == 0 {
            self.front.push_back(request);
            return;
        }
        let mut places = self
            .pods
            .iter()
            .enumerate()
            .filter(|(_, pod)| pod.phase == Phase::Ready);
        let chosen = match self.site.routing {
            Routing::LeastLoaded => places.min_by_key(|(_, pod)| pod.server.running() + pod.server.waiting()),
            Routing::RoundRobin => {
                self.turn += 1;
                places.nth(self.turn % ready)
            }
            Routing::Random => places.nth((self.draws.unit() * ready as f64) as usize),
        };
        if let Some((at, _)) = chosen {
            self.pods[at].server.take(now, request, &self.site.law, &mut self.tally);
        }
    }

    fn scrape(&mut self, now: f64) {
        let law = &self.site.law;
        let mut gauges = Gauges {
            servers: 0.0,
            running: 0.0,
            waiting: 0.0,
            cache: 0.0,
        };
        while self
            .front
            .front()
            .is_some_and(|first| now - first.arrived > law.patience)
        {
            self.front.pop_front();
            self.tally.refuse();
        }
        for pod in self.pods.iter_mut().filter(|pod| pod.phase != Phase::Starting) {
            pod.server.advance(now, &mut self.tally);
            pod.server.give_up(now, law, &mut self.tally);
            gauges.servers += 1.0;
            gauges.running += pod.server.running() as f64;
            gauges.waiting += pod.server.waiting() as f64;
            gauges.cache = gauges.cache.max((pod.server.held() / law.cache).min(1.0));
        }
        // Servers know of none that waits where no server is; the router does.
        let waiting = gauges.waiting + self.front.len() as f64;
        self.seen = match self.policy {
            Policy::Hpa(hpa) if hpa.metric == Metric::Running => gauges.running,
            Policy::Hpa(hpa) if hpa.metric == Metric::Waiting => waiting,
            _ => gauges.running + waiting,
        };
        let seconds = f64::from(self.site.scrape);
        if let Some(today) = self.tally.today() {
            today.in_flight += (gauges.running + waiting) * seconds;
        }
        self.tally.scrape(gauges);
        if now.rem_euclid(3_600.0) < 1e-6 {
            self.tally.turn();
        }
        if now.abs() < 1e-6 {
            self.tally.forget();
        }
        if now.rem_euclid(86_400.0) < 1e-6 {
            self.tally.day = (now >= 0.0).then_some((now / 86_400.0).round() as usize);
        }
    }

    fn sync(&mut self, now: f64) {
        let Policy::Hpa(hpa) = self.policy else { return };
        let current = self.pods.iter().filter(|pod| pod.phase != Phase::Draining).count() as u32;
        let wanted = self.memory.decide(hpa, now, current, self.seen);
        for _ in current..wanted {
            let seconds = self.site.start.0 * (self.site.start.1 * self.draws.normal()).exp();
            let mut server = Replica::new(now, 1.0);
            server.next = now + seconds;
            if now >= 0.0 {
                self.starts.push((now, seconds));
            }
            self.pods.push(Pod {
                server,
                phase: Phase::Starting,
                created: now,
            });
        }
        for _ in wanted..current {
            // Those that do not serve yet go first, then the youngest.
            let going = |pod: &Pod| match pod.phase {
                Phase::Starting => 2,
                Phase::Ready => 1,
                Phase::Draining => 0,
            };
            let order = |a: &Pod, b: &Pod| going(a).cmp(&going(b)).then(a.created.total_cmp(&b.created));
            let last = (0..self.pods.len()).max_by(|a, b| order(&self.pods[*a], &self.pods[*b]));
            let Some(last) = last else { return };
            let pod = &mut self.pods[last];
            if pod.phase == Phase::Starting || pod.server.running() + pod.server.waiting() == 0 {
                self.end(last, now);
            } else {
                pod.phase = Phase::Draining;
            }
        }
    }
}

/// Books a pod's hours on the days in which it was there.
fn book(tally: &mut Tally, from: f64, to: f64) {
    let first = (from / 86_400.0).floor().max(0.0) as usize;
    for (day, served) in tally.days.iter_mut().enumerate().skip(first) {
        let (begin, end) = (day as f64 * 86_400.0, (day + 1) as f64 * 86_400.0);
        if to <= begin {
            break;
        }
        served.replica_hours += (to.min(end) - from.max(begin)).max(0.0) / 3_600.0;
    }
}
