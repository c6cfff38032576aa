//! How a store answers of histograms, hour by hour: counts up to each bound and their sum, added up over pods whose names begin alike,
//! and which pods are in it.

use std::collections::BTreeMap;

use gpuwise::model::histogram::Buckets;
use gpuwise::model::reading::Series;
use gpuwise::model::usage::{Column, Signal};

fn labels(namespace: &str, (key, value): (&str, &str)) -> BTreeMap<String, String> {
    [("namespace", namespace), (key, value)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// A histogram of the pods of a namespace whose names begin so: what was counted in each hour, and the part of it that is theirs.
pub(crate) fn folded(
    signal: Signal,
    (namespace, pods): (&str, &str),
    hours: &[Option<(&Buckets, f64)>],
) -> Vec<Series> {
    let column = |value: &dyn Fn(&Buckets) -> Option<f64>| {
        let of = |hour: &Option<(&Buckets, f64)>| hour.and_then(|(buckets, part)| Some(value(buckets)? * part));
        Column::from_options(hours.iter().map(of))
    };
    let labels = labels(namespace, ("pods", pods));
    let first = hours.iter().flatten().next();
    let bounds = first.into_iter().flat_map(|(buckets, _)| buckets.up_to());
    let mut series: Vec<Series> = Vec::new();
    for (place, (bound, _)) in bounds.enumerate() {
        let told = match bound.is_finite() {
            true => bound.to_string(),
            false => "+Inf".to_owned(),
        };
        let mut labels = labels.clone();
        labels.insert("le".to_owned(), told);
        let column = column(&|buckets| buckets.up_to().nth(place).map(|(_, count)| count));
        series.push(Series { signal, labels, column });
    }
    let column = column(&Buckets::sum);
    series.push(Series { signal, labels, column });
    series
}

/// In which hours a pod is in it.
pub(crate) fn present(signal: Signal, namespace: &str, pod: &str, hours: impl Iterator<Item = bool>) -> Series {
    Series {
        signal,
        labels: labels(namespace, ("pod", pod)),
        column: Column::from_options(hours.map(|there| there.then_some(1.0))),
    }
}
