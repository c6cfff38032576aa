//! Presets, what files come to, and the schema that the reader gives.

use gpuwise::catalog::Catalog;
use gpuwise::engine::Judge;
use gpuwise::policy::PRESETS;
use gpuwise::policy::located::{Located, Value as Yaml, parse};
use serde_json::{Value, json};

use crate::binary::{USAGE, run};

fn schema() -> Value {
    Judge::schema(Catalog::shipped().unwrap())
}

fn json_of(node: &Located) -> Value {
    match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => json!(value),
        Yaml::Number(value) => json!(value),
        Yaml::Text(value) => json!(value),
        Yaml::List(items) => items.iter().map(json_of).collect(),
        Yaml::Map(entries) => {
            let entries = entries.iter().map(|(key, _, value)| (key.clone(), json_of(value)));
            Value::Object(entries.collect())
        }
    }
}

/// Where a document is not as the schema has it, by the words of draft 2020-12 that ours uses.
fn breaches(schema: &Value, of: &Value, at: &str) -> Vec<String> {
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind.as_str()],
        Value::Array(kinds) => kinds.iter().map(|kind| kind.as_str().unwrap()).collect(),
        other => panic!("{at} has no type but {other}"),
    };
    let kind = match of {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.contains(&kind) {
        return vec![format!("{at} is {kind}")];
    }
    let mut found = Vec::new();
    if let Some(number) = of.as_f64() {
        let bound = |word: &str| schema[word].as_f64();
        if bound("minimum").is_some_and(|least| number < least) || bound("maximum").is_some_and(|most| number > most) {
            found.push(format!("{at} is out of bounds"));
        }
    }
    for item in of.as_array().into_iter().flatten() {
        if let Some(items) = schema.get("items") {
            found.extend(breaches(items, item, &format!("{at}[]")));
        }
    }
    for (key, value) in of.as_object().into_iter().flatten() {
        let here = format!("{at}.{key}");
        match (schema["properties"].get(key), &schema["additionalProperties"]) {
            (Some(own), _) => found.extend(breaches(own, value, &here)),
            (None, Value::Bool(false)) => found.push(format!("{here} is unknown")),
            (None, other) => found.extend(breaches(other, value, &here)),
        }
    }
    let required = schema["required"].as_array().into_iter().flatten();
    let missing = required.filter(|key| of.get(key.as_str().unwrap()).is_none());
    found.extend(missing.map(|key| format!("{at}.{} is missing", key.as_str().unwrap())));
    found
}

#[test]
fn every_preset_is_valid_and_is_what_the_schema_has() {
    let schema = schema();
    for (name, file, text) in PRESETS {
        Judge::new(&[(file.to_owned(), text.to_owned())], Catalog::shipped().unwrap()).unwrap();
        assert_eq!(
            breaches(&schema, &json_of(&parse(file, text).unwrap()), name),
            Vec::<String>::new()
        );
        // Each line says why.
        let lines: Vec<&str> = text.lines().collect();
        let values = lines.iter().enumerate().filter(|(_, line)| {
            let (key, value) = line.split_once(": ").unwrap_or(("", ""));
            !line.trim_start().starts_with(['#', '-']) && !key.is_empty() && !value.is_empty()
        });
        for (at, line) in values {
            let inside_row = ["expression", "message"]
                .iter()
                .any(|key| line.trim_start().starts_with(key));
            assert!(
                inside_row || lines[at - 1].trim_start().starts_with('#'),
                "{file}: {line} has no reason"
            );
        }
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let schema = schema();
    for (text, breach) in [
        (
            "permissions: {least_monthly: 1}",
            "p.permissions.least_monthly is unknown",
        ),
        (
            "permissions: {least_monthly_saving: cheap}",
            "p.permissions.least_monthly_saving is string",
        ),
        (
            "permissions: {least_history_days: 4000}",
            "p.permissions.least_history_days is out of bounds",
        ),
        (
            "permissions: {scope: {namespaces: prod}}",
            "p.permissions.scope.namespaces is string",
        ),
        (
            "permissions: {freezes: [{until: 2027-01-01}]}",
            "p.permissions.freezes[].name is missing",
        ),
        (
            "permissions: {rules: [{name: a, expression: 'true'}]}",
            "p.permissions.rules[].message is missing",
        ),
        (
            "objectives: {latency: [{ttft_p98: 1s}]}",
            "p.objectives.latency[].ttft_p98 is unknown",
        ),
        (
            "objectives: {latency: [{ttft_p95: 2}]}",
            "p.objectives.latency[].ttft_p95 is number",
        ),
        (
            "prices: {rows: [{hourly: 1, colour: red}]}",
            "p.prices.rows[].colour is unknown",
        ),
        (
            "levers: {idle-gpu: {least_days: 0}}",
            "p.levers.idle-gpu.least_days is out of bounds",
        ),
        (
            "attribution: {owners_of_namespaces: {ml: 1}}",
            "p.attribution.owners_of_namespaces.ml is number",
        ),
    ] {
        let policy = json_of(&parse("p", text).unwrap());
        assert_eq!(breaches(&schema, &policy, "p"), [breach], "{text}");
        let refused = Judge::new(&[("p".to_owned(), text.to_owned())], Catalog::shipped().unwrap());
        assert!(refused.is_err(), "{text}");
    }
}

#[test]
fn the_schema_explains_every_key_of_the_defaults() {
    fn each(schema: &Value, path: &str) {
        for (key, node) in schema["properties"].as_object().into_iter().flatten() {
            let here = format!("{path}.{key}");
            // A lever is explained by its page.
            let said = node["description"].is_string() || path == ".levers";
            assert!(said, "{here} is not explained");
            each(node, &here);
        }
    }
    let schema = schema();
    each(&schema, "");
    let rules = &schema["properties"]["permissions"]["properties"]["rules"]["items"]["properties"];
    let asks = rules["expression"]["description"].as_str().unwrap();
    assert!(
        asks.contains("\nworkload.owner (string; may be missing, ask has() first): the team that owns it\n"),
        "{asks}"
    );
    let printed: Value = serde_json::from_str(&run(&["policy", "schema"]).printed()).unwrap();
    assert_eq!(printed, schema);
    assert_eq!(printed["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn a_preset_is_chosen_by_its_name_and_a_file_is_laid_over_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.yaml");
    std::fs::write(&file, "permissions:\n  most_changes: 1\n").unwrap();
    let file = file.display().to_string();
    let shown = run(&["policy", "show", "cautious", &file]).printed();
    assert!(shown.contains(&format!("  most_changes: 1 # {file}:2\n")), "{shown}");
    assert!(
        shown.contains("  least_confidence: high # policies/cautious.yaml:"),
        "{shown}"
    );
    assert!(shown.contains("  timezone: UTC # policies/default.yaml:"), "{shown}");
    run(&["policy", "check", "cautious", "aggressive"]).printed();
    let line = [
        "analyze",
        "--demo",
        "--lever",
        "smaller-gpu",
        "--format",
        "json",
        "--policy",
        "cautious",
        "--policy",
        &file,
    ];
    let plan: Value = serde_json::from_str(&run(&line).printed()).unwrap();
    let rows = plan["accepted"].as_array().unwrap().iter();
    assert!(rows.filter(|row| row["subject"]["kind"] == "Workload").count() <= 1);
    let held = plan["held_back"].as_array().unwrap();
    let places = held.iter().map(|row| row["held_by"]["where"].as_str().unwrap());
    assert!(
        places.clone().any(|place| place.starts_with("policies/cautious.yaml:")),
        "{held:?}"
    );
    run(&["policy", "show", "./cautious"]).fails(USAGE, &["./cautious"]);
    std::fs::write(folder.path().join("bad.yaml"), "permissions: {least: 1}\n").unwrap();
    let bad = folder.path().join("bad.yaml").display().to_string();
    run(&["policy", "show", &bad]).fails(USAGE, &["unknown key `permissions.least`"]);
}

#[test]
fn a_codeowners_file_is_read_beside_its_policy_and_routes_owners() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let policy = write(
        "policy/mine.yaml",
        "attribution:\n  owner_labels: []\n  codeowners: ../.github/CODEOWNERS\n  manifests:\n    \
         - {path: 'deploy/{namespace}/{name}.yaml'}\n  default_owner: finops\n",
    );
    run(&["policy", "check", &policy]).fails(
        USAGE,
        &["mine.yaml:3:15: ", "policy/../.github/CODEOWNERS: it cannot be read"],
    );
    // Whose a workload is does not depend on what is proposed for it.
    let quick = ["analyze", "--demo", "--lever", "idle-gpu", "--format", "json"];
    let demo: Value = serde_json::from_str(&run(&quick).printed()).unwrap();
    let rows = demo["workloads"].as_array().unwrap().iter();
    let spaces: std::collections::BTreeSet<&str> = rows.map(|row| row["namespace"].as_str().unwrap()).collect();
    let mut spaces = spaces.into_iter();
    let (owned, nobodys) = (spaces.next().unwrap(), spaces.next().unwrap());
    assert!(spaces.next().is_some());
    let text = format!("* @acme/all\n/deploy/* chat\n/deploy/{owned}/ @acme/own @lead\n/deploy/{nobodys}/\n");
    let owners = write(".github/CODEOWNERS", &text);
    let checked = run(&["policy", "check", &policy]).printed();
    assert!(checked.starts_with("the policy is valid\n"), "{checked}");
    assert!(
        checked.contains("/.github/CODEOWNERS:2 is skipped: `chat` is no owner"),
        "{checked}"
    );
    let plan = |more: &[&str]| -> Value {
        let line = [&quick[..], &["--policy", &policy], more].concat();
        serde_json::from_str(&run(&line).printed()).unwrap()
    };
    let all = plan(&[]);
    let of = |plan: &Value| -> Vec<(String, String, String)> {
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        let rows = plan["workloads"].as_array().unwrap().iter();
        rows.map(|row| (text(row, "namespace"), text(row, "owner"), text(row, "owner_because")))
            .collect()
    };
    let rows = of(&all);
    let own_line = format!(".github/CODEOWNERS:3 for deploy/{owned}/");
    for (namespace, owner, because) in &rows {
        let (expected, line) = match namespace {
            _ if namespace == owned => ("@acme/own, @lead", own_line.as_str()),
            _ if namespace == nobodys => ("finops", "the policy's default"),
            _ => ("@acme/all", ".github/CODEOWNERS:1 for deploy/"),
        };
        assert_eq!(owner, expected);
        assert!(because.contains(line), "{because}");
    }
    let note = &all["notes"][0];
    assert!(note["where"].as_str().unwrap().ends_with("CODEOWNERS:2"), "{note}");
    let one = of(&plan(&["--owner", "@lead"]));
    assert!(
        !one.is_empty() && one.iter().all(|(namespace, ..)| namespace == owned),
        "{one:?}"
    );

    std::fs::write(&owners, "#".repeat(3 * 1024 * 1024 + 1)).unwrap();
    run(&["policy", "show", &policy]).fails(USAGE, &["mine.yaml:3:15: ", "larger than 3 MiB"]);
    std::fs::write(&owners, b"\xff\xfe*").unwrap();
    run(&["policy", "show", &policy]).fails(USAGE, &["it is not UTF-8 text"]);
}
