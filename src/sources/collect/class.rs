//! What kind of work a workload is, and what says so.

use crate::model::cluster::{Container, Labels};
use crate::model::serving::Serving;
use crate::model::workload::{Class, Classified};
use crate::sources::collect::owners::{is_run, is_schedule};

/// What is known of a workload that tells its class.
#[derive(Debug, Clone, Copy)]
pub struct Signs<'a> {
    /// Kind of the object.
    pub kind: &'a str,
    /// Name of the object.
    pub name: &'a str,
    /// Labels of the object and its pods.
    pub labels: &'a Labels,
    /// Containers of one of its pods.
    pub containers: &'a [Container],
    /// What it serves.
    pub serving: Option<&'a Serving>,
    /// Whether a model server's metrics come from it.
    pub serves_metrics: bool,
    /// Whether an autoscaler stands on it.
    pub autoscaled: bool,
}

/// The class. Operators' kinds are certain; a plain Deployment that says nothing of itself is likely, not surely, a service.
pub fn classify(signs: Signs<'_>) -> Classified {
    let kind = signs.kind;
    let operator = format!("its kind is {kind}");
    if let Some(class) = of_kind(kind) {
        return classified(class, 0.97, vec![operator]);
    }
    if let Some((class, label)) = labelled(signs.labels) {
        return classified(class, 0.95, vec![format!("its label {label}")]);
    }
    if signs.serves_metrics {
        return classified(
            Class::Inference,
            0.97,
            vec!["a model server's metrics come from it".to_owned()],
        );
    }
    if let Some(serving) = signs.serving {
        return classified(Class::Inference, 0.95, vec![format!("it runs {}", serving.server)]);
    }
    if let Some(sign) = word_of(signs, &["jupyter", "notebook", "code-server", "rstudio"]) {
        return classified(
            Class::Notebook,
            0.9,
            vec![format!("`{sign}` in its image, arguments or name")],
        );
    }
    let trains = word_of(
        signs,
        &[
            "torchrun",
            "deepspeed",
            "accelerate launch",
            "finetune",
            "fine-tune",
            "pretrain",
            "train",
        ],
    );
    let ends = is_run(kind) || is_schedule(kind) || kind == "Pod";
    match (ends, trains) {
        (true, Some(sign)) => classified(
            Class::Training,
            0.85,
            vec![operator, format!("`{sign}` in its image, arguments or name")],
        ),
        (true, None) if kind == "Pod" => classified(
            Class::Unknown,
            0.0,
            vec!["a bare pod says nothing of its work".to_owned()],
        ),
        (true, None) => classified(Class::Batch, 0.7, vec![operator]),
        (false, _) if signs.autoscaled => {
            classified(Class::Inference, 0.85, vec!["an autoscaler stands on it".to_owned()])
        }
        (false, None) if matches!(kind, "Deployment" | "LeaderWorkerSet") => classified(
            Class::Inference,
            0.6,
            vec![operator, "nothing says that it trains".to_owned()],
        ),
        _ => classified(
            Class::Unknown,
            0.0,
            vec![format!("{operator}, which says nothing of its work")],
        ),
    }
}

/// The class of a kind that does one kind of work.
fn of_kind(kind: &str) -> Option<Class> {
    match kind {
        "PyTorchJob" | "TFJob" | "MPIJob" | "JAXJob" | "XGBoostJob" | "PaddleJob" | "TrainJob" => Some(Class::Training),
        "InferenceService"
        | "LLMInferenceService"
        | "RayService"
        | "DisaggregatedSet"
        | "NIMService"
        | "DynamoGraphDeployment"
        | "DynamoComponentDeployment" => Some(Class::Inference),
        "Notebook" => Some(Class::Notebook),
        _ => None,
    }
}

/// The class by labels that operators set and people do not.
fn labelled(labels: &Labels) -> Option<(Class, &'static str)> {
    const TOLD: [(&str, Class); 6] = [
        ("serving.kserve.io/inferenceservice", Class::Inference),
        ("llm-d.ai/role", Class::Inference),
        ("trainer.kubeflow.org/trainjob-ancestor-step", Class::Training),
        ("training.kubeflow.org/job-name", Class::Training),
        ("notebook-name", Class::Notebook),
        ("hub.jupyter.org/username", Class::Notebook),
    ];
    let told = TOLD.into_iter().find(|(label, _)| labels.contains_key(*label))?;
    Some((told.1, told.0))
}

fn classified(class: Class, confidence: f64, because: Vec<String>) -> Classified {
    Classified {
        class,
        confidence,
        because,
    }
}

fn word_of<'w>(signs: Signs<'_>, words: &[&'w str]) -> Option<&'w str> {
    let mut texts: Vec<String> = vec![signs.name.to_lowercase()];
    for container in signs.containers {
        texts.push(container.image.to_lowercase());
        texts.push(container.args.join(" ").to_lowercase());
    }
    words
        .iter()
        .find(|word| texts.iter().any(|text| text.contains(**word)))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class_of(kind: &str, name: &str, args: &str) -> (Class, f64) {
        let containers = [Container {
            args: args.split(' ').map(str::to_owned).collect(),
            ..Container::default()
        }];
        let signs = Signs {
            kind,
            name,
            labels: &Labels::new(),
            containers: &containers,
            serving: None,
            serves_metrics: false,
            autoscaled: false,
        };
        let classified = classify(signs);
        (classified.class, classified.confidence)
    }

    #[test]
    fn operators_labels_say_what_a_kind_does_not() {
        let told = |label: &str| labelled(&Labels::from([(label.to_owned(), "x".to_owned())]));
        assert_eq!(told("llm-d.ai/role").unwrap().0, Class::Inference);
        assert_eq!(told("hub.jupyter.org/username").unwrap().0, Class::Notebook);
        assert_eq!(told("app"), None);
    }

    #[test]
    fn the_kind_says_most() {
        assert_eq!(class_of("PyTorchJob", "x", "").0, Class::Training);
        assert_eq!(class_of("Notebook", "x", "").0, Class::Notebook);
        assert_eq!(
            class_of("CronJob", "sft", "torchrun --nnodes 2 sft.py").0,
            Class::Training
        );
        assert_eq!(class_of("Job", "embed-corpus", "python embed.py").0, Class::Batch);
        assert_eq!(class_of("StatefulSet", "box", "sleep infinity"), (Class::Unknown, 0.0));
        assert!(class_of("Deployment", "api", "python serve.py").1 < 0.7);
    }
}
