//! The class of real manifests, read as the API would have them and labelled by hand: how often it is right where it answers,
//! and how often it answers where a careful reader could tell.

mod cluster;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gpuwise::model::workload::{Class, Classified};
use serde_json::Value;

use cluster::classes;

/// Of what is answered, this much is right.
const RIGHT: f64 = 0.95;

/// Of what a careful reader could tell, this much is answered.
const ANSWERED: f64 = 0.85;

/// A workload as somebody wrote it down.
struct Labelled {
    about: String,
    is: Class,
    objects: Vec<Value>,
}

/// The shared manifests that hold GPUs and are plain YAML, and what each is.
const SHARED: [(&str, Class); 16] = [
    (
        "gitops-ai-on-eks/infra/jark-stack/src/service/ray-service.yaml",
        Class::Inference,
    ),
    // They look whether GPUs are there, and do no work.
    (
        "gitops-ai-on-eks/infra/emr-spark-rapids/examples/nvidia-smi-test/nvidia-smi-karpenter-test.yaml",
        Class::Unknown,
    ),
    (
        "gitops-ai-on-eks/infra/emr-spark-rapids/examples/nvidia-smi-test/nvidia-smi-clusterautoscaler-test.yaml",
        Class::Unknown,
    ),
    (
        "gitops-ai-on-eks/infra/jupyterhub/examples/test-pods/verify-gpu-access.yaml",
        Class::Unknown,
    ),
    (
        "gitops-ai-on-eks/infra/jupyterhub/examples/test-pods/timeslicing-test.yaml",
        Class::Unknown,
    ),
    (
        "gitops-ai-on-eks/infra/bionemo/examples/esm2nv/esm2nv-training-job.yaml",
        Class::Training,
    ),
    (
        "gitops-ai-on-eks/infra/bionemo/examples/esm1nv/esm1nv_pretrain-job.yaml",
        Class::Training,
    ),
    (
        "gitops-ai-on-eks/blueprints/inference/vllm-rayserve-gpu/ray-service-vllm.yaml",
        Class::Inference,
    ),
    (
        "gitops-ai-on-eks/blueprints/inference/vllm-ray-gpu-deepseek/ray-vllm-deepseek.yml",
        Class::Inference,
    ),
    (
        "gitops-ai-on-eks/blueprints/inference/stable-diffusion-rayserve-gpu/ray-serve-stablediffusion.yaml",
        Class::Inference,
    ),
    (
        "gitops-ai-on-eks/blueprints/inference/gpu/nvidia-nim-operator-llama3-8b/nim-service-llama3-8b-instruct.yaml",
        Class::Inference,
    ),
    // Clients for load tests, held open.
    (
        "gitops-ai-on-eks/blueprints/inference/gpu/nvidia-nim-operator-llama3-8b/genaiperf-deploy.yaml",
        Class::Unknown,
    ),
    (
        "gitops-ai-on-eks/blueprints/inference/nvidia-nim/genaiperf-deploy.yaml",
        Class::Unknown,
    ),
    (
        "gitops-production-stack/src/gateway_inference_extension/configs/vllm/gpu-deployment.yaml",
        Class::Inference,
    ),
    (
        "gitops-production-stack/operator/config/samples/production-stack_v1alpha1_vllmruntime.yaml",
        Class::Inference,
    ),
    (
        "gitops-production-stack/operator/config/samples/production-stack_v1alpha1_vllmruntime_autoscaling.yaml",
        Class::Inference,
    ),
];

fn documents(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let read = serde_saphyr::from_multiple::<Value>(&text);
    read.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn class_named(name: &str) -> Class {
    serde_json::from_value(Value::String(name.to_owned())).unwrap()
}

/// The sets under `tests/it/labelled`.
fn own(files: &[&str]) -> Vec<Labelled> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/labelled");
    let mut found = Vec::new();
    for file in files {
        for set in documents(&folder.join(file)) {
            found.extend(set.as_array().unwrap().iter().map(|one| Labelled {
                about: format!("{file}: {}", one["about"].as_str().unwrap()),
                is: class_named(one["is"].as_str().unwrap()),
                objects: one["objects"].as_array().unwrap().clone(),
            }));
        }
    }
    found
}

/// The shared manifests; `None`, and a line that says so, where they are not there.
fn shared() -> Option<Vec<Labelled>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let given = std::env::var_os("GPUWISE_GITOPS").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| root.join("../shared/data"));
    if !folder.join("gitops-ai-on-eks").is_dir() {
        println!(
            "skipped: no `gitops-ai-on-eks` under `{}`; GPUWISE_GITOPS names another folder",
            folder.display()
        );
        return None;
    }
    let labelled = SHARED.iter().map(|(path, is)| Labelled {
        about: (*path).to_owned(),
        is: *is,
        objects: documents(&folder.join(path)),
    });
    Some(labelled.collect())
}

/// What was measured of a set.
#[derive(Default)]
struct Score {
    workloads: usize,
    answered: usize,
    right: usize,
    /// Of those a careful reader could tell: all, and answered.
    telling: (usize, usize),
    confusion: BTreeMap<(String, String), usize>,
    mistakes: Vec<String>,
}

impl Score {
    fn add(&mut self, about: &str, is: Class, told: &Classified) {
        let answers = told.class != Class::Unknown;
        self.workloads += 1;
        self.answered += usize::from(answers);
        self.right += usize::from(answers && told.class == is);
        if is != Class::Unknown {
            self.telling.0 += 1;
            self.telling.1 += usize::from(answers);
        }
        let cell = (format!("{is:?}"), format!("{:?}", told.class));
        *self.confusion.entry(cell).or_default() += 1;
        if told.class != is {
            let said = format!("{:?} ({:.2})", told.class, told.confidence);
            self.mistakes
                .push(format!("{about}: is {is:?}, told {said}: {}", told.because.join("; ")));
        }
    }

    fn rates(&self) -> (f64, f64) {
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        (share(self.right, self.answered), share(self.telling.1, self.telling.0))
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (right, answered) = self.rates();
        writeln!(
            f,
            "{} workloads; right where answered {right:.3} ({} of {}), answered where it could be told {answered:.3} ({} of {})",
            self.workloads, self.right, self.answered, self.telling.1, self.telling.0
        )?;
        for ((is, told), count) in &self.confusion {
            writeln!(f, "  is {is:<9} told {told:<9} {count}")?;
        }
        self.mistakes.iter().try_for_each(|mistake| writeln!(f, "  {mistake}"))
    }
}

async fn measure(set: &[Labelled]) -> Score {
    let objects: Vec<&[Value]> = set.iter().map(|one| one.objects.as_slice()).collect();
    let told = classes(&objects).await;
    let mut score = Score::default();
    for (one, told) in set.iter().zip(&told) {
        assert!(!told.is_empty(), "{}: nothing of it was read", one.about);
        told.iter().for_each(|told| score.add(&one.about, one.is, told));
    }
    println!("{score}");
    score
}

fn holds(score: &Score) {
    let (right, answered) = score.rates();
    assert!(right >= RIGHT && answered >= ANSWERED, "{score}");
}

#[tokio::test]
async fn classes_are_right_where_told_and_told_where_a_careful_reader_could() {
    let set = own(&[
        "services.yaml",
        "training.yaml",
        "batch.yaml",
        "notebooks.yaml",
        "deceptive.yaml",
        "unseen.yaml",
    ]);
    assert!(set.len() >= 60);
    holds(&measure(&set).await);
}

#[tokio::test]
async fn classes_of_published_manifests_are_right() {
    if let Some(set) = shared() {
        holds(&measure(&set).await);
    }
}

#[tokio::test]
async fn classes_of_manifests_that_were_written_afterwards_are_right() {
    let set = own(&["unseen-again.yaml", "unseen-third.yaml"]);
    assert!(set.len() >= 30);
    holds(&measure(&set).await);
}

/// Shapes met in published manifests, each file gathered before the signs knew any of it; the files say what was measured then.
const PUBLISHED: [&str; 5] = [
    "published.yaml",
    "published-held.yaml",
    "published-later.yaml",
    "published-last.yaml",
    "published-end.yaml",
];

#[tokio::test]
async fn classes_of_manifests_from_many_places_are_right_in_each_set() {
    for file in PUBLISHED {
        let set = own(&[file]);
        assert!(set.len() >= 40, "{file}");
        holds(&measure(&set).await);
    }
}
