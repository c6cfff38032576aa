//! A prefix cache of a given size over the requests that really came: which part of their prompts it would have held.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;
use std::num::NonZeroUsize;

use serde::Deserialize;

use super::random::Draws;

/// Hashes of the blocks of one prompt, each of the block and all before it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Prompt {
    /// In the order of the prompt.
    pub hash_ids: Vec<u64>,
    /// Tokens of the prompt; `None` where the trace does not say.
    #[serde(default)]
    pub input_length: Option<u64>,
}

/// What a trace is that cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum BadTrace {
    /// A line is no request.
    #[error("line {line} is no request with `hash_ids`, a list of whole numbers: {source}")]
    Line {
        /// Its number, from one.
        line: usize,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// It could not be read to its end.
    #[error("line {line} cannot be read")]
    Read {
        /// Its number, from one.
        line: usize,
        /// Why.
        source: std::io::Error,
    },
    /// No request has a block.
    #[error("no request has a block: there is nothing to replay")]
    Empty,
}

/// What a cache held of the prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Requests.
    pub requests: u64,
    /// Blocks of their prompts.
    pub blocks: u64,
    /// Those that were in the cache, with all before them.
    pub hits: u64,
}

impl Held {
    fn count(&mut self, prompt: &Prompt, cache: &mut LeastRecentlyUsed, most: Option<NonZeroUsize>) {
        self.requests += 1;
        self.blocks += prompt.hash_ids.len() as u64;
        // What follows a block that is missing is computed anew, whether it is there or not.
        let there = prompt.hash_ids.iter().take_while(|block| cache.has(**block));
        self.hits += there.count() as u64;
        for block in &prompt.hash_ids {
            cache.touch(*block, most);
        }
    }

    /// The share of prompt tokens that need no prefill, where all blocks have as many tokens; `None` without blocks.
    pub fn hit_rate(&self) -> Option<f64> {
        (self.blocks > 0).then(|| self.hits as f64 / self.blocks as f64)
    }
}

/// Blocks by when they were used last; the one that was not for longest goes first.
#[derive(Debug, Default)]
struct LeastRecentlyUsed {
    used: HashMap<u64, u64>,
    order: BTreeMap<u64, u64>,
    clock: u64,
}

impl LeastRecentlyUsed {
    fn has(&self, block: u64) -> bool {
        self.used.contains_key(&block)
    }

    fn touch(&mut self, block: u64, most: Option<NonZeroUsize>) {
        self.clock += 1;
        if let Some(before) = self.used.insert(block, self.clock) {
            self.order.remove(&before);
        }
        self.order.insert(self.clock, block);
        while most.is_some_and(|most| self.used.len() > most.get()) {
            let Some((_, oldest)) = self.order.pop_first() else {
                break;
            };
            self.used.remove(&oldest);
        }
    }
}

/// Replays prompts, one after the other, through a cache of at most so many blocks; without a bound nothing is ever dropped.
pub fn replay(prompts: impl IntoIterator<Item = Prompt>, most: Option<NonZeroUsize>) -> Held {
    let mut cache = LeastRecentlyUsed::default();
    let mut held = Held::default();
    for prompt in prompts {
        held.count(&prompt, &mut cache, most);
    }
    held
}

/// Tokens of a block, by the prompts whose length is told: the last block of most is not full. `None` where none is.
pub fn block_tokens(prompts: &[Prompt]) -> Option<u64> {
    let of = |prompt: &Prompt| {
        Some(
            prompt
                .input_length?
                .div_ceil(u64::try_from(prompt.hash_ids.len()).ok()?.max(1)),
        )
    };
    prompts
        .iter()
        .filter(|prompt| !prompt.hash_ids.is_empty())
        .filter_map(of)
        .max()
}

/// What caches of so many replicas held, each of at most so many blocks, of the first and of the second half of the prompts: each
/// prompt goes to any of them, as a Service of Kubernetes spreads requests, so that what is shared is computed on each.
pub fn spread(prompts: &[Prompt], (replicas, most): (usize, NonZeroUsize), seed: u64) -> [Held; 2] {
    let mut caches: Vec<LeastRecentlyUsed> = Vec::new();
    caches.resize_with(replicas.max(1), LeastRecentlyUsed::default);
    let mut draws = Draws::new(seed);
    let mut halves = [Held::default(); 2];
    for (at, prompt) in prompts.iter().enumerate() {
        let chosen = draws.below(caches.len());
        halves[usize::from(at >= prompts.len() / 2)].count(prompt, &mut caches[chosen], Some(most));
    }
    halves
}

/// Reads JSON lines, one request each; fields other than `hash_ids` do not matter, and empty lines are none.
///
/// # Errors
/// The first line that is no request, or a trace without any block.
pub fn read(trace: impl BufRead) -> Result<Vec<Prompt>, BadTrace> {
    let mut prompts: Vec<Prompt> = Vec::new();
    for (at, line) in trace.lines().enumerate() {
        let line = line.map_err(|source| BadTrace::Read { line: at + 1, source })?;
        if line.trim().is_empty() {
            continue;
        }
        prompts.push(serde_json::from_str(&line).map_err(|source| BadTrace::Line { line: at + 1, source })?);
    }
    match prompts.iter().all(|prompt| prompt.hash_ids.is_empty()) {
        true => Err(BadTrace::Empty),
        false => Ok(prompts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prompts(all: &[&[u64]]) -> Vec<Prompt> {
        let prompt = |ids: &&[u64]| Prompt {
            hash_ids: ids.to_vec(),
            input_length: None,
        };
        all.iter().map(prompt).collect()
    }

    fn hits(all: &[&[u64]], most: usize) -> u64 {
        replay(prompts(all), NonZeroUsize::new(most)).hits
    }

    #[test]
    fn a_prompt_that_comes_again_is_there_and_one_that_was_dropped_is_not() {
        assert_eq!(hits(&[&[1, 2, 3], &[1, 2, 3]], 0), 3);
        assert_eq!(hits(&[&[1, 2, 3], &[1, 2, 3]], 3), 3);
        assert_eq!(
            hits(&[&[1, 2, 3], &[4, 5], &[1, 2, 3]], 3),
            0,
            "the first was dropped, and what follows it helps nobody"
        );
        // Used again, it is not the one that was not used for longest.
        assert_eq!(hits(&[&[1], &[2], &[1], &[3], &[1], &[2]], 2), 2);
    }

    #[test]
    fn only_what_has_all_before_it_counts() {
        assert_eq!(hits(&[&[1, 2, 3], &[9, 2, 3]], 0), 0);
        assert_eq!(hits(&[&[1, 2, 3], &[1, 9, 3]], 0), 1);
    }

    #[test]
    fn a_trace_that_is_none_is_told_with_its_line() {
        let told = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
        assert!(
            told("{\"hash_ids\": [1]}\n\n{\"hash_ids\": [-1]}").starts_with("line 3 is no request with `hash_ids`")
        );
        assert!(told("{\"timestamp\": 0}").starts_with("line 1 is no request"));
        assert_eq!(told(""), "no request has a block: there is nothing to replay");
        assert_eq!(
            told("{\"hash_ids\": []}"),
            "no request has a block: there is nothing to replay"
        );
        let read = read("{\"timestamp\": 3, \"hash_ids\": [4, 5]}\n".as_bytes()).unwrap();
        assert_eq!(read, prompts(&[&[4, 5]]));
        assert_eq!(Held::default().hit_rate(), None);
    }

    #[test]
    fn what_is_shared_is_computed_on_each_replica_once() {
        let all = prompts(&[&[1, 2, 3][..]; 400]);
        let held = |replicas: usize| spread(&all, (replicas, NonZeroUsize::new(10).unwrap()), 1);
        assert_eq!(held(1).map(|half| half.hits), [199 * 3, 200 * 3]);
        assert_eq!(held(4).map(|half| half.hits), [196 * 3, 200 * 3]);
        assert_eq!(
            held(1),
            spread(&all, (1, NonZeroUsize::new(10).unwrap()), 9),
            "one replica is no chance"
        );
    }

    #[test]
    fn a_block_is_as_long_as_the_fullest() {
        let of = |tokens: u64, blocks: u64| Prompt {
            hash_ids: (0..blocks).collect(),
            input_length: Some(tokens),
        };
        assert_eq!(block_tokens(&[of(700, 2), of(1_024, 2), of(30, 1)]), Some(512));
        assert_eq!(block_tokens(&prompts(&[&[1, 2]])), None);
    }

    proptest! {
        /// A larger cache of this kind holds all that a smaller one does, and no more than one without bound.
        #[test]
        fn more_room_never_holds_less(all in prop::collection::vec(prop::collection::vec(0_u64..30, 1..6), 1..40), most in 1_usize..20) {
            let all: Vec<Prompt> = all.into_iter().map(|hash_ids| Prompt { hash_ids, input_length: None }).collect();
            let with = |most| replay(all.clone(), most).hits;
            let (small, large) = (with(NonZeroUsize::new(most)), with(NonZeroUsize::new(most + 1)));
            prop_assert!(small <= large && large <= with(None));
        }
    }
}
