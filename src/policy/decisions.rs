//! What owners decided of changes: a file beside the policy, kept in Git, in which every word has its owner, reason and term.

use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::located::{Located, Mistake, Place, Value, parse};
use super::moment::moment;
use super::section::Section;
use super::{Mistakes, is_empty};

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It will be done.
    Accept,
    /// Not now.
    Snooze,
    /// Not at all.
    Reject,
    /// What was to be tried out held.
    ExperimentPassed,
}

impl Word {
    const ALL: [(&'static str, Self); 4] = [
        ("accept", Self::Accept),
        ("snooze", Self::Snooze),
        ("reject", Self::Reject),
        ("experiment-passed", Self::ExperimentPassed),
    ];

    /// Whether what it speaks of is not done.
    fn holds(self) -> bool {
        matches!(self, Self::Snooze | Self::Reject)
    }

    /// Whether both cannot hold at a time.
    fn contradicts(self, other: Self) -> bool {
        self != other && self != Self::ExperimentPassed && other != Self::ExperimentPassed
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, word)| word == self).map(|(name, _)| *name);
        f.write_str(name.unwrap_or_default())
    }
}

/// A decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The workload: its id, `cluster/namespace/name` or `namespace/name`.
    pub workload: String,
    /// Only what these levers propose, of several what they propose together; empty where all is meant.
    pub levers: Vec<String>,
    /// What was decided.
    pub word: Word,
    /// Why.
    pub reason: String,
    /// By whom.
    pub owner: String,
    /// The first moment at which it holds no more, in the policy's time zone.
    pub until: Option<DateTime>,
    /// When it was decided.
    pub date: Option<Date>,
    /// Where it stands.
    pub place: Place,
}

impl Decision {
    /// Whether it speaks of what these levers propose together: what was rejected or snoozed stays so beside others, and what
    /// was accepted was accepted by itself.
    pub fn asks(&self, levers: &[&str]) -> bool {
        let has_all = self.levers.iter().all(|own| levers.contains(&own.as_str()));
        has_all && (self.levers.is_empty() || self.word.holds() || self.levers.len() == levers.len())
    }

    /// Whether there is a proposal of which both speak.
    fn meets(&self, other: &Self) -> bool {
        let all = |one: &Self, other: &Self| other.levers.iter().all(|lever| one.levers.contains(lever));
        let within = |one: &Self, other: &Self| other.levers.is_empty() || (other.word.holds() && all(one, other));
        within(self, other) || within(other, self) || (all(self, other) && all(other, self))
    }

    /// When it ends, where it does.
    pub fn end(&self, zone: &TimeZone) -> Option<Zoned> {
        self.until?.to_zoned(zone.clone()).ok()
    }

    /// Whether it is over.
    pub fn is_over(&self, now: Timestamp, zone: &TimeZone) -> bool {
        self.end(zone).is_some_and(|end| end.timestamp() <= now)
    }

    /// Namespace and name, however the workload is named.
    fn short(&self) -> [&str; 2] {
        let parts: Vec<&str> = self.workload.split('/').collect();
        let namespace = match parts.len() {
            0..=1 => "",
            2 | 3 => parts[parts.len() - 2],
            more => parts[more - 3],
        };
        [namespace, parts.last().copied().unwrap_or_default()]
    }

    fn contradicts(&self, other: &Self) -> bool {
        // Two full names may be those of two workloads of one short name.
        let full = |one: &Self| one.workload.split('/').count() > 3;
        let same = self.workload == other.workload || (self.short() == other.short() && !(full(self) && full(other)));
        let before = |a: &Self, b: &Self| {
            let begin = b.date.map(|date| date.to_datetime(jiff::civil::Time::midnight()));
            a.until.zip(begin).is_some_and(|(until, begin)| until <= begin)
        };
        same && self.meets(other) && self.word.contradicts(other.word) && !before(self, other) && !before(other, self)
    }
}

/// Reads decision files, each a name and its text; `levers` are the ids that there are.
///
/// # Errors
/// Everything that is wrong in them, each with its place.
pub fn read(files: &[(String, String)], levers: &[&str]) -> Result<Vec<Decision>, Mistakes> {
    let mut mistakes = Vec::new();
    let mut decisions: Vec<Decision> = Vec::new();
    for (name, text) in files.iter().filter(|(_, text)| !is_empty(text)) {
        match parse(name, text) {
            Err(mistake) => mistakes.push(mistake),
            Ok(Located {
                value: Value::List(items),
                ..
            }) => {
                for item in &items {
                    let Some(decision) = one(item, levers, &mut mistakes) else {
                        continue;
                    };
                    if let Some(earlier) = decisions.iter().find(|earlier| earlier.contradicts(&decision)) {
                        let what = format!(
                            "`{}` contradicts `{}` at {}; give the earlier one an `until` and this one its `date`, or strike one",
                            decision.word, earlier.word, earlier.place
                        );
                        mistakes.push(Mistake {
                            place: decision.place.clone(),
                            what,
                        });
                    }
                    decisions.push(decision);
                }
            }
            Ok(other) => mistakes.push(Mistake {
                what: format!("decisions are a list, not {}", other.value.kind()),
                place: other.place,
            }),
        }
    }
    if mistakes.is_empty() {
        return Ok(decisions);
    }
    mistakes.sort();
    Err(Mistakes(mistakes))
}

fn one(item: &Located, levers: &[&str], mistakes: &mut Vec<Mistake>) -> Option<Decision> {
    let before = mistakes.len();
    let mut section = Section::open("decision", item, mistakes);
    let subject = subject(&mut section, levers, &item.place, mistakes);
    let word = word(&mut section, mistakes);
    let reason = said("reason", &mut section, mistakes);
    let owner = said("owner", &mut section, mistakes);
    let until = section.optional_text("until", mistakes);
    let date = section.optional_text("date", mistakes);
    section.finish(mistakes);
    let no_moment = |(text, place): &(String, Place)| Mistake {
        place: place.clone(),
        what: format!("`{text}` is no day; give one such as 2026-12-20"),
    };
    let until_at = until.as_ref().and_then(|(text, _)| moment(text));
    let date_at = date.as_ref().and_then(|(text, _)| moment(text)).map(|at| at.date());
    mistakes.extend(until.iter().filter(|_| until_at.is_none()).map(no_moment));
    mistakes.extend(date.iter().filter(|_| date_at.is_none()).map(no_moment));
    if word == Some(Word::Snooze) && until.is_none() {
        mistakes.push(Mistake {
            place: item.place.clone(),
            what: "what is snoozed needs an `until`; what is never wanted is rejected".to_owned(),
        });
    }
    if let (Some(end), Some(begin), Some((_, place)), Some((text, begun))) = (until_at, date_at, &until, &date)
        && end.date() <= begin
    {
        mistakes.push(Mistake {
            place: place.clone(),
            what: format!("the decision ends before it was taken: `date` is {text} at {begun}"),
        });
    }
    let ((workload, own), word) = subject.zip(word).filter(|_| mistakes.len() == before)?;
    Some(Decision {
        workload,
        levers: own,
        word,
        reason,
        owner,
        until: until_at,
        date: date_at,
        place: item.place.clone(),
    })
}

/// A text that says something.
fn said(key: &'static str, section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> String {
    let before = mistakes.len();
    let (text, place) = section.text(key, mistakes);
    if text.trim().is_empty() && mistakes.len() == before {
        let what = format!("`decision.{key}` is empty");
        mistakes.push(Mistake { place, what });
    }
    text
}

fn word(section: &mut Section<'_>, mistakes: &mut Vec<Mistake>) -> Option<Word> {
    let before = mistakes.len();
    let (name, place) = section.text("decision", mistakes);
    let found = Word::ALL
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, word)| *word);
    if found.is_none() && mistakes.len() == before {
        let known = Word::ALL.map(|(known, _)| known).join(", ");
        let what = format!("`{name}` is no decision; there are {known}");
        mistakes.push(Mistake { place, what });
    }
    found
}

/// The workload and, where not all are meant, the levers.
fn subject(
    section: &mut Section<'_>,
    levers: &[&str],
    place: &Place,
    mistakes: &mut Vec<Mistake>,
) -> Option<(String, Vec<String>)> {
    let id = section.optional_text("id", mistakes);
    let workload = section.optional_text("workload", mistakes);
    let lever = section.optional_text("lever", mistakes);
    let mut wrong = |place: &Place, what: &str| {
        mistakes.push(Mistake {
            place: place.clone(),
            what: what.to_owned(),
        });
        None
    };
    let (workload, lever, place) = match (id, workload, lever) {
        (Some((id, place)), None, None) => match id.split_once(':') {
            Some((lever, workload)) => (workload.to_owned(), Some(lever.to_owned()), place),
            None => {
                return wrong(
                    &place,
                    "an `id` is that of a row of the plan, such as idle-gpu:prod/ml/Deployment/chat",
                );
            }
        },
        (Some((_, place)), ..) => {
            return wrong(
                &place,
                "a decision has an `id`, or a `workload` and perhaps a `lever`, not both",
            );
        }
        (None, Some((workload, place)), lever) if workload.contains('/') => match lever {
            Some((lever, place)) => (workload, Some(lever), place),
            None => (workload, None, place),
        },
        (None, Some((_, place)), _) => return wrong(&place, "a `workload` is named as namespace/name, or by its id"),
        (None, None, _) => return wrong(place, "a decision needs the `id` of a row, or a `workload`"),
    };
    let named: Vec<&str> = lever.iter().flat_map(|lever| lever.split('+').map(str::trim)).collect();
    if let Some(stranger) = named.iter().find(|lever| !levers.contains(lever)) {
        return wrong(
            &place,
            &format!("`{stranger}` is no lever; there are {}", levers.join(", ")),
        );
    }
    Some((workload, named.into_iter().map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests;
