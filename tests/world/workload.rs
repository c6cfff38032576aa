//! What runs: a workload as its owner wrote it, how it behaves, and when its pods live.

use std::collections::BTreeMap;

use super::hardware::Gpu;
use super::load::Pattern;
use super::serving::asked::Asked;

/// How an owner's object makes pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Deployment, ReplicaSet, Pod.
    Deployment,
    /// StatefulSet, Pod.
    StatefulSet,
    /// Notebook, StatefulSet, Pod.
    Notebook,
    /// LeaderWorkerSet, StatefulSet, leader Pod, StatefulSet, worker Pod.
    LeaderWorkerSet,
    /// CronJob, Job, Pod; a run each time.
    CronJob,
    /// Job, Pod; runs share the stem of their names.
    Job,
    /// PyTorchJob, Pod; runs share the stem of their names.
    PyTorchJob,
    /// JobSet, Job, Pod; runs share the stem of their names.
    JobSet,
}

impl Kind {
    /// As the API names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::Notebook => "Notebook",
            Self::LeaderWorkerSet => "LeaderWorkerSet",
            Self::CronJob => "CronJob",
            Self::Job => "Job",
            Self::PyTorchJob => "PyTorchJob",
            Self::JobSet => "JobSet",
        }
    }

    /// Whether it ends by itself and is run again.
    pub fn runs(self) -> bool {
        matches!(self, Self::CronJob | Self::Job | Self::PyTorchJob | Self::JobSet)
    }
}

/// When a workload's pods live.
#[derive(Debug, Clone, PartialEq)]
pub enum Life {
    /// Since before the window, and on.
    Always,
    /// Since this second, and on.
    Since(i64),
    /// Always, but a new template replaced every pod one after the other from this second on.
    RolledAt(i64),
    /// Runs with begin and end; an end beyond the window is still open.
    Runs(Vec<(i64, i64)>),
}

/// Memory in use on each GPU, MiB, the driver's context included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Memory {
    /// Always the same: an allocator that keeps what it took, or a reservation.
    Flat(f64),
    /// `base`, and `peak` for the last 60 seconds of every `every` seconds.
    Spikes {
        /// Nearly always.
        base: f64,
        /// For a minute.
        peak: f64,
        /// Seconds from spike to spike.
        every: i64,
    },
    /// `base`, and `peak` for one window of ten minutes in ten or so (models that are loaded for a while).
    Swaps {
        /// Usually.
        base: f64,
        /// At times.
        peak: f64,
    },
}

impl Memory {
    /// The most it ever takes.
    pub fn peak(self) -> f64 {
        match self {
            Self::Flat(peak) | Self::Spikes { peak, .. } | Self::Swaps { peak, .. } => peak,
        }
    }
}

/// How a workload's GPUs behave.
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    /// How load comes and goes.
    pub pattern: Pattern,
    /// Engine activity at full level: nothing ever exceeds it.
    pub peak: f64,
    /// SM, tensor and memory activity in an instant in which the engine is active.
    pub profile: [f64; 3],
    /// Memory in use.
    pub memory: Memory,
    /// A kernel is always running, so that `GPU_UTIL` reads near 100 whatever the SMs do (training loops).
    pub saturates_util: bool,
    /// The driver reports no utilization at all, although the engine works.
    pub blind_util: bool,
}

/// A model that a server serves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// Its name on the hub.
    pub name: &'static str,
    /// Parameters, in units.
    pub parameters: f64,
    /// Bytes of a parameter as it is stored.
    pub bytes: f64,
    /// Bytes of keys and values of a token: 2 x layers x heads x dimension x width (config.json of the model).
    pub kv_bytes: f64,
}

/// A vLLM server.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// What it serves.
    pub model: Model,
    /// The name it goes by in metrics.
    pub served_as: String,
    /// GPUs over which each layer is split.
    pub tensor_parallel: u32,
    /// Requests in flight on one replica at full level.
    pub in_flight: f64,
    /// Tokens of a request in the cache, prompt and answer, on average.
    pub context_tokens: f64,
    /// Tokens of an answer.
    pub answer_tokens: f64,
    /// Blocks of the cache.
    pub blocks: u64,
    /// How the cache stores numbers.
    pub cache_dtype: &'static str,
    /// Seconds from token to token of a lone request, and what each further request in flight adds
    /// (ITL = a + b x batch).
    pub token_seconds: (f64, f64),
}

/// Tokens of a block, as vLLM chooses by default.
pub const BLOCK: f64 = 16.0;

impl Server {
    /// Tokens that fit the cache.
    pub fn cache_tokens(&self) -> f64 {
        self.blocks as f64 * BLOCK
    }
}

/// What one of a workload's pods asks for besides GPUs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// Cores.
    pub cpu: f64,
    /// GiB.
    pub memory_gib: f64,
}

/// What a verdict about a workload must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// It should change.
    Change,
    /// A change would be wrong.
    Keep,
    /// It cannot be known.
    Unknown,
    /// Not planted; nothing may be concluded.
    Any,
}

/// What a GPU must offer for a workload to do as well as now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Need {
    /// MiB on each GPU: what is used, not what is reserved.
    pub memory_mib: f64,
    /// Engine activity that is never exceeded.
    pub engine: f64,
    /// Memory activity that is never exceeded.
    pub dram: f64,
    /// Whether the weights are 8-bit floats.
    pub fp8: bool,
    /// Whether its GPUs talk over NVLink.
    pub nvlink: bool,
}

/// A run that loses its pod, and gets another ten minutes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// Which run of the window.
    pub run: usize,
    /// Seconds after its beginning.
    pub after: i64,
}

/// GPUs of a pod, the last ones, that nothing ever touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Untouched {
    /// How many.
    pub gpus: u32,
    /// A run in which they are used all the same.
    pub but_in_run: Option<usize>,
}

/// A workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
    /// Its name; for runs, the stem that they share.
    pub name: String,
    /// How it makes pods.
    pub kind: Kind,
    /// The value of its `team` label.
    pub team: Option<String>,
    /// The pool its pods run in.
    pub pool: &'static str,
    /// GPUs a pod.
    pub gpus: u32,
    /// Pods at a time.
    pub replicas: u32,
    /// CPU and memory a pod.
    pub request: Request,
    /// Container image.
    pub image: String,
    /// Container arguments.
    pub args: Vec<String>,
    /// Container environment.
    pub env: Vec<(String, String)>,
    /// How its GPUs behave.
    pub behaviour: Behaviour,
    /// Those that do nothing.
    pub untouched: Untouched,
    /// The model server in it, if it is vLLM.
    pub server: Option<Server>,
    /// What it is asked, where its requests are simulated one by one.
    pub(crate) asked: Option<Asked>,
    /// What its owner says of it to gpuwise.
    pub annotations: BTreeMap<String, String>,
    /// When its pods live.
    pub life: Life,
    /// Whether more than a tenth of its scrapes are missing.
    pub scrape_holes: bool,
    /// Whether its pods may not be moved.
    pub pinned: bool,
    /// A run that is interrupted, if one is.
    pub breaks: Option<Break>,
    /// How many of its pods its disruption budget lets be away, if it has one.
    pub budget: Option<u32>,
    /// Bounds of an autoscaler, if it has one.
    pub hpa: Option<(u32, u32)>,
    /// What a GPU must offer.
    pub need: Need,
    /// What `idle-gpu` must say, to what it should change, and why.
    pub idle: (Intent, &'static str, String),
    /// What `smaller-gpu` must say, and why.
    pub smaller: (Intent, String),
    /// What `spot-migration` must say, and why.
    pub spot: (Intent, String),
    /// What `unused-gpus` must say, to what it should change, and why.
    pub unused: (Intent, &'static str, String),
}

/// A MIG slice: profile, sevenths of the compute, share of the memory.
pub type Slice = (&'static str, f64, f64);

/// The slices of an 80 GB or 40 GB data-centre GPU (NVIDIA/mig-parted examples); compute n/7, memory n/8.
pub fn slices(gpu: &Gpu) -> &'static [Slice] {
    match gpu.model {
        "H100-80GB" | "A100-80GB" => &[
            ("1g.10gb", 1.0, 0.125),
            ("1g.20gb", 1.0, 0.25),
            ("2g.20gb", 2.0, 0.25),
            ("3g.40gb", 3.0, 0.5),
            ("4g.40gb", 4.0, 0.5),
        ],
        "A100-40GB" => &[
            ("1g.5gb", 1.0, 0.125),
            ("1g.10gb", 1.0, 0.25),
            ("2g.10gb", 2.0, 0.25),
            ("3g.20gb", 3.0, 0.5),
            ("4g.20gb", 4.0, 0.5),
        ],
        _ => &[],
    }
}
