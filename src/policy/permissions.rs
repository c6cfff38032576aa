//! What only the guard sees: where, when and from what size on something may be changed.

use super::freeze::{self, Freeze};
use super::located::{Mistake, Place};
use super::overrides::Overrides;
use super::rules::{self, Rule};
use super::scope::PolicyScope;
use super::section::Section;
use crate::model::scenario::Level;
use crate::model::units::Monthly;

/// A value with the place that says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

/// What only the guard sees.
#[derive(Debug, Clone, PartialEq)]
pub struct Permissions {
    /// Namespaces in which nothing may be changed.
    pub frozen_namespaces: Vec<(String, Place)>,
    /// A saving below this is not worth a change.
    pub least_monthly: Monthly,
    /// Where that stands.
    pub least_monthly_place: Place,
    /// Days of history below which nothing is changed.
    pub least_history_days: Placed<f64>,
    /// Confidence below which nothing is changed.
    pub least_confidence: Placed<Level>,
    /// Most workloads that one plan changes.
    pub most_changes: Option<Placed<usize>>,
    /// Replicas that a workload which serves keeps at every hour.
    pub least_serving_replicas: Placed<u32>,
    /// What may be changed at all.
    pub scope: PolicyScope,
    /// When nothing may be.
    pub freezes: Vec<Freeze>,
    /// What annotations of workloads may ask for.
    pub overrides: Overrides,
    /// What must be true of a change.
    pub rules: Vec<Rule>,
}

impl Permissions {
    /// Reads the section; `levers` are the ids that there are.
    pub(super) fn read(section: &mut Section<'_>, levers: &[String], mistakes: &mut Vec<Mistake>) -> Self {
        let frozen_namespaces = section.texts("frozen_namespaces", mistakes);
        let least_monthly_place = section.place_of("least_monthly_saving");
        let least_monthly = Monthly::new(section.number("least_monthly_saving", 0.0, 1e9, mistakes));
        let least_history_days = Placed {
            place: section.place_of("least_history_days"),
            value: section.number("least_history_days", 0.0, 400.0, mistakes),
        };
        let least_confidence = confidence(section, mistakes);
        let most_changes = most_changes(section, mistakes);
        let least_serving_replicas = Placed {
            place: section.place_of("least_serving_replicas"),
            value: whole(section, "least_serving_replicas", mistakes),
        };
        let mut part = section.section("scope", mistakes);
        let scope = PolicyScope::read(&mut part, &frozen_namespaces, levers, mistakes);
        part.finish(mistakes);
        let freezes = freeze::read(section.list("freezes", mistakes), mistakes);
        let overrides = Overrides::read(section, levers, mistakes);
        let rules = rules::read(section.list("rules", mistakes), levers, mistakes);
        Self {
            frozen_namespaces,
            least_monthly,
            least_monthly_place,
            least_history_days,
            least_confidence,
            most_changes,
            least_serving_replicas,
            scope,
            freezes,
            overrides,
            rules,
        }
    }
}

fn confidence(section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Placed<Level> {
    let (name, place) = section.text("least_confidence", mistakes);
    let value = match name.as_str() {
        "low" | "" => Level::Low,
        "medium" => Level::Medium,
        "high" => Level::High,
        other => {
            let what = format!("`{other}` is no confidence; give low, medium or high");
            mistakes.push(Mistake {
                place: place.clone(),
                what,
            });
            Level::High
        }
    };
    Placed { value, place }
}

fn most_changes(section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Option<Placed<usize>> {
    let place = section.place_of("most_changes");
    let most = section.optional_number("most_changes", 1.0, 1e6, mistakes)?;
    Some(Placed {
        value: rounded(most, "most_changes", &place, mistakes) as usize,
        place,
    })
}

fn whole(section: &mut Section<'_>, key: &'static str, mistakes: &mut Vec<Mistake>) -> u32 {
    let place = section.place_of(key);
    let number = section.number(key, 0.0, 1e6, mistakes);
    rounded(number, key, &place, mistakes)
}

/// A number from 0 to a million that must be a whole one.
fn rounded(number: f64, key: &str, place: &Place, mistakes: &mut Vec<Mistake>) -> u32 {
    if number.fract() != 0.0 {
        let what = format!("`permissions.{key}` is {number}; it must be a whole number");
        mistakes.push(Mistake {
            place: place.clone(),
            what,
        });
    }
    number as u32
}
