//! Label matchers that every query of a run carries, so that one cluster is read of a store that keeps several.

use std::fmt;
use std::str::FromStr;

/// How a label's value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, over the whole value.
    Match,
    /// `!~`, over the whole value.
    NotMatch,
}

/// One matcher. A label that a series does not have counts as one with an empty value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Matcher {
    /// The label.
    pub name: String,
    /// How its value is compared.
    pub op: Op,
    /// The value, or a pattern (RE2) of it; as it is, not quoted.
    pub value: String,
}

/// Matchers that all must hold; none select everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matchers(pub Vec<Matcher>);

/// Why a text is no matcher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no label matcher: {why}; give one such as 'cluster=\"prod-eu\"'")]
pub struct MatcherError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl Op {
    /// As PromQL writes it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Match => "=~",
            Self::NotMatch => "!~",
        }
    }
}

impl Matcher {
    /// A matcher for just this value.
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            op: Op::Equal,
            value: value.into(),
        }
    }
}

impl fmt::Display for Matcher {
    /// As PromQL reads it: a name that is no plain word is quoted, as the value is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, value) = (self.op.sign(), quoted(&self.value));
        if is_word(&self.name) {
            write!(f, "{}{sign}{value}", self.name)
        } else {
            write!(f, "{}{sign}{value}", quoted(&self.name))
        }
    }
}

impl fmt::Display for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(Matcher::to_string).collect();
        f.write_str(&all.join(","))
    }
}

impl Matchers {
    /// Whether they select everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is about this label.
    pub fn name(&self, label: &str) -> bool {
        self.0.iter().any(|matcher| matcher.name == label)
    }

    /// The selector of a metric: what the query asks for by itself (matchers without braces; empty ones are left out), and
    /// these. Every selector that is sent is made here. Without a metric, the query's own matchers must name it.
    pub fn selector(&self, metric: &str, own: &[&str]) -> String {
        let own = own
            .iter()
            .filter(|part| !part.is_empty())
            .map(|part| (*part).to_owned());
        let all: Vec<String> = own.chain(self.0.iter().map(Matcher::to_string)).collect();
        if all.is_empty() {
            return metric.to_owned();
        }
        format!("{metric}{{{}}}", all.join(","))
    }

    /// The selectors of several metrics, one each: not every server takes a pattern of names (Google's takes none).
    pub fn each<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
        names.into_iter().map(|name| self.selector(name, &[])).collect()
    }
}

impl FromStr for Matchers {
    type Err = MatcherError;

    /// Reads `cluster="prod-eu"` or `{cluster="prod-eu", env=~"a|b"}`, as PromQL does.
    fn from_str(text: &str) -> Result<Self, MatcherError> {
        let wrong = |why: String| MatcherError {
            text: text.to_owned(),
            why,
        };
        let trimmed = text.trim();
        let inside = match (trimmed.strip_prefix('{'), trimmed.ends_with('}')) {
            (Some(rest), true) => &rest[..rest.len() - 1],
            (Some(_), false) => return Err(wrong("its brace is not closed".to_owned())),
            (None, _) => trimmed,
        };
        let mut matchers = Vec::new();
        let mut rest = inside.trim_start();
        while !rest.is_empty() {
            let (matcher, after) = matcher(rest).map_err(wrong)?;
            matchers.push(matcher);
            rest = after.trim_start();
            match rest.strip_prefix(',') {
                Some(next) => rest = next.trim_start(),
                None if rest.is_empty() => {}
                None => return Err(wrong(format!("a comma belongs before `{rest}`"))),
            }
        }
        if matchers.is_empty() {
            return Err(wrong("it names no label".to_owned()));
        }
        Ok(Self(matchers))
    }
}

/// The matcher that a text begins with, and what follows.
fn matcher(text: &str) -> Result<(Matcher, &str), String> {
    let (name, rest) = if text.starts_with(['"', '\'', '`']) {
        string(text)?
    } else {
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let (name, rest) = text.split_at(end.unwrap_or(text.len()));
        if !is_word(name) {
            return Err(format!("no label's name stands at `{text}`"));
        }
        (name.to_owned(), rest)
    };
    if matches!(name.as_str(), "" | "__name__") {
        return Err("it must name a label, not the metric".to_owned());
    }
    let rest = rest.trim_start();
    let ops = [Op::Match, Op::NotMatch, Op::NotEqual, Op::Equal];
    let found = ops.into_iter().find_map(|op| Some((op, rest.strip_prefix(op.sign())?)));
    let (op, rest) = found.ok_or_else(|| format!("one of =, !=, =~ and !~ belongs after `{name}`"))?;
    let rest = rest.trim_start();
    if !rest.starts_with(['"', '\'', '`']) {
        return Err(format!(
            "the value of `{name}` must be quoted (in a shell, quote the whole once more)"
        ));
    }
    let (value, rest) = string(rest)?;
    Ok((Matcher { name, op, value }, rest))
}

/// The string that a text begins with, and what follows. Between backticks a backslash is itself.
fn string(text: &str) -> Result<(String, &str), String> {
    let mut chars = text.char_indices();
    let open = chars.next().map_or('"', |(_, c)| c);
    let mut value = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == open => return Ok((value, &text[at + c.len_utf8()..])),
            '\\' if open != '`' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, c @ ('\\' | '"' | '\''))) => value.push(c),
                Some((_, c)) => {
                    return Err(format!("`\\{c}` is no escape of PromQL; a backslash is written `\\\\`"));
                }
                None => break,
            },
            c => value.push(c),
        }
    }
    Err(format!("the string at `{text}` is not closed"))
}

/// Whether a label's name needs no quotes.
fn is_word(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| plain(c) && !c.is_ascii_digit()) && name.chars().all(plain)
}

/// The text as a string of PromQL.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The text as a pattern that matches just it (RE2).
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() && c != '-' && c != '_' {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests;
