//! One replica: it prefills prompts in chunks beside the tokens that it decodes, and every request in execution gets one token a
//! step. A step's time depends on how many there are and on how large the chunk is, so that both are the replica's clock.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use super::law::Law;
use super::outcome::Day;

/// A request as it arrives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// Seconds since the replay began.
    pub at: f64,
    /// Tokens of the prompt that must be computed.
    pub prompt: f64,
    /// Tokens of the prompt that the prefix cache holds.
    pub cached: f64,
    /// Tokens of the answer.
    pub answer: f64,
}

impl Request {
    /// Cache that it takes, on average over its life: all of its prompt, half of its answer.
    fn held(&self) -> f64 {
        self.prompt + self.cached + self.answer / 2.0
    }
}

/// What every replica of a pool can do.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Seconds between tokens by batch.
    pub law: Law,
    /// Tokens of prompts that are computed in a second when nothing else is done.
    pub prefill_tokens_per_second: f64,
    /// Seconds that each request takes on its way, whatever is done.
    pub overhead_seconds: f64,
    /// Tokens of prompts that one step computes at most.
    pub chunk_tokens: f64,
    /// Requests in execution at once, at most.
    pub most_running: usize,
    /// Tokens that the KV cache holds; `None` where that is not known.
    pub cache_tokens: Option<f64>,
    /// Seconds that a request waits until its client gives up; `None` where none does.
    pub patience_seconds: Option<f64>,
}

/// Tells how long steps take without asking the law each time.
#[derive(Debug, Clone)]
pub(super) struct Steps<'s> {
    pub(super) service: &'s Service,
    decode: Vec<f64>,
}

impl<'s> Steps<'s> {
    pub(super) fn new(service: &'s Service) -> Self {
        let seconds = |batch: usize| {
            if batch == 0 {
                0.0
            } else {
                service.law.seconds(batch as f64)
            }
        };
        Self {
            service,
            decode: (0..=service.most_running).map(seconds).collect(),
        }
    }

    fn seconds(&self, batch: usize, chunk: f64) -> f64 {
        // Weights are read for a prompt as they are for a token.
        let batch = if chunk > 0.0 { batch.max(1) } else { batch };
        let decode = self.decode.get(batch).or(self.decode.last());
        decode.copied().unwrap_or(0.0) + chunk / self.service.prefill_tokens_per_second
    }
}

/// A request in execution: it ends when the replica has done so many steps.
#[derive(Debug, Clone, Copy)]
struct Running {
    until: f64,
    request: Request,
}

impl PartialEq for Running {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Running {}

impl PartialOrd for Running {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Running {
    /// The first to end is the greatest: what a heap hands out first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.until.total_cmp(&self.until)
    }
}

/// Prompts that are computed together.
#[derive(Debug, Clone, Default)]
struct Prefill {
    requests: Vec<Request>,
    steps_left: f64,
    chunk: f64,
}

/// Steps this close together are one: far more than what is lost of a second in a month of them, so that time goes on.
const SAME: f64 = 1e-6;

/// Whether, and until when, a replica takes part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Phase {
    /// It starts, and is ready then.
    Starting { ready_at: f64 },
    /// It takes requests.
    Ready,
    /// It takes none, and what is unfinished then is broken off.
    Draining { until: f64 },
}

/// A replica.
#[derive(Debug, Clone)]
pub(super) struct Replica {
    pub(super) created: f64,
    pub(super) phase: Phase,
    now: f64,
    steps: f64,
    step_seconds: f64,
    running: BinaryHeap<Running>,
    prefill: Option<Prefill>,
    queue: VecDeque<Request>,
    held: f64,
    /// When something happens on it next, if nothing arrives.
    pub(super) next: f64,
}

impl Replica {
    pub(super) fn new(created: f64, phase: Phase) -> Self {
        Self {
            created,
            phase,
            now: created,
            steps: 0.0,
            step_seconds: 0.0,
            running: BinaryHeap::new(),
            prefill: None,
            queue: VecDeque::new(),
            held: 0.0,
            next: f64::INFINITY,
        }
    }

    /// Requests in execution, those in prefill included.
    pub(super) fn running(&self) -> usize {
        self.running.len() + self.prefill.as_ref().map_or(0, |prefill| prefill.requests.len())
    }

    /// Requests that wait.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// When those that wait arrived.
    pub(super) fn waiting_since(&self) -> impl Iterator<Item = f64> + '_ {
        self.queue.iter().map(|request| request.at)
    }

    /// Takes a request at its arrival.
    pub(super) fn take(&mut self, request: Request, now: f64, steps: &Steps<'_>, day: &mut Day) {
        self.advance(now, day);
        self.queue.push_back(request);
        self.settle(steps, day);
    }

    /// Does what is due at this time.
    pub(super) fn turn(&mut self, now: f64, steps: &Steps<'_>, day: &mut Day) {
        self.advance(now, day);
        self.settle(steps, day);
    }

    /// Breaks off what is unfinished, and tells how many requests that are.
    pub(super) fn break_off(&mut self) -> usize {
        let unfinished = self.running() + self.waiting();
        self.running.clear();
        self.prefill = None;
        self.queue.clear();
        self.next = f64::INFINITY;
        unfinished
    }

    fn advance(&mut self, now: f64, day: &mut Day) {
        let seconds = now - self.now;
        self.now = now;
        if self.step_seconds <= 0.0 || seconds <= 0.0 {
            return;
        }
        let steps = seconds / self.step_seconds;
        self.steps += steps;
        if let Some(prefill) = &mut self.prefill {
            prefill.steps_left -= steps;
        }
        let batch = self.running.len();
        day.tokens(self.step_seconds, batch as f64 * steps);
    }

    /// Ends what is done, begins what can begin, and finds what comes next.
    fn settle(&mut self, steps: &Steps<'_>, day: &mut Day) {
        let overhead = steps.service.overhead_seconds;
        if self.prefill.as_ref().is_some_and(|prefill| prefill.steps_left <= SAME) {
            for request in self.prefill.take().unwrap_or_default().requests {
                day.first_token(self.now - request.at + overhead);
                // The first token of the answer is there.
                let until = self.steps + (request.answer - 1.0).max(0.0);
                self.running.push(Running { until, request });
            }
        }
        while let Some(first) = self.running.peek().filter(|first| first.until <= self.steps + SAME) {
            day.finished(self.now - first.request.at + overhead);
            self.held -= first.request.held();
            self.running.pop();
        }
        if self.prefill.is_none() {
            self.admit(steps, day);
        }
        let batch = self.running.len();
        day.batch(batch);
        let chunk = self.prefill.as_ref().map_or(0.0, |prefill| prefill.chunk);
        self.step_seconds = steps.seconds(batch, chunk);
        let first = self.running.peek().map(|first| first.until - self.steps);
        let computed = self.prefill.as_ref().map(|prefill| prefill.steps_left);
        let next = first.into_iter().chain(computed).fold(f64::INFINITY, f64::min);
        // Time goes on, however short a step is against all the time that has passed.
        self.next = (self.now + next.max(0.0) * self.step_seconds).max(self.now.next_up());
        if next.is_infinite() {
            self.next = f64::INFINITY;
        }
    }

    /// Begins the prefill of as many prompts as one chunk holds.
    fn admit(&mut self, steps: &Steps<'_>, day: &mut Day) {
        let service = steps.service;
        let mut prefill = Prefill::default();
        let mut tokens = 0.0;
        while let Some(request) = self.queue.front() {
            if service
                .patience_seconds
                .is_some_and(|patience| self.now - request.at > patience)
            {
                day.refused += 1.0;
                self.queue.pop_front();
                continue;
            }
            let running = self.running.len() + prefill.requests.len();
            let fits = |cache: f64| self.held + request.held() <= cache;
            let has_room = running < service.most_running && service.cache_tokens.is_none_or(fits);
            // One alone is always taken: a server refuses what can never fit, and that is not seen here.
            if (running > 0 && !has_room) || (tokens > 0.0 && tokens + request.prompt > service.chunk_tokens) {
                break;
            }
            tokens += request.prompt;
            self.held += request.held();
            prefill.requests.push(*request);
            self.queue.pop_front();
        }
        if !prefill.requests.is_empty() {
            prefill.steps_left = (tokens / service.chunk_tokens).max(1.0);
            prefill.chunk = tokens / prefill.steps_left;
            self.prefill = Some(prefill);
        }
    }
}
