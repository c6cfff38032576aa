//! `batching`: a limit on requests in execution that keeps others waiting while the cache has room and tokens come in time, so that
//! with a larger one fewer replicas do.

use super::evidence::{fact, keep};
use super::replayed::{self, Answer, Rigor, limits, not_serving, nothing_was_read, replicas};
use super::{Recommender, World};
use crate::model::gap::Gap;
use crate::model::requests::RequestHistory;
use crate::model::scenario::{Candidate, Evidence, Level, Move, Proposal, Subject};
use crate::model::usage::{Column, Signal, quantile};
use crate::model::workload::Workload;
use crate::policy::located::Mistake;
use crate::policy::section::Section;
use crate::replay::service::proof::Proof;
use crate::replay::service::variant::Variant;

/// How full of requests a replica is that is at its limit, of it.
const AT_LIMIT: f64 = 0.9;

/// Requests that wait on a replica on average from which something keeps them out.
const WAITING: f64 = 0.5;

/// How full the cache may be at p95 for the limit to be what keeps requests out, and how full it may get with a larger one.
const CACHE_HAS_ROOM: f64 = 0.8;
const CACHE_AT_MOST: f64 = 0.9;

/// Requests put back for want of cache, of all that ended, up to which there is room.
const PREEMPTED: f64 = 0.001;

/// No more requests at once than so many times the limit: nobody has seen what more would do.
const DOUBLING: f64 = 2.0;

/// The least by which a limit must rise to be worth a change.
const WORTH_IT: f64 = 1.25;

/// The lever.
#[derive(Debug, Clone, PartialEq)]
pub struct Batching {
    /// What a replay must come to.
    pub rigor: Rigor,
    /// The share of time in which requests must wait at the limit.
    pub least_waiting_share: f64,
}

/// What keeps requests out, as it was seen.
#[derive(Debug, Clone, Copy)]
struct Seen {
    limit: usize,
    /// The share of time in which requests waited.
    waits: f64,
    cache_p95: f64,
    preempted: f64,
}

impl Batching {
    /// Its settings, under its id.
    pub fn read(levers: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let mut own = levers.section("batching", mistakes);
        let lever = Self {
            rigor: Rigor::read(&mut own, mistakes),
            least_waiting_share: own.number("least_waiting_share", 0.001, 0.5, mistakes),
        };
        own.finish(mistakes);
        lever
    }

    fn judge(&self, workload: &Workload, world: &World<'_>) -> Result<Candidate, Answer> {
        let stays = |code: &str, because: String| Err(Answer::Candidate(keep(code, because)));
        if let Some(answer) = not_serving(workload) {
            return Err(Answer::Candidate(answer));
        }
        let server = workload.serving.as_ref().map_or("", |serving| serving.server.as_str());
        let Some(argument) = argument(server) else {
            return Err(Answer::Gap(limit_unknown(server)));
        };
        let Some(history) = &workload.requests else {
            return Err(Answer::Gap(replayed::requests_not_read()));
        };
        let seen = Seen::of(history, limits(workload, world).most_running)?;
        if seen.waits < self.least_waiting_share {
            return stays(
                "nothing-waits",
                format!("requests waited in {:.1} % of the time", seen.waits * 100.0),
            );
        }
        if seen.cache_p95 >= CACHE_HAS_ROOM || seen.preempted > PREEMPTED {
            return stays(
                "cache-is-full",
                format!(
                    "its cache is {:.0} % full at p95, and {:.1} % of its requests were put back for want of it: a larger limit lets none in",
                    seen.cache_p95 * 100.0,
                    seen.preempted * 100.0
                ),
            );
        }
        // Of one replica alone, as others may have room while it has none.
        let most = workload.measured(Signal::RequestsRunning, world.snapshot.grid).max();
        if let Some(most) = most.filter(|most| *most < AT_LIMIT * seen.limit as f64) {
            return stays(
                "limit-not-reached",
                format!(
                    "requests waited, though no replica executed more than {most:.0} of the {} that its limit lets in: something else keeps \
                     them out",
                    seen.limit
                ),
            );
        }
        let larger = seen.larger();
        if (larger as f64) < seen.limit as f64 * WORTH_IT {
            return stays(
                "cache-is-full",
                format!(
                    "its cache, {:.0} % full at p95, has no room for more requests",
                    seen.cache_p95 * 100.0
                ),
            );
        }
        let variant = Variant {
            most_running: Some(larger),
            ..Variant::AS_IT_IS
        };
        let in_words = format!("with {larger} requests at once in place of {}", seen.limit);
        let proof = self.rigor.prove(workload, world, (&variant, Some(&in_words)))?;
        let change = replicas(workload, &proof, &variant).map_err(Answer::Candidate)?;
        let Some(change) = change else {
            return stays("well-set", format!("{in_words}, as many replicas are needed"));
        };
        Ok(Candidate::Move(Box::new(proposal(
            workload,
            (&seen, larger, argument),
            (&proof, change),
        ))))
    }
}

impl Seen {
    fn of(history: &RequestHistory, limit: usize) -> Result<Self, Answer> {
        let points = 0..history.grid.points();
        let each = |column: &Column, at: usize| {
            let servers = history.servers.get(at).filter(|servers| *servers >= 0.5)?;
            Some(column.get(at)? / servers)
        };
        let (mut known, mut waits) = (0.0_f64, 0.0);
        for at in points {
            let Some(waiting) = each(&history.waiting, at) else {
                continue;
            };
            known += 1.0;
            waits += f64::from(u8::from(waiting >= WAITING));
        }
        let cache = history
            .cache_used
            .as_ref()
            .map(|cache| cache.samples().map(|(_, used)| used).collect());
        let cache_p95 = cache.and_then(|samples| quantile(samples, 0.95));
        let Some(cache_p95) = cache_p95 else {
            return Err(Answer::Gap(super::evidence::absent(Signal::KvCacheUsage)));
        };
        let sum = |column: &Column| column.samples().map(|(_, value)| value).sum::<f64>();
        let finished = sum(&history.finished);
        let preempted = history.preemptions.as_ref().map_or(0.0, sum);
        Ok(Self {
            limit,
            waits: waits / known.max(1.0),
            cache_p95,
            preempted: preempted / finished.max(1.0),
        })
    }

    /// The largest limit that may be tried: a doubling, and no more than the cache has room for.
    fn larger(&self) -> usize {
        let times = (CACHE_AT_MOST / self.cache_p95.max(1e-3)).min(DOUBLING);
        (self.limit as f64 * times) as usize
    }
}

/// What a server calls its limit.
fn argument(server: &str) -> Option<&'static str> {
    match server {
        "vllm" => Some("--max-num-seqs"),
        "sglang" => Some("--max-running-requests"),
        _ => None,
    }
}

fn limit_unknown(server: &str) -> Gap {
    let server = match server {
        "" => "its server",
        named => named,
    };
    Gap::new(
        "batches-not-read",
        format!("how many requests {server} puts together"),
        "the limits of vLLM and SGLang are known; TGI's is one of tokens, and how batches form elsewhere is not read",
        "compare batch sizes with the server's own load generator",
    )
}

fn proposal(
    workload: &Workload,
    (seen, larger, argument): (&Seen, usize, &str),
    (proof, change): (&Proof, Move),
) -> Proposal {
    let name = format!("{}/{}", workload.namespace, workload.name);
    let size = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
    let then = replayed::then(&change);
    let mut needs_human = replayed::needs(workload, proof, Some(&change));
    needs_human.push(format!(
        "raise {argument} first, on one replica, and watch its cache: the replicas go only once requests no longer wait"
    ));
    let mut shown = seen.evidence();
    shown.extend(replayed::evidence(proof));
    Proposal {
        title: format!(
            "let {name} execute {larger} requests at once in place of {}, and {then}",
            seen.limit
        ),
        moves: vec![
            Move::SetBatchLimit {
                from: size(seen.limit),
                to: size(larger),
            },
            change,
        ],
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

impl Seen {
    fn evidence(&self) -> Vec<Evidence> {
        let told = |what: &str, figure: &str, value: f64| fact(what, figure, Some((value * 1e4).round() / 1e4));
        vec![
            told(
                "requests that a replica executes at once at most",
                "its arguments, else its defaults",
                self.limit as f64,
            ),
            told("share of the time in which requests waited", "waiting", self.waits),
            told("share of the cache in use at p95", "cache_used", self.cache_p95),
            told(
                "requests put back for want of cache, of those that ended",
                "preemptions",
                self.preempted,
            ),
        ]
    }
}

impl Recommender for Batching {
    fn id(&self) -> &'static str {
        "batching"
    }

    fn page(&self) -> &'static str {
        include_str!("batching.md")
    }

    fn propose(&self, subject: Subject<'_>, world: &World<'_>) -> Vec<Candidate> {
        let Subject::Workload(workload) = subject;
        if nothing_was_read(workload, world) {
            return Vec::new();
        }
        vec![self.judge(workload, world).unwrap_or_else(Candidate::from)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::service::demand::tests::grid;

    fn history(running: f64, waiting: f64, cache: f64, preemptions: f64) -> RequestHistory {
        let each = |value: f64| Column::from_options([Some(value), Some(value), None, Some(value)]);
        let mut history = RequestHistory::unknown(grid(4, 15));
        history.servers = each(2.0);
        history.running = each(running);
        history.waiting = each(waiting);
        history.finished = each(100.0);
        history.cache_used = Some(each(cache));
        history.preemptions = Some(each(preemptions));
        history
    }

    fn seen(running: f64, waiting: f64, cache: f64, preemptions: f64) -> Seen {
        Seen::of(&history(running, waiting, cache, preemptions), 8).unwrap()
    }

    #[test]
    fn what_keeps_requests_out_is_told() {
        let pinned = seen(16.0, 4.0, 0.3, 0.0);
        assert_eq!(pinned.waits, 1.0, "a hole is no time");
        assert_eq!(seen(16.0, 0.4, 0.3, 0.0).waits, 0.0);
        assert!((seen(16.0, 4.0, 0.3, 5.0).preempted - 0.05).abs() < 1e-9);
        let mut unread = history(16.0, 4.0, 0.3, 0.0);
        unread.cache_used = None;
        assert!(matches!(Seen::of(&unread, 8), Err(Answer::Gap(gap)) if gap.code == "signal-missing"));
    }

    #[test]
    fn a_limit_is_at_most_doubled_and_its_cache_has_room() {
        assert_eq!(seen(16.0, 4.0, 0.2, 0.0).larger(), 16);
        assert_eq!(seen(16.0, 4.0, 0.6, 0.0).larger(), 12);
        assert_eq!(seen(16.0, 4.0, 0.0, 0.0).larger(), 16);
    }
}
