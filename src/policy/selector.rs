//! A label selector, as kubectl's `-l` takes it (apimachinery, `labels.Parse`): requirements that all must hold.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::model::cluster::Labels;

/// The longest name or value of a label, and the longest prefix of a name (Kubernetes API conventions).
const LONGEST: usize = 63;
const LONGEST_PREFIX: usize = 253;

/// Which labels are looked for; without a requirement, any.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    wants: Wants,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wants {
    Present,
    Absent,
    In(BTreeSet<String>),
    /// As Kubernetes has it, a label that is not there is not among them.
    NotIn(BTreeSet<String>),
    Above(i64),
    Below(i64),
}

/// Why a text is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; a selector is such as `team=chat,tier!=test`, `team in (chat, search)`, `team notin (test)`, `team` or `!team`"
)]
pub struct BadSelector(String);

impl Selector {
    /// Whether it takes any labels.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether labels meet every requirement.
    pub fn holds(&self, labels: &Labels) -> bool {
        self.holds_as(labels, str::to_owned)
    }

    /// The same of labels whose names were written otherwise, as metric stores do.
    pub fn holds_as(&self, labels: &Labels, written: impl Fn(&str) -> String) -> bool {
        self.0
            .iter()
            .all(|requirement| requirement.holds(labels.get(&written(&requirement.key))))
    }
}

impl Requirement {
    fn holds(&self, value: Option<&String>) -> bool {
        let number = || value?.parse::<i64>().ok();
        match &self.wants {
            Wants::Present => value.is_some(),
            Wants::Absent => value.is_none(),
            Wants::In(values) => value.is_some_and(|value| values.contains(value)),
            Wants::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Wants::Above(bound) => number().is_some_and(|number| number > *bound),
            Wants::Below(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

impl FromStr for Selector {
    type Err = BadSelector;

    fn from_str(text: &str) -> Result<Self, BadSelector> {
        let mut words = Words(text);
        let mut requirements = Vec::new();
        if words.peek().is_empty() {
            return Ok(Self::default());
        }
        loop {
            requirements.push(words.requirement()?);
            match words.next() {
                "" => return Ok(Self(requirements)),
                "," => {}
                other => return Err(BadSelector(format!("`{other}` stands where a comma belongs"))),
            }
        }
    }
}

/// What is left of a selector: names and values, and the signs between them.
struct Words<'t>(&'t str);

impl<'t> Words<'t> {
    fn split(&self) -> (&'t str, &'t str) {
        let text = self.0.trim_start();
        let is_sign = |c: char| "=!<>(),".contains(c);
        let length = match text {
            text if text.starts_with("==") || text.starts_with("!=") => 2,
            text if text.starts_with(is_sign) => 1,
            text => text
                .find(|c: char| is_sign(c) || c.is_whitespace())
                .unwrap_or(text.len()),
        };
        text.split_at(length)
    }

    /// The next word or sign; empty at the end.
    fn peek(&self) -> &'t str {
        self.split().0
    }

    fn next(&mut self) -> &'t str {
        let (word, rest) = self.split();
        self.0 = rest;
        word
    }

    fn requirement(&mut self) -> Result<Requirement, BadSelector> {
        let absent = self.peek() == "!";
        if absent {
            self.next();
        }
        let key = name(self.next())?;
        if absent || matches!(self.peek(), "" | ",") {
            let wants = if absent { Wants::Absent } else { Wants::Present };
            return Ok(Requirement { key, wants });
        }
        let one = |words: &mut Self| -> Result<BTreeSet<String>, BadSelector> {
            // As in kubectl, nothing behind the sign is the empty value.
            let value = if matches!(words.peek(), "" | ",") {
                ""
            } else {
                words.next()
            };
            Ok(BTreeSet::from([checked(value, &key)?]))
        };
        let wants = match self.next() {
            "=" | "==" => Wants::In(one(self)?),
            "!=" => Wants::NotIn(one(self)?),
            "in" => Wants::In(self.values(&key)?),
            "notin" => Wants::NotIn(self.values(&key)?),
            ">" => Wants::Above(number(self.next(), &key)?),
            "<" => Wants::Below(number(self.next(), &key)?),
            other => {
                let why = format!("`{other}` stands behind `{key}`, where =, !=, in, notin, > or < belongs");
                return Err(BadSelector(why));
            }
        };
        Ok(Requirement { key, wants })
    }

    /// `(a, b)`.
    fn values(&mut self, key: &str) -> Result<BTreeSet<String>, BadSelector> {
        if self.next() != "(" {
            return Err(BadSelector(format!("the values of `{key}` belong into parentheses")));
        }
        let mut values = BTreeSet::new();
        loop {
            match self.peek() {
                // A value that is left out is the empty one.
                "," => _ = values.insert(String::new()),
                ")" if values.is_empty() => {
                    return Err(BadSelector(format!("there is no value for `{key}` in the parentheses")));
                }
                _ => _ = values.insert(checked(self.next(), key)?),
            }
            match self.next() {
                ")" => return Ok(values),
                "," if self.peek() == ")" => {
                    self.next();
                    values.insert(String::new());
                    return Ok(values);
                }
                "," => {}
                "" => return Err(BadSelector(format!("the parenthesis behind `{key}` is not closed"))),
                other => {
                    let why = format!("`{other}` stands among the values of `{key}`, where a comma belongs");
                    return Err(BadSelector(why));
                }
            }
        }
    }
}

/// Letters and digits, with `-`, `_` and `.` between them.
fn is_plain(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.len() <= LONGEST && ends(text.chars().next()) && ends(text.chars().last()) && text.chars().all(inner)
}

fn name(word: &str) -> Result<String, BadSelector> {
    let (prefix, plain) = word.split_once('/').unwrap_or(("a", word));
    let is_part = |part: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !part.is_empty() && part.chars().all(inner) && !part.starts_with('-') && !part.ends_with('-')
    };
    if is_plain(plain) && prefix.len() <= LONGEST_PREFIX && prefix.split('.').all(is_part) {
        return Ok(word.to_owned());
    }
    Err(BadSelector(match word {
        "" => "it ends where a label's name belongs".to_owned(),
        word => format!("`{word}` is no label's name"),
    }))
}

fn checked(value: &str, key: &str) -> Result<String, BadSelector> {
    if value.is_empty() || is_plain(value) {
        return Ok(value.to_owned());
    }
    Err(BadSelector(format!("`{value}` can be no value of `{key}`")))
}

fn number(word: &str, key: &str) -> Result<i64, BadSelector> {
    word.parse()
        .map_err(|_| BadSelector(format!("`{key}` is compared with `{word}`, which is no whole number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn what_a_selector_holds_is_what_kubectl_would() {
        let pod = labels(&[
            ("team", "chat"),
            ("app.kubernetes.io/name", "vllm"),
            ("gen", "7"),
            ("empty", ""),
        ]);
        let holds = |text: &str| text.parse::<Selector>().unwrap().holds(&pod);
        for held in [
            "",
            " ",
            "team=chat",
            "team == chat",
            "team=chat,gen=7",
            "tier!=test",
            "team in (search, chat)",
            "team in(chat)",
            "team notin (search,test),gen",
            "tier notin (test)",
            "app.kubernetes.io/name=vllm",
            "team",
            "!tier",
            "! tier , team",
            "empty=",
            "empty==,team",
            "empty in (,x)",
            "empty in (x,)",
            "gen>6,gen<8",
        ] {
            assert!(holds(held), "{held}");
        }
        for not in [
            "team=search",
            "team!=chat",
            "tier",
            "!team",
            "team in (search)",
            "team notin (chat)",
            "tier in (test)",
            "team=",
            "gen>7",
            "team>1",
            "tier<1",
            "team=chat,tier=test",
        ] {
            assert!(!holds(not), "{not}");
        }
    }

    #[test]
    fn a_key_of_a_word_that_means_something_is_a_key() {
        let selector: Selector = "in=in,notin in (notin)".parse().unwrap();
        assert!(selector.holds(&labels(&[("in", "in"), ("notin", "notin")])));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, said) in [
            ("team=chat,", "it ends where a label's name belongs"),
            (",team", "`,` is no label's name"),
            ("team chat", "`chat` stands behind `team`"),
            ("team=chat tier=test", "`tier` stands where a comma belongs"),
            ("team in chat", "belong into parentheses"),
            ("team in (chat", "is not closed"),
            ("team in ()", "no value for `team`"),
            ("team in (chat search)", "`search` stands among the values"),
            ("team=(chat)", "`(` can be no value"),
            ("team=a/b", "`a/b` can be no value"),
            ("team=-x", "`-x` can be no value"),
            ("Team!/x=1", "`!` stands"),
            ("UPPER.example/x=1", "`UPPER.example/x` is no label's name"),
            ("!team=chat", "`=` stands where a comma belongs"),
            ("gen>many", "no whole number"),
            ("team=ünïcode", "can be no value"),
        ] {
            let error = text.parse::<Selector>().unwrap_err().to_string();
            assert!(
                error.contains(said) && error.contains("team notin (test)"),
                "{text}: {error}"
            );
        }
    }
}
