//! A model server that batches continuously. Its clock counts steps: every step gives each answer in execution a token, and takes
//! as long as its batch makes it.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use super::tally::Tally;

/// How long a server's steps take, and what it holds.
#[derive(Debug, Clone)]
pub(crate) struct Law {
    /// Seconds of a step with an empty batch.
    pub(crate) alone: f64,
    /// Seconds more for each answer in the batch.
    pub(crate) each: f64,
    /// Seconds more for each pair of them: a slight bend.
    pub(crate) bend: f64,
    /// Seconds more for each token in the cache.
    pub(crate) context: f64,
    /// Seconds for a token of a prompt.
    pub(crate) prompt: f64,
    /// Share of the shorter of decoding and prompt that hides behind the longer.
    pub(crate) overlap: f64,
    /// Tokens that a step takes at most, answers and prompts together.
    pub(crate) budget: f64,
    /// Requests in execution at most.
    pub(crate) seats: usize,
    /// Tokens that the cache holds.
    pub(crate) cache: f64,
    /// Spread of a step's time that no law explains, as a logarithm.
    pub(crate) noise: f64,
    /// Spread between servers, likewise.
    pub(crate) servers: f64,
    /// Seconds after which a client without a first token leaves.
    pub(crate) patience: f64,
}

/// A request within a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    /// Seconds since the first day began.
    pub(crate) arrived: f64,
    /// Tokens to be read: those of the prompt, and of an answer that was broken off.
    pub(crate) prompt: f64,
    /// Those of them that are cached.
    pub(crate) cached: f64,
    /// Tokens that are still to be written.
    pub(crate) answer: f64,
    /// Whether its first token was given.
    pub(crate) begun: bool,
}

/// An answer in execution.
#[derive(Debug, Clone, Copy)]
struct Answer {
    end: f64,
    begin: f64,
    request: Request,
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Answer {}

impl PartialOrd for Answer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Answer {
    fn cmp(&self, other: &Self) -> Ordering {
        // The one that ends first is the greatest.
        other.end.total_cmp(&self.end)
    }
}

/// One server.
#[derive(Debug)]
pub(crate) struct Replica {
    /// How much slower than the law it is.
    slower: f64,
    noise: f64,
    now: f64,
    steps: f64,
    /// The step at which something happens next.
    goal: f64,
    /// Seconds of a step as it is now.
    step: f64,
    /// When something happens next, seconds.
    pub(crate) next: f64,
    queue: VecDeque<Request>,
    again: Vec<Request>,
    reading: Vec<Request>,
    read_by: f64,
    chunk: f64,
    answers: BinaryHeap<Answer>,
    held: f64,
}

/// Steps nearer than this are the same.
const SAME: f64 = 1e-6;

impl Replica {
    /// One that is ready, and this much slower than the law.
    pub(crate) fn new(now: f64, slower: f64) -> Self {
        Self {
            slower,
            noise: 1.0,
            now,
            steps: 0.0,
            goal: f64::INFINITY,
            step: f64::INFINITY,
            next: f64::INFINITY,
            queue: VecDeque::new(),
            again: Vec::new(),
            reading: Vec::new(),
            read_by: f64::INFINITY,
            chunk: 0.0,
            answers: BinaryHeap::new(),
            held: 0.0,
        }
    }

    /// Requests in execution.
    pub(crate) fn running(&self) -> usize {
        self.answers.len() + self.reading.len()
    }

    /// Requests that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len() + self.again.len()
    }

    /// Tokens in the cache.
    pub(crate) fn held(&self) -> f64 {
        self.held
    }

    /// Lets time pass until `now`, at which or before which nothing happens here.
    pub(crate) fn advance(&mut self, now: f64, tally: &mut Tally) {
        let seconds = now - self.now;
        self.now = now;
        if seconds <= 0.0 || self.running() == 0 {
            return;
        }
        let (steps, answers) = (seconds / self.step, self.answers.len() as f64);
        self.steps += steps;
        if answers > 0.0 {
            self.held += answers * steps;
            tally.tokens(self.step, answers * steps);
        }
    }

    /// Takes a request in.
    pub(crate) fn take(&mut self, now: f64, request: Request, law: &Law, tally: &mut Tally) {
        self.advance(now, tally);
        self.queue.push_back(request);
        if self.reading.is_empty() {
            self.admit(law, tally);
            self.plan(law);
        }
    }

    /// Does what is due now.
    pub(crate) fn fire(&mut self, law: &Law, tally: &mut Tally) {
        let due = self.next;
        self.advance(due, tally);
        self.steps = self.steps.max(self.goal);
        if self.read_by <= self.steps + SAME {
            self.read(tally);
        }
        while self.answers.peek().is_some_and(|top| top.end <= self.steps + SAME) {
            let Some(done) = self.answers.pop() else { break };
            self.held -= done.request.prompt + (self.steps - done.begin);
            tally.finish(self.now - done.request.arrived);
        }
        while self.held >= law.cache - SAME && self.answers.len() > 1 {
            self.put_back(tally);
        }
        if self.reading.is_empty() {
            self.admit(law, tally);
        }
        self.plan(law);
    }

    /// Prompts have been read: first tokens are out.
    fn read(&mut self, tally: &mut Tally) {
        self.read_by = f64::INFINITY;
        self.chunk = 0.0;
        for mut request in std::mem::take(&mut self.reading) {
            if !request.begun {
                request.begun = true;
                tally.first_token(
                    self.now - request.arrived,
                    request.prompt,
                    request.cached,
                    request.answer,
                );
            }
            if request.answer > 1.0 {
                let end = self.steps + request.answer - 1.0;
                self.answers.push(Answer {
                    end,
                    begin: self.steps,
                    request,
                });
            } else {
                self.held -= request.prompt;
                tally.finish(self.now - request.arrived);
            }
        }
    }

    /// The cache is full: who came last goes back and is read again later.
    fn put_back(&mut self, tally: &mut Tally) {
        let mut all = std::mem::take(&mut self.answers).into_vec();
        let last = (0..all.len()).max_by(|a, b| all[*a].request.arrived.total_cmp(&all[*b].request.arrived));
        if let Some(last) = last {
            let Answer { begin, mut request, .. } = all.swap_remove(last);
            let written = (self.steps - begin).round();
            self.held -= request.prompt + (self.steps - begin);
            request.prompt += written;
            request.answer -= written;
            request.cached = 0.0;
            self.again.push(request);
            tally.step.preempted += 1.0;
        }
        self.answers = BinaryHeap::from(all);
    }

    /// Clients without a first token leave after a while.
    pub(crate) fn give_up(&mut self, now: f64, law: &Law, tally: &mut Tally) {
        while self
            .queue
            .front()
            .is_some_and(|first| now - first.arrived > law.patience)
        {
            self.queue.pop_front();
            tally.refuse();
        }
    }

    /// Begins to read prompts: as many as fit one step, or one that takes several.
    fn admit(&mut self, law: &Law, tally: &mut Tally) {
        self.give_up(self.now, law, tally);
        let decoding = self.answers.len();
        let budget = (law.budget - decoding as f64).max(16.0);
        let (mut total, mut work) = (0.0, 0.0);
        loop {
            let from_again = !self.again.is_empty();
            let Some(next) = self.again.last().or(self.queue.front()).copied() else {
                break;
            };
            let tokens = next.prompt - next.cached;
            let first = self.reading.is_empty();
            // One token more, so that the cache is not full at once.
            let fits = self.held + next.prompt + 1.0 < law.cache || decoding + self.reading.len() == 0;
            if decoding + self.reading.len() >= law.seats || !fits || (!first && total + tokens > budget) {
                break;
            }
            if from_again {
                self.again.pop();
            } else {
                self.queue.pop_front();
            }
            self.held += next.prompt;
            total += tokens;
            // Attention over a long prompt costs more a token.
            work += tokens * (1.0 + next.prompt / 40_000.0);
            self.reading.push(next);
        }
        if self.reading.is_empty() {
            return;
        }
        if decoding == 0 {
            self.steps = 0.0;
        }
        let begun = (self.steps - SAME).ceil().max(self.steps);
        self.read_by = begun + (total / budget).ceil().max(1.0);
        self.chunk = work / (self.read_by - self.steps);
        self.noise = tally.draws.lognormal(law.noise);
    }

    /// How long steps take from now on, and when something happens next.
    fn plan(&mut self, law: &Law) {
        let answers = self.answers.len() as f64;
        if self.running() == 0 {
            self.held = 0.0;
            (self.steps, self.goal, self.next) = (0.0, f64::INFINITY, f64::INFINITY);
            return;
        }
        let decode = law.alone + answers * (law.each + law.bend * answers) + law.context * self.held;
        let prompt = self.chunk * law.prompt;
        self.step = (decode + prompt - law.overlap * decode.min(prompt)) * self.slower * self.noise;
        self.goal = self.read_by;
        if let Some(first) = self.answers.peek() {
            self.goal = self.goal.min(first.end);
        }
        if answers > 1.0 {
            self.goal = self.goal.min(self.steps + ((law.cache - self.held) / answers).max(0.0));
        }
        self.next = self.now + (self.goal - self.steps).max(0.0) * self.step;
    }
}
