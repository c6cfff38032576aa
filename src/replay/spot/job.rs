//! A job of so much work on so many nodes, from one moment of a trace: when it is done, and what it cost.

use super::gang::{Gang, State};
use super::prices::{Prices, cost};
use super::strategy::{On, Strategy, View};

/// A job; times in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// Work, were it never interrupted.
    pub work: i64,
    /// From its beginning until it must be done.
    pub deadline: i64,
    /// From each start but the first until work goes on; a planned move writes its checkpoint within it.
    pub restart: i64,
    /// Work between two checkpoints on spot capacity, and how long one takes to write. Without it nothing but the restart is lost.
    pub interval: Option<(i64, i64)>,
    /// Nodes, all of which it needs.
    pub nodes: u32,
}

/// A job that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {bound}, and is {value} s")]
pub struct Absurd {
    what: &'static str,
    bound: &'static str,
    value: i64,
}

/// Longer than this no time of a job is: a century.
const LONGEST: i64 = 100 * 366 * 86_400;

impl Job {
    /// A job; see the fields for what each is.
    ///
    /// # Errors
    /// The first time that is none, and what it must be.
    pub fn new(
        work: i64,
        deadline: i64,
        restart: i64,
        interval: Option<(i64, i64)>,
        nodes: u32,
    ) -> Result<Self, Absurd> {
        let within = |what, value: i64, least: i64| {
            let bound = if least > 0 { "above zero" } else { "zero or more" };
            match value {
                value if value > LONGEST => Err(Absurd {
                    what,
                    bound: "at most a century",
                    value,
                }),
                value if value >= least => Ok(value),
                value => Err(Absurd { what, bound, value }),
            }
        };
        if let Some((between, write)) = interval {
            within("the work between two checkpoints", between, 1)?;
            within("the time of a checkpoint", write, 0)?;
        }
        Ok(Self {
            work: within("the work", work, 1)?,
            deadline: within("the deadline", deadline, 1)?,
            restart: within("the time of a restart", restart, 0)?,
            interval,
            nodes: nodes.max(1),
        })
    }

    /// Seconds that an interruption may cost beyond a restart, with so much work left.
    pub(super) fn at_risk(&self, left: i64) -> i64 {
        match self.interval {
            Some((between, _)) if left <= between => left,
            Some((between, write)) => between + write,
            None => 0,
        }
    }
}

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The second of the trace at which it began.
    pub begin: i64,
    /// Seconds until it was done; `None` where the trace ended before.
    pub took: Option<i64>,
    /// Times that its capacity was taken away.
    pub interruptions: u32,
    /// Seconds on spot capacity.
    pub spot: i64,
    /// Seconds on on-demand capacity.
    pub on_demand: i64,
    /// What it cost, all nodes; until the trace ended, where it was not done.
    pub cost: f64,
}

impl Outcome {
    /// Whether it was late.
    pub fn missed(&self, job: &Job) -> bool {
        self.took.is_none_or(|took| took > job.deadline)
    }
}

/// What capacity costs, per node.
#[derive(Debug, Clone, PartialEq)]
pub struct Rates {
    /// On-demand, an hour.
    pub on_demand: f64,
    /// Spot.
    pub spot: Prices,
}

/// Runs a job from one second of a trace. Spot capacity that nobody watched is none.
pub fn run(job: &Job, strategy: Strategy, gang: &Gang, rates: &Rates, begin: i64) -> Outcome {
    let mut run = Run::new(job, strategy, begin);
    while run.done < job.work {
        let (state, changes) = gang.at(run.now);
        run.lose(gang.length);
        let until = match state {
            State::There { until } => Some(until),
            _ => None,
        };
        let view = run.view(until.is_some());
        let on = strategy.choose(job, &view);
        run.take(on, until.unwrap_or(run.now));
        if !run.advance(changes, &rates.spot) {
            break;
        }
    }
    run.outcome(rates)
}

struct Run<'j> {
    job: &'j Job,
    strategy: Strategy,
    begin: i64,
    now: i64,
    on: On,
    /// Until when its spot nodes are there.
    until: i64,
    done: i64,
    /// Of that, what no checkpoint has.
    unsaved: i64,
    /// Seconds until work goes on, and until a checkpoint is written.
    starting: i64,
    writing: i64,
    ran: bool,
    interruptions: u32,
    spot: i64,
    on_demand: i64,
    spot_cost: f64,
}

impl<'j> Run<'j> {
    fn new(job: &'j Job, strategy: Strategy, begin: i64) -> Self {
        Self {
            job,
            strategy,
            begin,
            now: begin,
            on: On::Idle,
            until: begin,
            done: 0,
            unsaved: 0,
            starting: 0,
            writing: 0,
            ran: false,
            interruptions: 0,
            spot: 0,
            on_demand: 0,
            spot_cost: 0.0,
        }
    }

    fn view(&self, there: bool) -> View {
        View {
            on: self.on,
            elapsed: self.now - self.begin,
            done: self.done,
            ran: self.ran,
            starts: self.starting > 0,
            saved: self.unsaved == 0 && self.writing == 0,
            // Nodes that it has are not taken from it by what else there is.
            spot: there || self.on == On::Spot,
        }
    }

    /// Loses its spot nodes, where their time is over. At the trace's end nobody saw them go.
    fn lose(&mut self, length: i64) {
        if self.on != On::Spot || self.now < self.until {
            return;
        }
        self.done -= self.unsaved;
        (self.unsaved, self.writing, self.starting) = (0, 0, 0);
        self.interruptions += u32::from(self.now < length);
        self.on = On::Idle;
    }

    fn take(&mut self, on: On, until: i64) {
        let is_paid = |on| matches!(on, On::Fallback | On::Net);
        let stays = on == self.on || (is_paid(on) && is_paid(self.on));
        self.on = on;
        if stays {
            return;
        }
        (self.unsaved, self.writing, self.starting) = (0, 0, 0);
        if on == On::Idle {
            return;
        }
        self.starting = if self.ran { self.job.restart } else { 0 };
        self.ran = true;
        self.until = until;
    }

    /// Lets time pass until something may change; whether anything may.
    fn advance(&mut self, changes: i64, prices: &Prices) -> bool {
        let (now, left) = (self.now, self.job.work - self.done);
        let stays = self.strategy.stays_for(self.job, &self.view(false));
        let phase = match (self.starting, self.writing, self.job.interval) {
            (starting, ..) if starting > 0 => starting,
            (_, writing, _) if writing > 0 => writing,
            (_, _, Some((between, _))) if self.on == On::Spot => left.min(between - self.unsaved),
            _ => left,
        };
        let seconds = match self.on {
            On::Spot => phase.min(self.until - now),
            On::Net => phase,
            On::Fallback => phase.min(stays).min(changes - now),
            On::Idle => stays.min(changes - now),
        };
        if self.on == On::Idle && stays == i64::MAX && changes == i64::MAX {
            return false;
        }
        match self.on {
            On::Spot => {
                self.spot += seconds;
                self.spot_cost += prices.between(now, now + seconds);
            }
            On::Fallback | On::Net => self.on_demand += seconds,
            On::Idle => {}
        }
        self.now += seconds;
        self.work_for(seconds);
        true
    }

    fn work_for(&mut self, seconds: i64) {
        if self.on == On::Idle {
            return;
        }
        if self.starting > 0 {
            self.starting -= seconds;
            return;
        }
        if self.writing > 0 {
            self.writing -= seconds;
            if self.writing == 0 {
                self.unsaved = 0;
            }
            return;
        }
        self.done += seconds;
        let Some((between, write)) = self.job.interval.filter(|_| self.on == On::Spot) else {
            return;
        };
        self.unsaved += seconds;
        if self.unsaved == between {
            self.writing = write;
            if write == 0 {
                self.unsaved = 0;
            }
        }
    }

    fn outcome(self, rates: &Rates) -> Outcome {
        let spot = match rates.spot.only() {
            Some(hourly) => cost(hourly, self.spot),
            None => self.spot_cost,
        };
        Outcome {
            begin: self.begin,
            took: (self.done >= self.job.work).then_some(self.now - self.begin),
            interruptions: self.interruptions,
            spot: self.spot,
            on_demand: self.on_demand,
            cost: (spot + cost(rates.on_demand, self.on_demand)) * f64::from(self.job.nodes),
        }
    }
}
