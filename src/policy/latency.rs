//! Latency objectives: what requests may take, for workloads by namespace, name or label, and what their own annotations ask
//! for beyond that.

use std::time::Duration;

use super::located::{Located, Mistake, Place};
use super::overrides::{PREFIX, Refused};
use super::scope::Known;
use super::section::Section;
use super::which::Which;
use crate::model::objective::{Latency, LatencyTarget, Objective, Percentile, RejectedTarget};
use crate::model::units::Share;
use crate::model::workload::{Class, Workload};

/// Every latency that may be bounded, by the percentiles from the median up.
const TARGETS: [(&str, Latency, Percentile); 12] = [
    ("ttft_p50", Latency::FirstToken, Percentile::P50),
    ("ttft_p90", Latency::FirstToken, Percentile::P90),
    ("ttft_p95", Latency::FirstToken, Percentile::P95),
    ("ttft_p99", Latency::FirstToken, Percentile::P99),
    ("itl_p50", Latency::InterToken, Percentile::P50),
    ("itl_p90", Latency::InterToken, Percentile::P90),
    ("itl_p95", Latency::InterToken, Percentile::P95),
    ("itl_p99", Latency::InterToken, Percentile::P99),
    ("e2e_p50", Latency::Whole, Percentile::P50),
    ("e2e_p90", Latency::Whole, Percentile::P90),
    ("e2e_p95", Latency::Whole, Percentile::P95),
    ("e2e_p99", Latency::Whole, Percentile::P99),
];

const REJECTED: &str = "rejected";

/// What one policy asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LatencyObjectives {
    rows: Vec<Row>,
    /// Whether annotations count.
    by_annotation: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    which: Which,
    objective: Objective,
    place: Place,
}

/// What requests of one workload may take, and what it asks for in vain.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Meant {
    /// What counts.
    pub objective: Objective,
    /// Annotations without effect.
    pub refused: Vec<Refused>,
}

/// Whether an annotation, without its prefix, is one of these: `ttft-p95`, `rejected`.
pub(super) fn is_annotation(key: &str) -> bool {
    key == REJECTED || TARGETS.iter().any(|(name, ..)| annotation(name) == key)
}

fn annotation(name: &str) -> String {
    name.replace('_', "-")
}

impl LatencyObjectives {
    /// Reads the list `latency`.
    pub(super) fn read(section: &mut Section<'_>, by_annotation: bool, mistakes: &mut Vec<Mistake>) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        for item in section.list("latency", mistakes) {
            let Some(row) = row(item, mistakes) else { continue };
            if let Some(all) = rows.iter().find(|earlier| earlier.which.is_all()) {
                mistakes.push(Mistake {
                    place: row.place.clone(),
                    what: format!(
                        "nothing is left for this row: the first that means a workload counts, and the one at {} means all",
                        all.place
                    ),
                });
            }
            rows.push(row);
        }
        Self { rows, by_annotation }
    }

    /// What requests of a workload may take: the first row that means it counts, and its own annotations where they are
    /// stricter. Where rows hang on labels that nobody could read, the strictest of what may be meant.
    pub fn of(&self, workload: &Workload, known: Known) -> Meant {
        let answers_none = match workload.class.class {
            Class::Training => Some("training"),
            Class::Batch => Some("batch work"),
            Class::Notebook => Some("a notebook"),
            Class::Inference | Class::Unknown => None,
        };
        let mut meant = Meant::default();
        if answers_none.is_none() {
            meant.objective = self.by_policy(workload, known);
        }
        if !self.by_annotation || workload.overrides.is_empty() {
            return meant;
        }
        let said = |key: String| workload.overrides.get_key_value(&key);
        // A higher percentile first, as it bounds the lower ones.
        let names = TARGETS.iter().rev().map(|(name, ..)| *name).chain([REJECTED]);
        for name in names {
            let Some((key, value)) = said(format!("{PREFIX}{}", annotation(name))) else {
                continue;
            };
            let told = match answers_none {
                Some(class) => Err(format!("it is taken for {class}, which answers no requests")),
                None => ask(&mut meant.objective, name, value, key),
            };
            if let Err(why) = told {
                meant.refused.push(Refused {
                    key: key.clone(),
                    value: value.clone(),
                    why,
                });
            }
        }
        meant
    }

    fn by_policy(&self, workload: &Workload, known: Known) -> Objective {
        let mut objective = Objective::default();
        let labels = known.labels(workload);
        for row in &self.rows {
            let means = row.which.means(&workload.namespace, &workload.name, labels);
            if means == Some(false) {
                continue;
            }
            row.objective
                .latencies
                .iter()
                .for_each(|target| objective.tighten(target.clone()));
            row.objective
                .rejected
                .iter()
                .for_each(|target| objective.tighten_rejected(target.clone()));
            if means == Some(true) {
                break;
            }
        }
        objective
    }
}

/// Takes a bound as a file gives it, such as `ttft_p95` and `500ms`, or `rejected` and `0.1%`; of two on the same, the stricter.
///
/// # Errors
/// Why there is no such bound.
pub fn tighten(objective: &mut Objective, name: &str, value: &str, place: &str) -> Result<(), String> {
    let place = place.to_owned();
    if name == REJECTED {
        let at_most = share(value)?;
        objective.tighten_rejected(RejectedTarget { at_most, place });
        return Ok(());
    }
    let known = TARGETS.into_iter().find(|(known, ..)| *known == name);
    let (name, of, at) =
        known.ok_or("there is no such bound; there are ttft_, itl_ and e2e_ at p50, p90, p95 and p99, and rejected")?;
    objective.tighten(LatencyTarget {
        name,
        of,
        at,
        at_most: duration(value)?,
        place,
    });
    Ok(())
}

/// Takes what an annotation asks for, where that is no less than what counts already.
fn ask(objective: &mut Objective, name: &str, value: &str, key: &str) -> Result<(), String> {
    let more = |bound: &str, place: &str| format!("it asks for less than {bound} ({place}), which it may not loosen");
    let place = format!("annotation {key}");
    let Some((name, of, at)) = TARGETS.into_iter().find(|(known, ..)| *known == name) else {
        let at_most = share(value)?;
        if let Some(own) = objective.rejected.as_ref().filter(|own| own.at_most < at_most) {
            return Err(more(&format!("{REJECTED}: {}%", own.at_most.percent()), &own.place));
        }
        objective.tighten_rejected(RejectedTarget { at_most, place });
        return Ok(());
    };
    let at_most = duration(value)?;
    if let Some(own) = objective.bound(of, at).filter(|own| own.at_most < at_most) {
        return Err(more(&format!("{}: {:?}", own.name, own.at_most), &own.place));
    }
    objective.tighten(LatencyTarget {
        name,
        of,
        at,
        at_most,
        place,
    });
    Ok(())
}

fn row(item: &Located, mistakes: &mut Vec<Mistake>) -> Option<Row> {
    let before = mistakes.len();
    let mut section = Section::open("objectives.latency", item, mistakes);
    let which = Which::read(&mut section, mistakes);
    let mut objective = Objective::default();
    let mut places: Vec<Place> = Vec::new();
    for (name, of, at) in TARGETS {
        let Some((text, place)) = section.optional_measure(name, "a time such as 500ms", mistakes) else {
            continue;
        };
        match duration(&text) {
            Ok(at_most) => {
                objective.latencies.push(LatencyTarget {
                    name,
                    of,
                    at,
                    at_most,
                    place: format!("{}:{}", place.file, place.line),
                });
                places.push(place);
            }
            Err(why) => mistakes.push(Mistake {
                what: format!("`{name}` is `{text}`; {why}"),
                place,
            }),
        }
    }
    if let Some((text, place)) = section.optional_measure(REJECTED, "a share such as 0.1%", mistakes) {
        match share(&text) {
            Ok(at_most) => {
                objective.rejected = Some(RejectedTarget {
                    at_most,
                    place: format!("{}:{}", place.file, place.line),
                });
            }
            Err(why) => mistakes.push(Mistake {
                what: format!("`{REJECTED}` is `{text}`; {why}"),
                place,
            }),
        }
    }
    section.finish(mistakes);
    contradictions(&objective.latencies, &places, mistakes);
    if objective.is_empty() && mistakes.len() == before {
        mistakes.push(Mistake {
            place: item.place.clone(),
            what: "the row bounds nothing; give it one such as ttft_p95: 2s, or rejected: 0.1%".to_owned(),
        });
    }
    (mistakes.len() == before).then(|| Row {
        which,
        objective,
        place: item.place.clone(),
    })
}

/// Bounds that can never bind, since a stricter one holds for more: those above that of a higher percentile, and those on the
/// first token above that on the whole request.
fn contradictions(targets: &[LatencyTarget], places: &[Place], mistakes: &mut Vec<Mistake>) {
    for (at, target) in targets.iter().enumerate() {
        let holds_for_more = |other: &&LatencyTarget| {
            let same = other.of == target.of && other.at > target.at;
            let whole = target.of == Latency::FirstToken && other.of == Latency::Whole && other.at >= target.at;
            (same || whole) && other.at_most < target.at_most
        };
        let Some(other) = targets.iter().position(|other| holds_for_more(&other)) else {
            continue;
        };
        let (name, bound) = (targets[other].name, targets[other].at_most);
        mistakes.push(Mistake {
            place: places[at].clone(),
            what: format!(
                "`{}` is {:?}, above `{name}`, which is {bound:?} at {}, and could never be more than that",
                target.name, target.at_most, places[other]
            ),
        });
    }
}

/// `500ms`, `2s`, `1.5s`, `2m`; more than nothing, and a day at most.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let bad = || "it must be a time with its unit, such as 500ms, 2s or 1.5m".to_owned();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(bad)?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return Err(bad()),
    };
    let seconds = decimal(number).ok_or_else(bad)? * seconds;
    if !(1e-6..=86_400.0).contains(&seconds) {
        return Err("it must be from 1us to a day".to_owned());
    }
    Ok(Duration::from_micros((seconds * 1e6).round() as u64))
}

/// `0.1%`; less than all.
fn share(text: &str) -> Result<Share, String> {
    let bad = || "it must be a share in percent, such as 0.1%".to_owned();
    let percent = text.strip_suffix('%').and_then(decimal).ok_or_else(bad)?;
    if percent >= 100.0 {
        return Err("it must be less than 100%".to_owned());
    }
    Share::from_percent(percent).ok_or_else(bad)
}

/// Digits, and perhaps a point and more of them.
fn decimal(text: &str) -> Option<f64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    (text.len() <= 20 && digits(whole) && digits(rest)).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests;
