//! What runs once and ends: its kinds, and the name that its runs share.

/// Kinds that run once and end.
const RUNS: [&str; 16] = [
    "Job",
    "JobSet",
    "TrainJob",
    "PyTorchJob",
    "TFJob",
    "MPIJob",
    "JAXJob",
    "XGBoostJob",
    "PaddleJob",
    "RayJob",
    "SparkApplication",
    "AppWrapper",
    "Workflow",
    "PipelineRun",
    "TaskRun",
    "PodGroup",
];

/// Kinds that start runs again and again.
const SCHEDULES: [&str; 4] = ["CronJob", "RayCronJob", "CronWorkflow", "ScheduledSparkApplication"];

/// Whether this kind runs once and ends; cost sources write kinds in small letters.
pub fn is_run(kind: &str) -> bool {
    RUNS.iter().any(|one| one.eq_ignore_ascii_case(kind))
}

/// Whether this kind starts runs again and again.
pub fn is_schedule(kind: &str) -> bool {
    SCHEDULES.iter().any(|one| one.eq_ignore_ascii_case(kind))
}

/// Names with what tells one run from the next taken off the end: numbers, dates, and the random suffixes that
/// `generateName` appends. `train-llama-8b-29384756` and `nightly-eval-x7k2p` lose their last part, `llama-8b` does not.
pub fn stem(name: &str) -> &str {
    let mut stem = name;
    while let Some((rest, last)) = stem.rsplit_once(['-', '_', '.']) {
        if rest.is_empty() || !tells_runs_apart(last) {
            break;
        }
        stem = rest;
    }
    stem
}

/// Whether a part of a name is a number, a date or a random suffix.
pub fn tells_runs_apart(part: &str) -> bool {
    let digits = part.chars().filter(char::is_ascii_digit).count();
    let number = !part.is_empty() && digits == part.len();
    let hex = part.len() >= 7 && digits > 0 && part.chars().all(|c| c.is_ascii_hexdigit());
    number || hex || is_random(part)
}

/// The alphabet of Kubernetes' random suffixes leaves out vowels and what looks like them.
pub fn is_random(part: &str) -> bool {
    part.len() == 5 && part.chars().all(|c| "bcdfghjklmnpqrstvwxz2456789".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stem_is_what_runs_share() {
        assert_eq!(stem("train-llama-8b-29384756"), "train-llama-8b");
        assert_eq!(stem("nightly-eval-x7k2p"), "nightly-eval");
        assert_eq!(stem("sweep-3-20261101"), "sweep");
        assert_eq!(stem("caption-dbdxb"), "caption");
        assert_eq!(stem("llama-8b"), "llama-8b");
        assert_eq!(stem("7"), "7");
    }
}
