//! Traces of prompts, a file each: whose they are is told by the file's name.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::exit::Usage;
use crate::recommenders::Prompts;
use crate::replay::prefix_cache;

/// Reads `NAMESPACE/WORKLOAD.jsonl` under a folder.
///
/// # Errors
/// A folder without such a file, and the first file that is no trace, with its line.
pub(super) fn read(folder: &Path) -> Result<Prompts, Usage> {
    let mut found = Prompts::new();
    for namespace in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        for file in entries(&namespace)? {
            if file.extension().is_none_or(|extension| extension != "jsonl") {
                continue;
            }
            let wrong = |why: &dyn std::fmt::Display| Usage(format!("{}: {why}", file.display()));
            let open = File::open(&file).map_err(|error| wrong(&error))?;
            let prompts = prefix_cache::read(BufReader::new(open)).map_err(|error| wrong(&error))?;
            if prefix_cache::block_tokens(&prompts).is_none() {
                return Err(wrong(
                    &"no request tells its `input_length`, so that nobody knows how long a block is",
                ));
            }
            let of = [namespace.file_name(), file.file_stem()];
            let [namespace, workload] = of.map(|name| name.unwrap_or_default().to_string_lossy());
            found.insert(format!("{namespace}/{workload}"), prompts);
        }
    }
    if found.is_empty() {
        let where_from = folder.display();
        return Err(Usage(format!(
            "{where_from} has no trace; name each NAMESPACE/WORKLOAD.jsonl, a request a line with `hash_ids` and `input_length`"
        )));
    }
    Ok(found)
}

/// In the order of their names.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Usage> {
    let wrong = |error: std::io::Error| Usage(format!("cannot read {}: {error}", folder.display()));
    let entries = std::fs::read_dir(folder).map_err(wrong)?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(wrong)?;
    paths.sort();
    Ok(paths)
}
