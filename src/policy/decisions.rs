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
    /// Only what this lever proposes.
    pub lever: Option<String>,
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
    /// Whether it speaks of what this lever proposes.
    pub fn asks(&self, lever: &str) -> bool {
        self.lever.as_deref().is_none_or(|own| own == lever)
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
        let levers = self.lever.is_none() || other.lever.is_none() || self.lever == other.lever;
        // Two full names may be those of two workloads of one short name.
        let full = |one: &Self| one.workload.split('/').count() > 3;
        let same = self.workload == other.workload || (self.short() == other.short() && !(full(self) && full(other)));
        let before = |a: &Self, b: &Self| {
            let begin = b.date.map(|date| date.to_datetime(jiff::civil::Time::midnight()));
            a.until.zip(begin).is_some_and(|(until, begin)| until <= begin)
        };
        same && levers && self.word.contradicts(other.word) && !before(self, other) && !before(other, self)
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
    let ((workload, lever), word) = subject.zip(word).filter(|_| mistakes.len() == before)?;
    Some(Decision {
        workload,
        lever,
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

/// The workload and, where only one is meant, the lever.
fn subject(
    section: &mut Section<'_>,
    levers: &[&str],
    place: &Place,
    mistakes: &mut Vec<Mistake>,
) -> Option<(String, Option<String>)> {
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
    if let Some(stranger) = lever.as_deref().filter(|lever| !levers.contains(lever)) {
        return wrong(
            &place,
            &format!("`{stranger}` is no lever; there are {}", levers.join(", ")),
        );
    }
    Some((workload, lever))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        match read(&[("d.yaml".to_owned(), text.to_owned())], &["idle-gpu", "smaller-gpu"]) {
            Ok(_) => Vec::new(),
            Err(Mistakes(mistakes)) => mistakes.iter().map(ToString::to_string).collect(),
        }
    }

    fn row(text: &str) -> String {
        format!("- {{reason: r, owner: o, {text}}}\n")
    }

    #[test]
    fn decisions_are_read_by_id_or_by_workload() {
        let text = row("id: 'idle-gpu:arn:aws:eks/prod/ml/Deployment/chat', decision: accept")
            + &row("workload: ml/chat, lever: smaller-gpu, decision: snooze, until: 2026-12-01, date: 2026-11-01")
            + "# the end\n";
        let files = [
            ("d.yaml".to_owned(), text),
            ("none.yaml".to_owned(), "# nothing\n".to_owned()),
        ];
        let read = read(&files, &["idle-gpu", "smaller-gpu"]).unwrap();
        assert_eq!(read[0].workload, "arn:aws:eks/prod/ml/Deployment/chat");
        assert_eq!(read[0].lever.as_deref(), Some("idle-gpu"));
        assert_eq!((read[1].word, read[1].place.line), (Word::Snooze, 2));
        let end = read[1].end(&TimeZone::UTC).unwrap();
        assert!(!read[1].is_over("2026-11-30T23:59:59Z".parse().unwrap(), &TimeZone::UTC));
        assert!(read[1].is_over(end.timestamp(), &TimeZone::UTC));
        assert!(read[1].asks("smaller-gpu") && !read[1].asks("idle-gpu"));
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let text = row("decision: accept")
            + &row("id: chat, decision: accept")
            + &row("id: 'idle-gpu:a/b', workload: a/b, decision: accept")
            + &row("workload: chat, decision: accept")
            + &row("workload: a/b, lever: idle, decision: accept")
            + &row("workload: a/b, decision: maybe, colour: red")
            + &row("workload: a/b, decision: snooze")
            + &row("workload: a/b, decision: reject, until: soon")
            + &row("workload: a/c, decision: reject, until: 2026-11-01, date: 2026-11-02")
            + "- {workload: a/d, decision: reject, owner: ''}\n";
        let expected = [
            "d.yaml:1:3: a decision needs the `id` of a row, or a `workload`",
            "d.yaml:2:29: an `id` is that of a row of the plan",
            "d.yaml:3:29: a decision has an `id`, or a `workload` and perhaps a `lever`, not both",
            "d.yaml:4:35: a `workload` is named as namespace/name, or by its id",
            "d.yaml:5:47: `idle` is no lever; there are idle-gpu, smaller-gpu",
            "d.yaml:6:50: `maybe` is no decision; there are accept, snooze, reject, experiment-passed",
            "d.yaml:6:57: unknown key `decision.colour`",
            "d.yaml:7:3: what is snoozed needs an `until`",
            "d.yaml:8:65: `soon` is no day",
            "d.yaml:9:65: the decision ends before it was taken: `date` is 2026-11-02 at d.yaml:9:83",
            "d.yaml:10:3: `decision.reason` is missing",
            "d.yaml:10:44: `decision.owner` is empty",
        ];
        let told = told(&text);
        for expected in expected {
            let found = told.iter().any(|line| line.starts_with(expected));
            assert!(found, "{expected}\nnot in\n{}", told.join("\n"));
        }
        assert_eq!(told.len(), expected.len(), "{}", told.join("\n"));
        assert!(super::read(&[("d.yaml".to_owned(), "a: b".to_owned())], &[]).is_err());
    }

    #[test]
    fn two_decisions_that_contradict_each_other_are_told_with_both_places() {
        let both = |a: &str, b: &str| told(&(row(a) + &row(b)));
        let accept = "workload: ml/chat, decision: accept";
        for other in [
            "workload: ml/chat, decision: reject",
            "workload: ml/chat, lever: idle-gpu, decision: reject",
            "workload: c/ml/chat, decision: snooze, until: 2026-12-01",
            "id: 'idle-gpu:c/ml/Deployment/chat', decision: reject",
        ] {
            let told = both(accept, other);
            assert_eq!(told.len(), 1, "{other}: {told:?}");
            assert!(
                told[0].starts_with("d.yaml:2:3: `") && told[0].contains("`accept` at d.yaml:1:3"),
                "{told:?}"
            );
        }
        for other in [
            "workload: ml/chat, decision: accept",
            "workload: ml/chat, decision: experiment-passed",
            "workload: ml/other, decision: reject",
            "workload: dev/chat, decision: reject",
        ] {
            assert!(both(accept, other).is_empty(), "{other}");
        }
        let before = "workload: ml/chat, decision: accept, until: 2026-11-01";
        assert!(both(before, "workload: ml/chat, decision: reject, date: 2026-11-01").is_empty());
        assert_eq!(
            both(before, "workload: ml/chat, decision: reject, date: 2026-10-31").len(),
            1
        );
        let id = |kind: &str, word: &str| format!("id: 'idle-gpu:c/ml/{kind}/chat', decision: {word}");
        assert!(both(&id("Deployment", "accept"), &id("StatefulSet", "reject")).is_empty());
    }
}
