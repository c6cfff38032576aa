//! The page in a real browser: wide and narrow, light and dark, with and without scripts; and as text, whatever names a cluster has.

mod valid;

use std::path::Path;
use std::process::{Command, Stdio};

use gpuwise::model::plan::{Plan, Row, SubjectRef};
use gpuwise::report::{html::html, json};
use serde_json::Value;

/// Whether there is a browser; says so where there is none.
fn chromium_is_installed() -> bool {
    let run = Command::new("chromium")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let installed = run.is_ok_and(|status| status.success());
    if !installed {
        println!("skipped: chromium is not installed");
    }
    installed
}

/// The demo's plan, with budgets, unusual days, returns and an earlier plan's changes besides.
fn whole() -> Plan {
    let mut plan: Value = serde_json::from_str(crate::cli::demo_json()).unwrap();
    let finance: Value = serde_json::from_str(include_str!("html/finance.json")).unwrap();
    for (key, value) in finance.as_object().unwrap() {
        plan[key] = value.clone();
    }
    json::read(&plan.to_string()).unwrap()
}

/// So many workloads, and changes in proportion, under names of their own.
fn many(number: usize) -> Plan {
    let small = whole();
    let mut plan = small.clone();
    plan.workloads.clear();
    for list in [&mut plan.accepted, &mut plan.experiments, &mut plan.held_back] {
        list.clear();
    }
    for copy in 0..=number / small.workloads.len() {
        let left = number - plan.workloads.len();
        let named = |id: &str| format!("{id}-{copy}");
        for row in small.workloads.iter().take(left) {
            let mut row = row.clone();
            (row.id, row.name) = (named(&row.id), named(&row.name));
            plan.workloads.push(row);
        }
        let copied = |rows: &[Row]| {
            let about = |row: &Row| {
                let mut row = row.clone();
                row.id = named(&row.id);
                row.subject = SubjectRef {
                    id: named(&row.subject.id),
                    ..row.subject
                };
                row
            };
            rows.iter().map(about).collect::<Vec<Row>>()
        };
        plan.accepted.extend(copied(&small.accepted));
        plan.experiments.extend(copied(&small.experiments));
        plan.held_back.extend(copied(&small.held_back));
    }
    let there = |row: &Row| row.subject.kind != "Workload" || plan.workloads.iter().any(|one| one.id == row.subject.id);
    let kept = |rows: &[Row]| rows.iter().filter(|row| there(row)).cloned().collect::<Vec<Row>>();
    let lists = [kept(&plan.accepted), kept(&plan.experiments), kept(&plan.held_back)];
    [plan.accepted, plan.experiments, plan.held_back] = lists;
    plan
}

/// What the probe saw of a page, frame by frame; nothing may be said on the console.
fn looked_at(page: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    std::fs::write(&file, page).unwrap();
    std::fs::write(folder.path().join("probe.html"), include_str!("html/probe.html")).unwrap();
    let (dom, console) = browser(folder.path(), "probe.html?page=page.html");
    assert!(console.is_empty(), "on the console: {console:#?}");
    let (_, said) = dom.split_once("<pre id=\"said\">").unwrap_or_else(|| panic!("{dom}"));
    let said = said.split("</pre>").next().unwrap();
    let said = said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let told: Value = serde_json::from_str(&said).unwrap();
    told.as_array().unwrap_or_else(|| panic!("{told}")).clone()
}

/// A file of a folder in the browser: what became of it, and what was said on the console.
fn browser(folder: &Path, file: &str) -> (String, Vec<String>) {
    let ran = Command::new("chromium")
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args(["--allow-file-access-from-files", "--enable-logging=stderr", "--v=0"])
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(["--window-size=1400,1000", "--timeout=60000", "--dump-dom"])
        .arg(format!("file://{}/{file}", folder.display()))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&ran.stderr).into_owned();
    // Two of the frames are to run no script.
    let said = |line: &&str| line.contains("CONSOLE") && !line.contains("Blocked script execution");
    let console = stderr.lines().filter(said).map(str::to_owned);
    (String::from_utf8_lossy(&ran.stdout).into_owned(), console.collect())
}

/// Chapters of a page of which everything is known.
const CHAPTERS: [&str; 14] = [
    "first",
    "money",
    "budgets",
    "unusual",
    "changes",
    "experiments",
    "held",
    "past",
    "returns",
    "teams",
    "workloads",
    "alone",
    "unseen",
    "assumptions",
];

/// What holds in every frame.
fn check_frame(frame: &Value) {
    let name = frame["name"].as_str().unwrap();
    assert_eq!(frame["sections"], serde_json::json!(CHAPTERS), "{name}");
    for state in ["closed", "opened", "dark"] {
        let Some(layout) = frame.get(state) else { continue };
        assert!(layout["overflow"].as_i64().unwrap() <= 0, "{name}, {state}: {layout}");
        assert_eq!(layout["beyond"], serde_json::json!([]), "{name}, {state}");
        assert_eq!(layout["slivers"], serde_json::json!([]), "{name}, {state}");
        assert_eq!(layout["flat"], 0, "{name}, {state}: a chart has no room");
    }
    assert!(frame["charts"].as_u64().unwrap() > 50, "{name}");
    assert_eq!(frame["unnamed"], 0, "{name}: a chart without words");
}

#[test]
fn a_browser_shows_all_of_it_wide_and_narrow_and_lists_are_filtered() {
    if !chromium_is_installed() {
        return;
    }
    let plan = whole();
    let frames = looked_at(&html(&plan));
    assert_eq!(frames.len(), 5);
    frames.iter().for_each(check_frame);
    for frame in &frames {
        let name = frame["name"].as_str().unwrap();
        if name.ends_with("without scripts") {
            assert_eq!(frame["filters"], 0, "{name}");
            continue;
        }
        assert_eq!(frame["filters"], 2, "{name}");
        assert_ne!(frame["themes"][0], frame["themes"][1], "{name}");
        let rows = plan.accepted.len();
        assert_eq!(frame["rows"], rows, "{name}");
        let of_lever = plan
            .accepted
            .iter()
            .filter(|row| row.levers.iter().any(|lever| lever == "smaller-gpu"));
        let of_lever = of_lever.count();
        assert_eq!(frame["filtered"][0], of_lever, "{name}");
        assert_eq!(frame["filtered"][1], true, "{name}");
        assert_eq!(frame["filtered"][2], format!("{of_lever} of {rows} rows"), "{name}");
        assert_eq!(frame["none"], 0, "{name}");
        let sorted: Vec<f64> = frame["sorted"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_f64)
            .collect();
        assert!(
            sorted.len() == rows && sorted.is_sorted_by(|a, b| a >= b),
            "{name}: {sorted:?}"
        );
        assert_eq!(frame["focus"], "text", "{name}: `/` looks for text");
    }
    assert_eq!(
        frames[4]["open"],
        serde_json::json!(["change-2"]),
        "a link opens what it leads to"
    );
}

#[test]
fn hostile_names_neither_act_nor_break_the_page() {
    let mut plan = whole();
    let long = "x".repeat(253);
    let names = [
        "</script><img src=x onerror=\"document.title='owned'\">",
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd}-gpu",
        &long,
    ];
    for (workload, name) in plan.workloads.iter_mut().zip(names.iter().cycle()) {
        workload.name = (*name).to_owned();
        workload.namespace = (*name).to_owned();
        workload.owner = Some((*name).to_owned());
    }
    for (row, name) in plan.accepted.iter_mut().zip(names.iter().cycle()) {
        row.title = format!("move {name}");
        row.evidence.iter_mut().for_each(|fact| fact.query = (*name).to_owned());
        row.needs_human.push((*name).to_owned());
    }
    let page = html(&plan);
    valid::check(&page);
    assert!(!page.contains("<img"));
    if chromium_is_installed() {
        looked_at(&page).iter().for_each(check_frame);
    }
}

#[test]
fn the_page_is_well_formed_and_small_even_of_five_hundred_workloads() {
    valid::check(&html(&whole()));
    let plan = many(500);
    assert_eq!(plan.workloads.len(), 500);
    let page = html(&plan);
    valid::check(&page);
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
}

/// A page in a window, and how long it took until it was loaded.
const ALONE: &str = r#"<!doctype html><meta charset="utf-8"><iframe src="page.html" width="1280" height="900"></iframe><script>
addEventListener("load", () => {
  const timing = document.querySelector("iframe").contentWindow.performance.timing;
  const said = document.createElement("pre");
  said.id = "said";
  said.textContent = timing.loadEventStart - timing.navigationStart;
  document.body.append(said);
});
</script>"#;

/// `cargo test --release --test it -- --ignored --nocapture a_page_of_five_hundred` tells how long such a page takes to open.
#[test]
#[ignore = "tells a time, which a test does not hold anybody to"]
fn a_page_of_five_hundred_workloads_opens() {
    if !chromium_is_installed() {
        return;
    }
    let page = html(&many(500));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("page.html"), &page).unwrap();
    std::fs::write(folder.path().join("alone.html"), ALONE).unwrap();
    // Each time in a browser of its own that has nothing else to show.
    for _ in 0..5 {
        let (dom, _) = browser(folder.path(), "alone.html");
        let (_, said) = dom.split_once("<pre id=\"said\">").unwrap_or_else(|| panic!("{dom}"));
        println!("{} ms for {} bytes", said.split("</pre>").next().unwrap(), page.len());
    }
}
