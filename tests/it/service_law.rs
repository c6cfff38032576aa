//! The law of the time between tokens, held against batches that were measured and left out of the fit: the uncertainty that the
//! replay of a service is told with.

use std::collections::BTreeMap;
use std::path::Path;

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
