//! A window of the past: a GPU that rested then and works now. Its spend is told, and nothing is proposed that what it does
//! now contradicts; where nothing is newer than the window, its end is the present.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::binary;
use crate::generator::{END, HOUR, Size, World};
use crate::servers::{self, Running, kubeconfig, prometheus_is_installed, prometheus_over};

/// Up to here it rests, from here on it works.
pub(crate) const TURN: i64 = END - 36 * HOUR;

const BEGIN: i64 = TURN - 75 * HOUR;

/// A Prometheus with what the exporters of clusters said up to a second; one without a name has no label of it.
pub(crate) async fn store(clusters: &[&str], until: i64, folder: &Path) -> (Running, String) {
    prometheus_over(folder, |out| {
        for (metric, rests, works) in [
            ("DCGM_FI_DEV_GPU_UTIL", 0.0, 95.0),
            ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 0.0, 0.9),
            ("DCGM_FI_DEV_FB_USED", 512.0, 16_384.0),
            ("DCGM_FI_DEV_POWER_USAGE", 12.0, 140.0),
        ] {
            writeln!(out, "# TYPE {metric} gauge")?;
            for name in clusters {
                let labels = format!(
                    r#"cluster="{name}",UUID="GPU-1{name}",gpu="0",Hostname="n1{name}",modelName="NVIDIA L40S",namespace="ml",pod="chat-0""#
                );
                let labels = labels.trim_start_matches(r#"cluster="","#);
                for second in (BEGIN..=until).step_by(60) {
                    let value = if second <= TURN { rests } else { works };
                    writeln!(out, "{metric}{{{labels}}} {value} {second}")?;
                }
            }
        }
        writeln!(out, "# EOF")
    })
    .await
}

/// The API of a cluster with that GPU, whose node was last heard of at a second.
pub(crate) fn cluster(heard: i64, folder: &Path) -> PathBuf {
    let time = |second: i64| jiff::Timestamp::from_second(second).unwrap().to_string();
    let mut answers = World::generate(4, Size::Small, 2).kubernetes();
    for list in answers.values_mut().filter(|answer| answer["items"].is_array()) {
        list["items"] = json!([]);
    }
    answers.get_mut("/api/v1/nodes").unwrap()["items"] = json!([{
        "metadata": {"name": "n1", "uid": "n1", "creationTimestamp": time(BEGIN), "labels": {
            "node.kubernetes.io/instance-type": "g6e.xlarge", "topology.kubernetes.io/region": "us-east-1",
            "karpenter.sh/nodepool": "gpu", "karpenter.sh/capacity-type": "on-demand",
            "nvidia.com/gpu.product": "NVIDIA-L40S",
        }},
        "status": {
            "allocatable": {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "1"},
            "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": time(heard)}],
        },
    }]);
    answers.get_mut("/apis/apps/v1/statefulsets").unwrap()["items"] = json!([{
        "metadata": {"name": "chat", "namespace": "ml", "uid": "s1"}, "spec": {"replicas": 1},
    }]);
    answers.get_mut("/api/v1/pods").unwrap()["items"] = json!([{
        "metadata": {"name": "chat-0", "namespace": "ml", "uid": "p1", "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "chat", "uid": "s1", "controller": true},
        ]},
        "spec": {"nodeName": "n1", "containers": [{
            "name": "main", "image": "registry.example/chat:1",
            "resources": {"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}},
        }]},
        "status": {"phase": "Running", "startTime": time(BEGIN)},
    }]);
    let server = json!({"server": servers::serve(move |path, _| answers.get(path).cloned())});
    kubeconfig(&folder.join(format!("kubeconfig-{heard}")), &server, &json!({}))
}

/// What is judged of 74 hours up to a second.
fn asked(until: i64, more: &[&str]) -> Value {
    let until = jiff::Timestamp::from_second(until).unwrap().to_string();
    let command = [
        "analyze", "--format", "json", "--step", "60", "--window", "74h", "--until", &until,
    ];
    plan(&[&command, more].concat())
}

fn plan(arguments: &[&str]) -> Value {
    let ran = binary::run(arguments);
    ran.tells(0, &[]);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn stops(plan: &Value) -> bool {
    let rows = plan["accepted"].as_array().unwrap().iter();
    let mut titles = rows.map(|row| row["title"].as_str().unwrap());
    titles.any(|title| title == "scale ml/chat to zero")
}

/// Nothing is proposed or held back, the reason is told, and so is what was spent.
fn leaves_it(plan: &Value) {
    assert_eq!((&plan["accepted"], &plan["held_back"]), (&json!([]), &json!([])));
    let unknown = plan["unknown"].as_array().unwrap();
    let told = |row: &Value| row["reason"] == "window-past" && row["fix"].as_str().unwrap().contains("ends now");
    assert!(unknown.iter().any(told), "{unknown:#?}");
    assert!(plan["coverage"]["gaps"].to_string().contains("the end of the window"));
    assert!(plan["workloads"].to_string().contains("chat"), "{plan:#}");
}

#[tokio::test]
async fn what_rested_in_a_window_of_the_past_is_not_stopped_now() {
    if !prometheus_is_installed() {
        return;
    }
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (_first, whole) = store(&[""], END, folders[0].path()).await;
    let (_second, ended) = store(&[""], TURN, folders[1].path()).await;
    let path = folders[0].path();
    let (then, now) = (cluster(TURN, path), cluster(END, path));
    let [then, now] = [&then, &now].map(|config| config.to_str().unwrap());
    // The store has gone on, whatever is known of the cluster.
    let past = asked(TURN, &["--prometheus", &whole, "--kubeconfig", then]);
    leaves_it(&past);
    assert!(past["spend"]["monthly"].as_f64().unwrap() > 100.0, "{past:#}");
    leaves_it(&asked(TURN, &["--prometheus", &whole, "--no-kubernetes"]));
    // So has the cluster, though its exporter is gone.
    leaves_it(&asked(TURN, &["--prometheus", &ended, "--kubeconfig", now]));
    // A store and a cluster that ended with the window are judged as of then.
    assert!(stops(&asked(TURN, &["--prometheus", &ended, "--kubeconfig", then])));
    // Up to the last sample, it works.
    let present = asked(END, &["--prometheus", &whole, "--kubeconfig", now]);
    assert!(!present.to_string().contains("window-past"), "{present:#}");
    let mut kept = present["kept"].as_array().unwrap().iter();
    let idle = kept.find(|row| row["lever"] == "idle-gpu").unwrap();
    assert_eq!(idle["reason"], "in-use");
    // A recording is of its own time.
    for (server, config, stopped) in [(&whole, now, false), (&ended, then, true)] {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("recording");
        let output = output.to_str().unwrap();
        let until = jiff::Timestamp::from_second(TURN).unwrap().to_string();
        let record = ["record", "--window", "74h", "--until", &until, "--output", output];
        binary::run(&[&record[..], &["--prometheus", server, "--kubeconfig", config]].concat()).tells(0, &[]);
        let plan = plan(&["analyze", "--format", "json", "--recording", output]);
        assert_eq!(stops(&plan), stopped, "{plan:#}");
    }
}
