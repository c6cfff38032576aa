//! The counterfactual machines, on what was recorded of the real ones where that is at hand.

mod spot;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use gpuwise::replay::hpa::vectors;
use serde_json::{Value, json};

use crate::binary;

/// A folder beside the project's own; `None`, with a message, where there is none.
pub(crate) fn beside(variable: &str, folder: &str) -> Option<PathBuf> {
    let given = std::env::var_os(variable).map(PathBuf::from);
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = given.unwrap_or_else(|| root.join(folder));
    if !folder.is_dir() {
        println!(
            "not run: {} is not there; {variable} names another folder",
            folder.display()
        );
        return None;
    }
    Some(folder)
}

fn recorded(name: &str) -> Option<String> {
    let folder = beside("GPUWISE_HPA_VECTORS", "../shared/vectors/hpa")?;
    let unpacked = Command::new("xz").arg("-dc").arg(folder.join(name)).output();
    let Ok(unpacked) = unpacked else {
        println!("not run: there is no xz to unpack {name}");
        return None;
    };
    assert!(unpacked.status.success(), "{name} cannot be unpacked");
    Some(String::from_utf8(unpacked.stdout).unwrap())
}

/// Vectors in parallel; how many, and the first that differ.
fn differing(text: &str, differs: impl Fn(&Value, &Value) -> Option<String> + Sync) -> (usize, Vec<String>) {
    use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
    let lines: Vec<&str> = text.lines().collect();
    let one = |line: &&str| {
        let vector: Value = serde_json::from_str(line).unwrap();
        let answer: Value = serde_json::from_str(&vectors::answer(line).unwrap()).unwrap();
        differs(&vector, &answer)
    };
    let mut wrong: Vec<String> = lines.par_iter().filter_map(one).collect();
    wrong.truncate(5);
    (lines.len(), wrong)
}

#[test]
fn every_function_answers_as_the_real_controllers_does() {
    let Some(text) = recorded("unit.jsonl.xz") else { return };
    let (count, wrong) = differing(&text, |vector, answer| {
        let tags = vector["tags"].as_array();
        // These depend on the platform on which they were recorded.
        let extreme = tags.is_some_and(|tags| tags.contains(&json!("extreme")));
        (!extreme && vector["out"] != answer["out"]).then(|| format!("{}\n{}", vector, answer["out"]))
    });
    assert!(count >= 5_000 && wrong.is_empty(), "{count} vectors; {wrong:#?}");
}

#[test]
fn every_step_of_every_sequence_is_the_real_controllers() {
    let Some(text) = recorded("sequence.jsonl.xz") else {
        return;
    };
    let (count, wrong) = differing(&text, |vector, answer| {
        let steps = vector["steps"].as_array().unwrap().iter();
        let mut pairs = steps.zip(answer["steps"].as_array().unwrap()).enumerate();
        let same = vector["steps"].as_array().unwrap().len() == answer["steps"].as_array().unwrap().len();
        let found = pairs.find_map(|(at, (step, own))| {
            let mut wanted = step["out"].clone();
            // The event's message is for people.
            wanted.as_object_mut().unwrap().remove("why");
            (wanted != *own).then(|| format!("{} step {at}: {wanted} is {own}", vector["id"]))
        });
        found.or_else(|| (!same).then(|| format!("{}: not all steps are answered", vector["id"])))
    });
    assert!(count >= 2_000 && wrong.is_empty(), "{count} sequences; {wrong:#?}");
}

#[test]
fn vectors_are_answered_line_by_line_and_what_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("v.jsonl");
    let unit = json!({"id": "u", "fn": "convert_legacy", "in": {"current": 3, "desired": 9, "min": 1, "max": 20}});
    std::fs::write(&file, format!("{unit}\n\n{unit}\n")).unwrap();
    let run = || binary::run(&["replay", "hpa", "--vectors", file.to_str().unwrap()]);
    let answer = json!({"id": "u", "out": {"desired": 6, "reason": "ScaleUpLimit"}});
    assert_eq!(run().printed(), format!("{answer}\n{answer}\n"));
    std::fs::write(&file, "{\"id\": \"u\", \"fn\": \"guess\", \"in\": {}}\n").unwrap();
    let run = run();
    assert_eq!(run.code, binary::USAGE);
    assert!(
        run.stderr.contains("line 1: there is no function `guess`"),
        "{}",
        run.stderr
    );
}

fn json_of(arguments: &[&str]) -> Value {
    serde_json::from_str(&binary::run(arguments).printed()).unwrap()
}

#[test]
fn checkpoints_have_the_published_interval() {
    let of = |hours: &str| {
        let arguments = [
            "replay",
            "checkpoint",
            "--write-seconds",
            "300",
            "--mtbf-hours",
            hours,
            "--format",
            "json",
        ];
        json_of(&arguments)
    };
    assert_eq!(of("24"), json!({"interval_seconds": 7001.4, "waste": 0.0834}));
    let minutes = |hours: &str| of(hours)["interval_seconds"].as_f64().unwrap() / 60.0;
    assert!((minutes("6") - 56.7).abs() < 0.05 && (minutes("0.25") - 9.1).abs() < 0.05);
    let printed = binary::run(&["replay", "checkpoint", "--write-seconds", "300", "--mtbf-hours", "24"]).printed();
    assert!(
        printed.starts_with("Interval  a checkpoint after every 116.7 minutes of work (Daly)\n"),
        "{printed}"
    );
    let wrong = binary::run(&["replay", "checkpoint", "--write-seconds", "0", "--mtbf-hours", "24"]);
    assert_eq!(wrong.code, binary::USAGE);
    assert!(
        wrong.stderr.contains("the time of a checkpoint must be above zero"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn a_prefix_cache_of_a_size_holds_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.jsonl");
    std::fs::write(&file, "{\"hash_ids\": [1, 2]}\n{\"hash_ids\": [1, 2, 3, 4]}\n").unwrap();
    let file = file.to_str().unwrap();
    let arguments = [
        "replay",
        "prefix-cache",
        "--trace",
        file,
        "--block-tokens",
        "16",
        "--format",
        "json",
    ];
    let wanted = json!({"hit_rate": 2.0 / 6.0, "requests": 2, "prompt_tokens": 96, "hit_tokens": 32});
    assert_eq!(json_of(&arguments), wanted);
    let printed = binary::run(&["replay", "prefix-cache", "--trace", file, "--blocks", "1"]).printed();
    assert!(printed.contains("0% of them"), "{printed}");
    let gone = binary::run(&["replay", "prefix-cache", "--trace", "/nowhere.jsonl"]);
    assert_eq!(gone.code, binary::USAGE);
    assert!(gone.stderr.contains("/nowhere.jsonl"), "{}", gone.stderr);
}

#[test]
fn traces_of_prompts_that_nobody_can_read_stop_an_analysis_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let told = |folder: &std::path::Path| {
        let found = binary::run(&["analyze", "--demo", "--prompt-traces", folder.to_str().unwrap()]);
        (found.code, found.stderr)
    };
    let (code, why) = told(folder.path());
    assert!(
        code == binary::USAGE && why.contains("name each NAMESPACE/WORKLOAD.jsonl"),
        "{why}"
    );
    let of = folder.path().join("chat");
    std::fs::create_dir(&of).unwrap();
    std::fs::write(of.join("assistant.jsonl"), "{\"hash_ids\": [1, 2]}\n").unwrap();
    let (code, why) = told(folder.path());
    assert!(
        code == binary::USAGE && why.contains("assistant.jsonl: no request tells its `input_length`"),
        "{why}"
    );
    std::fs::write(
        of.join("assistant.jsonl"),
        "{\"hash_ids\": [1, 2], \"input_length\": 700}\n",
    )
    .unwrap();
    let (code, why) = told(folder.path());
    assert_eq!(code, 0, "{why}");
}

/// Figures of the published conversation trace of Mooncake (FAST'25), by the size of the cache in blocks of 512 tokens.
#[test]
fn the_conversation_trace_hits_as_published() {
    let Some(folder) = beside("GPUWISE_MOONCAKE", "../shared/data/mooncake") else {
        return;
    };
    let trace = folder.join("conversation_trace.jsonl");
    let published = BTreeMap::from([("1000", 4.5), ("10000", 21.1), ("50000", 35.5), ("unlimited", 36.6)]);
    for (blocks, percent) in published {
        let arguments = [
            "replay",
            "prefix-cache",
            "--trace",
            trace.to_str().unwrap(),
            "--blocks",
            blocks,
            "--format",
            "json",
        ];
        let found = json_of(&arguments)["hit_rate"].as_f64().unwrap() * 100.0;
        assert!(
            (found - percent).abs() < 0.1,
            "{blocks} blocks: {found} and not {percent} percent"
        );
    }
}
