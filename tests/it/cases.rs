//! Golden cases: one situation each, small enough to be judged by reading it, with the whole answer of its lever.

mod file;
mod inventory;
mod nodes;
mod queues;
mod serving;
mod signals;

use std::path::{Path, PathBuf};

use gpuwise::catalog::Catalog;
use gpuwise::engine::{Judge, Scope};
use gpuwise::model::plan::Plan;
use gpuwise::model::progress::Silent;
use gpuwise::pipeline;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use serde_json::{Map, Value, json};

pub(crate) use file::{Case, Expect};

/// Rewrites the goldens instead of comparing with them. What a case expects is never rewritten.
const BLESS: &str = "GPUWISE_BLESS";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(of).unwrap_or_else(|e| panic!("{}: {e}", of.display()));
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

/// Every lever that has cases, with them; a case by the name of its folder.
pub(crate) fn all() -> Vec<(String, Vec<(PathBuf, Case)>)> {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let cases = |lever: &Path| {
        folders(lever)
            .into_iter()
            .map(|path| (path.clone(), Case::read(&path)))
            .collect()
    };
    folders(&root())
        .iter()
        .map(|lever| (name(lever), cases(lever)))
        .collect()
}

/// Under which the rows of node pools stand in a verdict: what goes away beyond the workloads' own.
const POOLS: &str = "node_pools";

/// Everything that the plan says of the first workload, by the list in which it stands, and of node pools.
fn verdict(case: &Case, lever: &str) -> Map<String, Value> {
    let catalog = Catalog::shipped().unwrap();
    let reading = case.reading(&catalog);
    let judge = Judge::new(&[("policy.yaml".to_owned(), case.policy.clone())], catalog).unwrap();
    let judge = match case.decisions.as_str() {
        "" => judge,
        text => judge
            .with_decisions(&[("decisions.yaml".to_owned(), text.to_owned())])
            .unwrap(),
    };
    let judge = match (case.prompts, case.workloads.first()) {
        (Some(prompts), Some(first)) => {
            let name = format!("{}/{}", first.namespace, first.name);
            judge.with_prompts([(name, prompts.trace())].into())
        }
        _ => judge,
    };
    let judge = judge.only(&[lever.to_owned()]).unwrap();
    let plan = pipeline::analyze(&reading, &judge, &Scope::default(), &Silent).unwrap();
    let id = id_of_the_first(case, &plan);
    let lists = [
        ("accepted", json!(plan.accepted)),
        ("experiments", json!(plan.experiments)),
        ("held_back", json!(plan.held_back)),
        ("kept", json!(plan.kept)),
        ("unknown", json!(plan.unknown)),
        (POOLS, json!(plan.accepted)),
    ];
    let mut found = Map::new();
    for (list, mut rows) in lists {
        let own = |row: &Value| match list {
            POOLS => row["subject"]["kind"] == "NodePool",
            _ => row["subject"]["id"] == *id,
        };
        rows.as_array_mut().unwrap().retain(own);
        if rows != json!([]) {
            found.insert(list.to_owned(), rows);
        }
    }
    found
}

fn id_of_the_first<'p>(case: &Case, plan: &'p Plan) -> &'p str {
    let first = case.workloads.first().unwrap();
    let row = plan
        .workloads
        .iter()
        .find(|row| (&row.kind, &row.namespace, &row.name) == (&first.kind, &first.namespace, &first.name));
    &row.unwrap_or_else(|| panic!("{} is no workload of the plan", first.name))
        .id
}

/// What a verdict is in the words of `expect`: one row, in one list.
fn in_short(verdict: &Map<String, Value>) -> Result<Expect, String> {
    let rows: Vec<(&str, &Value)> = verdict
        .iter()
        .filter(|(list, _)| *list != POOLS)
        .flat_map(|(list, rows)| rows.as_array().unwrap().iter().map(move |row| (list.as_str(), row)))
        .collect();
    let [(list, row)] = rows[..] else {
        let lists: Vec<&str> = rows.iter().map(|(list, _)| *list).collect();
        return Err(format!("it stands in these lists: {}", lists.join(", ")));
    };
    let reason = || row["reason"].as_str().unwrap().to_owned();
    let to = || crate::judgement::target(&serde_json::from_value(row.clone()).unwrap());
    match list {
        "accepted" => Ok(Expect::Change(to())),
        "experiments" => Ok(Expect::Experiment(to())),
        "held_back" => Ok(Expect::HeldBack(to())),
        "kept" => Ok(Expect::Keep(reason())),
        "unknown" => Ok(Expect::Unknown(reason())),
        other => Err(format!("it stands in {other}")),
    }
}

/// Where two answers differ, by their paths.
fn differences(path: &str, golden: &Value, got: &Value, found: &mut Vec<String>) {
    match (golden, got) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let of = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or(json!("(absent)"));
                differences(&format!("{path}.{key}"), &of(a), &of(b), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.iter().chain(b).any(Value::is_object) => {
            for at in 0..a.len().max(b.len()) {
                let of = |rows: &[Value]| rows.get(at).cloned().unwrap_or(json!("(absent)"));
                differences(&format!("{path}[{at}]"), &of(a), &of(b), found);
            }
        }
        _ if golden != got => {
            let short = |value: &Value| value.to_string().chars().take(400).collect::<String>();
            found.push(format!(
                "  {path}\n    golden {}\n    now    {}",
                short(golden),
                short(got)
            ));
        }
        _ => {}
    }
}

/// For people to read: lists of numbers on one line.
fn pretty(verdict: &Value) -> String {
    let mut text = String::new();
    for line in serde_json::to_string_pretty(verdict).unwrap().lines() {
        match line.trim().trim_end_matches(',').parse::<f64>() {
            Ok(_) => text = format!("{} {}\n", text.trim_end(), line.trim()),
            Err(_) => text = format!("{text}{line}\n"),
        }
    }
    text
}

/// What is wrong with a case, in words.
fn wrong(folder: &Path, case: &Case, lever: &str) -> Vec<String> {
    let verdict = verdict(case, lever);
    let mut wrong = Vec::new();
    let short = in_short(&verdict);
    let verdict = Value::Object(verdict);
    let pretty = pretty(&verdict);
    if short != Ok(case.expect.clone()) {
        let words = case.situation.split_whitespace().collect::<Vec<_>>().join(" ");
        wrong.push(format!(
            "expected {:?}: {words}\n  got {short:?}: {pretty}",
            case.expect
        ));
    }
    let path = folder.join("verdict.json");
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, pretty).unwrap();
        return wrong;
    }
    match std::fs::read_to_string(&path) {
        Ok(golden) => differences("", &serde_json::from_str(&golden).unwrap(), &verdict, &mut wrong),
        Err(e) => wrong.push(format!("verdict.json: {e}")),
    }
    wrong
}

#[test]
fn every_case_gets_its_verdict() {
    // One alone, such as `autoscaling/one-replica`, while it is written.
    let only = std::env::var("GPUWISE_CASE").ok();
    let cases = all().into_iter().flat_map(|(lever, cases)| {
        let named = |(folder, case): (PathBuf, Case)| {
            (
                format!("{lever}/{}", folder.file_name().unwrap().display()),
                lever.clone(),
                folder,
                case,
            )
        };
        cases.into_iter().map(named).collect::<Vec<_>>()
    });
    let asked = |name: &str| only.as_ref().is_none_or(|only| only == name);
    let cases: Vec<_> = cases.filter(|(name, ..)| asked(name)).collect();
    let judged = cases.into_par_iter().filter_map(|(name, lever, folder, case)| {
        let wrong = wrong(&folder, &case, &lever);
        (!wrong.is_empty()).then(|| format!("{name}:\n{}", wrong.join("\n")))
    });
    let broken: Vec<String> = judged.collect();
    assert!(
        broken.is_empty(),
        "{}\n\nIf a new answer is right, {BLESS}=1 writes it to verdict.json; `expect` in case.yaml is changed by hand only.",
        broken.join("\n\n")
    );
}
