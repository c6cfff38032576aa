//! The shape of the load: it makes a class surer or takes it back, and never gives one.

use super::{Class, Classified, LEAST, Signs, unknown};
use crate::model::time::Grid;
use crate::model::usage::Signal;
use crate::model::workload::PodUse;

/// A class that is this sure is left as it is; history is looked at where it could matter.
const SURE: f64 = 0.9;

/// Nothing that is read from names and numbers is certain.
const SUREST: f64 = 0.99;

/// Hours of load that show whether it ever rests, and whether it follows the day.
const STEADY_HOURS: usize = 48;
const DAILY_HOURS: usize = 5 * 24;

/// Share of the busiest hours' load below which hours without rest never fall.
const STEADY: f64 = 0.85;

/// Share of the variance between hours that the hour of the day explains, where load follows the day.
const EXPLAINED: f64 = 0.6;

/// What the load looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// Without rest for so many hours.
    Steady(usize),
    /// By the hour of the day, as people's requests are.
    Daily,
}

/// The class, surer or taken back by the shape of the load.
pub(super) fn weighed(mut told: Classified, signs: Signs<'_>) -> Classified {
    let shape = (told.confidence < SURE)
        .then(|| hourly(signs.pods, signs.grid))
        .and_then(|hours| shape(&hours));
    let surer = |confidence: f64| 1.0 - (1.0 - confidence) * 0.7;
    match (shape, told.class) {
        (Some(Shape::Steady(hours)), Class::Training) => {
            told.confidence = surer(told.confidence);
            told.because
                .push(format!("its GPUs worked for {hours} hours without rest"));
        }
        (Some(Shape::Daily), Class::Inference) => {
            told.confidence = surer(told.confidence);
            told.because.push("its load follows the hour of the day".to_owned());
        }
        (Some(shape), class) => {
            let against = match (shape, class) {
                (Shape::Steady(hours), Class::Inference | Class::Notebook) => Some(format!(
                    "its GPUs worked for {hours} hours without rest, which requests and people seldom ask for"
                )),
                (Shape::Daily, Class::Training) if signs.kind.1 != "CronJob" => {
                    Some("its load follows the hour of the day, which training seldom does".to_owned())
                }
                _ => None,
            };
            if let Some(against) = against {
                told.confidence = 1.0 - (1.0 - told.confidence) / 0.6;
                if told.confidence < LEAST {
                    let mut because = told.because;
                    because.push(against);
                    return unknown(because);
                }
                told.because.push(format!("against it: {against}"));
            }
        }
        (None, _) => {}
    }
    told.confidence = ((told.confidence * 100.0).round() / 100.0).min(SUREST);
    told
}

/// Mean activity of all its GPUs in each hour in which any was measured, with the hour since 1970.
fn hourly(pods: &[PodUse], grid: Grid) -> Vec<(i64, f64)> {
    let mut hours: std::collections::BTreeMap<i64, (f64, u32)> = std::collections::BTreeMap::new();
    // Four GPUs tell the rhythm of a hundred.
    let devices = pods.iter().flat_map(|pod| &pod.devices).take(4);
    let signals = [Signal::EngineActive, Signal::GpuUtil];
    for device in devices {
        let Some(column) = signals.iter().find_map(|signal| device.signals.get(signal)) else {
            continue;
        };
        for (at, value) in column.samples() {
            let hour = hours.entry(grid.second(at).div_euclid(3600)).or_default();
            hour.0 += value;
            hour.1 += 1;
        }
    }
    hours
        .into_iter()
        .map(|(hour, (sum, count))| (hour, sum / f64::from(count)))
        .collect()
}

/// The shape of hourly means; `None` where they are too few or have none that tells.
pub(super) fn shape(hours: &[(i64, f64)]) -> Option<Shape> {
    let mut sorted: Vec<f64> = hours.iter().map(|(_, value)| *value).collect();
    sorted.sort_by(f64::total_cmp);
    let quantile = |q: f64| sorted.get(((sorted.len() as f64 - 1.0) * q).round() as usize).copied();
    let (low, high) = (quantile(0.02)?, quantile(0.95)?);
    if high <= 0.0 || hours.len() < STEADY_HOURS {
        return None;
    }
    // Percent or share: idle GPUs are steady, too, and say nothing.
    let works = if high > 1.5 { high > 50.0 } else { high > 0.5 };
    if works && low >= STEADY * high {
        return Some(Shape::Steady(hours.len()));
    }
    if hours.len() < DAILY_HOURS || low > 0.5 * high {
        return None;
    }
    let mean = sorted.iter().sum::<f64>() / sorted.len() as f64;
    let mut of_day = [(0.0, 0.0); 24];
    for (hour, value) in hours {
        let slot = &mut of_day[hour.rem_euclid(24) as usize];
        slot.0 += value;
        slot.1 += 1.0;
    }
    let total: f64 = sorted.iter().map(|value| (value - mean).powi(2)).sum();
    let between = of_day
        .iter()
        .filter(|slot| slot.1 > 0.0)
        .map(|slot| slot.1 * (slot.0 / slot.1 - mean).powi(2))
        .sum::<f64>();
    (between >= EXPLAINED * total).then_some(Shape::Daily)
}
