//! The binary as people and scripts meet it: what it prints, and with which code it ends. Nothing is contacted but the
//! loopback.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{self, NOTHING, Ran, SOURCE, USAGE};
use crate::reach::{Asked, Server};

/// Runs the binary with the words of a line, none of which holds a space.
fn gpuwise(line: &str) -> Ran {
    binary::run(&line.split_whitespace().collect::<Vec<_>>())
}

/// A server on the loopback that answers every request with the status 200, by its path; its URL.
fn server(content_type: &'static str, body: fn(&str) -> String) -> String {
    let answer = move |asked: &Asked| (200, vec![("content-type", content_type.to_owned())], body(asked.path()));
    Server::start(answer).url
}

fn analyze_prometheus(url: &str) -> Ran {
    gpuwise(&format!(
        "analyze --prometheus {url} --no-kubernetes --window 1h --format json"
    ))
}

/// A folder with one file in it.
fn folder_with(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    (folder, path)
}

/// The demo's plan as JSON. An unoptimised binary takes its time over it, so the tests share one.
pub(crate) fn demo_json() -> &'static str {
    static PLAN: OnceLock<String> = OnceLock::new();
    PLAN.get_or_init(|| gpuwise("analyze --demo --format json").printed())
}

/// The demo's plan as people see it, likewise.
pub(crate) fn demo_table() -> &'static str {
    static PLAN: OnceLock<String> = OnceLock::new();
    PLAN.get_or_init(|| gpuwise("analyze --demo").printed())
}

/// Levers that replay no requests, for what does not depend on them.
const QUICK: &str = "--lever idle-gpu --lever smaller-gpu --lever unused-gpus";

/// The demo, recorded by the binary once and laid into a folder of the test's own; the folder and its path.
fn recorded_demo() -> (TempDir, PathBuf) {
    static FILES: OnceLock<Vec<(OsString, Vec<u8>)>> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo");
        gpuwise(&format!("record --demo --output {}", path.display())).printed();
        let entries = fs::read_dir(&path).unwrap().map(Result::unwrap);
        entries
            .map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap()))
            .collect()
    });
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let path = folder.path().to_owned();
    (folder, path)
}

fn analyze_recording(folder: &Path) -> Ran {
    gpuwise(&format!("analyze --recording {} --format json", folder.display()))
}

#[test]
fn the_demo_prints_a_plan_for_people() {
    let plan = demo_table();
    assert!(plan.lines().count() > 10, "{plan}");
    assert!(plan.contains("lena-scratch"), "{plan}");
    assert!(!plan.contains('\u{1b}'), "no colour where there is no terminal");
}

#[test]
fn the_demo_as_json_is_a_plan() {
    let text = demo_json();
    let plan: Value = serde_json::from_str(text).unwrap();
    assert_eq!(plan["apiVersion"], "gpuwise/v1alpha1");
    assert_eq!(plan["kind"], "Plan");
    assert!(text.ends_with('\n'), "the last line ends");
}

#[test]
fn a_recorded_demo_yields_the_demos_plan_byte_for_byte_and_into_a_file_if_asked() {
    let (folder, demo) = recorded_demo();
    let file = folder.path().join("plan.json");
    let line = format!(
        "analyze --recording {} --format json --output {}",
        demo.display(),
        file.display()
    );
    assert_eq!(gpuwise(&line).printed(), "");
    assert!(fs::read_to_string(file).unwrap() == demo_json());
}

#[test]
fn the_demo_as_a_page_and_as_lines_goes_into_files() {
    let folder = tempfile::tempdir().unwrap();
    let written = |format: &str| {
        let file = folder.path().join(format);
        let line = format!("analyze --demo {QUICK} --format {format} --output {}", file.display());
        assert_eq!(gpuwise(&line).printed(), "");
        fs::read_to_string(file).unwrap()
    };
    let page = written("html");
    assert!(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">") && page.contains("Do this first"));
    let lines = written("csv");
    assert!(
        lines.starts_with("list,rank,id,") && lines.contains("\r\naccepted,1,"),
        "{lines}"
    );
}

#[test]
fn the_demo_as_markdown_says_what_to_decide_this_week() {
    let text = gpuwise(&format!("analyze --demo {QUICK} --format markdown")).printed();
    assert!(text.lines().any(|line| line == "## Decide this week"), "{text}");
}

#[test]
fn without_a_source_the_sources_are_named() {
    gpuwise("analyze").fails(USAGE, &["--demo", "--prometheus", "--recording"]);
}

#[test]
fn two_sources_at_once_are_refused() {
    gpuwise("analyze --demo --recording here").fails(USAGE, &["--demo", "--recording"]);
}

#[test]
fn a_flag_that_a_recording_cannot_follow_is_refused() {
    for (flag, value) in [("--window", "2d"), ("--until", "yesterday"), ("--month", "2024-02")] {
        gpuwise(&format!("analyze --demo {flag} {value}")).fails(USAGE, &[flag, "--demo"]);
        gpuwise(&format!("doctor --recording here {flag} {value}")).fails(USAGE, &[flag, "--recording"]);
    }
    gpuwise("prices --prometheus http://127.0.0.1:1 --month 2024-02 --window 2d")
        .fails(USAGE, &["--month", "--window"]);
}

#[test]
fn a_time_that_is_none_is_told_before_anything_is_read() {
    let analyze = |rest: &str| {
        gpuwise(&format!(
            "analyze --prometheus http://127.0.0.1:1 --no-kubernetes {rest}"
        ))
    };
    analyze("--until 11/16/2026").fails(USAGE, &["--until", "which part is the day"]);
    analyze("--month 9000-01").fails(USAGE, &["9000-01 has not begun"]);
    analyze("--month October").fails(USAGE, &["such as 2026-10"]);
    analyze("--timezone Mars/Olympus").fails(USAGE, &["Mars/Olympus", "Europe/Berlin"]);
}

#[test]
fn a_selector_that_is_none_says_why() {
    gpuwise("analyze --demo --selector team=").printed();
    gpuwise("analyze --demo -l team==chat,").fails(USAGE, &["--selector", "label's name belongs", "team notin (test)"]);
    gpuwise("explain --demo --why x --selector team/a/b").fails(USAGE, &["`team/a/b`"]);
    // Labels are what Kubernetes tells.
    let line = "doctor --prometheus http://127.0.0.1:1 --no-kubernetes --selector team";
    gpuwise(line).fails(USAGE, &["--selector", "--no-kubernetes"]);
}

#[test]
fn a_prometheus_that_nobody_runs_is_named_by_its_url() {
    analyze_prometheus("http://127.0.0.1:1").fails(SOURCE, &["http://127.0.0.1:1"]);
}

#[test]
fn a_login_page_in_place_of_prometheus_is_told_as_html() {
    let page = |_: &str| "<!DOCTYPE html><html><body>Sign in</body></html>".to_owned();
    let url = server("text/html", page);
    analyze_prometheus(&url).fails(SOURCE, &["HTML", &url]);
}

#[test]
fn an_answer_that_was_cut_short_is_told_as_such() {
    let cut = |_: &str| r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"#.to_owned();
    let url = server("application/json", cut);
    analyze_prometheus(&url).fails(SOURCE, &["cut short", &url]);
}

#[test]
fn a_cluster_without_gpus_is_nothing_to_analyze_and_says_what_to_check() {
    let empty = |path: &str| {
        let range = path.contains("query_range");
        let kind = if range { "matrix" } else { "vector" };
        format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":[]}}}}"#)
    };
    let url = server("application/json", empty);
    analyze_prometheus(&url).fails(NOTHING, &["nothing to analyze", "check", "dcgm-exporter", "--window"]);
}

#[test]
fn every_mistake_in_a_policy_is_told_with_its_place() {
    let text = "objectives:\n  aproved_gpus: [L40S]\nlimits: {}\n";
    let (_folder, file) = folder_with("mine.yaml", text);
    let file = file.display();
    let first = format!("{file}:2:3: unknown key");
    let second = format!("{file}:3:1: unknown key");
    gpuwise(&format!("policy check {file}")).fails(USAGE, &[&first, &second]);
    gpuwise(&format!("analyze --demo --policy {file}")).fails(USAGE, &[&first, &second]);
}

#[test]
fn a_freeze_of_the_demo_holds_every_change_until_its_end() {
    let text = "permissions:\n  freezes:\n    - {name: move, until: 2099-01-01, reason: we move house}\n";
    let (_folder, file) = folder_with("mine.yaml", text);
    let line = format!("analyze --demo {QUICK} --format json --policy {}", file.display());
    let plan = gpuwise(&line).printed();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["accepted"], serde_json::json!([]));
    let held = plan["held_back"].as_array().unwrap();
    assert!(!held.is_empty());
    for row in held {
        let by = &row["held_by"];
        assert_eq!(by["rule"], "frozen by `move`: we move house");
        assert_eq!(by["until"], "2099-01-01");
        assert!(by["where"].as_str().unwrap().ends_with("mine.yaml:3"), "{by}");
    }
}

#[test]
fn what_owners_decided_stands_on_rows_and_holds_what_they_do_not_want() {
    let plan: serde_json::Value = serde_json::from_str(demo_json()).unwrap();
    let rows: Vec<&serde_json::Value> = plan["accepted"].as_array().unwrap().iter().collect();
    let rows: Vec<_> = rows
        .into_iter()
        .filter(|row| row["subject"]["kind"] == "Workload")
        .collect();
    let (kept, dropped) = (rows[0]["id"].as_str().unwrap(), rows[1]["id"].as_str().unwrap());
    // Of every lever: another would propose something else instead.
    let workload = rows[1]["subject"]["id"].as_str().unwrap();
    let by = "owner: chat, reason: the launch";
    let text = format!(
        "- {{id: '{kept}', decision: accept, {by}, date: 2026-01-02}}\n- {{workload: '{workload}', decision: reject, {by}}}\n\
         - {{workload: nowhere/gone, decision: snooze, until: 2099-01-01, {by}}}\n\
         - {{id: '{kept}', decision: reject, until: 2000-01-01, {by}}}\n"
    );
    let (_folder, file) = folder_with("d.yaml", &text);
    let line = format!("--demo {QUICK} --decisions {}", file.display());
    let told = gpuwise(&format!("analyze --format json {line}")).printed();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let row = |list: &str, id: &str| {
        let mut rows = told[list].as_array().unwrap().iter();
        rows.find(|row| row["id"] == id)
            .cloned()
            .unwrap_or_else(|| panic!("{id} is not in {list}"))
    };
    let decision = &row("accepted", kept)["decision"];
    assert_eq!(
        (&decision["decision"], &decision["by"]),
        (&"accept".into(), &"chat".into())
    );
    let held = row("held_back", dropped);
    assert_eq!(held["held_by"]["rule"], "rejected by chat: the launch");
    assert_eq!(held["decision"]["decision"], "reject");
    let notes: Vec<String> = told["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note["why"].to_string())
        .collect();
    assert_eq!(
        notes,
        [
            "\"no workload with GPUs is called so\"",
            "\"it is over since 2000-01-01\""
        ]
    );
    let table = gpuwise(&format!("analyze {line}")).printed();
    assert!(table.contains("Decided") && table.contains("No effect"), "{table}");
    gpuwise(&format!("policy check --decisions {}", file.display())).printed();
}

#[test]
fn decisions_that_contradict_each_other_are_refused() {
    let text = "- {workload: a/b, decision: accept, owner: o, reason: r}\n- {workload: a/b, decision: reject, owner: o, reason: r}\n";
    let (_folder, file) = folder_with("d.yaml", text);
    let told = format!("{0}:2:3: `reject` contradicts `accept` at {0}:1:3", file.display());
    gpuwise(&format!("analyze --demo --decisions {}", file.display())).fails(USAGE, &[&told]);
    gpuwise(&format!("policy check --decisions {}", file.display())).fails(USAGE, &[&told]);
}

#[test]
fn a_rule_that_does_not_type_check_is_refused_before_anything_is_read() {
    let text = "permissions:\n  rules:\n    - name: r\n      expression: workload.gpu == 'L40S'\n      message: m\n";
    let (_folder, file) = folder_with("mine.yaml", text);
    let told = format!(
        "{}:4:19: the rule `r` is wrong: `workload.gpu` may be missing",
        file.display()
    );
    gpuwise(&format!("analyze --demo --policy {}", file.display())).fails(USAGE, &[&told]);
}

#[test]
fn a_good_policy_passes_its_check() {
    let text = "permissions:\n  frozen_namespaces: [kube-system, prod]\n";
    let (_folder, file) = folder_with("mine.yaml", text);
    let said = gpuwise(&format!("policy check {}", file.display())).printed();
    assert!(said.contains("valid"), "{said}");
}

#[test]
fn a_policy_file_that_is_not_there_is_named() {
    gpuwise("policy check /nowhere/mine.yaml").fails(USAGE, &["/nowhere/mine.yaml"]);
}

#[test]
fn an_earlier_plan_that_is_none_is_refused_before_anything_is_read() {
    let (_folder, path) = folder_with("plan.json", r#"{"apiVersion": "v1", "kind": "Pod"}"#);
    let line = format!("analyze --demo --previous {}", path.display());
    gpuwise(&line).fails(USAGE, &["plan.json", "`v1` `Pod`", "make one with this version"]);
    gpuwise("analyze --demo --previous /nowhere/plan.json").fails(USAGE, &["/nowhere/plan.json"]);
    let (_folder, path) = folder_with("same.json", demo_json());
    let line = format!("analyze --demo --previous {}", path.display());
    gpuwise(&line).fails(USAGE, &["same.json", "not before the end"]);
}

#[test]
fn the_defaults_are_shown_and_are_themselves_a_good_policy() {
    let shown = gpuwise("policy show").printed();
    assert_eq!(shown, include_str!("../../policies/default.yaml"));
    let (_folder, file) = folder_with("defaults.yaml", &shown);
    gpuwise(&format!("policy check {}", file.display())).printed();
}

#[test]
fn a_recording_that_is_not_there_says_how_one_is_made() {
    analyze_recording(Path::new("/nowhere/recording")).fails(SOURCE, &["/nowhere/recording", "gpuwise record"]);
}

#[test]
fn a_recording_whose_samples_were_cut_short_names_the_file() {
    let (_folder, demo) = recorded_demo();
    let samples = demo.join("samples.parquet");
    let half = fs::metadata(&samples).unwrap().len() / 2;
    let file = fs::OpenOptions::new().write(true).open(&samples).unwrap();
    file.set_len(half).unwrap();
    analyze_recording(&demo).fails(SOURCE, &["samples.parquet", "copy"]);
}

#[test]
fn a_recording_of_a_newer_version_says_so() {
    let (_folder, demo) = recorded_demo();
    let path = demo.join("manifest.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert!(manifest["version"].is_number(), "{manifest}");
    manifest["version"] = Value::from(99);
    fs::write(&path, manifest.to_string()).unwrap();
    analyze_recording(&demo).fails(SOURCE, &["newer", "99"]);
}

#[test]
fn a_folder_of_something_else_is_not_recorded_over() {
    let (folder, file) = folder_with("thesis.txt", "years of work");
    let ran = gpuwise(&format!("record --demo --output {}", folder.path().display()));
    assert_ne!(ran.code, 0);
    assert!(ran.stderr.contains("not empty"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(file).unwrap(), "years of work");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_lever_explains_itself_on_a_page() {
    let page = gpuwise("explain idle-gpu").printed();
    assert!(page.contains("idle-gpu") && page.lines().count() > 3, "{page}");
}

#[test]
fn a_lever_that_does_not_exist_is_answered_with_those_that_do() {
    gpuwise("explain nonsense").fails(USAGE, &["nonsense", "idle-gpu", "smaller-gpu"]);
    gpuwise("analyze --demo --lever nonsense").fails(USAGE, &["nonsense", "idle-gpu", "smaller-gpu"]);
}

#[test]
fn a_workload_has_a_story() {
    let story = gpuwise(&format!("explain --demo {QUICK} --why lena-scratch")).printed();
    assert!(story.contains("lena-scratch") && story.lines().count() > 3, "{story}");
}

#[test]
fn a_workload_that_does_not_exist_is_wrong_usage() {
    gpuwise(&format!("explain --demo {QUICK} --why no-such-workload")).fails(USAGE, &["no-such-workload"]);
}
