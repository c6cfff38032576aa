//! Freezes: times in which nothing of some workloads may be changed.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::located::{Located, Mistake, Place};
use super::moment::{Weekly, at, moment};
use super::scope::{Known, selector};
use super::section::Section;
use super::selector::Selector;
use crate::model::workload::Workload;

/// When a freeze holds.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// Once.
    Once {
        /// From when on; always before, where nobody said.
        from: Option<DateTime>,
        /// The first moment at which it holds no more.
        until: DateTime,
    },
    /// Every week.
    Weekly(Weekly),
}

/// A freeze.
#[derive(Debug, Clone, PartialEq)]
pub struct Freeze {
    /// Its name.
    pub name: String,
    /// When it holds.
    pub when: When,
    /// The time zone of its times; the policy's where it says none.
    pub zone: Option<TimeZone>,
    /// Only these namespaces; empty for all.
    pub namespaces: Vec<String>,
    /// Only what has such labels.
    pub selector: Selector,
    /// The owner's word on it.
    pub reason: Option<String>,
    /// Where it stands.
    pub place: Place,
}

impl Freeze {
    /// When it ends for this workload; `None` where it does not hold now. `zone` is meant where it names none.
    pub fn end(&self, workload: &Workload, known: Known, now: Timestamp, zone: &TimeZone) -> Option<Zoned> {
        let named = self.namespaces.is_empty() || self.namespaces.contains(&workload.namespace);
        // Labels that nobody could read may be those that are frozen.
        if !named
            || known
                .labels(workload)
                .is_some_and(|labels| !self.selector.holds(labels))
        {
            return None;
        }
        let zone = self.zone.as_ref().unwrap_or(zone);
        match &self.when {
            When::Weekly(weekly) => weekly.end(&now.to_zoned(zone.clone())),
            When::Once { from, until } => {
                let began = from.is_none_or(|from| at(from, zone).is_none_or(|from| from <= now));
                let end = until.to_zoned(zone.clone()).ok()?;
                (began && now < end.timestamp()).then_some(end)
            }
        }
    }

    /// The rule in words.
    pub fn rule(&self) -> String {
        match &self.reason {
            Some(reason) => format!("frozen by `{}`: {reason}", self.name),
            None => format!("frozen by `{}`", self.name),
        }
    }
}

/// Reads the list `freezes`.
pub(super) fn read(items: &[Located], mistakes: &mut Vec<Mistake>) -> Vec<Freeze> {
    let mut freezes: Vec<Freeze> = Vec::new();
    for item in items {
        let Some(freeze) = one(item, mistakes) else { continue };
        if let Some(earlier) = freezes.iter().find(|earlier| earlier.name == freeze.name) {
            let what = format!("`{}` is the name of the freeze at {}, too", freeze.name, earlier.place);
            mistakes.push(Mistake {
                place: freeze.place.clone(),
                what,
            });
        }
        freezes.push(freeze);
    }
    freezes
}

fn one(item: &Located, mistakes: &mut Vec<Mistake>) -> Option<Freeze> {
    let before = mistakes.len();
    let mut section = Section::open("permissions.freezes", item, mistakes);
    let name = section.text("name", mistakes).0;
    let when = when(&mut section, &item.place, mistakes);
    let zone = zone(&mut section, mistakes);
    let namespaces = section.optional_texts("namespaces", mistakes);
    let labels = selector("selector", &mut section, mistakes);
    let reason = section.optional_text("reason", mistakes).map(|(reason, _)| reason);
    section.finish(mistakes);
    let when = when.filter(|_| mistakes.len() == before)?;
    Some(Freeze {
        name,
        when,
        zone,
        namespaces: namespaces.into_iter().map(|(name, _)| name).collect(),
        selector: labels.map(|(selector, _)| selector).unwrap_or_default(),
        reason,
        place: item.place.clone(),
    })
}

fn when(section: &mut Section<'_>, place: &Place, mistakes: &mut Vec<Mistake>) -> Option<When> {
    let from = section.optional_text("from", mistakes);
    let until = section.optional_text("until", mistakes);
    let weekly = section.optional_text("weekly", mistakes);
    let mut wrong = |place: &Place, what: String| {
        mistakes.push(Mistake {
            place: place.clone(),
            what,
        });
        None
    };
    match (from, until, weekly) {
        (None, None, Some((text, place))) => match Weekly::read(&text) {
            Some(weekly) => Some(When::Weekly(weekly)),
            None => wrong(
                &place,
                format!("`{text}` is no part of a week; give one such as Fri 16:00 to Mon 08:00"),
            ),
        },
        (_, _, Some((_, place))) => wrong(
            &place,
            "a freeze has `weekly`, or `from` and `until`, not both".to_owned(),
        ),
        (_, None, None) => wrong(place, "a freeze needs `until`, or `weekly`".to_owned()),
        (from, Some((end, end_place)), None) => {
            let no_moment =
                |text: &str| format!("`{text}` is no time; give one such as 2026-12-20 or 2026-12-20 18:00");
            let Some(until) = moment(&end) else {
                return wrong(&end_place, no_moment(&end));
            };
            let Some((begin, begin_place)) = from else {
                return Some(When::Once { from: None, until });
            };
            match moment(&begin) {
                None => wrong(&begin_place, no_moment(&begin)),
                Some(from) if until <= from => wrong(
                    &end_place,
                    format!("the freeze ends before it begins: `from` is {begin} at {begin_place}"),
                ),
                Some(from) => Some(When::Once {
                    from: Some(from),
                    until,
                }),
            }
        }
    }
}

fn zone(section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Option<TimeZone> {
    let (name, place) = section.optional_text("timezone", mistakes)?;
    let zone = TimeZone::get(&name).ok();
    if zone.is_none() {
        let what = format!("`{name}` is no time zone; give one such as Europe/Berlin");
        mistakes.push(Mistake { place, what });
    }
    zone
}
