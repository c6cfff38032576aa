//! Signs one by one; what they come to together is measured on the labelled manifests in `tests/it/labelled`.

mod names;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::load::{Shape, shape};
use super::*;
use crate::catalog::Catalog;
use crate::model::cluster::{Mount, Port, Resources};
use crate::model::time::Window;
use crate::model::usage::{Column, Signal};
use crate::model::workload::DeviceUse;

struct Case {
    kind: &'static str,
    name: &'static str,
    labels: Labels,
    containers: Vec<Container>,
    told: Vec<String>,
    replicas: Option<u32>,
    autoscaled: bool,
    pods: Vec<PodUse>,
}

fn case(kind: &'static str, name: &'static str, image: &str, args: &str) -> Case {
    Case {
        kind,
        name,
        labels: Labels::new(),
        containers: vec![Container {
            name: "main".to_owned(),
            image: image.to_owned(),
            args: args.split_whitespace().map(str::to_owned).collect(),
            requests: Resources::from([("nvidia.com/gpu".to_owned(), 1.0)]),
            ..Container::default()
        }],
        told: Vec::new(),
        replicas: None,
        autoscaled: false,
        pods: Vec::new(),
    }
}

fn grid() -> Grid {
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    Grid {
        window: Window {
            start: at("2026-11-01T00:00:00Z"),
            end: at("2026-11-08T00:00:00Z"),
        },
        step_seconds: 3600,
    }
}

impl Case {
    fn told(&self) -> Classified {
        let catalog = Catalog::shipped().unwrap();
        classify(Signs {
            kind: ("", self.kind),
            name: self.name,
            labels: &self.labels,
            containers: &self.containers,
            told: &self.told,
            replicas: self.replicas,
            autoscaled: self.autoscaled,
            pods: &self.pods,
            grid: grid(),
            catalog: &catalog,
        })
    }

    fn class(&self) -> Class {
        self.told().class
    }

    fn loaded(mut self, of_hour: impl Fn(i64) -> f64) -> Self {
        let values: Vec<_> = (0..7 * 24).map(|hour| Some(of_hour(hour))).collect();
        self.pods = vec![PodUse {
            run: None,
            capacity: crate::model::workload::CapacityType::Unknown,
            name: "p".to_owned(),
            node: None,
            from: grid().window.start,
            to: grid().window.end,
            running: true,
            pinned: false,
            shared: false,
            gpus: 1,
            share: 1.0,
            gpu: None,
            hourly: None,
            price_steps: Vec::new(),
            devices: vec![DeviceUse {
                device: None,
                signals: BTreeMap::from([(Signal::GpuUtil, Column::from_options(values))]),
            }],
            server: BTreeMap::new(),
        }];
        self
    }
}

#[test]
fn operators_kinds_and_labels_are_believed() {
    assert_eq!(case("PyTorchJob", "x", "i", "").class(), Class::Training);
    assert_eq!(case("Notebook", "x", "i", "").class(), Class::Notebook);
    assert_eq!(case("SparkApplication", "x", "i", "").class(), Class::Batch);
    let mut pod = case("Pod", "x", "i", "");
    assert_eq!(pod.class(), Class::Unknown);
    pod.labels = Labels::from([("component".to_owned(), "singleuser-server".to_owned())]);
    assert_eq!(pod.class(), Class::Notebook);
    pod.labels = Labels::from([("component".to_owned(), "hub".to_owned())]);
    assert_eq!(pod.class(), Class::Unknown);
}

#[test]
fn a_kind_of_another_group_is_another_kind() {
    let catalog = Catalog::shipped().unwrap();
    let of_group = |group| {
        let own = case("Model", "x", "i", "");
        let signs = Signs {
            kind: (group, "Model"),
            name: "x",
            labels: &own.labels,
            containers: &own.containers,
            told: &[],
            replicas: None,
            autoscaled: false,
            pods: &[],
            grid: grid(),
            catalog: &catalog,
        };
        classify(signs).class
    };
    assert_eq!(of_group("kubeai.org"), Class::Inference);
    assert_eq!(of_group("cars.example.com"), Class::Unknown);
}

#[test]
fn a_kind_that_nobody_knows_is_read_by_its_name() {
    assert_eq!(case("FineTuneJob", "x", "i", "").class(), Class::Training);
    assert_eq!(case("TrainingRun", "x", "i", "").class(), Class::Training);
    assert_eq!(case("BatchInferenceJob", "x", "i", "").class(), Class::Batch);
    assert_eq!(case("ModelThing", "x", "i", "").class(), Class::Unknown);
}

#[test]
fn what_stands_beside_a_training_does_not_train() {
    let named = |name| case("Job", name, "i", "").class();
    assert_eq!(named("training"), Class::Training);
    assert_eq!(named("training-dashboard"), Class::Unknown);
    let mut labelled = case("Deployment", "x", "i", "");
    labelled.labels = Labels::from([("workload-type".to_owned(), "training".to_owned())]);
    let told = labelled.told();
    labelled.labels = Labels::from([("workload-type".to_owned(), "training-exporter".to_owned())]);
    assert_eq!((told.class, labelled.class()), (Class::Unknown, Class::Unknown));
    labelled.kind = "StatefulSet";
    labelled.labels = Labels::from([("workload-type".to_owned(), "training".to_owned())]);
    labelled.containers[0].args = vec!["python".to_owned(), "train.py".to_owned()];
    assert_eq!(labelled.class(), Class::Training);
}

#[test]
fn words_count_as_words() {
    assert_eq!(words::split("TrainLlama_8b-sft"), ["train", "llama", "8b", "sft"]);
    for name in ["constrained", "trainium-check", "trainyard", "restrained-7"] {
        assert_eq!(
            case("Job", name, "i", "python main.py").class(),
            Class::Unknown,
            "{name}"
        );
    }
    assert_eq!(
        case("Job", "fine-tune-7b", "i", "python fine_tune.py").class(),
        Class::Training
    );
    assert_eq!(case("Job", "x", "i", "python eval.py").class(), Class::Batch);
    assert_eq!(
        case("Job", "x", "i", "python -u main.py --mode train").class(),
        Class::Training
    );
    assert_eq!(
        case("Job", "x", "i", "python -u main.py --mode=eval").class(),
        Class::Batch
    );
    assert_eq!(
        case("Job", "x", "i", "python -u main.py --data train").class(),
        Class::Unknown
    );
}

#[test]
fn what_runs_outweighs_what_it_is_called() {
    let triton = case(
        "Deployment",
        "train-delay",
        "nvcr.io/nvidia/tritonserver:25.09-py3",
        "tritonserver --load-model=train",
    );
    assert_eq!(triton.class(), Class::Inference);
    let job = case("Job", "vllm-demo", "vllm/vllm-openai:v0.12.1", "torchrun train.py");
    assert_eq!(job.class(), Class::Training);
    let launched = case("Job", "x", "i", "torchrun --nproc_per_node=8 evaluate.py");
    assert_eq!(launched.class(), Class::Batch);
    // Built first, served then.
    let mut script = case("Deployment", "x", "i", "");
    script.containers[0].args = ["sh", "-c", "trtllm-build --o /e && trtllm-serve /e"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(script.class(), Class::Inference);
    // An image says little of what runs its own program in it.
    assert_eq!(
        case("StatefulSet", "x", "vllm/vllm-openai:v0.12.1", "python main.py").class(),
        Class::Unknown
    );
}

#[test]
fn strong_signs_that_contradict_each_other_leave_it_open_and_are_both_told() {
    let told = case("PyTorchJob", "x", "i", "vllm serve m").told();
    assert_eq!((told.class, told.confidence), (Class::Unknown, 0.0));
    let because = told.because.join("; ");
    assert!(
        because.contains("PyTorchJob") && because.contains("vllm serve"),
        "{because}"
    );
}

#[test]
fn a_container_that_is_held_open_does_nothing_that_its_image_is_made_for() {
    assert_eq!(
        case("Deployment", "x", "vllm/vllm-openai:v0.12.1", "sleep infinity").class(),
        Class::Unknown
    );
    assert_eq!(
        case("StatefulSet", "box", "i", "sleep infinity").class(),
        Class::Unknown
    );
    let mut dev = case("Pod", "dev-ada", "pytorch/pytorch", "sleep infinity");
    assert_eq!(dev.class(), Class::Notebook);
    dev.name = "holder";
    assert_eq!(dev.class(), Class::Unknown);
    assert_eq!(
        case("Deployment", "exporter", "nvcr.io/nvidia/k8s/dcgm-exporter:4", "").class(),
        Class::Unknown
    );
}

#[test]
fn ports_probes_and_replicas_make_a_service_of_what_says_nothing_else() {
    let mut plain = case("Deployment", "x", "i", "python main.py");
    assert_eq!(plain.class(), Class::Unknown);
    plain.containers[0].ports = vec![Port {
        number: 8080,
        name: "http".to_owned(),
    }];
    plain.containers[0].probed = true;
    assert_eq!(plain.class(), Class::Inference);
    // A port for metrics is open wherever anything is measured.
    plain.containers[0].ports[0].name = "metrics".to_owned();
    plain.containers[0].probed = false;
    assert_eq!(plain.class(), Class::Unknown);
    plain.autoscaled = true;
    assert_eq!(plain.class(), Class::Inference);
    let mut code = case("Deployment", "x", "codercom/code-server:4", "");
    code.containers[0].ports = vec![Port {
        number: 8080,
        name: "http".to_owned(),
    }];
    code.containers[0].probed = true;
    assert_eq!(code.class(), Class::Notebook);
}

#[test]
fn what_only_fits_is_likely_and_never_sure() {
    let mut plain = case("Deployment", "model-server-api", "i", "python main.py");
    plain.replicas = Some(9);
    plain.containers[0].probed = true;
    plain.containers[0].ports = vec![Port {
        number: 8080,
        name: "http".to_owned(),
    }];
    let told = plain.told();
    assert!(told.class == Class::Inference && told.confidence < 0.8, "{told:?}");
    plain.autoscaled = true;
    assert!(plain.told().confidence > 0.8);
}

#[test]
fn volumes_support_and_never_answer() {
    let mut job = case("StatefulSet", "x", "i", "python main.py");
    job.containers[0].mounts = vec![Mount {
        path: "/checkpoints".to_owned(),
        claim: Some("imagenet".to_owned()),
    }];
    assert_eq!(job.class(), Class::Unknown);
    job.containers[0].args.push("--lr=0.1".to_owned());
    let with = job.told();
    job.containers[0].mounts.clear();
    assert_eq!(with.class, Class::Training);
    assert!(with.confidence > job.told().confidence);
}

#[test]
fn what_an_object_has_others_run_is_its_work() {
    let mut ray = case("RayJob", "images", "rayproject/ray-ml", "ray start --head");
    assert_eq!(ray.class(), Class::Unknown);
    ray.told = ["sh", "-c", "python train.py --epochs 3"].map(str::to_owned).to_vec();
    assert_eq!(ray.class(), Class::Training);
    // Its pods may be gone: between the runs of a schedule they always are.
    ray.containers.clear();
    ray.told = ["sh", "-c", "python batch_inference.py"].map(str::to_owned).to_vec();
    assert_eq!(ray.class(), Class::Batch);
}

#[test]
fn load_makes_surer_or_takes_back_and_never_answers() {
    let daily = |hour: i64| if (8..18).contains(&(hour % 24)) { 80.0 } else { 5.0 };
    let steady = |_| 97.0;
    let plain = || case("Deployment", "x", "i", "python main.py");
    assert_eq!(plain().loaded(daily).class(), Class::Unknown);
    assert_eq!(plain().loaded(steady).class(), Class::Unknown);
    let service = || {
        let mut service = plain();
        service.replicas = Some(3);
        service.containers[0].probed = true;
        service.containers[0].ports = vec![Port {
            number: 8080,
            name: "http".to_owned(),
        }];
        service
    };
    let (alone, by_day) = (service().told(), service().loaded(daily).told());
    assert_eq!((alone.class, by_day.class), (Class::Inference, Class::Inference));
    assert!(by_day.confidence > alone.confidence);
    assert!(service().loaded(steady).told().confidence < alone.confidence);
    let mut likely = service();
    likely.replicas = None;
    assert_eq!(likely.class(), Class::Inference);
    let taken_back = likely.loaded(steady).told();
    assert_eq!((taken_back.class, taken_back.confidence), (Class::Unknown, 0.0));
    let because = taken_back.because.join("; ");
    assert!(because.contains("without rest"), "{because}");
    // What is sure stays.
    let vllm = || case("Deployment", "x", "vllm/vllm-openai", "vllm serve m");
    assert_eq!(vllm().loaded(steady).told(), vllm().told());
    let train = || case("Job", "x", "i", "python train.py");
    assert!(train().loaded(steady).told().confidence > train().told().confidence);
}

#[test]
fn a_shape_needs_days_and_a_rhythm() {
    let hours =
        |count: i64, of: fn(i64) -> f64| -> Vec<(i64, f64)> { (0..count).map(|hour| (hour, of(hour))).collect() };
    let daily = |hour: i64| if hour % 24 < 10 { 0.8 } else { 0.1 };
    assert_eq!(shape(&hours(7 * 24, daily)), Some(Shape::Daily));
    assert_eq!(shape(&hours(3 * 24, daily)), None);
    assert_eq!(shape(&hours(47, |_| 0.9)), None);
    assert_eq!(shape(&hours(48, |_| 0.9)), Some(Shape::Steady(48)));
    assert_eq!(shape(&hours(200, |_| 0.0)), None);
    assert_eq!(shape(&hours(200, |_| 0.02)), None);
    // Runs of nine hours follow no day.
    assert_eq!(shape(&hours(200, |hour| if hour % 13 < 9 { 0.9 } else { 0.0 })), None);
    assert_eq!(shape(&[]), None);
}

proptest::proptest! {
    #[test]
    fn any_words_get_a_class_or_reasons(name in ".{0,30}", image in ".{0,40}", args in proptest::collection::vec(".{0,20}", 0..6)) {
        let mut any = case("Job", "x", &image, "");
        any.containers[0].args = args;
        any.containers[0].name = name;
        let told = any.told();
        proptest::prop_assert!((0.0..=1.0).contains(&told.confidence));
        proptest::prop_assert!(!told.because.is_empty());
    }
}
