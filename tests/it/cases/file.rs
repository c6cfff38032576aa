//! What a `case.yaml` may say. A key that is not here is a mistake.

use std::collections::BTreeMap;
use std::path::Path;

use gpuwise::model::scheduling::Scheduling;
use gpuwise::model::usage::Signal;
use gpuwise::replay::prefix_cache::Prompt;
use jiff::{SignedDuration, Span, Timestamp};
use serde::Deserialize;
use serde_json::Value;

/// A situation and the verdict that is right in it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// What it is, and why the verdict is right.
    pub(crate) situation: String,
    /// The verdict on the first workload.
    pub(crate) expect: Expect,
    /// What is seen.
    pub(crate) window: Window,
    /// A policy laid over the defaults.
    #[serde(default)]
    pub(crate) policy: String,
    /// Prompts that came to the first workload.
    pub(crate) prompts: Option<Prompts>,
    /// What owners decided, as their file has it.
    #[serde(default)]
    pub(crate) decisions: String,
    /// GPUs that jobs are waiting for in the queue `all`, which has quota on every node.
    #[serde(default)]
    pub(crate) waiting: u32,
    /// GPUs that a pod asks for which has no node yet.
    #[serde(default)]
    pub(crate) pending: u32,
    /// Node pools that remove nodes only when they are empty; all others also move pods together.
    #[serde(default)]
    pub(crate) when_empty: Vec<String>,
    /// Every node.
    pub(crate) nodes: Vec<Node>,
    /// The workload that is judged, and others beside it.
    pub(crate) workloads: Vec<Workload>,
}

/// A verdict: with the code of its reason, or with what it changes to (`scale-to-zero`, `schedule` or a GPU).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Expect {
    /// A change that the plan accepts.
    Change(String),
    /// A change that somebody must try out first.
    Experiment(String),
    /// A change that the plan shows and holds back.
    HeldBack(String),
    /// Right as it is.
    Keep(String),
    /// Cannot be told.
    Unknown(String),
}

/// The history that is read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    /// Days.
    pub(crate) days: i64,
    /// From one point to the next, in whole minutes.
    pub(crate) step: Span,
    /// Its end; a Monday, unless it says otherwise.
    #[serde(default = "monday")]
    pub(crate) ends: Timestamp,
}

fn monday() -> Timestamp {
    "2026-11-16T00:00:00Z".parse().unwrap()
}

/// A node.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Node {
    /// Its name.
    pub(crate) name: String,
    /// Its instance type, which says its GPUs, CPUs, memory and list price.
    #[serde(rename = "type")]
    pub(crate) instance_type: String,
    /// The Karpenter node pool that made it; without one nothing removes it.
    pub(crate) pool: Option<String>,
    /// How it is bought, as Karpenter's label says it.
    pub(crate) capacity: Option<String>,
    /// The zone that it is in.
    pub(crate) zone: Option<String>,
    /// Taints, as `key=value:effect`.
    #[serde(default)]
    pub(crate) taints: Vec<String>,
    /// Slices that it offers instead of whole GPUs, by profile.
    #[serde(default)]
    pub(crate) slices: BTreeMap<String, u32>,
    /// When it joined, counted from the window's beginning; before it, where it is not said.
    pub(crate) since: Option<Span>,
    /// What a cost source says of it.
    pub(crate) bill: Option<Bill>,
    /// Whether it is gone at the window's end, and only the bill knows it.
    #[serde(default)]
    pub(crate) gone: bool,
}

/// What was billed for a node over the window.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bill {
    /// For how many hours.
    pub(crate) hours: f64,
    /// At which price an hour.
    pub(crate) hourly: f64,
}

/// A workload.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workload {
    /// Its name; of runs, what their names begin with.
    pub(crate) name: String,
    /// The object that its owner edits.
    pub(crate) kind: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// Labels of the object and its pods.
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    /// Labels of the object alone, which differ from those of its pods.
    #[serde(default)]
    pub(crate) owner_labels: BTreeMap<String, String>,
    /// Annotations of the object, which tell while none of its pods is there.
    #[serde(default)]
    pub(crate) owner_annotations: BTreeMap<String, String>,
    /// Annotations of its pods.
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
    /// How many of its pods its disruption budget lets be away; it selects its labels.
    pub(crate) budget: Option<u32>,
    /// What its pods require of where they run, as recordings have it.
    #[serde(default)]
    pub(crate) scheduling: Scheduling,
    /// Fewest and most replicas of an autoscaler on it, of which nothing else was read.
    pub(crate) hpa: Option<(u32, u32)>,
    /// What an autoscaler on it is told to do: `spec` of a HorizontalPodAutoscaler of `autoscaling/v2`. Its servers run under it,
    /// where it has one metric, of requests, with an average for each.
    pub(crate) hpa_spec: Option<Value>,
    /// `spec` of a ScaledObject that made one; its servers run as many as its pods are.
    pub(crate) scaled_object: Option<Value>,
    /// The container's image.
    #[serde(default)]
    pub(crate) image: String,
    /// Its command line, words parted by blanks.
    #[serde(default)]
    pub(crate) args: String,
    /// Devices that a pod requests.
    #[serde(default = "one")]
    pub(crate) gpus: u32,
    /// The slice that a device is, where it is no whole GPU.
    pub(crate) slice: Option<String>,
    /// CPUs that a pod requests.
    pub(crate) cpu: Option<f64>,
    /// Memory that a pod requests.
    pub(crate) memory: Option<Amount>,
    /// How long pods that begin within the window take until they are ready, where that was seen.
    pub(crate) start: Option<Span>,
    /// Where its pods run, and when.
    pub(crate) pods: Vec<Pods>,
    /// Labels of `vllm:cache_config_info`, where the server exports it.
    pub(crate) cache_config: Option<BTreeMap<String, String>>,
    /// What its servers are asked, where their counters are read at scrape interval.
    pub(crate) serves: Option<crate::generator::serving::asked::Asked>,
    /// What was measured. A signal that is not named was not exported.
    pub(crate) signals: BTreeMap<Signal, Vec<Layer>>,
}

fn one() -> u32 {
    1
}

/// Pods on a node; without times they run before the window and after it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pods {
    /// The node.
    pub(crate) node: String,
    /// How many.
    #[serde(default = "one")]
    pub(crate) count: u32,
    /// The GPU of the node on which they are, where it is not the next free one: two that name the same share it.
    pub(crate) gpu: Option<u32>,
    from: Option<Span>,
    r#for: Option<Span>,
    every: Option<Span>,
    /// Runs that lost their pod, and got another ten minutes later.
    #[serde(default)]
    interrupted: Vec<Interruption>,
}

/// A run that was interrupted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Interruption {
    /// Which run, from nought.
    run: usize,
    /// How long it had lasted.
    after: Span,
    /// Whether the second pod began with all of the work anew.
    #[serde(default)]
    anew: bool,
    /// How much of the work it did again, where that is not all.
    repeats: Option<Span>,
}

/// One piece of a signal; later ones lie over earlier ones.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layer {
    /// The value, with its unit where it has one.
    pub(crate) value: Option<Amount>,
    /// Whether nothing was scraped.
    #[serde(default)]
    pub(crate) gap: bool,
    from: Option<Span>,
    r#for: Option<Span>,
    every: Option<Span>,
    /// Only in these hours of the week, such as `Mon-Fri 08:00-18:00`.
    pub(crate) on: Option<String>,
    /// The time zone of those hours.
    pub(crate) zone: Option<String>,
    /// Only of this pod, in the order of `pods`, from nought.
    pub(crate) pod: Option<usize>,
    /// Only of this run, from nought.
    pub(crate) run: Option<usize>,
    /// Only of this GPU of each pod, from nought.
    pub(crate) gpu: Option<usize>,
}

/// Seconds: `from` the window's beginning, `for` so long, and so again `every` so often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct When {
    /// Nought, where it is not said.
    pub(crate) from: i64,
    /// To the window's end, where it is not said.
    pub(crate) lasts: Option<i64>,
    /// Once, where it is not said.
    pub(crate) every: Option<i64>,
}

impl When {
    fn of(from: Option<Span>, lasts: Option<Span>, every: Option<Span>) -> Self {
        Self {
            from: from.map_or(0, seconds),
            lasts: lasts.map(seconds),
            every: every.map(seconds),
        }
    }
}

impl Pods {
    /// The lives of the pods of a run that lasts from one second to another when nothing interrupts it.
    pub(crate) fn lives(&self, run: usize, (from, to): (i64, i64)) -> Vec<(i64, i64)> {
        const PAUSE: i64 = 600;
        let Some(interrupted) = self.interrupted.iter().find(|one| one.run == run) else {
            return vec![(from, to)];
        };
        let at = from + seconds(interrupted.after);
        let repeated = interrupted.repeats.map_or(0, seconds);
        let again = if interrupted.anew { at - from } else { repeated };
        vec![(from, at), (at + PAUSE, to + PAUSE + again)]
    }

    /// When they run.
    pub(crate) fn when(&self) -> When {
        When::of(self.from, self.r#for, self.every)
    }
}

impl Layer {
    /// When it holds.
    pub(crate) fn when(&self) -> When {
        When::of(self.from, self.r#for, self.every)
    }
}

/// A number, or a number with its unit.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Amount {
    Number(f64),
    Text(String),
}

impl Amount {
    /// In MiB where it is memory, in watts where it is power.
    pub(crate) fn get(&self) -> f64 {
        let text = match self {
            Self::Number(number) => return *number,
            Self::Text(text) => text,
        };
        let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
        let factor = match unit {
            "GiB" => 1024.0,
            "MiB" | "W" | "%" => 1.0,
            _ => panic!("`{text}` has no unit that is known: GiB, MiB, W or %"),
        };
        number.parse::<f64>().unwrap() * factor
    }
}

/// Seconds of a span, days being of 24 hours.
pub(crate) fn seconds(span: Span) -> i64 {
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    SignedDuration::as_secs(&span.to_duration(days).unwrap())
}

/// Prompts of ten blocks each, of which the first are those of one of a few systems.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prompts {
    requests: u64,
    /// Blocks of ten that prompts of a system share.
    shared: u64,
    /// Tokens of a block.
    block_tokens: u64,
}

impl Prompts {
    /// One after the other; each system's turn comes in five.
    pub(crate) fn trace(self) -> Vec<Prompt> {
        let prompt = |at: u64| Prompt {
            hash_ids: (0..10)
                .map(|block| match block < self.shared {
                    true => (at % 5) * 10 + block,
                    false => 1_000 + at * 10 + block,
                })
                .collect(),
            input_length: Some(10 * self.block_tokens),
        };
        (0..self.requests).map(prompt).collect()
    }
}

impl Case {
    /// The case that a text tells.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    }

    /// The case of a folder.
    pub(crate) fn read(folder: &Path) -> Self {
        let path = folder.join("case.yaml");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let case = Self::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(
            case.situation.split_whitespace().count() > 8,
            "{}: the situation is not told",
            path.display()
        );
        case
    }
}
