//! Names that mean harm, everywhere in a cluster: no report and no message obeys them, and none grows with them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use gpuwise::model::gap::Gap;
use gpuwise::model::reading::Reading;
use gpuwise::sources::recording;
use serde_json::Value;

use crate::generator::{Size, World};

/// What is hung onto names.
const HARM: [&str; 8] = [
    "\u{1b}]0;owned\u{7}\u{1b}[31m",
    "\r\n\nerror: INJECTED\n",
    "<script>alert(1)</script><img src=x>",
    "](http://evil) ![i](u) `rm -rf` *b* |",
    "gpj.\u{202e}exe\u{2066}",
    "\u{9b}31m\u{85}\u{7f}\u{0}",
    "\u{200b}\u{feff}\u{fe0f}\u{e0041}\u{ad}",
    "שלום @team $x$ #1",
];

/// Members whose text somebody else chooses, each the same harm wherever the same text stands.
const CHOSEN: [&str; 22] = [
    "namespace",
    "name",
    "node",
    "owner_name",
    "uid",
    "pod",
    "exported_pod",
    "exported_namespace",
    "container",
    "exported_container",
    "Hostname",
    "hostname",
    "UUID",
    "model_name",
    "image",
    "team",
    "app",
    "queue",
    "cluster_queue",
    "flavor",
    "pool",
    "region",
];

/// A name with harm hung onto it; this one is a megabyte long, too.
fn harmed(text: &str, longest: &str) -> String {
    let which = text.bytes().map(usize::from).sum::<usize>();
    let long = if text == longest {
        "x".repeat(1 << 20)
    } else {
        String::new()
    };
    format!("{text}{}{long}", HARM[which % HARM.len()])
}

fn harm(value: &mut Value, chosen: bool, longest: &str) {
    match value {
        Value::String(text) if chosen && !text.is_empty() => *text = harmed(text, longest),
        Value::Array(items) => items.iter_mut().for_each(|item| harm(item, chosen, longest)),
        Value::Object(members) => {
            for (name, member) in members {
                harm(member, CHOSEN.contains(&name.as_str()), longest);
            }
        }
        _ => {}
    }
}

/// A world in which every name means harm.
fn hostile() -> Reading {
    let world = World::generate(4, Size::Small, 2);
    let longest = &world
        .truths
        .iter()
        .find(|truth| truth.kind == "Deployment")
        .unwrap()
        .name;
    let mut reading = world.to_reading(900);
    let mut inventory = serde_json::to_value(&reading.inventory).unwrap();
    harm(&mut inventory, false, longest);
    reading.inventory = serde_json::from_value(inventory).unwrap();
    for series in &mut reading.series {
        for (name, value) in &mut series.labels {
            if CHOSEN.contains(&name.as_str()) {
                *value = harmed(value, longest);
            }
        }
    }
    reading.cluster = harmed("company", longest);
    for words in HARM {
        let long = format!("{words} {}", "word ".repeat(1 << 16));
        reading.gaps.push(Gap::new(
            "hostile",
            format!("what {words}"),
            long,
            format!("fix {words}"),
        ));
    }
    reading.settle();
    reading
}

fn write(reading: &Reading, folder: &Path) {
    for (name, content) in recording::encode(reading).unwrap() {
        std::fs::write(folder.join(name), content).unwrap();
    }
}

/// What a run printed to stdout and to stderr.
fn run(arguments: &[&str]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gpuwise"))
        .args(arguments)
        .env("KUBECONFIG", "/nowhere/kubeconfig")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

/// What would reach a terminal, or show something else than it is.
fn obeyed(text: &str) -> Vec<char> {
    let harmful = |c: &char| {
        let isolate = matches!(u32::from(*c), 0x2068 | 0x2069);
        let invisible = matches!(
            u32::from(*c),
            0xAD | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFE00..=0xFE0F | 0xFEFF | 0xE0000..=0xE0FFF
        );
        (c.is_control() && *c != '\n') || (invisible && !isolate)
    };
    text.chars().filter(harmful).collect()
}

fn harmless(what: &str, text: &str) {
    let obeyed = obeyed(text);
    assert!(obeyed.is_empty(), "{what} prints {obeyed:?}");
    // A break that came through begins a line at its very beginning; a cell that is too narrow for a name goes on behind an indent.
    let injected = text.lines().find(|line| line.starts_with("error: INJECTED"));
    assert_eq!(injected, None, "{what} prints a line that is not its own");
    let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    assert!(longest < 20_000, "{what} has a line of {longest} characters");
    assert!(text.len() < 1 << 20, "{what} has {} bytes", text.len());
}

#[test]
fn no_report_obeys_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let reading = hostile();
    write(&reading, folder.path());
    let (plan, told) = run(&["analyze", "--recording", path, "--format", "json"]);
    let read: Value = serde_json::from_str(&plan).unwrap_or_else(|error| panic!("{error}: {told}"));
    assert!(obeyed(&plan).is_empty(), "JSON prints {:?}", obeyed(&plan));
    let workloads = read["workloads"].as_array().unwrap();
    // The names are those of the cluster: nothing was lost, only written so that it can be seen.
    let chosen: BTreeMap<&str, &Value> = workloads
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row))
        .collect();
    assert!(chosen.keys().any(|name| name.contains('\u{1b}')), "{:?}", chosen.keys());
    let long = plan.lines().filter(|line| line.len() > 1 << 20).count();
    assert!(long > 0, "nothing is a megabyte long");
    assert!(
        !read["accepted"].as_array().unwrap().is_empty(),
        "nothing is proposed, so little is printed"
    );
    for arguments in [
        &["analyze", "--format", "table"][..],
        &["analyze", "--format", "markdown"],
        &["doctor"],
        &["prices"],
    ] {
        let (text, told) = run(&[arguments, &["--recording", path]].concat());
        assert!(text.lines().count() > 3, "{arguments:?}: {text}{told}");
        harmless(&arguments.join(" "), &text);
        harmless(&format!("{} on stderr", arguments.join(" ")), &told);
        if arguments.contains(&"markdown") {
            for markup in ["<script", "<img", "](http", "`rm", "*b*"] {
                assert!(!text.contains(markup), "markdown has `{markup}`");
            }
        }
    }
    for format in [["doctor", "json"], ["prices", "json"]] {
        let (text, told) = run(&[format[0], "--format", format[1], "--recording", path]);
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{told}");
        assert!(obeyed(&text).is_empty(), "{format:?} prints {:?}", obeyed(&text));
    }
    // The story of each kind of harm, by an id that is short enough for a command line and has no zero byte.
    let mut stories = 0;
    for row in workloads {
        let id = row["id"].as_str().unwrap();
        if id.len() < 4096 && !id.contains('\0') {
            let (text, told) = run(&["explain", "--recording", path, "--why", id]);
            assert!(text.lines().count() > 3, "{id:?}: {told}");
            harmless("explain", &text);
            stories += 1;
        }
        if stories == 4 {
            break;
        }
    }
    assert!(stories > 0);
    let (_, told) = run(&["explain", "--recording", path, "--why", "no\u{1b}[31m\nerror: INJECTED"]);
    assert!(told.contains("no workload"), "{told}");
    harmless("a name that is not there", &told);
}

#[test]
fn no_message_obeys_a_server() {
    let harm = HARM.concat();
    let long = format!("{harm}{}", "x".repeat(1 << 20));
    let said = serde_json::json!({"status": "error", "errorType": long, "error": long, "message": long, "code": 500});
    let url = crate::servers::serve(move |path, _| match path {
        "/api/v1/status/buildinfo" => Some(serde_json::json!({"status": "success", "data": {"version": harm}})),
        _ => Some(said.clone()),
    });
    for arguments in [
        &["analyze"][..],
        &["doctor"],
        &["prices"],
        &["record", "--output", "/nowhere/else"],
    ] {
        let servers = [
            "--no-kubernetes",
            "--window",
            "1h",
            "--prometheus",
            &url,
            "--costs",
            &url,
        ];
        let (text, told) = run(&[arguments, &servers].concat());
        assert!(
            text.contains(&url) || told.contains(&url),
            "{arguments:?}: {text}{told}"
        );
        harmless(&arguments.join(" "), &text);
        harmless(&format!("{} on stderr", arguments.join(" ")), &told);
    }
}
