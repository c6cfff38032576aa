//! Writes a generated world to files: `cargo run --release --example world -- --seed N --size small|medium|demo|WORKLOADS --days D`
//! and any of `--openmetrics FILE`, `--kubernetes DIR`, `--opencost DIR`, `--truth FILE`, `--recording DIR`, `--demo DIR`
//! (a recording with its JSON compressed, as the binary holds it; both with `--step SECONDS`).

#[path = "mod.rs"]
mod world;

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use world::truth::{Expect, Truth};
use world::{END, Size, World};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let number = |name: &str, default: u64| value(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let size =
        match value("--size").as_deref() {
            Some("small") => Size::Small,
            Some("medium") => Size::Medium,
            Some("demo") | None => Size::Demo,
            Some(other) => Size::Many(other.parse().map_err(|_| {
                io::Error::other(format!("--size {other}: small, medium, demo or a number of workloads"))
            })?),
        };
    let days = number("--days", 28) as u32;
    let world = World::generate(number("--seed", 1), size, days);
    if let Some(path) = value("--openmetrics") {
        let mut out = BufWriter::new(fs::File::create(path)?);
        world.to_openmetrics(&mut out)?;
        out.flush()?;
    }
    if let Some(folder) = value("--kubernetes") {
        fs::create_dir_all(&folder)?;
        for (path, list) in world.kubernetes() {
            let name = path.trim_start_matches('/').replace('/', "_");
            fs::write(Path::new(&folder).join(format!("{name}.json")), list.to_string())?;
        }
    }
    if let Some(folder) = value("--opencost") {
        fs::create_dir_all(&folder)?;
        let folder = Path::new(&folder);
        fs::write(
            folder.join("assets.json"),
            world.opencost_assets(world.start, END).to_string(),
        )?;
        fs::write(
            folder.join("allocation.json"),
            world.opencost_allocation(world.start, END, true).to_string(),
        )?;
    }
    if let Some(folder) = value("--demo") {
        let reading = world.to_reading(number("--step", 600) as u32);
        fs::create_dir_all(&folder)?;
        for (name, bytes) in gpuwise::sources::recording::encode(&reading).map_err(io::Error::other)? {
            let packed = matches!(name.as_str(), "inventory.json" | "series.json" | "requests.json");
            let (name, bytes) = if packed {
                (format!("{name}.zst"), zstd::encode_all(bytes.as_slice(), 19)?)
            } else {
                (name, bytes)
            };
            fs::write(Path::new(&folder).join(name), bytes)?;
        }
    }
    if let Some(folder) = value("--recording") {
        let reading = world.to_reading(number("--step", 600) as u32);
        fs::create_dir_all(&folder)?;
        for (name, bytes) in gpuwise::sources::recording::encode(&reading).map_err(io::Error::other)? {
            fs::write(Path::new(&folder).join(name), bytes)?;
        }
    }
    if let Some(path) = value("--truth") {
        let lines: Vec<String> = world.truths.iter().map(line).collect();
        fs::write(path, lines.join("\n") + "\n")?;
    }
    Ok(())
}

/// A truth as a line of JSON.
fn line(truth: &Truth) -> String {
    let (expect, to) = match &truth.expect {
        Expect::Change { to } => ("change", to.clone()),
        Expect::Keep => ("keep", Vec::new()),
        Expect::Unknown => ("unknown", Vec::new()),
        Expect::Any => ("any", Vec::new()),
    };
    serde_json::json!({
        "namespace": truth.namespace, "kind": truth.kind, "name": truth.name, "lever": truth.lever,
        "expect": expect, "to": to, "why": truth.why,
    })
    .to_string()
}
