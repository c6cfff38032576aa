//! Who plays in small and medium worlds.

use super::load::Pattern;
use super::random::Rng;
use super::services as s;
use super::training::{Cadence, Effort, batch, family};
use super::workload::{Intent, Kind, Life, Workload};
use super::{END, HOUR, idlers, spot, unused};

/// Every kind of object and every source of metrics, on few GPUs.
pub fn small(rng: &mut Rng, start: i64) -> Vec<Workload> {
    let night = |hour| (start, Cadence::Nightly(hour, 3.0));
    let effort = |rng: &mut Rng, gib| Effort::draw(rng, gib);
    let sft = effort(rng, 66.0);
    let lora = effort(rng, 38.0);
    let mut chat = s::light_chat(rng, ("chat", "chat-8b", "chat", "h100-single", 2));
    chat.life = Life::RolledAt(start + (END - start) / 2 + 7 * HOUR);
    vec![
        chat,
        s::busy_large(rng, ("chat", "chat-70b", "chat", "h100", 1)),
        s::leader_and_workers(rng, ("chat", "frontier-405b", "chat", "h100-reserved", 2)),
        s::light_embedding(rng, ("search", "embed", "search", "a100-80", 1), "BAAI/bge-m3"),
        s::light_images(rng, ("vision", "image-gen", "vision", "a100-80", 1)),
        s::on_the_cheapest(rng, ("speech", "tts", "", "l4-single", 1)),
        s::memory_spikes(rng, ("vision", "layout", "vision", "a100-80", 1)),
        idlers::forgotten_notebook(rng, ("notebooks", "lena-scratch", "research", "a100-80", 1)),
        idlers::forgotten_demo(("sandbox", "launch-demo", "", "l40s-single", 1)),
        idlers::night_worker(rng, ("data", "night-worker", "data", "l40s-single", 1)),
        family(
            rng,
            ("foundation", "sft-llama-8b", "foundation", "a100-80-reserved", 1),
            Kind::PyTorchJob,
            8,
            sft,
            (start, Cadence::Queue(9.0, 3.0)),
        ),
        family(
            rng,
            ("research", "lora-nightly", "research", "l40s-quad", 2),
            Kind::CronJob,
            1,
            lora,
            night(1),
        ),
        family(
            rng,
            ("research", "probe", "research", "l40s-quad", 1),
            Kind::JobSet,
            2,
            lora,
            (start, Cadence::Queue(5.0, 4.0)),
        ),
        batch(
            rng,
            ("data", "caption", "data", "a10g-single", 1),
            Kind::Job,
            (start, Cadence::Queue(2.0, 6.0)),
        ),
    ]
}

/// Every plant at least once, on GPUs that the seed chooses among those that keep its truth.
pub fn medium(rng: &mut Rng, start: i64) -> Vec<Workload> {
    let big = *["h100-single", "a100-80"]
        .get(rng.whole(0, 1) as usize)
        .unwrap_or(&"a100-80");
    let copies = |rng: &mut Rng, most| rng.whole(1, most) as u32;
    let (two, three) = (copies(rng, 2), copies(rng, 3));
    let mut chat = s::light_chat(rng, ("chat", "chat-8b", "chat", "h100-single", 1 + two));
    chat.life = Life::RolledAt(END - rng.whole(2, 6) * 24 * HOUR + 9 * HOUR);
    let mut everywhere = s::code_assistant(
        rng,
        ("tools", "code-assist", "tools", "l40s-single", two),
        Pattern::Diurnal {
            weekend: 0.5,
            burst: 0.3,
        },
    );
    everywhere.smaller = (Intent::Any, "not planted".to_owned());
    let mut cast = vec![
        chat,
        s::light_guard(rng, ("chat", "guard", "chat", "h100-single", 1)),
        s::light_fp8(rng, ("chat", "chat-8b-fp8", "chat", "h100-single", two)),
        s::busy_large(rng, ("chat", "chat-70b", "chat", "h100", 2)),
        s::large_fp8(rng, ("chat", "chat-70b-fp8", "", "h100-single", 1)),
        s::nameless(rng, ("chat", "assistant", "chat", "h100-single", 1)),
        s::bandwidth_bound(rng, ("search", "answers-14b", "search", "h100-single", two)),
        s::light_embedding(
            rng,
            ("search", "embed", "search", big, three),
            "intfloat/multilingual-e5-large",
        ),
        s::light_reranker(rng, ("search", "rerank", "search", "a100-40", two)),
        s::light_images(rng, ("vision", "image-gen", "vision", "a100-80", two)),
        s::memory_spikes(rng, ("vision", "layout", "vision", "a100-80", two)),
        s::swapping_studio(rng, ("vision", "studio", "vision", "a100-80", two)),
        s::daily_burst(rng, ("vision", "upscale", "vision", "l40s-single", two)),
        s::busy_small(rng, ("chat", "summaries", "chat", "l40s-single", three)),
        s::on_the_cheapest(rng, ("speech", "tts", "", "l4-single", two)),
        s::unplanted(rng, ("vision", "thumbnails", "vision", "a10g-single", 1)),
        everywhere,
    ];
    cast.extend(medium_idlers(rng));
    cast.extend(medium_runs(rng, start));
    cast.extend(medium_unused(rng, start));
    cast.extend(medium_spot(rng, start));
    cast
}

fn medium_idlers(rng: &mut Rng) -> Vec<Workload> {
    let pool = *["a100-80", "l40s-single", "a100-40"]
        .get(rng.whole(0, 2) as usize)
        .unwrap_or(&"a100-80");
    let count = rng.whole(1, 2) as u32;
    vec![
        idlers::forgotten_notebook(rng, ("notebooks", "lena-scratch", "research", pool, 1)),
        idlers::used_notebook(rng, ("notebooks", "omar-analysis", "research", "a100-40", 1)),
        idlers::forgotten_demo(("sandbox", "launch-demo", "", "h100-single", count)),
        idlers::office_hours(rng, ("dev", "code-dev", "tools", "l40s-single", count)),
        idlers::weekly_standby(rng, ("chat", "campaign-standby", "chat", "l40s-single", 1)),
        idlers::trickle(rng, ("legal", "redaction", "", "l40s-single", 1)),
        idlers::blind_utilization(rng, ("search", "query-rewrite", "search", "l40s-single", 1)),
        idlers::night_worker(rng, ("data", "night-worker", "data", "l40s-single", count)),
        idlers::too_young(rng, ("sandbox", "prototype", "tools", "l40s-single", 1)),
        idlers::unseen_standby(("chat", "dr-standby", "chat", "h100-single", 1)),
    ]
}

fn medium_spot(rng: &mut Rng, start: i64) -> Vec<Workload> {
    vec![
        spot::replicas_with_a_budget(rng, ("chat", "chat-70b-eu", "chat", "h100", 2)),
        spot::resumes(rng, ("research", "distil", "research", "a100-40", 1), start),
        spot::begins_anew(rng, ("research", "distil-legacy", "research", "a100-40", 1), start),
    ]
}

fn medium_unused(rng: &mut Rng, start: i64) -> Vec<Workload> {
    vec![
        unused::five_of_eight(rng, ("research", "world-model", "research", "a100-40", 1), start),
        unused::once_all_eight(
            rng,
            ("research", "world-model-ablation", "research", "a100-40", 1),
            start,
        ),
        unused::half_a_server(rng, ("chat", "router", "chat", "l40s-quad", 2)),
    ]
}

fn medium_runs(rng: &mut Rng, start: i64) -> Vec<Workload> {
    let sft = Effort::draw(rng, 66.0);
    let pretrain = Effort::draw(rng, 70.0);
    let lora = Effort::draw(rng, 38.0);
    vec![
        family(
            rng,
            ("foundation", "pretrain-7b", "foundation", "h100-reserved", 2),
            Kind::PyTorchJob,
            8,
            pretrain,
            (start, Cadence::Queue(60.0, 5.0)),
        ),
        family(
            rng,
            ("foundation", "sft-llama-70b", "foundation", "a100-80-reserved", 1),
            Kind::JobSet,
            8,
            sft,
            (start, Cadence::Queue(12.0, 6.0)),
        ),
        family(
            rng,
            ("research", "lora-nightly", "research", "l40s-quad", 2),
            Kind::CronJob,
            1,
            lora,
            (start, Cadence::Nightly(1, 3.5)),
        ),
        batch(
            rng,
            ("data", "caption", "data", "a10g-quad", 3),
            Kind::Job,
            (start, Cadence::Queue(3.0, 7.0)),
        ),
    ]
}
