//! Speed against a baseline of the same run; the README has the figures last seen, with their machine.
//!
//! - `cargo bench --bench speed`: answers to columns, of a range query against serde_json reading the same text into a tree, and of
//!   remote read.
//! - `cargo bench --bench speed -- cluster [GPUS] [DAYS]`: a cluster from a server on loopback, read and judged, against
//!   reading and decoding the same answers alone. The judge runs in a process of its own, whose memory is told.
//! - `cargo bench --bench speed -- record [GPUS] [DAYS]`: such a cluster recorded, and its recording judged.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::exit,
    reason = "a bench prints its figures and has nobody to hand errors to"
)]

use std::path::Path;

mod answer;
mod chunks;
mod cluster;
mod judging;

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
        Some("judge") => judging::judge(&arguments[1], number(2, 14)),
        Some("record") => judging::record(number(1, 10_000), number(2, 14)),
        Some("write") => judging::write(&arguments[1], Path::new(&arguments[2]), number(3, 14)),
        Some("read") => judging::read(Path::new(&arguments[2])),
        Some(other) => {
            println!("`{other}` is no measurement; there are cluster, record, and what none is named for");
            std::process::exit(2);
        }
    }
}
