//! What a part cannot know by itself: who holds a GPU together with the pods of another part, and what names no pod at all.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use gpuwise::model::reading::Reading;
use gpuwise::sources::recording;
use jiff::Timestamp;

use crate::binary;
use crate::generator::{END, HOUR, Size, World};
use crate::record::{WHOLE, plan, told, written};
use crate::servers;

/// The same world where nothing but metrics tells of pods, and every third GPU is held by a pod of another namespace besides: as
/// long as the first (time-slicing), or when the first is gone.
fn handed_on(reading: &Reading) -> Reading {
    let mut reading = reading.clone();
    reading.inventory.pods.clear();
    reading.inventory.pod_history.clear();
    let of_gpus = reading.series.iter().filter(|series| series.signal.is_gpu());
    let uuids: BTreeSet<String> = of_gpus
        .filter_map(|series| series.labels.get("UUID").cloned())
        .collect();
    let place: BTreeMap<&String, usize> = uuids.iter().zip(0..).collect();
    let half = reading.grid.points() / 2;
    let mut more = Vec::new();
    for series in reading.series.iter_mut().filter(|series| series.signal.is_gpu()) {
        let Some(place) = place[&series.labels["UUID"]].checked_rem(3) else {
            continue;
        };
        if place == 0 || !series.labels.contains_key("exported_pod") {
            continue;
        }
        let mut other = series.clone();
        other
            .labels
            .insert("exported_namespace".to_owned(), "zz-others".to_owned());
        if place == 2 {
            (0..half).for_each(|at| other.column.clear(at));
            (half..half * 2 + 2).for_each(|at| series.column.clear(at));
        }
        more.push(other);
    }
    reading.series.extend(more);
    reading.settle();
    reading
}

/// Whether two pods hold a GPU together or one after the other, samples tell where nothing else does, in whichever parts they are.
#[test]
fn who_shares_a_gpu_is_seen_across_parts() {
    let world = World::generate(4, Size::Small, 2).to_reading(3600);
    // A pod of which kube-state-metrics saw two lives.
    let mut again = handed_on(&world);
    again.inventory.pod_history.clone_from(&world.inventory.pod_history);
    for pod in world.inventory.pod_history.iter().take(12) {
        let third = (pod.last.as_second() - pod.first.as_second()) / 3;
        let mut beside = pod.clone();
        beside.namespace = "zz-others".to_owned();
        beside.last = Timestamp::from_second(pod.first.as_second() + third).unwrap();
        let mut later = beside.clone();
        (later.first, later.last) = (Timestamp::from_second(pod.last.as_second() - third).unwrap(), pod.last);
        again.inventory.pod_history.extend([beside, later]);
    }
    again.settle();
    for (what, reading) in [("strangers", handed_on(&world)), ("two lives", again)] {
        let folder = tempfile::tempdir().unwrap();
        let whole = written(&reading, folder.path());
        let (wanted, told_whole) = (plan(&whole, WHOLE), told(&whole, WHOLE));
        for at_once in [1, 2_000] {
            assert!(plan(&whole, at_once) == wanted, "{what}: judged in parts of {at_once}");
            assert!(
                told(&whole, at_once) == told_whole,
                "{what}: told in parts of {at_once}"
            );
        }
    }
}

/// Series whose labels name their pod or GPU in full, in part or not at all.
const NAMED: [(&str, &str); 9] = [
    (
        "DCGM_FI_DEV_FB_USED",
        r#"UUID="GPU-1",Hostname="n",namespace="ml",pod="chat-0""#,
    ),
    ("DCGM_FI_DEV_FB_USED", r#"UUID="GPU-2",Hostname="n""#),
    ("DCGM_FI_DEV_FB_USED", r#"gpu="3",Hostname="n",pod="exporter""#),
    (
        "DCGM_FI_DEV_FB_USED",
        r#"gpu="4",Hostname="n",exported_pod="a",namespace="b""#,
    ),
    // AMD's exporter, scraped from a list of addresses.
    ("gpu_used_vram", r#"gpu_uuid="ccff74a1-0000",hostname="m",gpu_id="0""#),
    (
        "gpu_used_vram",
        r#"gpu_uuid="ccff74a1-0001",hostname="m",gpu_id="1",exported_namespace="ml",exported_pod="train-0""#,
    ),
    // Model servers outside Kubernetes.
    (
        "nv_inference_pending_request_count",
        r#"model="a",version="1",gpu_uuid="GPU-2""#,
    ),
    ("vllm:num_requests_running", r#"model_name="b""#),
    ("vllm:num_requests_running", r#"model_name="c",pod="vllm""#),
];

#[tokio::test]
async fn what_names_no_pod_is_recorded_in_parts_and_in_no_plan() {
    if !servers::prometheus_is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_running, url) = servers::prometheus_over(folder.path(), |out| {
        let mut before = "";
        for (metric, labels) in NAMED {
            if metric != before {
                writeln!(out, "# TYPE {metric} gauge")?;
                before = metric;
            }
            for at in (END - 2 * HOUR..=END).step_by(30) {
                // What DCGM writes where it has no reading, of all GPUs.
                let value = if at == END - 600 { "9223372036854775794" } else { "7" };
                writeln!(out, "{metric}{{{labels}}} {value} {at}")?;
            }
        }
        writeln!(out, "# EOF")
    })
    .await;
    let until = Timestamp::from_second(END).unwrap().to_string();
    for more in [&[][..], &["--no-remote-read"]] {
        let judged = |at_once: &str, from: &[&str]| {
            let analyze = ["analyze", "--format", "json", "--samples-at-once", at_once];
            binary::run(&[&analyze[..], from].concat()).printed()
        };
        let read = |at_once: &str| {
            let to = folder.path().join(format!("{at_once}-{}", more.len()));
            let window = ["--window", "1h", "--step", "60", "--until", &until];
            let live = [&["--no-kubernetes", "--prometheus", &url], &window[..], more].concat();
            let record = ["record", "--output", to.to_str().unwrap(), "--samples-at-once", at_once];
            binary::run(&[&record[..], &live[..]].concat()).printed();
            let plans = [
                judged(at_once, &live),
                judged("1000000", &["--recording", to.to_str().unwrap()]),
                judged("1", &["--recording", to.to_str().unwrap()]),
            ];
            (recording::read(&to).unwrap(), plans)
        };
        let (whole, plans) = read("1000000");
        assert_eq!(whole.series.len(), NAMED.len());
        // One of each of the two pods' GPUs.
        assert!(plans[0].contains("2 values of `memory_used` are blank"), "{}", plans[0]);
        let (parts, in_parts) = read("1");
        assert!(parts == whole, "{more:?}: {:?}, {:?}", parts.gaps, whole.gaps);
        for (at, plan) in plans.iter().chain(&in_parts).enumerate() {
            assert_eq!(plan, &plans[0], "{more:?}: {at}");
        }
    }
}
