//! `caching`: prompts that begin alike, computed again each time by a server whose prefix cache is off, so that with it fewer
//! replicas do.

use std::num::NonZeroUsize;

use super::evidence::{absent, fact, keep};
use super::memory_need::model_unknown;
use super::replayed::{self, Answer, Rigor, counted, not_serving, nothing_was_read, replicas};
use super::{Recommender, World};
use crate::model::gap::Gap;
use crate::model::requests::RequestHistory;
use crate::model::scenario::{Candidate, Evidence, Level, Move, Proposal, Subject};
use crate::model::serving::Serving;
use crate::model::usage::{Signal, quantile};
use crate::model::workload::Workload;
use crate::policy::located::Mistake;
use crate::policy::section::Section;
use crate::replay::prefix_cache::{Prompt, block_tokens, spread};
use crate::replay::service::proof::Proof;
use crate::replay::service::variant::Variant;

/// Prompts go to replicas by chance, and by the same one each time.
const SEED: u64 = 20_26;

/// The lever.
#[derive(Debug, Clone, PartialEq)]
pub struct Caching {
    /// What a replay must come to.
    pub rigor: Rigor,
    /// The share of prompt tokens that a cache must hold.
    pub least_found_share: f64,
    /// Requests that a trace must have.
    pub least_requests: f64,
}

/// What a cache of this server would have held.
#[derive(Debug, Clone, Copy)]
struct Found {
    /// The share of prompt tokens, of the worse half of the trace.
    share: f64,
    requests: usize,
    block_tokens: u64,
    /// Blocks that a replica's cache has room for beside requests in execution.
    blocks: usize,
    replicas: usize,
}

impl Caching {
    /// Its settings, under its id.
    pub fn read(levers: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let mut own = levers.section("caching", mistakes);
        let lever = Self {
            rigor: Rigor::read(&mut own, mistakes),
            least_found_share: own.number("least_found_share", 0.01, 0.9, mistakes),
            least_requests: own.number("least_requests", 100.0, 1e9, mistakes),
        };
        own.finish(mistakes);
        lever
    }

    fn judge(&self, workload: &Workload, world: &World<'_>) -> Result<Candidate, Answer> {
        let stays = |code: &str, because: String| Err(Answer::Candidate(keep(code, because)));
        if let Some(answer) = not_serving(workload) {
            return Err(Answer::Candidate(answer));
        }
        let known = |serving: &&Serving| matches!(serving.server.as_str(), "vllm" | "sglang");
        let Some(serving) = workload.serving.as_ref().filter(known) else {
            return stays(
                "no-known-prefix-cache",
                "neither vLLM nor SGLang is known to run in it, whose prefix caches are known here".to_owned(),
            );
        };
        let Some(history) = &workload.requests else {
            return Err(Answer::Gap(replayed::requests_not_read()));
        };
        let held = held(history);
        if serving.prefix_cache == Some(true) || held.is_some_and(|held| held > 0.0) {
            let held = held.map_or_else(String::new, |held| {
                format!(": {:.0} % of its prompt tokens came from it", held * 100.0)
            });
            return stays("already-cached", format!("its prefix cache is on{held}"));
        }
        if serving.prefix_cache.is_none() {
            return Err(Answer::Gap(not_told(&serving.server)));
        }
        let name = format!("{}/{}", workload.namespace, workload.name);
        let Some(prompts) = world.prompts.get(&name) else {
            return Err(Answer::Gap(prompts_unknown(&name)));
        };
        if (prompts.len() as f64) < self.least_requests {
            return Err(Answer::Gap(too_few(prompts.len(), self.least_requests)));
        }
        let found = Found::of(prompts, workload, (serving, history))?;
        if found.share < self.least_found_share {
            return stays(
                "prompts-hardly-repeat",
                format!(
                    "a cache of its size would have held {:.1} % of the prompt tokens of {} requests",
                    found.share * 100.0,
                    found.requests
                ),
            );
        }
        let variant = Variant {
            computed: 1.0 - found.share,
            ..Variant::AS_IT_IS
        };
        let in_words = format!("with {:.0} % of its prompt tokens from a cache", found.share * 100.0);
        let proof = self.rigor.prove(workload, world, (&variant, Some(&in_words)))?;
        let change = replicas(workload, &proof, &variant).map_err(Answer::Candidate)?;
        let Some(change) = change else {
            return stays("well-set", format!("{in_words}, as many replicas are needed"));
        };
        Ok(Candidate::Move(Box::new(proposal(
            workload,
            (serving, &found),
            (&proof, change),
        ))))
    }
}

/// The share of prompt tokens that came from a cache; `None` where nothing counts them.
fn held(history: &RequestHistory) -> Option<f64> {
    let cached = history.cached_tokens.as_ref()?;
    let sum = |column: &crate::model::usage::Column| column.samples().map(|(_, tokens)| tokens).sum::<f64>();
    let all = sum(&history.prompt_tokens);
    (all > 0.0).then(|| sum(cached) / all)
}

impl Found {
    fn of(
        prompts: &[Prompt],
        workload: &Workload,
        (serving, history): (&Serving, &RequestHistory),
    ) -> Result<Self, Answer> {
        let Some(cache) = serving.kv_cache else {
            return Err(Answer::Gap(model_unknown(serving)));
        };
        let used = history.cache_used.as_ref();
        let used = used.and_then(|used| quantile(used.samples().map(|(_, used)| used).collect(), 0.95));
        let Some(used) = used else {
            return Err(Answer::Gap(absent(Signal::KvCacheUsage)));
        };
        let block_tokens = block_tokens(prompts).unwrap_or(1);
        // Requests in execution take their room first.
        let free = cache.tokens as f64 * (1.0 - used).max(0.0);
        let blocks = (free / block_tokens as f64) as usize;
        let replicas = workload.running().count();
        let share = match NonZeroUsize::new(blocks) {
            None => 0.0,
            Some(blocks) => {
                let halves = spread(prompts, (replicas, blocks), SEED);
                // As bad as its worse half: what comes next is no better known.
                let shares = halves.iter().map(|half| half.hit_rate().unwrap_or(0.0));
                shares.fold(1.0, f64::min)
            }
        };
        Ok(Self {
            share,
            requests: prompts.len(),
            block_tokens,
            blocks,
            replicas,
        })
    }

    fn evidence(&self) -> Vec<Evidence> {
        let trace = "the trace of its prompts";
        vec![
            fact(
                format!(
                    "share of prompt tokens that caches of {} blocks would have held, in the worse half of {} requests over {}",
                    self.blocks,
                    self.requests,
                    counted(u32::try_from(self.replicas).unwrap_or(u32::MAX))
                ),
                trace,
                Some((self.share * 1e4).round() / 1e4),
            ),
            fact("tokens of a block", trace, Some(self.block_tokens as f64)),
        ]
    }
}

fn proposal(workload: &Workload, (serving, found): (&Serving, &Found), (proof, change): (&Proof, Move)) -> Proposal {
    let name = format!("{}/{}", workload.namespace, workload.name);
    let argument = match serving.server.as_str() {
        "sglang" => "--disable-radix-cache",
        _ => "--no-enable-prefix-caching",
    };
    let then = replayed::then(&change);
    let mut needs_human = replayed::needs(workload, proof, Some(&change));
    needs_human.push(format!(
        "take {argument} away first, and see that its servers tell of cached tokens: the replicas go only then"
    ));
    needs_human.push(
        "a cache that requests of several tenants share lets one learn by its speed what another asked: ask whoever answers for that".to_owned(),
    );
    let mut shown = found.evidence();
    shown.extend(replayed::evidence(proof));
    Proposal {
        title: format!(
            "let {name} keep what prompts share, {:.0} % of their tokens, and {then}",
            found.share * 100.0
        ),
        moves: vec![Move::CachePrefixes { found: found.share }, change],
        evidence: shown,
        service: Some(replayed::service(proof)),
        confidence: replayed::confidence(proof).min(Level::Medium),
        risk: Level::Medium,
        needs_human,
        rollback: format!("set its replicas back, and then {argument}"),
        experiment: None,
        replayed: Some(replayed::shown(proof)),
        effective: None,
    }
}

fn not_told(server: &str) -> Gap {
    Gap::new(
        "prefix-cache-not-told",
        "whether its prefix cache is on",
        format!("neither an argument of {server} nor a counter of cached tokens says so"),
        "have Prometheus scrape its counters of cached tokens, or give the argument",
    )
}

fn prompts_unknown(name: &str) -> Gap {
    Gap::new(
        "prompts-not-known",
        "how much of its prompts is alike",
        "its prefix cache is off, so that nothing counts what it would hold",
        format!(
            "log hashes of prompts' blocks for a day (`hash_ids` and `input_length` a line, no text), and give --prompt-traces DIR with \
             {name}.jsonl in it; or switch the cache on for one replica"
        ),
    )
}

fn too_few(requests: usize, least: f64) -> Gap {
    Gap::new(
        "trace-too-short",
        format!("{requests} requests of its trace"),
        format!("{least:.0} are needed to tell what repeats"),
        "log prompts for longer",
    )
}

impl Recommender for Caching {
    fn id(&self) -> &'static str {
        "caching"
    }

    fn page(&self) -> &'static str {
        include_str!("caching.md")
    }

    fn propose(&self, subject: Subject<'_>, world: &World<'_>) -> Vec<Candidate> {
        let Subject::Workload(workload) = subject;
        if nothing_was_read(workload, world) {
            return Vec::new();
        }
        vec![self.judge(workload, world).unwrap_or_else(Candidate::from)]
    }
}
