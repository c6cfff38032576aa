//! What can be replayed of each workload that serves: its requests, the starts of its pods, the words of its autoscaler.

use crate::model::checkup::{Area, Check, State};
use crate::model::requests::{Figure, RequestHistory};
use crate::model::workload::Workload;

/// Figures without which arrivals cannot be rebuilt.
const NEEDED: [Figure; 3] = [Figure::Finished, Figure::Running, Figure::Waiting];

const FIX: &str = "have Prometheus scrape the model server's /metrics, every 15 to 60 s, with its pod in the labels; --replay-limit says of \
                   how many workloads requests are read";

/// A check for each workload.
pub(super) fn checks<'w>(workloads: impl Iterator<Item = &'w Workload>) -> Vec<Check> {
    workloads.map(check).collect()
}

fn check(workload: &Workload) -> Check {
    let what = format!("to replay {}/{}", workload.namespace, workload.name);
    let starts = match workload.start_seconds.len() {
        0 => "no start of a pod seen".to_owned(),
        1 => "1 start of a pod seen".to_owned(),
        seen => format!("{seen} starts of pods seen"),
    };
    let autoscaler =
        workload
            .autoscaler
            .as_ref()
            .map(|autoscaler| match (&autoscaler.spec, &autoscaler.scaled_object) {
                (_, Some(_)) => "; its ScaledObject is read",
                (Some(_), None) => "; its HPA is read",
                (None, None) => "; of its HPA only the bounds are known",
            });
    let autoscaler = autoscaler.unwrap_or_default();
    let Some(history) = &workload.requests else {
        let seen = format!("no requests at scrape interval; {starts}{autoscaler}");
        return Check::lacking(State::Absent, Area::Signals, what, seen, FIX);
    };
    let (there, missing): (Vec<Figure>, Vec<Figure>) =
        Figure::ALL.into_iter().partition(|figure| is_there(history, *figure));
    let mut seen = format!("every {} s: {}", history.grid.step_seconds, names(&there));
    if !missing.is_empty() {
        seen.push_str(&format!(", not {}", names(&missing)));
    }
    seen.push_str(&format!("; {starts}{autoscaler}"));
    match NEEDED.iter().all(|figure| there.contains(figure)) {
        true => Check::good(Area::Signals, what, seen),
        false => Check::lacking(State::Absent, Area::Signals, what, seen, FIX),
    }
}

fn is_there(history: &RequestHistory, figure: Figure) -> bool {
    history.column(figure).is_some_and(|column| column.count() > 0)
}

fn names(figures: &[Figure]) -> String {
    let all: Vec<&str> = figures.iter().map(|figure| figure.name()).collect();
    all.join(", ")
}
