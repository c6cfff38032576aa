//! Speed against a baseline of the same run; the README has the figures last seen, with their machine.
//!
//! - `cargo bench --bench speed`: answers to columns, of a range query against serde_json reading the same text into a tree, and of
//!   remote read.
//! - `cargo bench --bench speed -- cluster [GPUS] [DAYS]`: a cluster from a server on loopback, read and judged, against
//!   reading and decoding the same answers alone. The judge runs in a process of its own, whose memory is told.
//! - `cargo bench --bench speed -- record [GPUS] [DAYS]`: such a cluster recorded, and its recording judged.
//! - `cargo bench --bench speed -- plan [WORKLOADS] [NODES]`: a cluster in memory, judged and planned.
//! - `cargo bench --bench speed -- patch [MANIFESTS] [EDITS]`: a checkout read, indexed and edited, against reading its bytes.
//! - `cargo bench --bench speed -- hpa`: decisions of the autoscaler, one External metric and behavior, at two stabilization windows.
//! - `cargo bench --bench speed -- prometheus [WORKLOADS] [HOURS] [FOLDER]`: a generated cluster of that many workloads, three
//!   pods each, in a real Prometheus on loopback, analyzed by the binary. Loading takes longest by far; a folder keeps the
//!   samples for the next run.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::exit,
    reason = "a bench prints its figures and has nobody to hand errors to"
)]

use std::path::Path;

#[path = "../world/mod.rs"]
mod generator;
#[expect(dead_code, reason = "tests use the rest")]
#[path = "../it/servers.rs"]
mod servers;
#[expect(dead_code, reason = "tests use the rest")]
#[path = "../it/random_worlds/draw.rs"]
mod draw;
#[path = "../it/random_worlds/behaviour.rs"]
mod behaviour;

mod answer;
mod chunks;
mod cluster;
mod judging;
mod patching;
mod planning;
mod real;
mod scaling;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let number = |at: usize, default: usize| arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    match arguments.first().map(String::as_str) {
        None => {
            answer::measure();
            chunks::measure();
        }
        Some("cluster") => judging::measure(number(1, 10_000), number(2, 14)),
        Some("prometheus") => real::measure(number(1, 1_000), number(2, 2), arguments.get(3)),
        Some("judge") => judging::judge(&arguments[1], number(2, 14)),
        Some("hpa") => scaling::measure(),
        Some("patch") => patching::measure(number(1, 10_000), number(2, 100)),
        Some("plan") => planning::measure(number(1, 10_000), number(2, 2_000) as u32),
        Some("record") => judging::record(number(1, 10_000), number(2, 14)),
        Some("write") => judging::write(&arguments[1], Path::new(&arguments[2]), number(3, 14)),
        Some("read") => judging::read(Path::new(&arguments[2])),
        Some(other) => {
            println!(
                "`{other}` is no measurement; there are cluster, record, plan, patch, hpa, prometheus, and what none is named for"
            );
            std::process::exit(2);
        }
    }
}
