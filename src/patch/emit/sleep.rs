//! Hours without replicas: KEDA's cron triggers on what can be scaled.

use serde_json::{Value, json};

use super::scaled_object::ScaledObject;
use super::{About, Refusal, Wish, cron};
use crate::model::scenario::WeekHours;

/// Kinds with a scale subresource, which KEDA writes.
pub(super) fn can_be_scaled(kind: &str) -> bool {
    matches!(kind, "Deployment" | "StatefulSet" | "Rollout" | "LeaderWorkerSet")
}

pub(super) fn sleep(about: About<'_>, hours: &WeekHours, timezone: &str, wish: &mut Wish) -> Result<(), Refusal> {
    if !can_be_scaled(about.kind()) {
        return Err(Refusal::new(
            "for-its-owner",
            format!(
                "nothing puts a {} to sleep by the clock: its owner stops it in these hours, or a culler does",
                about.kind()
            ),
        ));
    }
    let Some(replicas) = about.live.replicas.or(about.written).filter(|replicas| *replicas > 0) else {
        return Err(Refusal::new(
            "replicas-unknown",
            "nobody tells how many replicas it has when it is awake",
        ));
    };
    if let Some(written) = about.written.filter(|written| *written != replicas) {
        return Err(Refusal::new(
            "not-as-seen",
            format!(
                "its manifest says {written} replicas and the cluster has {replicas}: which of them it needs is for its owner to say"
            ),
        ));
    }
    let object = asleep(about, hours, timezone, replicas);
    if about
        .scaler
        .is_some_and(|scaler| scaler.get("spec") == object.get("spec"))
    {
        return Ok(());
    }
    if about.scaler.is_some() || about.live.autoscaler.is_some() {
        return Err(Refusal::new(
            "autoscaled",
            "an autoscaler writes its replicas already, and two would write them in turn: give it a minimum of zero and a cron trigger \
             for the hours in which it is needed",
        ));
    }
    wish.new.push(object);
    wish.handover = Some(about.hands_over(replicas));
    wish.notes.push(
        "KEDA must run in the cluster (keda.sh/v1alpha1); its cooldown of 300 s comes on top of each evening"
            .to_owned(),
    );
    Ok(())
}

/// A ScaledObject that has all replicas in the hours in which it does not sleep.
fn asleep(about: About<'_>, hours: &WeekHours, timezone: &str, replicas: u32) -> Value {
    let trigger = |shift: cron::Shift| {
        json!({
            "type": "cron",
            "metadata": {"timezone": timezone, "start": shift.start, "end": shift.end, "desiredReplicas": replicas.to_string()},
        })
    };
    let triggers: Vec<_> = cron::awake(hours).into_iter().map(trigger).collect();
    let object = ScaledObject {
        min: 0,
        max: replicas,
        triggers,
        cooldown: None,
        window: None,
        fallback: None,
    };
    object.on(about)
}
