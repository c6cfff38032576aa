//! Northlight: a company that trains, serves and experiments on about 220 GPUs. A world to be read aloud.

use super::random::Rng;
use super::services as s;
use super::training::{Cadence, Effort, batch, family};
use super::workload::{Kind, Life, Workload};
use super::{END, HOUR, idlers, spot, support as p, unused};

/// Its workloads: teams in order, so that each team's pods share machines.
pub fn cast(rng: &mut Rng, start: i64) -> Vec<Workload> {
    let mut cast = foundation(rng, start);
    cast.extend(chat(rng));
    cast.extend(search(rng));
    cast.extend(vision(rng));
    cast.extend(speech_and_data(rng, start));
    cast.extend(research(rng, start));
    cast.extend(tools(rng));
    cast.extend(overprovided(rng, start));
    cast.extend(support(rng, start));
    cast
}

fn foundation(rng: &mut Rng, start: i64) -> Vec<Workload> {
    let (pretrain, sft, rlhf) = (
        Effort::draw(rng, 70.0),
        Effort::draw(rng, 67.0),
        Effort::draw(rng, 64.0),
    );
    let team = "foundation-models";
    vec![
        family(
            rng,
            ("foundation", "northstar-pretrain-7b", team, "a100-80-reserved", 2),
            Kind::PyTorchJob,
            8,
            pretrain,
            (start, Cadence::Queue(190.0, 6.0)),
        ),
        family(
            rng,
            ("foundation", "northstar-sft-70b", team, "h100-reserved", 1),
            Kind::JobSet,
            8,
            sft,
            (start, Cadence::Queue(14.0, 9.0)),
        ),
        family(
            rng,
            ("foundation", "reward-model", team, "a100-80", 1),
            Kind::PyTorchJob,
            8,
            rlhf,
            (start, Cadence::Queue(7.0, 16.0)),
        ),
    ]
}

fn chat(rng: &mut Rng) -> Vec<Workload> {
    let team = "chat-platform";
    let mut small = s::light_chat(rng, ("chat", "northstar-chat-8b", team, "h100", 4));
    small.life = Life::RolledAt(END - 5 * 24 * HOUR + 9 * HOUR);
    vec![
        s::busy_large(rng, ("chat", "northstar-chat-70b", team, "h100-reserved", 2)),
        s::leader_and_workers(rng, ("chat", "frontier-405b", team, "h100-reserved", 2)),
        small,
        s::light_guard(rng, ("chat", "guardrail", team, "h100", 2)),
        s::large_fp8(rng, ("chat", "premium-70b-fp8", team, "h100", 2)),
        s::light_fp8(rng, ("chat", "titles-8b-fp8", team, "h100", 2)),
        s::nameless(rng, ("chat", "partner-assistant", "", "h100", 1)),
        s::busy_small(rng, ("chat", "summaries", team, "l40s", 6)),
        idlers::weekly_standby(rng, ("chat", "campaign-standby", team, "h100-single", 2)),
        idlers::unseen_standby(("chat", "dr-standby", team, "h100-single", 1)),
    ]
}

fn search(rng: &mut Rng) -> Vec<Workload> {
    let team = "search";
    vec![
        s::light_embedding(
            rng,
            ("search", "embed-catalog", team, "a100-80", 3),
            "intfloat/multilingual-e5-large",
        ),
        s::light_reranker(rng, ("search", "rerank", team, "a100-40", 3)),
        s::bandwidth_bound(rng, ("search", "answers-14b", team, "h100", 4)),
        s::on_the_cheapest(rng, ("search", "ner", team, "l4-single", 3)),
        idlers::blind_utilization(rng, ("search", "query-rewrite", team, "l40s-single", 2)),
    ]
}

fn vision(rng: &mut Rng) -> Vec<Workload> {
    let team = "vision";
    vec![
        s::light_images(rng, ("vision", "image-gen", team, "a100-80", 4)),
        s::memory_spikes(rng, ("vision", "document-layout", team, "a100-80", 2)),
        s::swapping_studio(rng, ("vision", "creative-studio", team, "a100-80", 3)),
        s::daily_burst(rng, ("vision", "upscale", team, "l40s", 2)),
        s::unplanted(rng, ("vision", "thumbnails", team, "a10g-single", 3)),
        s::unplanted(rng, ("vision", "moderation", "", "l40s", 3)),
    ]
}

fn speech_and_data(rng: &mut Rng, start: i64) -> Vec<Workload> {
    let asr = Effort::draw(rng, 31.0);
    vec![
        s::busy_speech(rng, ("speech", "whisper-stream", "speech", "l40s", 5)),
        s::on_the_cheapest(rng, ("speech", "voice", "speech", "l4-single", 3)),
        family(
            rng,
            ("speech", "asr-finetune", "speech", "a100-40-spot", 1),
            Kind::CronJob,
            8,
            asr,
            (start, Cadence::Nightly(1, 5.0)),
        ),
        batch(
            rng,
            ("data", "caption-backfill", "data-platform", "l4-quad-spot", 4),
            Kind::Job,
            (start, Cadence::Queue(6.0, 10.0)),
        ),
        idlers::night_worker(rng, ("data", "ocr-night-worker", "data-platform", "l40s-quad", 1)),
        batch(
            rng,
            ("data", "embed-refresh", "data-platform", "a10g-quad", 4),
            Kind::CronJob,
            (start, Cadence::Nightly(3, 2.5)),
        ),
    ]
}

fn research(rng: &mut Rng, start: i64) -> Vec<Workload> {
    let lora = Effort::draw(rng, 38.0);
    let team = "applied-research";
    vec![
        family(
            rng,
            ("research", "lora-sweep", team, "l40s-quad", 4),
            Kind::JobSet,
            1,
            lora,
            (start, Cadence::Queue(8.0, 5.0)),
        ),
        idlers::forgotten_notebook(rng, ("notebooks", "lena-scratch", team, "a100-80", 1)),
        idlers::forgotten_notebook(rng, ("notebooks", "workshop-host", "", "a100-40", 1)),
        idlers::forgotten_notebook(rng, ("notebooks", "workshop-guest", "", "a100-40", 1)),
        idlers::used_notebook(rng, ("notebooks", "omar-analysis", team, "a100-40", 1)),
        idlers::used_notebook(rng, ("notebooks", "mei-evals", team, "a100-40", 1)),
    ]
}

fn tools(rng: &mut Rng) -> Vec<Workload> {
    let team = "developer-tools";
    vec![
        idlers::forgotten_demo(("sandbox", "launch-demo", "", "h100-single", 2)),
        idlers::office_hours(rng, ("tools", "code-assist-dev", team, "l40s-quad", 3)),
        idlers::office_hours(rng, ("tools", "review-bot", team, "l40s-single", 2)),
        idlers::trickle(rng, ("legal", "redaction", "", "l40s-single", 1)),
        idlers::too_young(rng, ("sandbox", "voice-prototype", "speech", "l40s-single", 1)),
    ]
}

/// What holds more than it uses, and what was seen to bear interruptions.
fn overprovided(rng: &mut Rng, start: i64) -> Vec<Workload> {
    vec![
        unused::half_a_server(rng, ("chat", "router", "chat-platform", "l40s-quad", 2)),
        unused::five_of_eight(
            rng,
            ("research", "world-model", "applied-research", "a100-40", 1),
            start,
        ),
        spot::replicas_with_a_budget(rng, ("chat", "northstar-chat-70b-eu", "chat-platform", "h100", 2)),
        spot::resumes(rng, ("research", "distil", "applied-research", "a100-40", 1), start),
    ]
}

/// Services of the support team, whose requests are known one by one, and what bears interruptions beside what has none to fear.
fn support(rng: &mut Rng, start: i64) -> Vec<Workload> {
    let team = "support";
    vec![
        p::awake_at_night(("support", "assist", team, "l40s-single", 4)),
        p::few_seats(("support", "translate", team, "l40s-single", 4)),
        p::computes_beginnings_again(("support", "contract-qa", team, "l40s-single", 4)),
        p::twice_the_bits(("support", "drafts-70b", team, "l40s-quad", 2)),
        p::bears_interruptions(rng, ("vision", "video-tags", "vision", "l40s-quad-tags", 2)),
        batch(
            rng,
            ("vision", "retag-archive", "vision", "l40s-quad-spot", 8),
            Kind::Job,
            (start, Cadence::Queue(6.0, 10.0)),
        ),
    ]
}
