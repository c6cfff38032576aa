//! Parts, each with the pods of some workloads, add up to the whole.

use super::*;
use crate::model::workload::Workload;
use crate::sources::collect::bins::Signals;

/// The workloads of a reading, joined as a whole and pod by pod.
fn both(reading: &Reading) -> [Vec<Workload>; 2] {
    let (catalog, sheet) = (Catalog::shipped().unwrap(), PriceSheet::default());
    let of = |gpu: bool| {
        let those = reading.series.iter().filter(move |one| one.signal.is_gpu() == gpu);
        those.map(|one| &one.labels)
    };
    let outline = Outline::of(
        reading,
        of(true),
        of(false),
        &catalog,
        &crate::policy::attribution::NOBODY,
        &sheet,
    );
    let bins = outline.bins(Signals { gpu: 1, server: 1 }, 1);
    assert!(bins.len() > 1, "{bins:?}");
    let mut parts = Vec::new();
    for bin in &bins {
        let own = reading.series.iter().filter(|series| bin.hold(&series.labels));
        parts.extend(outline.part(own.cloned().collect(), Some(bin)).workloads);
    }
    parts.sort_by(|a, b| a.id.cmp(&b.id));
    [outline.part(reading.series.clone(), None).workloads, parts]
}

/// Where one server names its pod apart from its scraper's, the plain label of another is no pod's, in whichever part it is.
#[test]
fn how_servers_name_their_pods_is_the_same_in_every_part() {
    let mut reading = reading(Inventory::default(), Vec::new());
    let points = reading.grid.points();
    let mut add = |signal, pairs: &[(&str, &str)]| {
        reading.series.push(Series {
            signal,
            labels: labels(pairs),
            column: Column::from_options(vec![Some(1.0); points]),
        });
    };
    for (uuid, pod) in [("GPU-1", "chat-0"), ("GPU-2", "embed-0")] {
        let gpu = [
            ("UUID", uuid),
            ("Hostname", "n"),
            ("exported_namespace", "ml"),
            ("exported_pod", pod),
        ];
        add(Signal::MemoryUsed, &gpu);
    }
    add(
        Signal::RequestsRunning,
        &[("exported_namespace", "ml"), ("exported_pod", "chat-0")],
    );
    add(Signal::RequestsRunning, &[("namespace", "ml"), ("pod", "embed-0")]);
    reading.settle();
    let [whole, parts] = both(&reading);
    let servers = |workload: &Workload| workload.pods[0].server.len();
    assert_eq!(whole.iter().map(servers).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(whole, parts);
}
