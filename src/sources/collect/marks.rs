//! What people wrote on a workload: its labels, and what it asks us for.

use crate::model::cluster::{Controller, Labels, Pod};
use crate::policy::overrides::PREFIX;

/// Labels and annotations for us, of the object first and completed by those of its newest pod.
pub(super) fn marks(controller: Option<&Controller>, newest: Option<&Pod>) -> (Labels, Labels) {
    let mut labels = controller.map(|own| own.labels.clone()).unwrap_or_default();
    let mut overrides = controller.map(|own| own.annotations.clone()).unwrap_or_default();
    if let Some(pod) = newest {
        complete(&mut labels, pod.labels.iter());
        complete(
            &mut overrides,
            pod.annotations.iter().filter(|(key, _)| key.starts_with(PREFIX)),
        );
    }
    (labels, overrides)
}

fn complete<'l>(labels: &mut Labels, more: impl Iterator<Item = (&'l String, &'l String)>) {
    for (key, value) in more {
        labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
}
