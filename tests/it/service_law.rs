//! The law of the time between tokens, held against batches that were measured and left out of the fit: the uncertainty that the
//! replay of a service is told with.

use std::collections::BTreeMap;
use std::path::Path;

use gpuwise::recommenders::quantization::{AS_MANY, HALVED, HALVED_WEIGHTS_ONLY, Times};
use gpuwise::replay::service::law::{Law, Point};
use gpuwise::replay::service::proof::SLOWER;

use crate::replay::beside;

/// Series of (batch, seconds), by all else that was the same.
type Series = BTreeMap<Vec<String>, BTreeMap<u32, Vec<f64>>>;

fn series(
    file: &Path,
    same: &[&str],
    batch: &str,
    value: &str,
    wanted: impl Fn(&BTreeMap<String, String>) -> bool,
) -> Series {
    let mut rows = csv::Reader::from_path(file).unwrap();
    let mut series = Series::new();
    for row in rows.deserialize::<BTreeMap<String, String>>() {
        let row = row.unwrap();
        let number = |name: &str| row[name].parse::<f64>().ok().filter(|value| *value > 0.0);
        if let (true, Some(batch), Some(value)) = (wanted(&row), number(batch), number(value)) {
            let key = same.iter().map(|name| row[*name].clone()).collect();
            let of_key = series.entry(key).or_default();
            of_key.entry(batch as u32).or_default().push(value / 1_000.0);
        }
    }
    series
}

/// Relative errors of batches that were left out: those between others, and the largest where it is no more than a doubling.
fn errors(series: &Series) -> (Vec<f64>, Vec<f64>) {
    let (mut inside, mut beyond) = (Vec::new(), Vec::new());
    for batches in series.values() {
        let mean = |values: &Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let points: Vec<Point> = batches
            .iter()
            .map(|(batch, values)| Point {
                batch: f64::from(*batch),
                seconds: mean(values),
                weight: 1.0,
            })
            .collect();
        if points.len() < 4 {
            continue;
        }
        for out in 1..points.len() {
            let mut rest = points.clone();
            let left_out = rest.remove(out);
            if out + 1 == points.len() && left_out.batch > 2.0 * rest[out - 1].batch {
                continue;
            }
            let Some(law) = Law::fit(&rest) else { continue };
            let error = (law.seconds(left_out.batch) - left_out.seconds) / left_out.seconds;
            let list = if out + 1 == points.len() {
                &mut beyond
            } else {
                &mut inside
            };
            list.push(error);
        }
    }
    (inside, beyond)
}

fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted: Vec<f64> = values.iter().map(|value| value.abs()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * q).round() as usize]
}

fn told(name: &str, errors: &[f64]) -> (f64, f64) {
    let (median, p90) = (quantile(errors, 0.5), quantile(errors, 0.9));
    let (n, percent) = (errors.len(), 100.0);
    println!(
        "{name}: {n} left out, median {:.1} %, p90 {:.1} %",
        median * percent,
        p90 * percent
    );
    (median, p90)
}

#[test]
fn batches_that_were_left_out_are_foretold_on_hundreds_of_measured_series() {
    let Some(folder) = beside("GPUWISE_SILICON", "../shared/data/aiconfigurator-silicon") else {
        return;
    };
    let same = [
        "model_path",
        "system",
        "precision",
        "isl",
        "osl",
        "backend",
        "backend_version",
        "tp_size",
        "pp_size",
        "attention_dp_size",
        "moe_tp_size",
        "moe_ep_size",
        "gemm_quant_mode",
        "moe_quant_mode",
    ];
    let file = folder.join("silicon_sample.csv");
    let series = series(&file, &same, "batch_size", "silicon_tpot_ms", |row| {
        row["mode"] == "agg"
    });
    let (inside, beyond) = errors(&series);
    assert!(inside.len() > 1_000 && beyond.len() > 300);
    let (median, p90) = told("between batches", &inside);
    assert!(median <= 0.054 && p90 <= 0.13);
    // What a proposal must withstand is no less than this.
    assert!(p90 <= SLOWER + 0.005, "{p90}");
    let (median, p90) = told("a doubling beyond", &beyond);
    assert!(median <= 0.115 && p90 <= 0.28);
    let short = beyond.iter().filter(|error| **error < -SLOWER).count();
    println!(
        "{short} of {} take longer than foretold by more than {SLOWER}",
        beyond.len()
    );
    assert!(short * 20 < beyond.len());
}

/// Measured seconds by precision and GPUs.
type ByBitsAndGpus = BTreeMap<(String, u32), Vec<f64>>;

/// Times as long as tokens take with these bits on one GPU in two, and on as many, of all that is measured with both.
fn pairs(file: &Path, halved: bool, fewer_bits: impl Fn(&str, &str) -> bool) -> Vec<f64> {
    let mut rows = csv::Reader::from_path(file).unwrap();
    let mut measured: BTreeMap<Vec<String>, ByBitsAndGpus> = BTreeMap::new();
    for row in rows.deserialize::<BTreeMap<String, String>>() {
        let row = row.unwrap();
        let Some(seconds) = row["silicon_tpot_ms"]
            .parse::<f64>()
            .ok()
            .filter(|_| row["mode"] == "agg")
        else {
            continue;
        };
        let mut model = row["model_path"].to_lowercase();
        model = model.split('/').next_back().unwrap().to_owned();
        for ending in ["-nvfp4", "-fp8", "-fp4"] {
            model = model.replace(ending, "");
        }
        let same = ["system", "isl", "osl", "backend", "batch_size", "attention_dp_size"];
        let key = std::iter::once(model)
            .chain(same.iter().map(|name| row[*name].clone()))
            .collect();
        let of = (row["precision"].clone(), row["tp_size"].parse::<f64>().unwrap() as u32);
        measured.entry(key).or_default().entry(of).or_default().push(seconds);
    }
    let mut found = Vec::new();
    for by in measured.values() {
        for ((bits, gpus), before) in by {
            for ((fewer, then), after) in by {
                let as_asked = if halved { then * 2 == *gpus } else { then == gpus };
                if as_asked && fewer_bits(bits, fewer) {
                    found.push(quantile(after, 0.5) / quantile(before, 0.5));
                }
            }
        }
    }
    found
}

/// The same with the same bits on one GPU and on two.
fn pairs_of_two(file: &Path) -> Vec<f64> {
    let same = [
        "model_path",
        "system",
        "precision",
        "isl",
        "osl",
        "backend",
        "batch_size",
        "pp_size",
        "attention_dp_size",
    ];
    let by_gpus = series(file, &same, "tp_size", "silicon_tpot_ms", |row| row["mode"] == "agg");
    let pair = |by: &BTreeMap<u32, Vec<f64>>| Some(quantile(by.get(&1)?, 0.5) / quantile(by.get(&2)?, 0.5));
    by_gpus.values().filter_map(pair).collect()
}

#[test]
fn what_a_step_takes_with_fewer_bits_and_gpus_is_what_was_measured() {
    let Some(folder) = beside("GPUWISE_SILICON", "../shared/data/aiconfigurator-silicon") else {
        return;
    };
    let file = folder.join("silicon_sample.csv");
    let holds = |name: &str, found: &[f64], (middle, (more, less)): Times| {
        let at = |q: f64| quantile(found, q);
        println!(
            "{name}: {} pairs, {:.2}, {:.2} and {:.2}",
            found.len(),
            at(0.1),
            at(0.5),
            at(0.9)
        );
        assert!((at(0.5) - middle).abs() < 0.02, "{name}");
        assert!((at(0.9) - middle * (1.0 + more)).abs() < 0.02, "{name}");
        assert!((at(0.1) - middle * (1.0 - less)).abs() < 0.02, "{name}");
    };
    let halved = pairs(&file, true, |bits, fewer| bits == "fp8" && fewer == "fp4");
    holds("half the bits on half the GPUs", &halved, HALVED);
    let as_many = pairs(&file, false, |bits, fewer| bits == "bf16" && fewer == "fp8");
    holds("half the bits on as many GPUs", &as_many, AS_MANY);
    let stored = pairs_of_two(&file);
    holds("the same bits on one GPU of two", &stored, HALVED_WEIGHTS_ONLY);
    let known = pairs(&file, true, |bits, fewer| bits == "bf16" && fewer == "fp8");
    // The pairs of the very formats are few, and quicker than what is thought.
    assert!(known.len() > 20 && quantile(&known, 0.9) < HALVED.0 * (1.0 + HALVED.1.0));
}

#[test]
fn batches_that_were_left_out_are_foretold_on_older_gpus() {
    let Some(folder) = beside("GPUWISE_SPLITWISE", "../shared/data/splitwise-perf") else {
        return;
    };
    let same = ["model", "hardware", "prompt_size", "token_size", "tensor_parallel"];
    let series = series(
        &folder.join("perf_model.csv"),
        &same,
        "batch_size",
        "token_time",
        |_| true,
    );
    let (inside, _) = errors(&series);
    assert!(inside.len() >= 50);
    let (median, p90) = told("between batches", &inside);
    assert!(median <= 0.054 && p90 <= 0.13);
}
