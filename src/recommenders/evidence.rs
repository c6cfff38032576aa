//! What a lever needs to have been measured, and the words for what was not.

use crate::model::gap::{Gap, Reason};
use crate::model::scenario::{Candidate, Evidence};
use crate::model::time::Grid;
use crate::model::usage::Signal;
use crate::model::workload::{Measured, Workload};

/// A signal of a workload of which enough was measured.
///
/// # Errors
/// The gap that stands in the way: the signal is not there, or too many of its samples are missing, of all pods together or
/// of one that is lost among many.
pub fn measured(workload: &Workload, signal: Signal, grid: Grid, missing_at_most: f64) -> Result<Measured<'_>, Gap> {
    let measured = workload.measured(signal, grid);
    if measured.is_empty() {
        return Err(absent(signal));
    }
    let missing = 1.0 - measured.coverage().ratio();
    let dark = measured.hole_of_a_pod().ratio();
    let what = if missing > missing_at_most {
        format!("{signal}: {:.0} % of its samples are missing", missing * 100.0)
    } else if dark > missing_at_most {
        format!(
            "{signal}: one of its pods lacks {:.0} % of the window's samples",
            dark * 100.0
        )
    } else {
        return Ok(measured);
    };
    Err(Gap::new(
        "samples-missing",
        what,
        format!(
            "no more than {:.0} % may be missing, or a peak could hide in the hole",
            missing_at_most * 100.0
        ),
        format!(
            "see that Prometheus scrapes without holes and keeps the whole window; {}",
            signal.fix()
        ),
    ))
}

/// A signal that was not measured at all.
pub fn absent(signal: Signal) -> Gap {
    Gap::new(
        "signal-missing",
        format!("{signal} of its pods"),
        "no series names them".to_owned(),
        signal.fix(),
    )
}

/// Which devices a workload holds cannot be told by their figures.
pub fn shared_devices() -> Gap {
    Gap::new(
        "shared-device",
        "what this workload does on its GPUs",
        "others run on the same devices (time-slicing or MPS), and the exporter gives each pod the whole device's figures",
        "give it a GPU or a MIG slice of its own for the window",
    )
}

/// Whom to ask, where somebody marked its pods as not to be disrupted.
pub fn not_to_be_disrupted(workload: &Workload) -> Option<String> {
    let pinned = workload.running().any(|pod| pod.pinned);
    pinned.then(|| "its pods are marked as not to be disrupted: ask whoever marked them".to_owned())
}

/// Right as it is; the code is for scripts, the words for people.
pub fn keep(code: &str, because: impl Into<String>) -> Candidate {
    Candidate::Keep {
        because: Reason::new(code, because),
    }
}

/// A candidate from a gap.
pub fn unknown(missing: Gap) -> Vec<Candidate> {
    vec![Candidate::Unknown { missing }]
}

/// A figure, the signal behind it and how much of it was measured.
pub fn figure(what: impl Into<String>, signal: Signal, value: Option<f64>, measured: &Measured<'_>) -> Evidence {
    Evidence {
        what: what.into(),
        query: signal.name().to_owned(),
        value,
        coverage: Some(measured.coverage().ratio()),
    }
}

/// A fact that is no measurement.
pub fn fact(what: impl Into<String>, source: impl Into<String>, value: Option<f64>) -> Evidence {
    Evidence {
        what: what.into(),
        query: source.into(),
        value,
        coverage: None,
    }
}
