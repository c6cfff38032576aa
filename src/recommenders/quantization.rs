//! `quantization`: weights in eight bits, where fewer GPUs then hold a replica with the cache that it uses, or fewer replicas do
//! with the cache that is won.

mod fit;

use super::capability;
use super::evidence::{fact, keep};
use super::memory_need::model_unknown;
use super::replayed::{self, Answer, Rigor, counted, not_serving, nothing_was_read, replicas};
use super::{Recommender, World};
use crate::model::gap::Gap;
use crate::model::scenario::{Candidate, Evidence, Level, Move, Proposal, Subject};
use crate::model::serving::{Precision, Serving};
use crate::model::workload::Workload;
use crate::policy::located::Mistake;
use crate::policy::section::Section;
use crate::replay::service::proof::Proof;
use crate::replay::service::variant::Variant;
use fit::{Fit, Room};

pub use fit::{AS_MANY, HALVED, HALVED_WEIGHTS_ONLY, Times};

/// Compute capability from which weights in FP8 can be read at all, where the GPU has no such arithmetic (vLLM's Marlin kernels).
const READS_FP8: (u8, u8) = (8, 0);

/// The lever.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantization {
    /// What a replay must come to.
    pub rigor: Rigor,
    /// The share of the memory that a server holds which its weights must take: of less there is little to win.
    pub least_weights_share: f64,
    /// Share of samples that may be missing.
    pub missing_at_most: f64,
}

impl Quantization {
    /// Its settings, under its id.
    pub fn read(levers: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let mut own = levers.section("quantization", mistakes);
        let lever = Self {
            rigor: Rigor::read(&mut own, mistakes),
            least_weights_share: own.number("least_weights_share", 0.1, 0.9, mistakes),
            missing_at_most: own.number("missing_at_most", 0.0, 0.2, mistakes),
        };
        own.finish(mistakes);
        lever
    }

    fn judge(&self, workload: &Workload, world: &World<'_>) -> Result<Vec<Candidate>, Answer> {
        let stays = |candidate: Candidate| Err(Answer::Candidate(candidate));
        if let Some(answer) = not_serving(workload) {
            return stays(answer);
        }
        let Some(serving) = workload.serving.as_ref().filter(|serving| serving.preallocates) else {
            return stays(keep(
                "not-a-language-model",
                "no server of language models is known to run in it, which would hold weights and a cache",
            ));
        };
        let Some(from) = serving.precision else {
            return Err(Answer::Gap(model_unknown(serving)));
        };
        if !matches!(from, Precision::Fp32 | Precision::Bf16 | Precision::Fp16) {
            return stays(keep(
                "already-quantized",
                format!("its weights are stored as {} already", from.name()),
            ));
        }
        let Some(argument) = argument(&serving.server) else {
            return Err(Answer::Gap(server_unknown(serving)));
        };
        let format = Format {
            from,
            weight_only: self.weight_only(workload, world)?,
            argument,
        };
        let fit = Fit::of(workload, serving, world, self.missing_at_most).map_err(Answer::Gap)?;
        if fit.weights_share() < self.least_weights_share {
            return stays(keep("weights-are-small", fit.weights_in_words()));
        }
        let variants = match fit.room() {
            Room::Rooms(variants) => variants,
            Room::CacheDoesNotFit(words) => return stays(keep("cache-does-not-fit", words)),
            Room::NothingToWin(words) => return stays(keep("no-fewer-gpus", words)),
        };
        let mut found = Vec::new();
        let mut first = None;
        for changed in variants {
            match self.replay(workload, world, &fit, (changed, format)) {
                Ok(proposal) => found.push(Candidate::Move(Box::new(proposal))),
                Err(answer) => first = first.or(Some(answer)),
            }
        }
        match first {
            Some(answer) if found.is_empty() => Err(answer),
            _ => Ok(found),
        }
    }

    /// Whether its GPUs only store weights in FP8, and compute as before.
    fn weight_only(&self, workload: &Workload, world: &World<'_>) -> Result<bool, Answer> {
        let kind = workload.gpu.as_ref();
        let capability = kind.and_then(|kind| capability::of(kind, world.catalog));
        let Some(capability) = capability else {
            let gpu = kind.map_or_else(|| "its GPU".to_owned(), ToString::to_string);
            return Err(Answer::Gap(Gap::new(
                "gpu-unknown",
                format!("in which formats {gpu} computes"),
                "the catalogue does not know it well enough",
                "tell us its figures, with their source, so that the catalogue can learn them",
            )));
        };
        if capability.compute_capability.is_none_or(|own| own < READS_FP8) {
            return Err(Answer::Candidate(keep(
                "gpu-lacks-format",
                format!("{} has no kernels for weights in FP8", capability.kind),
            )));
        }
        Ok(!capability.fp8)
    }

    fn replay(
        &self,
        workload: &Workload,
        world: &World<'_>,
        fit: &Fit,
        (gpus, format): (u32, Format),
    ) -> Result<Proposal, Answer> {
        let variant = fit.variant(gpus, format.weight_only);
        let in_words = format!("with {} on {gpus} of its {} GPUs a replica", format.words(), fit.gpus);
        let proof = self.rigor.prove(workload, world, (&variant, Some(&in_words)))?;
        let replicas = replicas(workload, &proof, &variant).map_err(Answer::Candidate)?;
        Ok(proposal(workload, fit, (gpus, format), (&proof, &variant, replicas)))
    }
}

/// How weights are stored then.
#[derive(Debug, Clone, Copy)]
struct Format {
    from: Precision,
    weight_only: bool,
    argument: &'static str,
}

impl Format {
    fn words(self) -> &'static str {
        match self.weight_only {
            true => "weights stored in FP8 and computed as before",
            false => "weights in FP8",
        }
    }
}

/// What a server is told; `None` where its engines are built beforehand, or it is not known.
fn argument(server: &str) -> Option<&'static str> {
    match server {
        "vllm" | "sglang" => Some("--quantization fp8"),
        "tgi" => Some("--quantize fp8"),
        _ => None,
    }
}

fn server_unknown(serving: &Serving) -> Gap {
    Gap::new(
        "server-not-known",
        format!("how {} is told to quantize", serving.server),
        "arguments of vLLM, SGLang and TGI are known; engines of others are built beforehand",
        "build an engine with weights in FP8, and compare both",
    )
}

fn proposal(
    workload: &Workload,
    fit: &Fit,
    (gpus, format): (u32, Format),
    (proof, variant, replicas): (&Proof, &Variant, Option<Move>),
) -> Proposal {
    let name = format!("{}/{}", workload.namespace, workload.name);
    let to = Precision::Fp8;
    let mut moves = vec![Move::Quantize {
        from: format.from,
        to,
        weight_only: format.weight_only,
    }];
    let mut title = format!("serve {name} with {}", format.words());
    let mut rollback = "take the argument away again".to_owned();
    if gpus < fit.gpus {
        moves.push(Move::SetTensorParallel {
            from: fit.gpus,
            to: gpus,
        });
        moves.push(Move::RequestGpus {
            from: fit.gpus,
            to: gpus,
        });
        title = format!("{title}, on {gpus} GPUs a replica in place of {}", fit.gpus);
        rollback = format!("{rollback}, and give each replica {} GPUs", fit.gpus);
    }
    if let Some(change) = &replicas {
        title = match change {
            Move::SetReplicas { from, to, .. } => format!("{title}, and with {} in place of {from}", counted(*to)),
            Move::Autoscale { min, max, .. } => format!("{title}, and let it scale between {min} and {max} replicas"),
            _ => title,
        };
        rollback = format!("{rollback}, and set its replicas back");
    }
    let mut needs_human = replayed::needs(workload, proof, replicas.as_ref());
    if format.weight_only {
        needs_human.push(
            "its GPUs have no FP8 arithmetic: weights are stored so and computed as before, which makes nothing quicker".to_owned(),
        );
    }
    moves.extend(replicas);
    let mut shown = fit.evidence(gpus);
    shown.push(doubt(variant));
    shown.extend(replayed::evidence(proof));
    Proposal {
        moves,
        title,
        evidence: shown,
        service: Some(replayed::service(proof)),
        confidence: replayed::confidence(proof).min(Level::Medium),
        risk: Level::Medium,
        needs_human,
        rollback,
        experiment: Some(experiment(proof, (gpus, format), fit)),
        replayed: Some(replayed::shown(proof)),
        effective: None,
    }
}

fn doubt(variant: &Variant) -> Evidence {
    fact(
        format!(
            "times as long a step is thought to take; nine of ten measured pairs no more than {:.2}",
            variant.step * (1.0 + variant.off.0)
        ),
        "AIConfigurator's measured configurations, 2026",
        Some(variant.step),
    )
}

/// What to run, and what must hold.
fn experiment(proof: &Proof, (gpus, format): (u32, Format), fit: &Fit) -> String {
    let late = |latency: &crate::replay::service::sketch::Sketch| latency.quantile(0.95);
    let bounds = [
        ("the first token", late(&proof.found.after_slower.first_token)),
        ("the next token", late(&proof.found.after_slower.inter_token)),
    ];
    let bounds = bounds.map(|(what, seconds)| {
        let seconds = seconds.map_or_else(|| "?".to_owned(), |seconds| format!("{seconds:.2}"));
        format!("{what} takes no more than {seconds} s at p95")
    });
    format!(
        "run one replica with {} on {gpus} GPUs beside the others and send it its share of requests; it passed if its answers are as good by \
         its owner's own evaluation, {}, and its cache is never full for long (it has room for {:.0} tokens). Then record \
         `experiment-passed` in the decisions file",
        format.argument,
        bounds.join(", "),
        fit.cache_tokens(gpus)
    )
}

impl Recommender for Quantization {
    fn id(&self) -> &'static str {
        "quantization"
    }

    fn page(&self) -> &'static str {
        include_str!("quantization.md")
    }

    fn propose(&self, subject: Subject<'_>, world: &World<'_>) -> Vec<Candidate> {
        let Subject::Workload(workload) = subject;
        let answer = self.judge(workload, world);
        // Where no requests are read at all, that is told once; what memory alone tells is told all the same.
        let serves = workload.serving.as_ref().is_some_and(|serving| serving.preallocates);
        let is_told = serves && matches!(answer, Err(Answer::Candidate(_)));
        if nothing_was_read(workload, world) && !is_told {
            return Vec::new();
        }
        answer.unwrap_or_else(|answer| vec![answer.into()])
    }
}
