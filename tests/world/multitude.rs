//! A cluster of as many workloads as one likes, three pods each on average: how fast it is read is asked of it, and no truth.

use super::idlers;
use super::random::Rng;
use super::services as s;
use super::workload::Workload;

/// Teams, each with its namespace.
const TEAMS: [&str; 12] = [
    "ads",
    "atlas",
    "chat",
    "fraud",
    "maps",
    "music",
    "photos",
    "ranking",
    "search",
    "speech",
    "translate",
    "video",
];

/// Pods of the ten workloads that come again and again: thirty.
const PODS: [u32; 10] = [4, 3, 3, 2, 5, 3, 3, 4, 2, 1];

/// This many workloads, one GPU a pod.
pub fn cast(rng: &mut Rng, count: u32) -> Vec<Workload> {
    (0..count).map(|number| one(rng, number)).collect()
}

fn one(rng: &mut Rng, number: u32) -> Workload {
    let kind = (number % 10) as usize;
    let team = TEAMS[(number / 10) as usize % TEAMS.len()];
    let place = |name, pool| (team, name, team, pool, PODS[kind]);
    let mut workload = match kind {
        0 => s::light_chat(rng, place("chat", "h100")),
        1 => s::light_embedding(rng, place("embed", "a100-80"), "BAAI/bge-m3"),
        2 => s::light_images(rng, place("images", "a100-80")),
        3 => s::memory_spikes(rng, place("layout", "a100-80")),
        4 => s::busy_small(rng, place("assist", "l40s")),
        5 => s::on_the_cheapest(rng, place("tags", "l4-single")),
        6 => s::busy_speech(rng, place("speech", "l40s")),
        7 => s::light_guard(rng, place("guard", "h100")),
        8 => idlers::night_worker(rng, place("nightly", "l40s-single")),
        _ => idlers::forgotten_notebook(rng, place("notebook", "a100-80")),
    };
    workload.name = format!("{}-{number:05}", workload.name);
    workload
}
