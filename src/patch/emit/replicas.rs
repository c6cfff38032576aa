//! Fewer replicas, and none.

use serde_json::{Value, json};

use super::{About, Refusal, Wish, set};
use crate::model::manifest::ScalerKind;
use crate::patch::podspec::{at, under};
use crate::patch::yaml::Pointer;

/// What keeps an object from having pods, by its kind: the field, and its value.
fn pause(kind: &str) -> Option<(&'static [&'static str], Value)> {
    Some(match kind {
        "Deployment" | "StatefulSet" | "ReplicaSet" | "ReplicationController" | "Rollout" | "LeaderWorkerSet" => {
            (&["spec", "replicas"], json!(0))
        }
        "Job" | "CronJob" | "JobSet" | "TrainJob" | "RayJob" | "RayCluster" | "RayCronJob" | "CronWorkflow" => {
            (&["spec", "suspend"], json!(true))
        }
        "PyTorchJob" | "TFJob" | "MPIJob" | "JAXJob" | "XGBoostJob" | "PaddleJob" => {
            (&["spec", "runPolicy", "suspend"], json!(true))
        }
        _ => return None,
    })
}

/// Where Kubeflow looks whether a notebook is stopped; the value is since when.
const STOPPED: &str = "kubeflow-resource-stopped";
/// Where KEDA looks whether it is to keep a number of replicas.
const PAUSED: &str = "autoscaling.keda.sh/paused-replicas";

pub(super) fn none(about: About<'_>, wish: &mut Wish) -> Result<(), Refusal> {
    let root = Pointer(Vec::new());
    if about.kind() == "Notebook" {
        let place = under(&root, &["metadata", "annotations", STOPPED]);
        if at(about.object, &place).is_some() {
            return Ok(());
        }
        wish.own
            .push(set(place, about.until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()));
        wish.notes
            .push("its owner starts it again with a click; its volume stays".to_owned());
        return Ok(());
    }
    let Some((field, value)) = pause(about.kind()) else {
        return Err(Refusal::new(
            "for-its-owner",
            format!(
                "how a {} is put to rest is for whoever runs it: delete it, or set what makes its pods to none",
                about.kind()
            ),
        ));
    };
    let live = about.live.autoscaler.as_ref().map(|own| own.kind);
    if about.scaler.is_none() && live == Some(ScalerKind::ScaledObject) {
        return Err(Refusal::new(
            "autoscaler-not-found",
            "KEDA scales it, and its ScaledObject is not among the files that were read: it would bring the replicas back",
        ));
    }
    if let Some(scaler) = about.scaler {
        match scaler.get("kind").and_then(Value::as_str) {
            // A HorizontalPodAutoscaler rests while there are no replicas; KEDA brings them back.
            Some("ScaledObject") => wish
                .scaler
                .push(set(under(&root, &["metadata", "annotations", PAUSED]), "0")),
            _ => wish
                .notes
                .push("its HorizontalPodAutoscaler rests while it has no replicas".to_owned()),
        }
    }
    wish.own.push(set(under(&root, field), value));
    Ok(())
}

pub(super) fn other(about: About<'_>, (from, to): (u32, u32), wish: &mut Wish) -> Result<(), Refusal> {
    if about.scaler.is_some() || about.live.autoscaler.is_some() {
        return Err(Refusal::new(
            "autoscaled",
            "an autoscaler writes its replicas: set its minimum and maximum instead",
        ));
    }
    match about.written {
        Some(written) if written == to => Ok(()),
        Some(written) if written != from => Err(Refusal::new(
            "not-as-seen",
            format!(
                "its manifest says {written} replicas and the cluster has {from}: somebody else writes them, or it is not deployed yet"
            ),
        )),
        _ => {
            wish.own
                .push(set(under(&Pointer(Vec::new()), &["spec", "replicas"]), to));
            Ok(())
        }
    }
}
